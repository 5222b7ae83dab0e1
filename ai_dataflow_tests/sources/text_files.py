"""Text files for tests: written in any dialect, read as a partition reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.text_dialects import Dialect
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.sources.lake import pinned

Row = tuple[str | None, ...]


def written(**said: Any) -> FormatSettings:
    """Give a section of the settings."""
    return FormatSettings(type="csv", **said)


def opened(
    folder: Path, content: bytes, names: Sequence[str], said: FormatSettings | None, name: str
) -> open_files.Files:
    """Write a file, and open it as planning and a worker do: one finds out, the other reads."""
    (folder / name).write_bytes(content)
    given = Settings(folder=folder)
    extract = pinned(FileLocation(str(folder / name), "csv", name, written=said), given)
    dialects = open_files.opened(extract, "cell", given).find_dialects(said, names)
    return open_files.opened(replace(extract, dialects=dialects), "cell", given)


def dialect_of(
    folder: Path, content: bytes, *names: str, said: FormatSettings | None = None
) -> Dialect:
    """Give how a file is written."""
    return opened(folder, content, names, said, "rows.csv").csv_files[0].dialect


def read(
    folder: Path,
    content: bytes,
    *names: str,
    said: FormatSettings | None = None,
    name: str = "rows.csv",
) -> tuple[list[Row], list[str]]:
    """Give the rows, the named columns of them, and the malformed lines."""
    files = opened(folder, content, names, said, name)
    with files.reading():
        schema = files.schema()
        (file,) = files.csv_files
        wanted = list(names or schema)
        frames = [*file.batches(wanted)]
    rows = pl.concat(frames).rows() if frames else []
    return rows, file.malformed


def rows(
    folder: Path,
    content: bytes,
    *names: str,
    said: FormatSettings | None = None,
    name: str = "rows.csv",
) -> list[Row]:
    """Give the rows of a file without malformed lines."""
    good, malformed = read(folder, content, *names, said=said, name=name)
    assert malformed == []
    return good


def refusal(
    folder: Path,
    content: bytes,
    *names: str,
    said: FormatSettings | None = None,
    name: str = "rows.csv",
) -> Diagnostic:
    """Give the one reason why a file is refused."""
    with pytest.raises(DataflowError) as error:
        read(folder, content, *names, said=said, name=name)
    (problem,) = error.value.diagnostics
    assert problem.place == "cell"
    return problem
