"""What is read otherwise than Polars has it: UUIDs of 16 bytes, timestamps as INT96, maps.

UUIDs are bytes for it; people see a text. INT96, as Spark and Hive write timestamps, it reads in
nanoseconds, and days that these do not reach become the last one that they do, in silence. A map
is a list of entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.columns import as_seen, named
from ai_dataflow.sources.files.common_types import instance
from ai_dataflow.sources.files.parquet_files import opened

_UUID_PARTS = (0, 8, 12, 16, 20, 32)  # of its digits; dashes are between them
_CHECK = "\ue000millis\ue000"
PATH = "\ue000path"  # no column of a source is called so


@dataclass(frozen=True)
class Physical:
    """The columns of a file that are UUIDs of 16 bytes, and those with INT96 in them."""

    uuids: tuple[str, ...] = ()
    int96: tuple[str, ...] = ()

    def schema(self, schema: pl.Schema) -> pl.Schema:
        """Give the columns as they are read; the text of a UUID is beside it."""
        exact = {name: in_micros(schema[name]) for name in self.int96}
        types = {name: without_maps(dtype) for name, dtype in {**schema, **exact}.items()}
        return pl.Schema({**types, **dict.fromkeys(self.texts(schema), pl.String())})

    def texts(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        """Give the texts of UUIDs, each by the name of what is seen of its column."""
        names = (name for name in self.uuids if as_seen(name) not in schema)
        return {as_seen(name): _uuid_text(named(name)) for name in names}


def physical(root: Folder, file: StoredFile, schema: pl.Schema) -> Physical:
    """Look at a file's footer, where Polars has bytes or nanoseconds for a column."""
    odd = {
        name for name, dtype in schema.items() if dtype == pl.Binary or dtype != in_micros(dtype)
    }
    if not odd:
        return Physical()
    with opened(root, file) as parquet:
        leaves = [parquet.schema.column(number) for number in range(len(parquet.schema))]
    uuids = [leaf.path for leaf in leaves if leaf.logical_type.type == "UUID" and leaf.path in odd]
    int96 = [leaf.path for leaf in leaves if leaf.physical_type == "INT96"]
    parents = [name for name in odd if any(f"{path}.".startswith(f"{name}.") for path in int96)]
    return Physical(tuple(uuids), tuple(parents))


def exactly(root: Folder, files: Sequence[StoredFile], rows: pl.LazyFrame) -> pl.LazyFrame:
    """Give the rows of files that are alike with the texts of UUIDs, and all days of INT96.

    Args:
        root: where the files are.
        files: the files.
        rows: theirs, as Polars scans them, with each one's file as `PATH`.
    """
    stored = rows.collect_schema()
    here = physical(root, files[0], stored)
    if here.int96:
        rows = _scan_int96(root, [file.path for file in files], stored, here.int96)
    return plain_maps(rows).with_columns(**here.texts(stored))


def plain_maps(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Give maps as lists of their entries, which have a `key` and a `value`."""
    types = {name: (t, without_maps(t)) for name, t in rows.collect_schema().items()}
    return rows.with_columns(named(n).cast(new) for n, (old, new) in types.items() if old != new)


def _scan_int96(
    root: Folder, paths: list[str], stored: pl.Schema, names: Sequence[str]
) -> pl.LazyFrame:
    columns = {name: dtype for name, dtype in stored.items() if name != PATH}
    micros = pl.Schema({**columns, **{name: in_micros(columns[name]) for name in names}})
    rows = scan_parquet(root, paths, include_file_paths=PATH, schema=micros)
    plain = [name for name in names if isinstance(columns[name], pl.Datetime)]
    millis = pl.Schema(
        {**micros, **{name: pl.Datetime("ms", _zone(micros[name])) for name in plain}}
    )
    once_more = scan_parquet(root, paths, schema=millis).select(_checks(plain))
    both = pl.concat([rows, once_more], how="horizontal") if plain else rows
    return both.with_columns(_within_reach(plain, micros)).drop(f"{_CHECK}{name}" for name in plain)


def _zone(dtype: pl.DataType) -> str | None:
    return dtype.time_zone if isinstance(dtype, pl.Datetime) else None


def _checks(names: Sequence[str]) -> Iterator[pl.Expr]:
    return (named(name).alias(f"{_CHECK}{name}") for name in names)


def _within_reach(names: Sequence[str], types: pl.Schema) -> Iterator[pl.Expr]:
    """Keep what microseconds reach; a year beyond 292,000 would wrap around, into any other."""
    for name in names:
        micros, millis = named(name).to_physical(), named(f"{_CHECK}{name}").to_physical()
        is_right = (micros // 1000 - millis).is_between(-1, 1)
        kept = pl.when(is_right | named(name).is_null()).then(named(name))
        yield kept.otherwise(no_day(types[name])).alias(name)


def _uuid_text(values: pl.Expr) -> pl.Expr:
    digits = values.bin.encode("hex")
    parts = (digits.str.slice(begin, end - begin) for begin, end in pairwise(_UUID_PARTS))
    return pl.concat_str(*parts, separator="-")


def no_day(dtype: pl.DataType) -> pl.Expr:
    """Give an instant outside the calendar, which is a reject."""
    return pl.lit(2**63 - 1).cast(dtype)


def is_inexact(rows: pl.Schema, wanted: pl.Schema) -> bool:
    """Tell whether rows came in other types than were foreseen: those of INT96 do, and maps."""
    return any(
        rows[name] != dtype and in_micros(without_maps(rows[name])) == in_micros(dtype)
        for name, dtype in wanted.items()
    )


def without_maps(dtype: pl.DataType) -> pl.DataType:
    """Give a type with lists of entries for its maps."""
    match dtype:
        case pl.Map():
            entry = {"key": dtype.key, "value": without_maps(instance(dtype.value))}
            return pl.List(pl.Struct(entry))
        case pl.List():
            return pl.List(without_maps(instance(dtype.inner)))
        case pl.Array():
            return pl.Array(without_maps(instance(dtype.inner)), dtype.size)
        case pl.Struct():
            return pl.Struct({f.name: without_maps(instance(f.dtype)) for f in dtype.fields})
        case _:
            return dtype


def in_micros(dtype: pl.DataType) -> pl.DataType:
    """Give a type with microseconds for its timestamps of nanoseconds."""
    match dtype:
        case pl.Datetime(time_unit="ns"):
            return pl.Datetime("us", dtype.time_zone)
        case pl.List():
            return pl.List(in_micros(instance(dtype.inner)))
        case pl.Array():
            return pl.Array(in_micros(instance(dtype.inner)), dtype.size)
        case pl.Struct():
            return pl.Struct({f.name: in_micros(instance(f.dtype)) for f in dtype.fields})
        case _:
            return dtype
