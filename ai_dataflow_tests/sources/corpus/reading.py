"""Reads a file of the corpus, and compares it with what another reader has of it."""

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
from ai_dataflow_tests.sources.corpus.cases import Case, Rows, plain


def check(case: Case, folder: Path) -> None:
    """Let a file be written in a folder, and see that it is read right, or refused.

    Raises:
        AssertionError: it is not.
    """
    case.write(folder / case.name)
    if case.read is None:
        with pytest.raises(DataflowError) as error:
            _read(case, folder)
        assert {problem.code for problem in error.value.diagnostics} == {case.refused}
        return
    rows, rejects = _read(case, folder)
    assert rows == plain(case.read(folder / case.name))
    assert rows
    assert rejects == case.rejects


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
