"""Each file of the corpus is read as another reader has it, or refused with its code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.columns import without_seen
from ai_dataflow.sources.files import open_files
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.corpus import page
from ai_dataflow_tests.sources.corpus.cases import Case, Rows, plain

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
CASES = page.every_case()
ANEW = ".venv/bin/python -m ai_dataflow_tests.sources.corpus.page"


def _opened(case: Case, folder: Path) -> open_files.Files:
    given = Settings(folder=folder)
    kind = case.said.type if case.said else ""
    at = FileLocation(str(folder / case.name), kind, case.name, written=case.said)
    extract = lake.pinned(at, given)
    dialects = open_files.opened(extract, "cell", given).find_dialects(case.said, case.names)
    return open_files.opened(replace(extract, dialects=dialects), "cell", given)


def _read(case: Case, folder: Path) -> tuple[Rows, int]:
    files = _opened(case, folder)
    with files.reading():
        schema = files.schema()
        wanted = lake.wanted(
            files, *(case.names or [n for n in schema if n in without_seen(schema)])
        )
        if files.is_scanned:
            rows = files.rows(wanted).collect()
        else:
            rows = pl.concat([batch for _, batch in files.rows_by_file(wanted)])
    return plain(rows.rows()), sum(map(len, files.malformed.values()))


@pytest.mark.parametrize("case", CASES, ids=map(str, CASES))
def test_a_file_is_read_as_another_reader_has_it(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / case.name)
    if case.read is None:
        with pytest.raises(DataflowError) as error:
            _read(case, tmp_path)
        assert {problem.code for problem in error.value.diagnostics} == {case.refused}
        return
    rows, rejects = _read(case, tmp_path)
    assert rows == plain(case.read(tmp_path / case.name))
    assert rows
    assert rejects == case.rejects


def test_the_table_is_not_stale() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page.with_table(text, CASES) == text, f"it is stale; make it anew:\n  {ANEW}"
