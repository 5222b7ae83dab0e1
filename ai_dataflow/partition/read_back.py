"""Reading back: what is in the files that were written, counted by client.

A small file is read, with all others of a batch in one scan. Of a large one only the footer is, for
those row groups that are all of one product; the others, mostly one where two products meet, are
read. That footers tell what a reader would find is shown by a property test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from ai_dataflow.config.keys import SourceKey
from ai_dataflow.connections.stores import Folder, scan_parquet
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.footers import row_groups
from ai_dataflow.workstation.layout import PRODUCT_COLUMN, Workstation
from ai_dataflow.workstation.reaching import reaching

# Beside AI columns, none of which begins so.
_ROWS, _CLIENT, _FILE = "\ue000rows", "\ue000client", "\ue000file"
_SOURCE = ("product_code", "submodule_name")
LARGE = 1_000_000  # rows
FilesOf = Mapping[int, Sequence[DataFile]]  # by client
Counted = tuple[int, Mapping[str, int]]  # rows, and the values in them by column


def count_rejects(
    module: str, files: FilesOf, workstation: Workstation
) -> dict[int, dict[SourceKey, dict[str, int]]]:
    """Count the open rejects in the files that were written: by client, source and reason."""
    if not files:
        return {}
    rejects: dict[int, dict[SourceKey, dict[str, int]]] = {client: {} for client in files}
    table = workstation.rejects(module)
    rows = open_rejects(module, _paths(files), workstation, **_named(files))
    with reaching(table):
        written = rows.with_columns(_client_of(table, files))
        counted = written.group_by(_CLIENT, *_SOURCE, "reason").len().sort(pl.all()).collect()
    for client, product, submodule, reason, height in counted.iter_rows():
        rejects[client].setdefault(SourceKey(product, submodule), {})[reason] = height
    return rejects


def open_rejects(
    module: str, paths: Sequence[str], workstation: Workstation, **options: str
) -> pl.LazyFrame:
    """Scan the open rejects in files."""
    rows = reject_tables.scan(workstation, module, tuple(paths), **options)
    return rows.filter(reject_tables.IS_OPEN)


def count_rows(
    module: str, files: FilesOf, workstation: Workstation
) -> dict[int, dict[str, Counted]]:
    """Count the rows in the files that were written, and the values of each column.

    Returns:
        For each client and product: the rows, and the values by AI column.
    """
    table = workstation.dataset(module)
    with reaching(table):
        counted = [*_of_small(table, files), *_of_large(table, files)]
    products: dict[int, dict[str, Counted]] = {}
    for client, product, more in counted:
        of_client = products.setdefault(client, {})
        of_client[product] = _sum(of_client[product], more) if product in of_client else more
    return products


def _sum(some: Counted, more: Counted) -> Counted:
    return some[0] + more[0], {name: values + more[1][name] for name, values in some[1].items()}


def _of_small(table: Folder, files: FilesOf) -> Iterator[tuple[int, str, Counted]]:
    """Count what is in the small files."""
    small = {client: [f for f in of if f.rows < LARGE] for client, of in files.items()}
    small = {client: of_client for client, of_client in small.items() if of_client}
    if not small:
        return
    rows = scan_parquet(table, _paths(small), **_named(small))
    named = rows.with_columns(_client_of(table, small)).drop(_FILE, strict=False)
    for row in _by_product(named, _CLIENT):
        yield row.pop(_CLIENT), row.pop(PRODUCT_COLUMN), (row.pop(_ROWS), row)


def _of_large(table: Folder, files: FilesOf) -> Iterator[tuple[int, str, Counted]]:
    """Count what is in the large files, as their footers tell."""
    large = [(client, file) for client, of in files.items() for file in of if file.rows >= LARGE]
    for client, file in large:
        for product, counted in by_footer(table, file):
            yield client, product, counted


def by_footer(table: Folder, file: DataFile) -> Iterator[tuple[str, Counted]]:
    """Count the rows of a file by product, as its footer tells, and what that leaves open."""
    for group in row_groups(table, file):
        if group.product is not None:
            values = {name: n for name, n in group.values.items() if name != PRODUCT_COLUMN}
            yield group.product, (group.rows, values)
            continue
        rows = scan_parquet(table, [file.path]).slice(group.begin, group.rows)
        for row in _by_product(rows):
            yield row.pop(PRODUCT_COLUMN), (row.pop(_ROWS), row)


def _by_product(rows: pl.LazyFrame, *by: str) -> Iterator[dict[str, Any]]:
    grouped = rows.group_by(*by, PRODUCT_COLUMN)
    return grouped.agg(pl.len().alias(_ROWS), pl.all().count()).collect().iter_rows(named=True)


def _paths(files: FilesOf) -> list[str]:
    return [file.path for of_client in files.values() for file in of_client]


def _named(files: FilesOf) -> dict[str, str]:
    """Ask for the file that a row is in, unless all are of one client: it costs as much again."""
    return {"include_file_paths": _FILE} if len(files) > 1 else {}


def _client_of(table: Folder, files: FilesOf) -> pl.Expr:
    """Tell whose file a row is in."""
    if len(files) == 1:
        return pl.lit(next(iter(files)), pl.Int64()).alias(_CLIENT)
    clients = [client for client, of_client in files.items() for _ in of_client]
    uris = pl.Enum([table.uri(path) for path in _paths(files)])
    number = pl.col(_FILE).cast(uris).to_physical()
    return number.replace_strict(list(range(len(clients))), clients, return_dtype=pl.Int64).alias(
        _CLIENT
    )
