"""`docs/transforms.md`: its table of functions, and what they are compared with by these tests.

.venv/bin/python -m ai_dataflow_tests.compiler.page > docs/transforms.md
"""

from __future__ import annotations

import re

from ai_dataflow.compiler import transforms_page
from ai_dataflow.compiler.calls import functions
from ai_dataflow_tests.compiler.edges import ALL
from ai_dataflow_tests.compiler.examples import BY_HAND

_NAME = re.compile(r"([A-Z][A-Z0-9_]*)\(")


def named(text: str) -> set[str]:
    """Give the names of the functions that an expression calls."""
    return set(_NAME.findall(text.upper()))


def page() -> str:
    """Give the page: rules, functions with their references, where a reference differs."""
    return transforms_page.page(_compared()) + "\n".join(_differences()) + "\n"


def _compared() -> dict[str, str]:
    """Say of each function which references its examples are compared with; `*` differs."""
    made = {}
    for entry in functions():
        names = {entry.name, *entry.also}
        marks = []
        for reference in sorted(ALL):
            texts = [one for one in ALL[reference] if names & named(one.text)]
            star = "*" if any(one.how for one in texts) else ""
            marks += [f"{reference}{star}"] if texts else []
        by_hand = ["values by hand"] * any(names & named(text) for text, _, _ in BY_HAND)
        made[entry.name] = ", ".join([*marks, *by_hand])
    return made


def _differences() -> list[str]:
    lines = [
        "",
        "### Where a reference differs",
        "",
        "The tests compute each of their examples here and there, over rows with limits in them. "
        "These are all that are not the same; the others are named in the last column above.",
        "",
        "| expression | reference | how it differs |",
        "|---|---|---|",
    ]
    return lines + [
        f"| {_code(one.text)} | {reference} | {one.how} |"
        for reference in sorted(ALL)
        for one in ALL[reference]
        if one.how
    ]


def _code(text: str) -> str:
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return f"<code>{shown}</code>" if shown != text else f"`{text}`"


if __name__ == "__main__":
    print(page(), end="")
