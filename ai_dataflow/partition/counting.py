"""Counting: what is in the files that were written, read back in one pass, for the balance.

The same pass gives the files of a dataset their statistics for the Delta log.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import polars as pl

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.connections.scans import read_parquet, scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.column_checks import REASONS
from ai_dataflow.partition.values import WrittenRejects, WrittenRows
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.counts import check_name
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.file_statistics import (
    ROWS,
    VALUES,
    by_file,
    tallies,
    tally_of,
    with_nans,
)
from ai_dataflow.workstation.footers import RowGroup, row_groups
from ai_dataflow.workstation.layout import PRODUCT_COLUMN, Folders
from ai_dataflow.workstation.reaching import reaching

# Beside AI columns, none of which begins so.
_FILE, _CLIENT, _RUN = "\ue000file", "\ue000client", "\ue000run"
_REASON = ("product_code", "submodule_name", "reason", "ai_column")
_KINDS = {reason: kind for kind, reason in REASONS.items()}
LARGE = 1_000_000  # rows
_SMALL_BYTES = 4 << 20  # what is read whole from an account: to ask for parts is more requests
_VALUES_AT_ONCE = 4_000_000  # that are shown: of a row group at least
FilesOf = Mapping[int, Sequence[DataFile]]  # by client
# Rows of files, each with the number of its client; and the tallies of each run of rows of one
# client and product, in their order, if somebody has them.
See = Callable[[pl.DataFrame, pl.DataFrame | None], None]
_AS_THEY_ARE: Mapping[str, Any] = MappingProxyType({})


def count_rows(
    module: str, files: FilesOf, workstation: Folders, see: See | None = None
) -> dict[int, WrittenRows]:
    """Count the rows in files, and the values of each column, by client and product.

    Args:
        module: whose files they are.
        files: by client.
        workstation: where.
        see: who sees the rows as well, all of them, in pieces.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    if not files:
        return {}
    clients = pl.Series([c for c, of_client in files.items() for _ in of_client], dtype=pl.UInt32)

    number = pl.lit(clients).gather(pl.col(_FILE)).alias(CLIENT)
    shown = see and _with_client(see, number)
    tallied = tally(workstation.dataset(module), _listed(files), shown)
    written = {c: WrittenRows(described) for c, described in _described(files, tallied).items()}
    counts = _by_client(files, tallied.drop(VALUES + PRODUCT_COLUMN), (PRODUCT_COLUMN,))
    for row in counts.iter_rows(named=True):
        client, product, height = row.pop(_CLIENT), row.pop(PRODUCT_COLUMN), row.pop(ROWS)
        # One object for all clients: it is sent, and held by the run, once.
        filled = {sys.intern(name.removeprefix(VALUES)): values for name, values in row.items()}
        before = written[client]
        written[client] = replace(
            before,
            rows={**before.rows, product: height},
            filled={**before.filled, product: filled},
        )
    return written


def _with_client(see: See, number: pl.Expr) -> See:
    def shown(rows: pl.DataFrame, tallied: pl.DataFrame | None) -> None:
        see(rows.with_columns(number), None if tallied is None else tallied.with_columns(number))

    return shown


def tally(table: Folder, files: Sequence[DataFile], see: See | None = None) -> pl.DataFrame:
    """Tally the rows of data files, by the number of the file and by product.

    A small file is read, with all others of a batch in one scan. Of a large one only the footer is,
    for those row groups that are all of one product; the others, mostly one where two products
    meet, are read. That footers tell what a reader would find is shown by a property test.
    If somebody wants to see the rows, all are read, of a large file one row group at a time.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    large = {number: file for number, file in enumerate(files) if file.rows >= LARGE}
    small = {number: file for number, file in enumerate(files) if number not in large}
    with reaching(table):
        parts = [_by_footer(table, file, number, see) for number, file in large.items()]
        if small:
            rows = _numbered(table, small)
            if see:
                rows = rows.collect().lazy()  # they are read once
            parts.append(_tallied(rows, (PRODUCT_COLUMN,), in_runs=True))
            if see:
                see(rows.collect(), parts[-1])
    return pl.concat(parts)


def _by_footer(table: Folder, file: DataFile, number: int, see: See | None) -> pl.DataFrame:
    rows, keys = _numbered(table, {number: file}), (PRODUCT_COLUMN,)
    schema, groups = rows.drop(_FILE).collect_schema(), row_groups(table, file)
    nans = _seen(rows, schema, groups, see) if see else with_nans(rows, schema)
    summed, parts = [], [_tallied(rows.head(0), keys)]
    for group in groups:
        tallied = group.product and tally_of(group.rows, group.values, group.ends, schema, nans)
        if tallied:
            summed.append({_FILE: number, PRODUCT_COLUMN: group.product, **tallied})
        else:
            parts.append(_tallied(rows.slice(group.begin, group.rows), keys))
    return pl.concat([*parts, pl.DataFrame(summed, parts[0].schema)])


def _seen(
    rows: pl.LazyFrame, schema: pl.Schema, groups: Sequence[RowGroup], see: See
) -> Collection[str]:
    """Show all rows, some row groups at a time; give the columns that have a NaN."""
    nans, largest = set[str](), max(group.rows for group in groups)
    together = max(_VALUES_AT_ONCE // (largest * len(schema)), 1)
    for first, *others in (groups[i : i + together] for i in range(0, len(groups), together)):
        some = rows.slice(first.begin, first.rows + sum(group.rows for group in others)).collect()
        see(some, None)
        nans.update(with_nans(some.lazy(), schema))
    return nans


def count_rejects(module: str, files: FilesOf, workstation: Folders) -> dict[int, WrittenRejects]:
    """Count the open rejects in files, by client, source and reason.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    if not files:
        return {}
    table = workstation.rejects(module)
    with reaching(table):
        rows = _numbered(table, dict(enumerate(_listed(files))), reject_tables.LAYOUT)
        are_open = rows.filter(reject_tables.IS_OPEN)
        tallied = are_open.group_by(_FILE, *_REASON).agg(pl.len().alias(ROWS)).collect()
    counts: dict[int, dict[SourceKey, Counter[str]]] = {client: {} for client in files}
    broken: dict[int, dict[str, Counter[str]]] = {client: {} for client in files}
    summed = _by_client(files, tallied, _REASON).select(_CLIENT, *_REASON, ROWS)
    for client, product, submodule, reason, column, height in summed.iter_rows():
        counts[client].setdefault(SourceKey(product, submodule), Counter())[reason] += height
        if kind := _KINDS.get(reason):
            name = check_name(kind, column)
            broken[client].setdefault(product, Counter())[name] += height
    return {c: WrittenRejects(tuple(of), counts[c], broken[c]) for c, of in files.items()}


def _tallied(rows: pl.LazyFrame, keys: Sequence[str], *, in_runs: bool = False) -> pl.DataFrame:
    """Tally rows by their file's number and keys; in runs of equal ones, in order, if told so.

    A file has few runs, a product's rows each. To group by them is faster, and takes memory.
    """
    schema = rows.collect_schema()
    columns = pl.Schema((n, t) for n, t in schema.items() if n != _FILE)
    tally, by = tallies(columns, keys), (_FILE, *keys)
    if not in_runs:
        return rows.group_by(by).agg(tally).collect()
    runs = rows.with_columns(pl.struct(by).rle_id().alias(_RUN)).set_sorted(_RUN)
    return (
        runs.group_by(_RUN, maintain_order=True)
        .agg(pl.col(by).first(), *tally)
        .drop(_RUN)
        .collect()
    )


def _numbered(
    table: Folder, files: Mapping[int, DataFile], layout: Mapping[str, Any] = _AS_THEY_ARE
) -> pl.LazyFrame:
    """Scan files, each row with the number of its own; `layout` tells how they are scanned."""
    paths = [file.path for file in files.values()]
    if table.account and all(file.size <= _SMALL_BYTES for file in files.values()):
        read = at_once(lambda path: read_parquet(table, path, **layout), paths, table.requests)
        return pl.concat(map(_with_number, read, files))
    if len(files) == 1:  # to ask for the name of each row's file costs as much as the rows
        (number,) = files
        return _with_number(scan_parquet(table, paths, **layout), number)
    rows = scan_parquet(table, paths, include_file_paths=_FILE, **layout)
    names = pl.Enum([table.uri(path) for path in paths])
    place = pl.col(_FILE).cast(names).to_physical()
    numbers = pl.lit(pl.Series([*files], dtype=pl.UInt32()))
    return rows.with_columns(numbers.gather(place).alias(_FILE))


def _with_number(rows: pl.LazyFrame, number: int) -> pl.LazyFrame:
    return rows.with_columns(pl.lit(number, pl.UInt32()).alias(_FILE))


def rows_of(table: Folder, files: FilesOf) -> pl.LazyFrame:
    """Scan the files of clients, each row with the number of its client."""
    clients = [client for client, of_client in files.items() for _ in of_client]
    rows = _numbered(table, dict(enumerate(_listed(files))))
    number = pl.col(_FILE).replace_strict(range(len(clients)), clients, return_dtype=pl.Int64)
    return rows.with_columns(number.alias(CLIENT)).drop(_FILE)


def _by_client(files: FilesOf, tallied: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Sum the counts up by client and keys, in their order."""
    clients = [client for client, of_client in files.items() for _ in of_client]
    number = pl.col(_FILE).replace_strict(range(len(clients)), clients, return_dtype=pl.Int64)
    grouped = tallied.group_by(number.alias(_CLIENT), *keys)
    return grouped.agg(pl.col(f"^({ROWS}|{VALUES}.*)$").sum()).sort(_CLIENT, *keys)


def _described(files: FilesOf, tallied: pl.DataFrame) -> dict[int, tuple[DataFile, ...]]:
    """Give the files with their statistics; one without rows has none."""
    texts, number = by_file(tallied, _FILE), 0
    described = {}
    for client, of_client in files.items():
        numbered = enumerate(of_client, number)
        described[client] = tuple(replace(f, statistics=texts.get(n, "")) for n, f in numbered)
        number += len(of_client)
    return described


def _listed(files: FilesOf) -> list[DataFile]:
    return [file for of_client in files.values() for file in of_client]
