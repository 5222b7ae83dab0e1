"""The page of transforms: its rules, and the table of functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources

from ai_dataflow.compiler import calls, dialects
from ai_dataflow.compiler.registry import Function

_ORDER = ("text", "numbers", "dates", "choices", "lists", "keys")
_HEADINGS = {"text": "Text", "numbers": "Numbers", "dates": "Days and times", "choices": "Choices",
             "lists": "Lists", "keys": "Keys"}  # fmt: skip
_TAKES = {
    "whole": "whole number", "double": "number", "instant": "timestamp", "clock": "day or time",
    "any": "value",
}  # fmt: skip


def page(compared: Mapping[str, str]) -> str:
    """Give the Markdown page: the rules, then a table of functions by family.

    `compared` says of a function's name what its tests compare it with.
    """
    rules = resources.files(__package__).joinpath("transforms.md").read_text("utf-8")
    functions = calls.functions()
    names = sum(1 + len(entry.also) for entry in functions)
    parts = [rules.rstrip(), "", "## Functions", "",
             f"{len(functions)} functions by {names} names. What a dialect is not named for, is as "
             "it is without one."]  # fmt: skip
    for family in _ORDER:
        parts += ["", f"### {_HEADINGS[family]}", "", *_table(family, functions, compared)]
    return "\n".join(parts) + "\n"


def _table(family: str, functions: list[Function], compared: Mapping[str, str]) -> Iterator[str]:
    heads = ["function", "gives", "null", "limits", "what it does", *dialects.NAMES,
             "compared with"]  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for entry in functions:
        if entry.family == family:
            differs = [_cell(entry.differs.get(name, "")) for name in dialects.NAMES]
            cells = [_call(entry), _cell(entry.gives), _cell(entry.null), _cell(entry.limits),
                     _cell(entry.note), *differs, compared.get(entry.name, "")]  # fmt: skip
            yield f"| {' | '.join(cells)} |"


def _call(entry: Function) -> str:
    """Give a function's names and what it takes."""
    takes = ", ".join(_taken(kind) for kind in entry.takes)
    also = f"; also {', '.join(f'`{name}`' for name in entry.also)}" if entry.also else ""
    return f"`{entry.name}({takes})`{also}"


def _taken(kind: str) -> str:
    plain = kind.rstrip("?*")
    name = _TAKES.get(plain, plain)
    return f"[{name}]" if kind.endswith("?") else f"{name}, …" if kind.endswith("*") else name


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
