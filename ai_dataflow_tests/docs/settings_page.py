"""`docs/reference/settings.md`: every setting, from the models that read the file.

Types, limits and defaults are the models'; what a setting means is in `config/settings.toml`.
"""

from __future__ import annotations

import json
import tomllib
import types
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import ByteSize, SecretStr
from pydantic.fields import FieldInfo

from ai_dataflow.config.sections import EntraIdentity, Section, StorageAccount
from ai_dataflow.config.settings import Settings
from ai_dataflow_tests.docs.markdown import code, table

_NOT_IN_FILE = ("folder", "file_name")
_NAMED = {"storage": "account", "sql": "name", "formats": "name", "modules": "name"}
_TYPES: dict[Any, str] = {
    str: "text", int: "whole number", float: "number", bool: "true or false", SecretStr: "secret",
    Path: "path", ByteSize: "size", dict: "section", type(None): "",
}  # fmt: skip

_INTRO = """\
# Settings

All that `ai_dataflow.toml` may say. What the file does not know is an error (CFG-003).

- `${NAME}` in any text is read from the environment. Secrets belong there.
- Relative paths start at the folder of the file.
- The file is the one that `--config` names, else `AI_DATAFLOW_CONFIG`, else that of the current
  folder.

<!-- Made from the models in ai_dataflow/config, and ai_dataflow/config/settings.toml; do
not edit. Make it anew with .venv/bin/python -m ai_dataflow_tests.docs -->
"""


class Setting(NamedTuple):
    """A setting as the page shows it; `section` is empty for the settings above all sections."""

    section: str
    name: str
    kind: str
    default: str
    text: str
    example: Any


def texts() -> dict[str, Any]:
    """Give the texts by section and setting."""
    return tomllib.loads(
        resources.files("ai_dataflow.config").joinpath("settings.toml").read_text("utf-8")
    )


def sections() -> dict[str, type[Section]]:
    """Give the models of the sections, by their names in the file."""
    found = {}
    for name, field in Settings.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Section):
                found[name] = kind
    return found


def names() -> dict[str, set[str]]:
    """Give the names of all settings by the section of their texts."""
    models = sections()
    top = {n for n in Settings.model_fields if n not in models and n not in _NOT_IN_FILE}
    identity = set(EntraIdentity.model_fields)
    by_section = {"file": top, "identity": identity}
    for section, model in models.items():
        fields = {field.alias or name for name, field in model.model_fields.items()}
        of_a_string = {"connection_string"} if model is StorageAccount else set()
        is_shared = issubclass(model, EntraIdentity)
        by_section[section] = (fields | of_a_string) - (identity if is_shared else set())
    return by_section


def settings() -> Iterator[Setting]:
    """Give all settings, as the file has them."""
    said = texts()
    models = sections()
    for name, field in Settings.model_fields.items():
        if name not in models and name not in _NOT_IN_FILE:
            yield _setting("", name, field, said["file"])
    for section, model in models.items():
        known = said.get(section, {})
        known |= said["identity"] if issubclass(model, EntraIdentity) else {}
        for name, field in _in_order(model):
            yield _setting(section, field.alias or name, field, known)
        if model is StorageAccount:
            secret = FieldInfo(annotation=SecretStr, default=None)
            yield _setting(section, "connection_string", secret, known)


def _in_order(model: type[Section]) -> list[tuple[str, FieldInfo]]:
    """Give a section's settings: those that it alone has before those that it shares."""
    shared = EntraIdentity.model_fields if issubclass(model, EntraIdentity) else {}
    return sorted(model.model_fields.items(), key=lambda item: item[0] in shared)


def _setting(section: str, name: str, field: FieldInfo, known: dict[str, Any]) -> Setting:
    said = known.get(name, {"text": "", "example": ""})
    return Setting(section, name, _kind(field), _default(field), said["text"], said["example"])


def _kind(field: FieldInfo) -> str:
    """Say what a setting may be, with its limits."""
    kind = _named(field.annotation)
    limits = {
        name: value
        for each in field.metadata
        for name in ("ge", "gt", "le", "lt", "max_length")
        if (value := getattr(each, name, None)) is not None
    }
    if (most := limits.get("max_length")) is not None and kind == "text":
        return "text, one sign" if most == 1 else f"text, up to {most} signs"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    said = [f"{word} {limits[name]}" for name, word in words.items() if name in limits]
    return ", ".join([kind, *said])


def _named(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(code(str(value)) if value else "blank" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(filter(None, map(_named, arguments)))
    if origin is tuple:
        pairs = get_origin(arguments[0]) is tuple
        return "section of texts by name" if pairs else "list of texts"
    if origin is dict:
        return "section of texts by name" if arguments[1] is str else "section"
    return _TYPES[kind]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**must be there**"
    value = field.default
    if value is None or value in ("", (), {}):
        return "–"
    return code(toml(value))


def toml(value: Any) -> str:
    """Give a value as the file writes it."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, str) and "\\" in value and "'" not in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    is_bare = name.replace("_", "").replace("-", "").isalnum()
    return name if is_bare else json.dumps(name)


def heading(section: str) -> str:
    """Give the name of a section as the file writes it."""
    named = _NAMED.get(section)
    return f"[{section}.<{named}>]" if named else f"[{section}]"


def page() -> str:
    """Give the Markdown page."""
    by_section: dict[str, list[Setting]] = {}
    for each in settings():
        by_section.setdefault(each.section, []).append(each)
    parts = [_INTRO]
    models = sections()
    for section, found in by_section.items():
        title = f"`{heading(section)}`" if section else "Above all sections"
        about = [_about(models[section]), ""] if section else []
        rows = [[code(s.name), s.text, s.kind, s.default, code(toml(s.example))] for s in found]
        heads = ["setting", "what it says", "type", "default", "example"]
        parts += [f"## {title}", "", *about, *table(heads, rows), ""]
    return "\n".join(parts)


def _about(model: type[Section]) -> str:
    """Give the first sentence of a section's docstring, without the section's name."""
    first = (model.__doc__ or "").strip().split("\n\n")[0]
    text = " ".join(first.split())
    text = text.partition(": ")[2] if text.startswith("`[") else text
    return text[:1].upper() + text[1:]
