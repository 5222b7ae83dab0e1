"""Avro's container files: each value as fastavro reads it, and those that Python cannot have."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.documents import common
from ai_dataflow.sources.files.finding import find_one
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.sources import lake

examples = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


FIELDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "i": ("int", st.integers(-(2**31), 2**31 - 1)),
    "n": ("long", st.integers(-(2**63), 2**63 - 1)),
    "x": ("double", st.floats(allow_nan=False)),
    "s": ("string", st.text(max_size=8)),
    "b": ("boolean", st.booleans()),
    "by": ("bytes", st.binary(max_size=4)),
    "e": ({"type": "enum", "name": "e", "symbols": ["A", "B"]}, st.sampled_from("AB")),
    "m": (
        logical("bytes", "decimal", precision=30, scale=4),
        st.integers(-(10**30) + 1, 10**30 - 1).map(lambda n: Decimal(f"{n}E-4")),
    ),
    "day": (logical("int", "date"), st.dates()),
    "t": (logical("long", "time-micros"), st.times()),
    "at": (logical("long", "timestamp-micros"), st.datetimes(timezones=st.just(UTC))),
    "local": (logical("long", "local-timestamp-micros"), st.datetimes()),
    "u": (logical("string", "uuid"), st.uuids()),
}
RECORDS = st.lists(st.fixed_dictionaries({k: st.none() | v for k, (_, v) in FIELDS.items()}))
SCHEMA = {
    "type": "record", "name": "row",
    "fields": [{"name": name, "type": ["null", kind]} for name, (kind, _) in FIELDS.items()],
}  # fmt: skip


def write(file: Path, schema: Any, records: list[Any], codec: str = "null") -> Path:
    with file.open("wb") as stream:
        fastavro.writer(stream, fastavro.parse_schema(schema), records, codec=codec)
    return file


def opened(location: Path) -> Files:
    used = Settings(folder=Path())
    at = FileLocation(str(location))
    return open_files.opened(find_one(at, "cell", used).pin("cell", used), "cell", used)


def rows(files: Files) -> list[dict[str, Any]]:
    return [row for _, frame in files.rows_by_file(lake.wanted(files)) for row in frame.to_dicts()]


def of_type(kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": "row", "fields": [{"name": "a", "type": kind}]}


@examples
@given(RECORDS)
def test_what_fastavro_writes_is_read_exactly(tmp_path: Path, records: list[Any]) -> None:
    file = write(tmp_path / "a.avro", SCHEMA, records)
    wanted = [
        {k: str(v) if isinstance(v, uuid.UUID) else v for k, v in record.items()}
        for record in records
    ]
    assert rows(opened(file)) == wanted


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"])
def test_every_codec(tmp_path: Path, codec: str) -> None:
    records = [{"a": i} for i in range(3000)]
    assert rows(opened(write(tmp_path / "a.avro", of_type("long"), records, codec))) == records


def test_a_day_that_python_does_not_have_is_a_value(tmp_path: Path) -> None:
    """Whoever maps it rejects it; it does not end the file."""
    numbers = [{"a": 10_000_000}, {"a": 0}]
    days = write(tmp_path / "a.avro", of_type(logical("int", "date")), numbers)
    with days.open("rb") as stream, pytest.raises(ValueError, match="out of range"):
        list(fastavro.reader(stream))
    files = opened(days)
    ((_, frame),) = files.rows_by_file(lake.wanted(files))
    assert frame["a"].to_physical().to_list() == [10_000_000, 0]


def test_nested_records_lists_and_unions(tmp_path: Path) -> None:
    inner = {
        "type": "record", "name": "inner",
        "fields": [{"name": "b", "type": "long"}, {"name": "d", "type": logical("int", "date")},
                   {"name": "l", "type": {"type": "array", "items": "string"}}],
    }  # fmt: skip
    schema = {
        "type": "record", "name": "row",
        "fields": [{"name": "a", "type": ["null", inner]}, {"name": "u", "type": ["int", "string"]},
                   {"name": "w", "type": ["null", "int", "long"]}],
    }  # fmt: skip
    records = [
        {"a": {"b": 1, "d": date(2026, 1, 5), "l": ["x", "é"]}, "u": 7, "w": 2**40},
        {"a": None, "u": "t", "w": None},
    ]
    first, second = rows(opened(write(tmp_path / "a.avro", schema, records)))
    assert first == {
        "a": '{"b":1,"d":"2026-01-05","l":["x","é"]}', "u": "7", "w": 2**40, "a.b": 1,
        "a.d": date(2026, 1, 5), "a.l": '["x","é"]',
    }  # fmt: skip
    assert second == dict.fromkeys(first) | {"u": "t"}


def test_a_type_that_has_itself_in_it(tmp_path: Path) -> None:
    schema = {
        "type": "record", "name": "node",
        "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "node"]}],
    }  # fmt: skip
    file = write(tmp_path / "a.avro", schema, [{"v": 1, "next": {"v": 2, "next": None}}])
    (row,) = rows(opened(file))
    assert (row["v"], row["next.v"], row["next"]) == (1, 2, '{"v":2,"next":null}')


def test_units_and_sizes_of_logical_types(tmp_path: Path) -> None:
    kinds = {
        "timestamp-millis": datetime(2026, 1, 5, 3, 4, 5, 678000, UTC),
        "local-timestamp-millis": datetime(2026, 1, 5, 3, 4, 5, 678000),
    }
    for name, moment in kinds.items():
        file = write(tmp_path / "a.avro", of_type(logical("long", name)), [{"a": moment}])
        assert rows(opened(file)) == [{"a": moment}]
    nanos = of_type(logical("long", "timestamp-nanos"))
    files = opened(write(tmp_path / "a.avro", nanos, [{"a": 1_767_582_245_678_901_234}]))
    ((_, frame),) = files.rows_by_file(lake.wanted(files))
    assert frame["a"].dtype == pl.Datetime("ns", "UTC")
    assert frame["a"].to_physical().to_list() == [1_767_582_245_678_901_234]
    file = write(tmp_path / "a.avro", of_type(logical("int", "time-millis")), [{"a": time(3, 4)}])
    assert rows(opened(file)) == [{"a": time(3, 4)}]


def test_files_agree_on_types(tmp_path: Path) -> None:
    write(tmp_path / "1.avro", of_type("int"), [{"a": 1}])
    write(tmp_path / "2.avro", of_type(["null", "long"]), [{"a": 2**40}])
    assert rows(opened(tmp_path / "*.avro")) == [{"a": 1}, {"a": 2**40}]
    write(tmp_path / "3.avro", of_type("string"), [{"a": "x"}])
    with pytest.raises(DataflowError, match="SRC-010"):
        rows(opened(tmp_path / "*.avro"))


def test_endless_records_of_no_byte_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.avro", of_type("null"), [{"a": None}])
    with pytest.raises(DataflowError, match="SRC-003"):
        rows(opened(file))


@pytest.mark.parametrize("codec", ["deflate", "zstandard"])
def test_a_block_that_unfolds_to_far_more_is_refused(tmp_path: Path, codec: str) -> None:
    file = write(tmp_path / "a.avro", of_type("string"), [{"a": "x" * (65 << 20)}], codec)
    assert file.stat().st_size < 1 << 20
    with pytest.raises(DataflowError, match="SRC-003"):
        rows(opened(file))


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard"])
def test_damage_is_told_of_the_file_and_nothing_else(tmp_path: Path, codec: str) -> None:
    chance = random.Random(19)  # noqa: S311 - the same damage each time
    codes: set[str] = set()
    records = [{"a": f"text {i}"} for i in range(4000)]
    whole = write(tmp_path / "whole.avro", of_type("string"), records, codec).read_bytes()
    for number in range(40):
        damaged = bytearray(whole)
        if number % 2:
            damaged = damaged[: chance.randrange(1, len(damaged))]
        else:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        (tmp_path / "a.avro").write_bytes(damaged)
        try:
            rows(opened(tmp_path / "a.avro"))
        except DataflowError as error:
            codes |= {problem.code for problem in error.diagnostics}
        else:
            assert not number % 2
    assert codes == {"SRC-003"}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (pl.Null(), pl.Date(), pl.Date()),
        (pl.Int32(), pl.Int64(), pl.Int64()),
        (pl.Int32(), pl.Float32(), pl.Float64()),
        (pl.Int64(), pl.Float64(), None),
        (pl.Date(), pl.Datetime("us"), pl.Datetime("us")),
        (pl.Date(), pl.Datetime("us", "UTC"), None),
        (pl.Datetime("us"), pl.Datetime("us", "UTC"), None),
        (pl.Int32(), pl.String(), None),
    ],
)
def test_the_type_of_two_loses_nothing(
    one: pl.DataType, other: pl.DataType, both: pl.DataType | None
) -> None:
    assert common(one, other) == common(other, one) == both
