"""The catalogue of everything that can go wrong: what a code means, an example, and its cure.

A code is stable: people search for it, write it in tickets and route mails by it. A retired code
is never used again. The *kind* groups codes in reports; the *concern* decides which team hears
of it (`source`: the product's data, `mapping`: the AI mapping sheet, `platform`: the rest).

The texts are data, in `codes.toml`. Run as a program, this module prints `docs/errors.md`; each
kind has one concern.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import resources
from itertools import groupby
from typing import Any, Literal, NamedTuple, get_args

from ai_dataflow.config.grouped import grouped

Concern = Literal["source", "mapping", "platform"]

_INTRO = """\
# What can go wrong

Every problem that ai_dataflow reports has a code; `ai-dataflow help CODE` explains it in the
terminal. An *error* holds back, or fails, exactly the partitions that it touches: they keep the
data published last, and all others run. A *warning* holds nothing back. The *concern* finds the
owner: the first row of the teams table that matches it, the product and the module.

<!-- Made from ai_dataflow/config/codes.toml; do not edit. Make it anew with
.venv/bin/python -m ai_dataflow.config.codes > docs/errors.md -->
"""


class Code(NamedTuple):
    """What a diagnostic code means to a person, and what to do about it; texts are Markdown.

    `transient` problems were retried, and may be gone the next time; others stay until somebody
    mends their cause.
    """

    code: str
    title: str
    kind: str
    concern: Concern
    means: str
    example: str
    cure: str
    transient: bool = False

    @property
    def family(self) -> str:
        """The code's first part: where the problem is."""
        return self.code.partition("-")[0]

    @property
    def heading(self) -> str:
        """The heading of the code's section."""
        return f"{self.code}: {self.title}"


def explain(code: Code) -> str:
    """Give the Markdown section of a code."""
    return f"""\
### {code.heading}

{_wrapped(code.means)}

For example:

```text
{code.example}
```

{_wrapped(f"**What to do:** {code.cure}")}

*Kind `{code.kind}`, concern `{code.concern}`{", transient" if code.transient else ""}.*
"""


def errors_page() -> str:
    """Give the Markdown page of all codes: an overview, then their sections by family."""
    overview = ["| code | title | kind | concern |", "|---|---|---|---|"]
    sections: list[str] = []
    for family, alike in groupby(CODES.values(), key=lambda code: code.family):
        codes = list(alike)
        heading = f"{family}: {families()[family]}"
        overview += [f"| **{_link(heading, family)}** | **{families()[family]}** | | |"]
        overview += [
            f"| {_link(c.heading, c.code)} | {c.title} | {c.kind} | {c.concern} |" for c in codes
        ]
        sections += [f"## {heading}\n", *map(explain, codes)]
    return "\n".join([_INTRO, *overview, "", *sections])


def kinds_table() -> str:
    """Give the Markdown table of kinds × concern, which `docs/notifications.md` has."""
    kinds = grouped(CODES.values(), lambda code: code.kind)
    rows = [
        f"| {kind} | "
        + " | ".join("●" if concern == codes[0].concern else "" for concern in get_args(Concern))
        + f" | {', '.join(code.code for code in codes[:3])}{', …' if len(codes) > 3 else ''} |"  # noqa: PLR2004
        for kind, codes in sorted(kinds.items())
    ]
    return "\n".join(
        ["| kind | source | mapping | platform | such as |", "|---|---|---|---|---|", *rows]
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def _link(heading: str, text: str) -> str:
    """Link to a heading of the page, by the anchor that GitHub gives it."""
    return f"[{text}](#{re.sub(r'[^a-z0-9_ -]', '', heading.lower()).replace(' ', '-')})"


class _Codes(Mapping[str, Code]):
    """The codes by their names, read when one is asked for: most commands tell of none."""

    @cached_property
    def _codes(self) -> dict[str, Code]:
        return {code.code: code for code in _codes(_catalogue())}

    def __getitem__(self, code: str) -> Code:
        return self._codes[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)


def families() -> dict[str, str]:
    """Give what the first parts of codes stand for."""
    return dict(_catalogue()["families"])


@cache
def _catalogue() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("codes.toml").read_text("utf-8"))


def _codes(catalogue: dict[str, Any]) -> Iterator[Code]:
    """Give all codes by family; those that the three tables share are written once per table."""
    entries = {code: entry for code, entry in catalogue.items() if "-" in code}
    for prefix, table in catalogue["tables"].items():
        for number, shared in catalogue["shared"].items():
            filled = {field: text.format(**table) for field, text in shared.items()}
            entries[f"{prefix}-{number}"] = filled | {"concern": table["concern"]}
    order = list(catalogue["families"])
    for code in sorted(entries, key=lambda code: (order.index(code[:3]), code)):
        entry = {"transient": False} | entries[code]
        texts = {field: text.strip("\n") for field, text in entry.items() if field != "transient"}
        yield Code(code, **texts, transient=entry["transient"])


CODES: Mapping[str, Code] = _Codes()
INTERRUPTED = "interrupted"  # the kind of what is nobody's fault: somebody ended the run

if __name__ == "__main__":
    print(errors_page(), end="")
