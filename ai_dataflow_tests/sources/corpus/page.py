"""The table in `docs/formats.md`: kind of file, what is read, what is refused; from the corpus.

Make it anew with
    python -m ai_dataflow_tests.sources.corpus.page
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from ai_dataflow.config.grouped import grouped
from ai_dataflow_tests.sources.corpus import (
    books,
    columns,
    json_texts,
    programs,
    texts,
    xlsx_writer,
)
from ai_dataflow_tests.sources.corpus.cases import Case

BEGIN = "<!-- Made of the corpus of files in ai_dataflow_tests/sources/corpus; do not edit. -->"
END = "<!-- The end of what is made. -->"
PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
_HANDS = "by hand"


def quick_cases() -> list[Case]:
    """Give the files of the corpus that take no time."""
    return [*texts.cases(), *json_texts.cases(), *books.cases(), *xlsx_writer.cases(),
            *columns.cases()]  # fmt: skip


def every_case() -> list[Case]:
    """Give all files of the corpus."""
    return [*quick_cases(), *programs.spark(), *programs.office()]


def with_table(text: str, cases: Sequence[Case]) -> str:
    """Put the table of the cases into a page."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_table(cases)}\n{END}{after}"


def _table(cases: Sequence[Case]) -> str:
    lines = ["| kind of file | read | written by | refused |", "|---|---|---|---|"]
    for kind, of_kind in grouped(cases, lambda case: case.kind).items():
        good = grouped((case for case in of_kind if case.read), lambda case: case.what)
        bad = dict.fromkeys(f"{c.what}: {c.refused}" for c in of_kind if not c.read)
        first = f"**{kind}** ({len(of_kind)} files)"
        for number, (read, refused) in enumerate(zip_longest(good, bad, fillvalue="")):
            by = sorted({case.by for case in good.get(read, ())} - {_HANDS}, key=str.casefold)
            cells = first if not number else "", read, ", ".join(by), refused
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), every_case()), encoding="utf-8")
