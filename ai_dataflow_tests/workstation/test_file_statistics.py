"""Statistics in the Delta log: readers skip by them, and find what they would have found."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dataflow.connections.stores import Folder
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.commit import TableColumn, commit
from ai_dataflow.workstation.data_files import write_rows
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.file_statistics import described
from ai_dataflow_tests.workstation.filters import READERS, Filter

TEXT = st.text(st.sampled_from("abc\ud7ff\ue000\U0010ffff\x00'é"), max_size=40) | st.text(
    st.sampled_from("z\U0010ffff"), min_size=31, max_size=34
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "boolean": st.booleans(),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float32": st.floats(width=32),
    "float64": st.floats() | st.sampled_from([0.0, -0.0]),
    "date": st.dates(),
    "timestamp": st.datetimes(timezones=st.just(dt.UTC)),
    "binary": st.binary(max_size=3),
    "decimal(18,2)": st.decimals(-(10**16) + 1, 10**16 - 1, places=2),
    "decimal(38,9)": st.decimals(-(10**28), 10**28, places=9),
}


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[list[Any]], Filter]:
    """Draw the values of a column in three files, and a filter near to them."""
    ai_type = draw(st.sampled_from([*VALUES]))
    value = VALUES[ai_type]
    files = draw(st.lists(st.lists(value | st.none(), max_size=3), min_size=3, max_size=3))
    known = [v for file in files for v in file if v is not None]
    ends = st.sampled_from(known) | value if known else value
    operator = draw(st.sampled_from(["=", "<", ">", "is null", "between"]))
    number = {"is null": 0, "between": 2}.get(operator, 1)
    return files, Filter("c", ai_type, operator, tuple(draw(ends) for _ in range(number)))


def _published(folder: Path, files: list[list[Any]], ai_type: str) -> DeltaTable:
    table, first, made = Folder(str(folder)), 0, {}
    schema = {"id": pl.Int64(), "c": ai_types.to_polars(ai_type)}
    for client, values in enumerate(files):
        ids = range(first, first + len(values))
        rows = pl.LazyFrame({"id": ids, "c": values}, schema=schema)
        file = write_rows(rows, table, f"client_code={client}/1.parquet")
        made[str(client)] = [described(table, file)]
        first += len(values)
    sheet = [TableColumn("id", "long"), TableColumn("c", ai_types.to_delta(ai_type))]
    commit(table, sheet, made, Writer("run-1"))
    return DeltaTable(folder)


@settings(max_examples=150)
@given(columns())
def test_readers_find_what_a_full_read_finds(drawn: tuple[list[list[Any]], Filter]) -> None:
    files, wanted = drawn
    everything = [value for values in files for value in values]
    expected = [i for i, value in enumerate(everything) if wanted.passes(value)]
    with TemporaryDirectory() as folder:
        delta = _published(Path(folder), files, wanted.ai_type)
        found = {name: read(delta, wanted) for name, read in READERS.items()}
    assert found == dict.fromkeys(READERS, expected)
