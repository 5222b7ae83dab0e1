"""`docs/reference/json.md`: what `--json` prints, from the JSON schemas in `docs/schemas`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ai_dataflow_tests.docs.markdown import DOCS, code, table

SCHEMAS = DOCS / "schemas"

_INTRO = """\
# JSON

What commands print with `--json`: one document, and nothing else on standard output. Each has two
keys beside those below: `schema`, its name, and `schema_version`. Keys may join a document; when
one goes or means something else, its version is raised.

<!-- Made from docs/schemas; do not edit. Make it anew with
.venv/bin/python -m ai_dataflow_tests.docs -->
"""
_SAID_ABOVE = ("schema", "schema_version")


def page(folder: Path = SCHEMAS) -> str:
    """Give the Markdown page."""
    documents = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*.json"))
    }
    lines = [_INTRO]
    for name, schema in documents.items():
        lines += [f"## ai_dataflow.{name}", "", f"[Its schema](../schemas/{name}.json).", ""]
        lines += _described(schema)
    parts = {name: part for each in documents.values() for name, part in _parts(each)}
    lines += ["## Parts of documents", ""]
    for name, part in sorted(parts.items()):
        lines += [f"### {name}", "", *_described(part)]
    return "\n".join(lines).rstrip() + "\n"


def _parts(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema.get("$defs", {}).items()


def _described(schema: dict[str, Any]) -> Iterator[str]:
    """Give what a schema says of itself, and its keys."""
    yield from [schema.get("description", ""), ""]
    keys = {k: v for k, v in schema.get("properties", {}).items() if k not in _SAID_ABOVE}
    texts = any("description" in each for each in keys.values())
    rows = [[code(key), _type(each), each.get("description", "")] for key, each in keys.items()]
    heads = ["key", "type", *(["what it says"] if texts else [])]
    yield from [*table(heads, [row[: len(heads)] for row in rows]), ""] if keys else []
    if not keys and "enum" in schema:
        yield from [_type(schema), ""]


def _type(schema: dict[str, Any]) -> str:
    """Say what a value may be, with links to the parts."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return ", ".join(code(value) if value else "empty text" for value in values)
    if several := schema.get("anyOf"):
        return " or ".join(_type(each) for each in several)
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"by name: {_type(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "moment, ISO 8601"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return words.get(kind, kind)
