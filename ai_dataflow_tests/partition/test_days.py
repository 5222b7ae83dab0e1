"""The whole calendar, years 1 to 9999, for every way in; what is outside it is a reject.

9999-12-31 and 0001-01-01 are how systems say "for ever" and "since ever".
"""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.partition.jobs import (
    database,
    job,
    left_out,
    mapped,
    run_job,
    source,
    written,
)

FIRST, LAST = dt.date.min, dt.date.max
EPOCH = dt.date(1970, 1, 1).toordinal()
# The days that are looked at, by their number from 1970, in the order of the rows: the first and
# the last, and those before and after.
NUMBERS = [FIRST.toordinal() - EPOCH, LAST.toordinal() - EPOCH, FIRST.toordinal() - EPOCH - 1,
           LAST.toordinal() - EPOCH + 1]  # fmt: skip
TEXTS = ["0001-01-01", "9999-12-31", "0000-12-31", "10000-01-01"]
_JULIAN = 2_440_588  # of 1970


def column(dtype: pl.DataType) -> pl.Series:
    unit = {"us": 86_400_000_000, "ms": 86_400_000}.get(getattr(dtype, "time_unit", ""), 1)
    physical = pl.Int32() if dtype == pl.Date else pl.Int64()
    return pl.Series("d", [n * unit for n in NUMBERS], dtype=physical).cast(dtype)


def parquet(dtype: pl.DataType) -> Callable[[Path], Any]:
    def write(folder: Path) -> Path:
        pl.DataFrame({"id": range(4), "d": column(dtype)}).write_parquet(folder / "a.parquet")
        return folder / "a.parquet"

    return write


def int96(folder: Path) -> Path:
    """Write Spark's old timestamps, whose days no writer of Arrow's nanoseconds has."""
    held = [dt.datetime(2001 + i, 2, 3) for i in range(4)]
    table = pa.table({"id": range(4), "d": pa.array(held, pa.timestamp("us"))})
    plain = {"use_dictionary": False, "compression": "none", "write_statistics": False}
    pq.write_table(table, folder / "a.parquet", use_deprecated_int96_timestamps=True, **plain)
    content = (folder / "a.parquet").read_bytes()
    for day, number in zip(held, NUMBERS, strict=True):
        old = struct.pack("<qi", 0, day.toordinal() - EPOCH + _JULIAN)
        assert content.count(old) == 1
        content = content.replace(old, struct.pack("<qi", 0, number + _JULIAN))
    (folder / "a.parquet").write_bytes(content)
    return folder / "a.parquet"


def delta(folder: Path) -> Path:
    pl.DataFrame({"id": range(4), "d": column(pl.Date())}).write_delta(folder / "a")
    return folder / "a"


def csv(folder: Path) -> Path:
    rows = "".join(f"{i},{text}\n" for i, text in enumerate(TEXTS))
    (folder / "a.csv").write_text("id,d\n" + rows)
    return folder / "a.csv"


def json_lines(folder: Path) -> Path:
    rows = "".join(json.dumps({"id": i, "d": text}) + "\n" for i, text in enumerate(TEXTS))
    (folder / "a.jsonl").write_text(rows)
    return folder / "a.jsonl"


def sqlite(folder: Path) -> SqlLocation:
    rows = ", ".join(f"({i}, '{text}')" for i, text in enumerate(TEXTS))
    database(folder, "CREATE TABLE t (id INTEGER, d DATE)", f"INSERT INTO t VALUES {rows}")  # noqa: S608
    return SqlLocation("db", "t")


ZONES = (None, "UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/New_York")
WAYS = {
    "date": parquet(pl.Date()),
    **{f"{u} {z}": parquet(pl.Datetime(u, z)) for u in ("us", "ms") for z in ZONES},
    "int96": int96, "delta": delta, "csv": csv, "jsonl": json_lines, "sqlite": sqlite,
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ai_type", ["date", "timestamp"])
def test_the_first_and_the_last_day_are_published_and_no_others(
    tmp_path: Path, way: str, ai_type: str
) -> None:
    place = WAYS[way](tmp_path)
    done = run_job(job(source(place, mapped("id", "int64"), mapped("d", ai_type))), tmp_path)
    days = written(done, tmp_path)["d"]
    if ai_type == "timestamp":
        midnight = dt.time(tzinfo=dt.UTC)
        assert days.to_list() == [dt.datetime.combine(d, midnight) for d in (FIRST, LAST)]
    else:
        assert days.to_list() == [FIRST, LAST]
    rejects = left_out(done, tmp_path)
    assert [(r["reason"], r["ai_column"]) for r in rejects] == [("REJ-001", "d")] * 2
    assert [int(r["raw_row"]["id"]) for r in rejects] == [2, 3]


@pytest.mark.parametrize("way", ["date", "us None", "us UTC", "int96"])
@pytest.mark.parametrize("fed", [{}, {"transform": "CAST(d AS VARCHAR)"}, {"transform": "d"}])
def test_their_text_is_published_and_no_others(
    tmp_path: Path, way: str, fed: dict[str, str]
) -> None:
    column = mapped("d", "string", **fed)
    done = run_job(job(source(WAYS[way](tmp_path), mapped("id", "int64"), column)), tmp_path)
    assert [text[:10] for text in written(done, tmp_path)["d"]] == TEXTS[:2]
    assert len(left_out(done, tmp_path)) == 2
