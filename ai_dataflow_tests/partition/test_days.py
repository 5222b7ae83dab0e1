"""The whole calendar, years 1 to 9999, for every way in; what is outside it is a reject.

9999-12-31 and 0001-01-01 are how systems say "for ever" and "since ever".
"""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import convert_to_deltalake

from ai_dataflow.partition import making
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.partition.jobs import (
    database,
    job,
    left_out,
    mapped,
    run_job,
    settings,
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


def int96(folder: Path, numbers: Sequence[int] = NUMBERS, *, store_schema: bool = True) -> Path:
    """Write Spark's old timestamps, whose days no writer of Arrow's nanoseconds has."""
    held = [dt.datetime(2001 + i, 2, 3) for i in range(len(numbers))]
    table = pa.table({"id": range(len(held)), "d": pa.array(held, pa.timestamp("us"))})
    plain = {"use_dictionary": False, "compression": "none", "write_statistics": False}
    plain["store_schema"] = store_schema
    pq.write_table(table, folder / "a.parquet", use_deprecated_int96_timestamps=True, **plain)
    content = (folder / "a.parquet").read_bytes()
    for day, number in zip(held, numbers, strict=True):
        old = struct.pack("<qi", 0, day.toordinal() - EPOCH + _JULIAN)
        assert content.count(old) == 1
        content = content.replace(old, struct.pack("<qI", 0, number + _JULIAN))
    (folder / "a.parquet").write_bytes(content)
    return folder / "a.parquet"


def as_spark(folder: Path) -> Path:
    """Write them without Arrow's schema, which only Arrow's writers add: Polars' types differ."""
    return int96(folder, store_schema=False)


def int96_in_delta(folder: Path, feature: str = "") -> Path:
    """Write a Delta table as Spark does, unless it is told otherwise."""
    (folder / "t").mkdir(exist_ok=True)
    as_spark(folder / "t")
    convert_to_deltalake(str(folder / "t"))
    log = folder / "t" / "_delta_log" / f"{0:020}.json"
    text = log.read_text().replace("timestamp_ntz", "timestamp")
    log.write_text(text.replace('"timestampNtz"', f'"{feature}"' if feature else ""))
    return folder / "t"


def int96_beside_deleted(folder: Path) -> Path:
    return int96_in_delta(folder, "deletionVectors")


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
    "int96": int96, "int96 of Spark": as_spark, "int96 in Delta": int96_in_delta,
    "int96 beside deleted rows": int96_beside_deleted,
    "delta": delta, "csv": csv, "jsonl": json_lines, "sqlite": sqlite,
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


@pytest.mark.parametrize("way", ["date", "us None", "us UTC", "int96", "int96 of Spark"])
@pytest.mark.parametrize("fed", [{}, {"transform": "CAST(d AS VARCHAR)"}, {"transform": "d"}])
def test_their_text_is_published_and_no_others(
    tmp_path: Path, way: str, fed: dict[str, str]
) -> None:
    column = mapped("d", "string", **fed)
    done = run_job(job(source(WAYS[way](tmp_path), mapped("id", "int64"), column)), tmp_path)
    assert [text[:10] for text in written(done, tmp_path)["d"]] == TEXTS[:2]
    assert len(left_out(done, tmp_path)) == 2


def test_a_year_beyond_292_000_does_not_wrap_around_into_another(tmp_path: Path) -> None:
    """Microseconds reach no further, and INT96 does."""
    numbers = [0, 106_000_000, 107_000_000, 213_503_983 + 11_000, 2**31 - 1]
    file = int96(tmp_path, numbers, store_schema=False)
    done = run_job(job(source(file, mapped("id", "int64"), mapped("d", "date"))), tmp_path)
    assert written(done, tmp_path)["id"].to_list() == [0]
    assert [int(r["raw_row"]["id"]) for r in left_out(done, tmp_path)] == [1, 2, 3, 4]


def test_days_of_int96_are_the_same_where_clients_are_made_together(tmp_path: Path) -> None:
    jobs = []
    for client in ("a", "b"):
        (tmp_path / client).mkdir()
        file = as_spark(tmp_path / client)
        rows = mapped("id", "int64"), mapped("d", "date")
        jobs.append(job(source(file, *rows), client=client))
    for done in making.make(jobs, settings(tmp_path), "run"):
        assert written(done, tmp_path)["d"].to_list() == [FIRST, LAST]
