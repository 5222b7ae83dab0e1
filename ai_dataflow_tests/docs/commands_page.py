"""`docs/reference/commands.md`: every command and option, from the command line's own objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from typer.core import TyperArgument, TyperGroup
from typer.main import get_command

from ai_dataflow.cli import app
from ai_dataflow_tests.docs.markdown import code, table

PROGRAM = "ai-dataflow"
_MARKUP = re.compile(r"\[(bold|dim)\](.*?)\[/\1\]", re.DOTALL)
_WORDS = {str: "TEXT", int: "NUMBER", float: "NUMBER"}

_INTRO = """\
# Commands

Each command has `--help`. A project is found by `--config`, else `AI_DATAFLOW_CONFIG`, else in the
current folder.

Exit codes: 0 all well, 1 some partitions failed, 2 nothing could run (settings or usage). Where a
command means more by them, its text says so.

<!-- Made from the commands in ai_dataflow/cli; do not edit. Make it anew with
.venv/bin/python -m ai_dataflow_tests.docs -->
"""


def program() -> TyperGroup:
    """Give the command line as the program builds it."""
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def commands(group: TyperGroup | None = None, name: str = PROGRAM) -> Iterator[tuple[str, Any]]:
    """Give all commands by the words that call them, groups before what is in them."""
    for word, command in (group or program()).commands.items():
        if not command.hidden:
            yield f"{name} {word}", command
            if isinstance(command, TyperGroup):
                yield from commands(command, f"{name} {word}")


def parameters(command: Any) -> list[Any]:
    """Give what a command takes, as its help shows it."""
    return [each for each in command.params if not each.hidden]


def page() -> str:
    """Give the Markdown page."""
    found = list(commands())
    rows = [[f"[`{name}`](#{name.replace(' ', '-')})", _first(command)] for name, command in found]
    parts = [_INTRO, *table(["command", "what it does"], rows), ""]
    for name, command in found:
        parts += [f"## {name}", "", plain(command.help or ""), ""]
        options = [_option(each) for each in parameters(command)]
        heads = ["option", "default", "what it says"]
        parts += [*table(heads, options), ""] if options else []
    return "\n".join(parts)


def plain(text: str) -> str:
    """Give a help text as Markdown."""
    unescaped = text.replace("\\\\[", "[").replace("\\[", "[")
    return _MARKUP.sub(lambda m: code(m[2]) if m[1] == "bold" else m[2], unescaped).strip()


def _first(command: Any) -> str:
    return plain(command.help or "").split("\n\n")[0]


def _option(each: Any) -> list[str]:
    """Give the row of an option or an argument."""
    says = plain(each.help or "")
    stated = re.search(r"\s*\[default: (.*?)\]", says)
    says = says.replace(stated[0], "") if stated else says
    if isinstance(each, TyperArgument):
        default = "**must be there**" if each.required else _default(each)
        return [code((each.metavar or each.name).upper()), default, says]
    value = "" if each.is_flag else f" {each.metavar or _value(each.type_descriptor.annotation)}"
    names = ", ".join(code(f"{name}{value}") for name in sorted(each.opts, key=len, reverse=True))
    return [names, stated[1] if stated else _default(each), says]


def _value(kind: Any) -> str:
    """Say what an option takes."""
    if get_origin(kind) is Literal:
        return "|".join(str(value) for value in get_args(kind))
    inner = next((k for k in get_args(kind) if k is not type(None)), None)
    return _value(inner) if inner else _WORDS.get(kind, "PATH")


def _default(each: Any) -> str:
    is_nothing = each.default is None or each.default in ("", False, (), [])
    return "" if is_nothing or each.is_flag else code(str(each.default))
