"""What Parquet files say beyond their types: UUIDs, geometry, sorting, checksums of pages."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.partition.jobs import job, mapped, problems, run_job, source, written

UUIDS = [uuid.UUID(int=0), uuid.UUID("12345678-9abc-def0-1234-56789abcdef0"), None]
POINTS = [struct.pack("<BIdd", 1, 1, float(x), 2.0) for x in range(3)]  # as WKB


class _Geometry(pa.ExtensionType):
    """What pyarrow writes as GEOMETRY."""

    def __init__(self) -> None:
        super().__init__(pa.binary(), "geoarrow.wkb")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"{}"

    @classmethod
    def __arrow_ext_deserialize__(cls, _storage: pa.DataType, _text: bytes) -> _Geometry:
        return cls()


def _write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def _values(file: Path, column: str, ai_type: str) -> list[Any]:
    result = run_job(job(source(file, mapped("x", ai_type, column))), file.parent)
    return written(result, file.parent)["x"].to_list()


def _with_footer(path: Path, old: bytes, new: bytes) -> Path:
    """Change a few bytes of a file's footer."""
    content = path.read_bytes()
    begin = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer = content[begin:-8]
    assert footer.count(old) == 1
    footer = footer.replace(old, new)
    path.write_bytes(content[:begin] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    return path


def test_a_uuid_of_bytes_becomes_its_usual_text_or_stays_bytes(tmp_path: Path) -> None:
    held = pa.array([each and each.bytes for each in UUIDS], pa.uuid())
    file = _write(tmp_path / "a.parquet", id=held, n=[1, 2, 3])
    assert _values(file, "id", "string") == [each and str(each) for each in UUIDS]
    assert _values(file, "id", "binary") == [each and each.bytes for each in UUIDS]


def test_16_bytes_that_nobody_calls_a_uuid_are_bytes(tmp_path: Path) -> None:
    held = pa.array([b"sixteen letters.", None], pa.binary(16))
    file = _write(tmp_path / "a.parquet", id=held)
    assert _values(file, "id", "string") == ["sixteen letters.", None]


def test_uuids_tell_clients_apart(tmp_path: Path) -> None:
    held = pa.array([each and each.bytes for each in UUIDS[:2]], pa.uuid())
    file = _write(tmp_path / "a.parquet", id=held, n=[1, 2])
    at = FileLocation(str(file), "", "a.parquet", client_column="id", client=str(UUIDS[1]))
    result = run_job(job(source(at, mapped("n", "int64"))), tmp_path)
    assert written(result, tmp_path)["n"].to_list() == [2]


def test_geometry_is_the_bytes_that_it_is_kept_as(tmp_path: Path) -> None:
    held = pa.ExtensionArray.from_storage(_Geometry(), pa.array(POINTS))
    file = _write(tmp_path / "a.parquet", place=held, n=[1, 2, 3])
    leaf = pq.ParquetFile(file).schema.column(0)
    assert leaf.logical_type.type == "GEOMETRY"
    assert _values(file, "place", "binary") == POINTS
    assert _values(file, "n", "int64") == [1, 2, 3]


@pytest.mark.parametrize("field", [b"\x24", b"\xc6\x01"], ids=["GEOGRAPHY", "of the future"])
def test_an_annotation_that_polars_does_not_know_does_no_harm(tmp_path: Path, field: bytes) -> None:
    """A file's annotation of JSON is made another one: the number of the union's field."""
    held = pa.array(["1", "2"], pa.json_())
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"v": held, "n": [1, 2]}), file, store_schema=False)
    _with_footer(file, b"\xcc\x00\x00", b"\x0c" + field + b"\x00\x00")
    with pytest.raises(pl.exceptions.ComputeError):
        pl.read_parquet_schema(file)
    assert _values(file, "n", "int64") == [1, 2]
    assert _values(file, "v", "binary") == [b"1", b"2"]


def test_a_sorting_column_without_its_flag_is_refused_by_all(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": [1, 2]}), file, sorting_columns=[pq.SortingColumn(0)])
    _with_footer(file, b"\x19\x1c\x15\x00\x12\x12\x00", b"\x19\x1c\x15\x00\x12\x00")
    with pytest.raises(OSError, match="thrift"):
        pq.ParquetFile(file)
    (problem,) = problems(run_job(job(source(file, mapped("n", "int64"))), tmp_path))
    assert problem.code == "SRC-003"


@pytest.mark.proves("read file", "corrupt", "SRC-003: a page whose checksum is wrong, by pyarrow")
def test_a_page_with_a_wrong_checksum_is_refused_where_pyarrow_reads(tmp_path: Path) -> None:
    """Polars asks for no checksums; pyarrow reads what has a zone that Polars does not know."""
    moments = pa.array(range(9), pa.int64()).cast(pa.timestamp("us", "+05:30"))
    file = tmp_path / "a.parquet"
    plain = {"use_dictionary": False, "compression": "none", "write_page_checksum": True}
    pq.write_table(pa.table({"t": moments}), file, **plain)
    content = file.read_bytes()
    file.write_bytes(content.replace(struct.pack("<q", 7), struct.pack("<q", 6), 1))
    (problem,) = problems(run_job(job(source(file, mapped("t", "timestamp"))), tmp_path))
    assert (problem.code, "CRC" in problem.cause) == ("SRC-003", True)
