"""Each file of the corpus is read as another reader has it, or refused with its code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.sources.corpus import page
from ai_dataflow_tests.sources.corpus.cases import Case
from ai_dataflow_tests.sources.corpus.reading import check

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
CASES = page.quick_cases()
ANEW = ".venv/bin/python -m ai_dataflow_tests.sources.corpus.page"


@pytest.mark.parametrize("case", CASES, ids=map(str, CASES))
def test_a_file_is_read_as_another_reader_has_it(tmp_path: Path, case: Case) -> None:
    check(case, tmp_path)


def test_the_table_is_not_stale() -> None:
    text, cases = PAGE.read_text(encoding="utf-8"), page.every_case()
    assert page.with_table(text, cases) == text, f"it is stale; make it anew:\n  {ANEW}"
