"""Statistics of data files for the Delta log: readers skip files that have nothing for them.

Of a file's first columns they are the nulls, the least and the greatest value, as they are read
back from the file: its footer says nothing of NaNs, which are greater than all for some readers.

The least and the greatest are row values: they are for the log, and for nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.list_elements import elements, is_of_elements
from ai_dataflow.workstation.log_values import has_range, statistics_text, writable
from ai_dataflow.workstation.reaching import reaching

# Beside the columns of a table, none of which begins so.
ROWS, VALUES = "\ue000rows", "\ue000values\ue000"
_NULLS, _LEAST, _GREATEST = "\ue000nulls\ue000", "\ue000least\ue000", "\ue000greatest\ue000"
_STRUCT = "\ue000struct\ue000"  # of which the log has nulls field by field, and we tell none
_FILE = "\ue000file"
_IN_LOG = {"null_count.": _NULLS, "min.": _LEAST, "max.": _GREATEST}
_NAN = (math.nan, math.nan)
_COLUMNS = 32  # of a file have statistics, as Spark writes them


def tallies(schema: pl.Schema, keys: Sequence[str] = ()) -> list[pl.Expr]:
    """Give what has to be computed of rows, in groups of which each is of one file.

    Args:
        schema: the columns of the files.
        keys: those of them that the rows are grouped by.

    Returns:
        `ROWS` of a group; how many values each column and its lists have, called `VALUES` and its
        name; and what `by_file` needs.
    """
    values = [pl.col(name).count().alias(VALUES + name) for name in schema]
    values += [number.sum().alias(VALUES + name) for name, number in elements(schema).items()]
    values += [
        pl.lit(value=True).alias(_STRUCT + n) for n, t in schema.items() if isinstance(t, pl.Struct)
    ]
    for name, dtype in _ranged(schema):
        column = pl.col(name)
        first = column.first(), column.first()
        values += _named(name, first if name in keys else _ends(column, column, dtype))
    return [pl.len().alias(ROWS), *values]


def with_nans(rows: pl.LazyFrame, schema: pl.Schema) -> list[str]:
    """Give the columns of floats that have a NaN: footers pass over them."""
    floats = [name for name, dtype in _ranged(schema) if dtype.is_float()]
    if not floats:
        return []
    has_some = rows.select(pl.col(floats).is_nan().any()).collect()
    return [name for name in floats if has_some[name].item()]


def tally_of(
    rows: int,
    values: Mapping[str, int],
    ends: Mapping[str, tuple[Any, Any]],
    schema: pl.Schema,
    nans: Collection[str] = (),
) -> dict[str, Any]:
    """Give the tallies of rows that a footer tells of; nothing where it leaves something open.

    Args:
        rows: how many there are.
        values: how many values each column has.
        ends: the least and the greatest value of columns, or what is below and above them.
        schema: the columns of the file.
        nans: those that have a NaN somewhere.
    """
    tallied: dict[str, Any] = {ROWS: rows, **{VALUES + name: values.get(name) for name in schema}}
    for name, _ in _ranged(schema):
        if values.get(name) and name not in ends and name not in nans:
            return {}
        least, greatest = _NAN if name in nans else ends.get(name, (None, None))
        tallied |= {_LEAST + name: least, _GREATEST + name: greatest}
    return {} if None in (tallied[VALUES + name] for name in schema) else tallied


def _ranged(schema: pl.Schema) -> list[tuple[str, pl.DataType]]:
    """Give the columns of which the log has ranges."""
    return [each for each in [*schema.items()][:_COLUMNS] if has_range(each[1])]


def _ends(least: pl.Expr, greatest: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, pl.Expr]:
    if dtype.is_float():  # a NaN has to be seen
        return least.nan_min(), greatest.nan_max()
    return least.min(), greatest.max()


def _named(name: str, ends: tuple[pl.Expr, pl.Expr]) -> list[pl.Expr]:
    return [ends[0].alias(_LEAST + name), ends[1].alias(_GREATEST + name)]


def ends_in(tallied: pl.DataFrame, name: str) -> tuple[pl.Series, pl.Series] | None:
    """Give the least and the greatest value of a column in each group; None: it is not known.

    Where a column of floats has a NaN, these are NaN.
    """
    ends = _LEAST + name, _GREATEST + name
    return (tallied[ends[0]], tallied[ends[1]]) if ends[0] in tallied.columns else None


def by_file(tallied: pl.DataFrame, file: str) -> dict[Any, str]:
    """Sum tallies up: give the statistics of each file, as a text for the log.

    Args:
        tallied: groups of rows with their `tallies`.
        file: the column that tells whose file a group is of.
    """
    sums, structs = [pl.col(ROWS).sum()], _names(tallied, _STRUCT)
    sums += [
        (pl.col(ROWS) - pl.col(VALUES + name)).sum().alias(_NULLS + name)
        for name in _names(tallied, VALUES)[:_COLUMNS]
        if name not in structs and not is_of_elements(name)
    ]
    for name in _names(tallied, _LEAST):
        least, greatest = pl.col(_LEAST + name), pl.col(_GREATEST + name)
        sums += _named(name, _ends(least, greatest, tallied.schema[_LEAST + name]))
    return dict(_texts(tallied.group_by(file).agg(sums), file))


def in_log(delta: DeltaTable) -> dict[str, str]:
    """Give the statistics that a table's version has of its files, by path; some may have none."""
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    names = {"num_records": ROWS}
    for before, here in _IN_LOG.items():
        names |= {before + name: here + name for name in _names(actions, before)}
    files = actions.rename(names).filter(pl.col(ROWS).is_not_null())
    return {unquote(path): text for path, text in _texts(files, "path")}


def described(table: Folder, file: DataFile) -> DataFile:
    """Give a file with its statistics, by reading it.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(table):
        rows = scan_parquet(table, [file.path])
        tallied = rows.select(tallies(rows.collect_schema())).collect()
    here = tallied.with_columns(pl.lit(file.path).alias(_FILE))
    return replace(file, statistics=by_file(here, _FILE)[file.path])


def _names(frame: pl.DataFrame, kind: str) -> list[str]:
    return [name.removeprefix(kind) for name in frame.columns if name.startswith(kind)]


def _texts(files: pl.DataFrame, file: str) -> Iterator[tuple[Any, str]]:
    """Give the text of each file."""
    ranged = {
        of: [name for name in _names(files, of) if has_range(files.schema[of + name])]
        for of in (_LEAST, _GREATEST)
    }
    writables = (
        writable(pl.col(of + name), files.schema[of + name], is_least=of == _LEAST)
        for of, names in ranged.items()
        for name in names
    )
    parts = {**ranged, _NULLS: _names(files, _NULLS)}
    for row in files.with_columns(writables).iter_rows(named=True):
        values = ({name: row[of + name] for name in names} for of, names in parts.items())
        yield row[file], statistics_text(row[ROWS], *values)
