"""Parquet, Delta and Avro, as pyarrow, pandas, Polars, DuckDB and fastavro write them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import fastavro
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from ai_dataflow_tests.sources import delta_tables
from ai_dataflow_tests.sources.corpus.cases import Case, Rows

DAY, MOMENT = dt.date(2025, 1, 31), dt.datetime(2025, 1, 31, 23, 59, 58, 123_456)
FRAME = pl.DataFrame(
    {
        "id": [1, 2, 3], "ort": ["Köln", None, ""], "amount": [2.5, None, -0.0],
        "open": [True, False, None], "day": [DAY, None, dt.date.max],
        "at": [MOMENT, None, dt.datetime(9999, 12, 31)], "tags": [["a", None], [], None],
    }
)  # fmt: skip
CODECS = ("none", "snappy", "gzip", "brotli", "lz4", "zstd")
NESTED = "lists, structs, maps (as lists of `key` and `value`), dictionaries"
# What columns may be of, each with values of it.
TYPES: dict[str, tuple[pa.DataType, Sequence[Any]]] = {
    "whole numbers of 8 to 64 bits, signed or not": (pa.uint64(), [0, 2**64 - 1, None]),
    "floats of 16, 32 and 64 bits": (pa.float16(), [1.5, -2.0, None]),
    "decimals of up to 38 digits": (pa.decimal128(38, 10), [Decimal("1.0000000001"), None]),
    "days, times, timestamps with a zone or without": (
        pa.timestamp("us", "+05:30"),
        [MOMENT.replace(tzinfo=dt.UTC), None],
    ),
    "texts, bytes, of a fixed length too": (pa.binary(3), [b"abc", None]),
    NESTED: (pa.map_(pa.string(), pa.int64()), [[("a", 1)], None]),
    "a column without a type": (pa.null(), [None, None]),
}
MORE_TYPES: list[tuple[str, pa.DataType, Sequence[Any]]] = [
    *((what, dtype, values) for what, (dtype, values) in TYPES.items()),
    *(("whole numbers of 8 to 64 bits, signed or not", dtype, [1, 100, None])
      for dtype in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(),
                    pa.uint32())),
    ("floats of 16, 32 and 64 bits", pa.float32(), [0.5, float("nan"), None]),
    ("floats of 16, 32 and 64 bits", pa.float64(), [0.1, float("inf"), None]),
    ("decimals of up to 38 digits", pa.decimal128(5, 2), [Decimal("-1.25"), None]),
    ("decimals of up to 38 digits", pa.decimal64(12, 2), [Decimal("-1.25"), None]),
    *(("days, times, timestamps with a zone or without", dtype, [MOMENT.replace(microsecond=0),
                                                                None])
      for dtype in (pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"))),
    ("days, times, timestamps with a zone or without", pa.date32(), [DAY, dt.date.max, None]),
    ("days, times, timestamps with a zone or without", pa.time64("us"), [dt.time(1, 2, 3), None]),
    ("texts, bytes, of a fixed length too", pa.large_string(), ["ü", "", None]),
    ("texts, bytes, of a fixed length too", pa.string_view(), ["ü", "x" * 40, None]),
    ("texts, bytes, of a fixed length too", pa.large_binary(), [b"\x00\xff", None]),
    ("texts, bytes, of a fixed length too", pa.json_(), ['{"a": 1}', None]),
    (NESTED, pa.list_(pa.float32()), [[0.5, None], [], None]),
    (NESTED, pa.large_list(pa.string()), [["a"], None]),
    (NESTED, pa.list_(pa.int64(), 2), [[1, 2], [3, 4]]),
    (NESTED, pa.struct({"a": pa.int64()}), [{"a": 1}, {"a": None}]),
    (NESTED, pa.dictionary(pa.int32(), pa.string()), ["a", "b"]),
]  # fmt: skip
AVRO = {
    "type": "record", "name": "Claim", "fields": [
        {"name": "id", "type": "long"},
        {"name": "ort", "type": ["null", "string"]},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9,
                                    "scale": 2}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "raw", "type": "bytes"},
    ],
}  # fmt: skip
CLAIMS = [
    {"id": 1, "ort": "Köln", "amount": Decimal("2.50"), "day": DAY,
     "at": MOMENT.replace(tzinfo=dt.UTC), "kind": "A", "raw": b"\x00"},
    {"id": 2, "ort": None, "amount": Decimal("-1.00"), "day": dt.date(1, 1, 1),
     "at": MOMENT.replace(tzinfo=dt.UTC), "kind": "B", "raw": b""},
]  # fmt: skip


def by_pyarrow(path: Path) -> Rows:
    """Read by pyarrow."""
    rows = pq.ParquetFile(path).read().to_pylist()
    return [tuple(map(_entries, row.values())) for row in rows]


def by_duckdb(path: Path) -> Rows:
    """Read by DuckDB."""
    found = _connection().execute("FROM read_parquet(?)", [str(path)]).fetchall()
    return [tuple(row) for row in found]


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _entries(value: Any) -> Any:
    """Give the entries of a map."""
    is_map = isinstance(value, list) and value and isinstance(value[0], tuple)
    return [{"key": key, "value": each} for key, each in value] if is_map else value


def _parquet(what: str, by: str, write: Any, read: Any = by_pyarrow, **more: Any) -> Case:
    return Case(kind="Parquet", what=what, by=by, name="rows.parquet", write=write, read=read,
                **more)  # fmt: skip


def _arrow(**how: Any) -> Callable[[Path], object]:
    return lambda path: pq.write_table(FRAME.to_arrow(), path, **how)


def _column(dtype: pa.DataType, values: Sequence[Any]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        column = pa.array(values, dtype)
        pq.write_table(pa.table({"v": column, "n": range(len(column))}), path)

    return write


def _of_writers() -> Iterator[Case]:
    what = "all codecs: none, snappy, gzip, brotli, lz4, zstd"
    for codec in CODECS:
        yield _parquet(what, "pyarrow", _arrow(compression=codec), by_duckdb)
        polars: Any = "uncompressed" if codec == "none" else codec
        write = lambda path, codec=polars: FRAME.write_parquet(path, compression=codec)  # noqa: E731
        yield _parquet(what, "Polars", write)
    for codec in ("uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4_raw"):
        yield _parquet(what, "DuckDB", _duckdb(codec))
    pandas = pd.DataFrame({"id": [1, 2], "ort": ["Köln", None]})
    yield _parquet(what, "pandas", lambda path: pandas.to_parquet(path, index=False), by_duckdb)


def _duckdb(codec: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        frame = FRAME  # noqa: F841 - DuckDB finds it by its name
        duckdb.sql(f"COPY (FROM frame) TO '{path}' (FORMAT parquet, COMPRESSION {codec})")

    return write


def _of_encodings() -> Iterator[Case]:
    what = "all encodings, pages of both versions, groups of rows, checksums"
    plain = FRAME.select("id", "ort", "amount")
    encodings = {"id": "DELTA_BINARY_PACKED", "ort": "DELTA_BYTE_ARRAY",
                 "amount": "BYTE_STREAM_SPLIT"}  # fmt: skip
    for encoding in ({"ort": "DELTA_LENGTH_BYTE_ARRAY"}, encodings):
        write = lambda path, to=encoding: pq.write_table(  # noqa: E731
            plain.to_arrow(), path, use_dictionary=False, column_encoding=to
        )
        yield _parquet(what, "pyarrow", write)
    for how in ({"use_dictionary": False}, {"data_page_version": "2.0"}, {"row_group_size": 1},
                {"write_page_checksum": True}, {"store_schema": False},
                {"write_statistics": False}):  # fmt: skip
        yield _parquet(what, "pyarrow", _arrow(**how), by_duckdb)
    yield _parquet(what, "Polars", lambda path: FRAME.write_parquet(path, row_group_size=1))
    old = FRAME.select("id", "at")
    yield _parquet("INT96, as Spark writes timestamps", "pyarrow", lambda path: pq.write_table(
        old.head(2).to_arrow(), path, use_deprecated_int96_timestamps=True, store_schema=False),
        by_duckdb)  # fmt: skip
    ids = pa.array([bytes(range(16)), None], pa.uuid())
    yield _parquet("UUIDs of 16 bytes, as text", "pyarrow",
                   lambda path: pq.write_table(pa.table({"v": ids}), path),
                   lambda path: [(each and str(each[0]),) if each[0] else each
                                 for each in by_duckdb(path)], names=("v (as seen)",))  # fmt: skip


def _of_types() -> Iterator[Case]:
    for what, dtype, values in MORE_TYPES:
        yield _parquet(what, "pyarrow", _column(dtype, values))
    wide = pa.array([Decimal("1" * 60)], pa.decimal256(76, 2))
    yield _parquet("decimals of more than 38 digits, where they are mapped", "pyarrow",
                   lambda path: pq.write_table(pa.table({"v": wide}), path), None,
                   refused="SRC-018")  # fmt: skip
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["v", "v"])
    yield _parquet("a column that is there twice, where it is mapped", "pyarrow",
                   lambda path: pq.write_table(twice, path), None, refused="SRC-018")  # fmt: skip

    def cut(path: Path) -> None:
        FRAME.write_parquet(path)
        path.write_bytes(path.read_bytes()[:-20])

    yield _parquet("a file that is cut off, or none of its kind", "by hand", cut, None,
                   refused="SRC-003")  # fmt: skip
    yield _parquet("a file that is cut off, or none of its kind", "by hand",
                   lambda path: path.write_bytes(b"id,ort\n1,2\n"), None,
                   refused="SRC-003")  # fmt: skip


def _by_query(path: Path) -> Rows:
    """Read by deltalake's own engine; what publishes and reads is Polars."""
    query = QueryBuilder().register("t", DeltaTable(path)).execute("SELECT * FROM t")
    return [tuple(row.values()) for row in pa.table(query.read_all()).to_pylist()]


def _delta(what: str, by: str, write: Any, read: Any = _by_query, **more: Any) -> Case:
    return Case(kind="Delta", what=what, by=by, name="table", write=write, read=read, **more)


def _tables() -> Iterator[Case]:
    arrow, one = FRAME.to_arrow(), FRAME.head(1)
    what = "tables of one version after another"
    yield _delta(what, "deltalake", lambda path: write_deltalake(path, arrow))
    yield _delta(what, "Polars", FRAME.write_delta)

    def overwritten(path: Path) -> None:
        FRAME.write_delta(path)
        one.write_delta(path, mode="overwrite")

    def checkpointed(path: Path) -> None:
        overwritten(path)
        DeltaTable(path).create_checkpoint()

    def deleted(path: Path) -> None:
        FRAME.write_delta(path)
        DeltaTable(path).delete("id = 2")

    def parted(path: Path) -> None:
        one.write_delta(path, delta_write_options={"partition_by": ["id", "day"]})

    yield _delta(what, "Polars", overwritten)
    yield _delta("checkpoints", "deltalake", checkpointed)
    yield _delta("deleted rows", "deltalake", deleted)
    yield _delta("partitions", "Polars", parted)

    def broken(path: Path) -> None:
        FRAME.write_delta(path)
        next((path / "_delta_log").glob("*.json")).write_text("nonsense")

    yield _delta("a log that is damaged", "by hand", broken, None, refused="SRC-003")


def _features() -> Iterator[Case]:
    rows = pa.table({"n": pa.array([1, 2], pa.int64()), "s": ["a", None]})
    stored = delta_tables.with_ids(rows.rename_columns(["col-1", "col-2"]), 1, 2)
    plain = [delta_tables.field("n", "long"), delta_tables.field("s", "string")]
    mapped = [delta_tables.renamed("n", "long", 1, "col-1"),
              delta_tables.renamed("s", "string", 2, "col-2")]  # fmt: skip
    wanted: Rows = [(1, "a"), (2, None)]

    def table(
        features: Sequence[str], fields: Any = plain, files: Any = rows, **said: str
    ) -> Callable[[Path], object]:
        def write(path: Path) -> None:
            lines = [*delta_tables.actions(fields, features, said),
                     delta_tables.added(path, "a.parquet", files)]  # fmt: skip
            delta_tables.logged(path, lines)

        return write

    for mode in ("name", "id"):
        write = table(["columnMapping"], mapped, stored, **{"delta.columnMapping.mode": mode})
        yield _delta("column mapping, by name and by number", "by hand", write)
    yield _delta("deletion vectors, checkpoints of the second kind", "by hand",
                 table(["deletionVectors", "v2Checkpoint"]))  # fmt: skip
    yield _delta("the vacuum's protocol check, widened types", "by hand",
                 table(["vacuumProtocolCheck", "typeWidening"]), lambda _: wanted)  # fmt: skip
    yield _delta("what is managed by a catalog", "by hand", table(["catalogManaged"]), None,
                 refused="SRC-003")  # fmt: skip


def _avro(what: str, by: str, write: Any, read: Any, **more: Any) -> Case:
    return Case(kind="Avro", what=what, by=by, name="rows.avro", write=write, read=read, **more)


def _by_fastavro(path: Path) -> Rows:
    with path.open("rb") as opened:
        return [tuple(record.values()) for record in fastavro.reader(opened)]


def _write_avro(codec: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with path.open("wb") as opened:
            fastavro.writer(opened, AVRO, CLAIMS, codec=codec)

    return write


def _avros() -> Iterator[Case]:
    for codec in ("null", "deflate", "snappy", "zstandard", "bzip2", "xz"):
        yield _avro("all codecs: null, deflate, snappy, zstandard, bzip2, xz", "fastavro",
                    _write_avro(codec), _by_fastavro)  # fmt: skip
    some = FRAME.select("id", "ort", "amount", "open", "day")
    yield _avro("what a writer of frames writes", "Polars", some.write_avro, _by_fastavro)

    def cut(path: Path) -> None:
        _write_avro("null")(path)
        path.write_bytes(path.read_bytes()[:-9])

    yield _avro("a file that is cut off within a block", "by hand", cut, None, refused="SRC-003")


def cases() -> Iterator[Case]:
    """Give all files of columns and records."""
    yield from _of_writers()
    yield from _of_encodings()
    yield from _of_types()
    yield from _tables()
    yield from _features()
    yield from _avros()
