"""Parquet files one by one: by Polars, and by pyarrow where Polars refuses or panics.

pyarrow reads zones that the tz database does not have (`+05:30`, `UTC+02:00`), logical types that
Polars does not know, and files with a column twice. What has a zone is of UTC then.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.exceptions import (
    ComputeError,
    DuplicateError,
    InvalidOperationError,
    SchemaError,
)
from polars.io.plugins import register_io_source

from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.files.common_types import instance
from ai_dataflow.sources.united import Kind

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

_FOOTER_BYTES = 64 << 10  # mostly it is less
_BATCH_ROWS = 64_000
_MAX_DIGITS = 38
REFUSED_BY_POLARS = (
    ComputeError,
    DuplicateError,
    InvalidOperationError,
    PanicError,
    SchemaError,
)


def by_polars(root: Folder, file: StoredFile) -> pl.Schema | None:
    """Read a file's columns as Polars reads them; None where it refuses.

    What lies in an account is asked for by one request, mostly.
    """
    try:
        with panics_as_errors():
            if (end := _end(root, file)) is not None:
                schema = pl.Schema(pl.read_parquet_schema(io.BytesIO(end)))
            else:
                schema = scan_parquet(root, [file.path]).collect_schema()
    except REFUSED_BY_POLARS:
        return None
    return schema if is_for_polars(schema) else None


def is_for_polars(schema: pl.Schema) -> bool:
    """Tell whether Polars has values of all these types: it names some that it cannot read."""
    return not any(map(_is_odd, schema.values()))


def _is_odd(dtype: pl.DataType) -> bool:
    match dtype:
        case pl.Decimal():
            return dtype.precision > _MAX_DIGITS
        case pl.List() | pl.Array():
            return _is_odd(instance(dtype.inner))
        case pl.Struct():
            return any(_is_odd(instance(field.dtype)) for field in dtype.fields)
        case _:
            return isinstance(dtype, pl.BaseExtension)


def _end(root: Folder, file: StoredFile) -> bytes | None:
    if root.account is None:
        return None
    length = min(file.size, _FOOTER_BYTES)
    end = root.read_range(file.path, file.size - length, length)
    is_whole = int.from_bytes(end[-8:-4], "little") <= length - 8
    return end if is_whole else None


def by_arrow(root: Folder, file: StoredFile) -> Kind:
    """Read a file's columns as pyarrow reads them, with those that nobody here can read.

    Raises:
        ComputeError: pyarrow cannot read the file either.
    """
    import pyarrow as pa  # noqa: PLC0415 - its import is for what Polars refuses

    try:
        with opened(root, file) as parquet:
            schema = parquet.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise ComputeError(str(error)) from None
    types, refused = pl.Schema(), []
    for name, count in Counter(schema.names).items():
        reason = f"is there {count} times" if count > 1 else _refusal(schema.field(name).type)
        if reason:
            refused.append((name, reason))
        types[name] = pl.Unknown() if reason else _polars_type(_arrow_type(schema.field(name).type))
    return Kind(0, types, tuple(refused))


def scan_by_arrow(root: Folder, file: StoredFile) -> pl.LazyFrame:
    """Scan a file by pyarrow; only columns that are asked for are read."""
    kind = by_arrow(root, file)
    readable = {name: dtype for name, dtype in kind.schema.items() if dtype != pl.Unknown}

    def batches(
        columns: list[str] | None, where: pl.Expr | None, rows: int | None, size: int | None
    ) -> Iterator[pl.DataFrame]:
        names = [name for name in readable if columns is None or name in columns]
        for batch in _batches(root, file, names, size or _BATCH_ROWS):
            frame = batch if where is None else batch.filter(where)
            frame = frame if rows is None else frame.head(rows)
            rows = None if rows is None else rows - frame.height
            yield frame

    return register_io_source(batches, schema=pl.Schema(readable))


def _batches(root: Folder, file: StoredFile, names: list[str], size: int) -> Iterator[pl.DataFrame]:
    import pyarrow as pa  # noqa: PLC0415 - as above

    try:
        with opened(root, file) as parquet:
            schema = parquet.schema_arrow
            fields = [pa.field(name, _arrow_type(schema.field(name).type)) for name in names]
            for batch in parquet.iter_batches(size, columns=names):
                columns = [_cast(batch.column(f.name), f.type) for f in fields]
                table = pa.Table.from_arrays(columns, schema=pa.schema(fields))
                yield pl.DataFrame(pl.from_arrow(table))
    except pa.ArrowException as error:
        raise ComputeError(str(error)) from None


def opened(root: Folder, file: StoredFile) -> ParquetFile:
    """Open a file by pyarrow; a page whose checksum is wrong is an error."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    return pq.ParquetFile(
        root.open(file), page_checksum_verification=True, coerce_int96_timestamp_unit="us"
    )


def _polars_type(dtype: pa.DataType) -> pl.DataType:
    import pyarrow as pa  # noqa: PLC0415 - as above

    empty = pl.from_arrow(pa.table({"value": pa.array([], dtype)}))
    return pl.DataFrame(empty).schema["value"]


def _refusal(dtype: pa.DataType) -> str:
    """Say why nobody here can read a type; blank where that is not so."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    if pa.types.is_decimal256(dtype):
        return f"is a decimal of {dtype.precision} digits, and {_MAX_DIGITS} can be read"
    inner = (_refusal(dtype.field(number).type) for number in range(dtype.num_fields))
    return next(filter(None, inner), "")


def _arrow_type(dtype: pa.DataType) -> pa.DataType:
    """Give the type that values get: of UTC where they have a zone, no extension."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    if isinstance(dtype, pa.BaseExtensionType):
        return _arrow_type(dtype.storage_type)
    if pa.types.is_timestamp(dtype):
        return pa.timestamp(dtype.unit if dtype.unit != "s" else "ms", "UTC" if dtype.tz else None)
    return dtype


def _cast(values: Any, dtype: pa.DataType) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - as above

    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    return values if values.type == dtype else values.cast(dtype)
