"""Statistics in the Delta log: readers skip by them, and find what a full read finds."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dataflow.connections.stores import Folder
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.commit import TableColumn, commit
from ai_dataflow.workstation.data_files import DataFile, write_rows
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.file_statistics import described, in_log
from ai_dataflow_tests.workstation.filters import READERS, Filter

TEXT = st.text(st.sampled_from("ab\ud7ff\ue000\U0010ffff\x00'"), max_size=40)
LONG = st.text(st.sampled_from("z\U0010ffff"), min_size=31, max_size=34)
FLOATS = st.floats().map(lambda value: math.nan if math.isnan(value) else value)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT | LONG,
    "boolean": st.booleans(),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float32": st.floats(width=32, allow_nan=False) | st.just(math.nan),
    "float64": FLOATS | st.sampled_from([0.0, -0.0]),
    "date": st.dates(),
    "timestamp": st.datetimes(timezones=st.just(dt.UTC)),
    "binary": st.binary(max_size=3),
    "decimal(18,2)": st.decimals(-(10**16) + 1, 10**16 - 1, places=2),
    "decimal(38,9)": st.decimals(-(10**28), 10**28, places=9),
}
Files = list[list[Any]]
MOMENT = dt.datetime(2024, 2, 29, 12, 0, 0, 123_456, tzinfo=dt.UTC)
YEAR_10000 = 253_402_300_800


@st.composite
def columns(draw: st.DrawFn) -> tuple[Files, Filter]:
    """Draw the values of a column in three files, and a filter near to them."""
    ai_type = draw(st.sampled_from([*VALUES]))
    value = VALUES[ai_type]
    files = draw(st.lists(st.lists(value | st.none(), max_size=3), min_size=3, max_size=3))
    known = [v for file in files for v in file if v is not None]
    ends = st.sampled_from(known) | value if known else value
    operator = draw(st.sampled_from(["=", "<", ">", "is null", "between"]))
    number = {"is null": 0, "between": 2}.get(operator, 1)
    return files, Filter("c", ai_type, operator, tuple(draw(ends) for _ in range(number)))


def publish(folder: Path, frames: Sequence[pl.DataFrame], *, silent: Sequence[int] = ()) -> None:
    """Publish a file of each of some clients; of the `silent` ones without statistics."""
    table, files = Folder(str(folder)), {}
    for client, frame in enumerate(frames):
        file = write_rows(frame.lazy(), table, f"client_code={client}/1.parquet")
        files[str(client)] = [file if client in silent else described(table, file)]
    types = {ai_types.to_polars(name): ai_types.to_delta(name) for name in VALUES}
    sheet = [TableColumn(name, types[dtype]) for name, dtype in frames[0].schema.items()]
    commit(table, sheet, files, Writer("run-1"))


def frames_of(files: Files, ai_type: str) -> list[pl.DataFrame]:
    """Give the frames of files, of which each row has a number."""
    schema = {"id": pl.Int64(), "c": ai_types.to_polars(ai_type)}
    starts = [sum(map(len, files[:number])) for number in range(len(files))]
    return [
        pl.DataFrame({"id": range(start, start + len(values)), "c": values}, schema=schema)
        for start, values in zip(starts, files, strict=True)
    ]


def ask(folder: Path, wanted: Filter) -> dict[str, list[int]]:
    """Ask each reader for the numbers of the rows that pass."""
    delta = DeltaTable(folder)
    return {name: read(delta, wanted) for name, read in READERS.items()}


@pytest.mark.slow
@settings(max_examples=100)
@given(columns(), st.sets(st.integers(0, 2), max_size=2))
def test_readers_find_what_a_full_read_finds(drawn: tuple[Files, Filter], silent: set[int]) -> None:
    files, wanted = drawn
    values = [value for of_file in files for value in of_file]
    numbers = [number for number, value in enumerate(values) if wanted.passes(value)]
    frames = frames_of(files, wanted.ai_type)
    with TemporaryDirectory() as folder:
        publish(Path(folder), frames, silent=[*silent])
        found = ask(Path(folder), wanted)
    expected = dict.fromkeys(READERS, numbers)
    if any(isinstance(value, float) and math.isnan(value) for value in [*values, *wanted.values]):
        # Of NaNs, not all that the readers find is in our hands: footers say nothing of them.
        with TemporaryDirectory() as folder:
            publish(Path(folder), frames, silent=range(3))
            expected = ask(Path(folder), wanted)
    assert found == expected


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("ai_type", "here", "there"),
    [
        ("int64", 1, 9),
        ("string", "a" * 40, "b" * 40),
        ("float64", 1.5, 2.5),
        ("date", dt.date(2024, 1, 1), dt.date(2024, 1, 2)),
        ("timestamp", MOMENT, MOMENT + dt.timedelta(seconds=1)),
    ],
)
def test_a_file_that_has_nothing_for_a_filter_is_not_even_opened(
    tmp_path: Path, reader: str, ai_type: str, here: Any, there: Any
) -> None:
    publish(tmp_path, frames_of([[here], [there]], ai_type))
    (tmp_path / "client_code=1/1.parquet").write_bytes(b"nobody reads this")
    wanted = Filter("c", ai_type, "=", (here,))
    assert READERS[reader](DeltaTable(tmp_path), wanted) == [0]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("column", ["c0", "c30", "c31", "c39"])
def test_columns_beyond_the_first_have_no_statistics_and_are_found(
    tmp_path: Path, reader: str, column: str
) -> None:
    names = [f"c{number}" for number in range(40)]
    row = pl.DataFrame({"id": [0], **{name: [number] for number, name in enumerate(names)}})
    publish(tmp_path, [row])
    assert len(told(tmp_path)["nullCount"]) == len(told(tmp_path)["minValues"]) == 32
    wanted = Filter(column, "int64", "=", (names.index(column),))
    assert READERS[reader](DeltaTable(tmp_path), wanted) == [0]


def told(folder: Path) -> dict[str, Any]:
    """Give what the log says of the one file that there is."""
    log = (folder / "_delta_log/00000000000000000000.json").read_text(encoding="utf-8")
    (added,) = (json.loads(line)["add"] for line in log.splitlines() if '"add"' in line)
    statistics: dict[str, Any] = json.loads(added["stats"])
    return statistics


def test_the_log_has_values_as_delta_writes_them(tmp_path: Path) -> None:
    row = pl.DataFrame(
        {"t": [MOMENT], "d": [MOMENT.date()], "s": ["x" * 40], "f": [0.0], "b": [True],
         "m": pl.Series([None], dtype=pl.Decimal(18, 2)), "x": [b"x"]},
        schema_overrides={"t": pl.Datetime("us", "UTC")},
    )  # fmt: skip
    publish(tmp_path, [row])
    assert told(tmp_path) == {
        "numRecords": 1,
        "minValues": {
            "t": "2024-02-29T12:00:00.123Z", "d": "2024-02-29", "s": "x" * 32, "f": -0.0, "b": True,
        },
        "maxValues": {
            "t": "2024-02-29T12:00:00.124Z", "d": "2024-02-29", "s": "x" * 31 + "y", "f": 0.0,
            "b": True,
        },
        "nullCount": {"t": 0, "d": 0, "s": 0, "f": 0, "b": 0, "m": 1, "x": 0},
    }  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "\U0010ffff" * 33, YEAR_10000])
def test_what_the_log_cannot_have_leaves_a_file_without_ranges(tmp_path: Path, value: Any) -> None:
    """With some of them alone, deltalake's Arrow dataset would skip the file."""
    frame = pl.DataFrame({"id": [0, 1], "c": [value, value]})
    if value == YEAR_10000:
        frame = frame.with_columns(pl.from_epoch("c").cast(pl.Datetime("us", "UTC")))
    publish(tmp_path, [frame])
    assert told(tmp_path) == {"numRecords": 2, "nullCount": {"id": 0, "c": 0}}
    assert ask(tmp_path, Filter("id", "int64", "=", (1,))) == {name: [1] for name in READERS}


@settings(max_examples=30)
@given(columns())
def test_what_a_log_has_can_be_written_into_a_log_again(drawn: tuple[Files, Filter]) -> None:
    files, wanted = drawn
    with TemporaryDirectory() as folder:
        table = Folder(folder)
        frames = frames_of(files, wanted.ai_type)
        publish(Path(folder), frames)
        again = in_log(DeltaTable(folder))
        for client in range(len(files)):
            path = f"client_code={client}/1.parquet"
            file = described(table, DataFile(path, 0, frames[client].height))
            assert json.loads(again[path]) == json.loads(file.statistics)


def test_a_file_shows_nothing_of_its_values(tmp_path: Path) -> None:
    table = Folder(str(tmp_path))
    rows = pl.LazyFrame({"s": ["a value"]})
    file = described(table, write_rows(rows, table, "client_code=a/1.parquet"))
    assert "a value" in file.statistics
    assert "a value" not in f"{file!r} {file}"
