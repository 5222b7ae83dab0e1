"""Counting: what is in the files that were written, read back in one pass, for the balance.

The same pass gives the files their statistics for the Delta log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from ai_dataflow.config.keys import SourceKey
from ai_dataflow.connections.stores import Folder, scan_parquet
from ai_dataflow.partition.values import WrittenRejects, WrittenRows
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.file_statistics import ROWS, VALUES, by_file, tallies
from ai_dataflow.workstation.layout import PRODUCT_COLUMN, Workstation
from ai_dataflow.workstation.reaching import reaching

# Beside AI columns, none of which begins so.
_FILE, _CLIENT, _OPEN, _RUN = "\ue000file", "\ue000client", "\ue000open", "\ue000run"
_REASON = ("product_code", "submodule_name", "reason")
MANY_ROWS = 1_000_000
FilesOf = Mapping[int, Sequence[DataFile]]  # by client


def count_rows(module: str, files: FilesOf, workstation: Workstation) -> dict[int, WrittenRows]:
    """Count the rows in files, and the values of each column, by client and product.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    if not files:
        return {}
    table = workstation.dataset(module)
    rows = scan_parquet(table, _paths(files), include_file_paths=_FILE)
    # A file has few runs, a product's rows each. To group by them is faster, and takes memory.
    height = sum(file.rows for of_client in files.values() for file in of_client)
    tallied = _tallied(table, rows, files, (PRODUCT_COLUMN,), in_runs=height < MANY_ROWS)
    written = {c: WrittenRows(described) for c, described in _described(files, tallied).items()}
    counts = _by_client(files, tallied.drop(VALUES + PRODUCT_COLUMN), (PRODUCT_COLUMN,))
    for row in counts.iter_rows(named=True):
        client, product, height = row.pop(_CLIENT), row.pop(PRODUCT_COLUMN), row.pop(ROWS)
        filled = {name.removeprefix(VALUES): values for name, values in row.items()}
        before = written[client]
        written[client] = replace(
            before,
            rows={**before.rows, product: height},
            filled={**before.filled, product: filled},
        )
    return written


def count_rejects(
    module: str, files: FilesOf, workstation: Workstation
) -> dict[int, WrittenRejects]:
    """Count the open rejects in files, by client, source and reason.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    if not files:
        return {}
    table = workstation.rejects(module)
    rows = reject_tables.scan(workstation, module, tuple(_paths(files)), include_file_paths=_FILE)
    sought = rows.with_columns(reject_tables.IS_OPEN.alias(_OPEN))
    tallied = _tallied(table, sought, files, (*_REASON, _OPEN))
    counts: dict[int, dict[SourceKey, dict[str, int]]] = {client: {} for client in files}
    are_open = _by_client(files, tallied.filter(_OPEN), _REASON).select(_CLIENT, *_REASON, ROWS)
    for client, product, submodule, reason, height in are_open.iter_rows():
        counts[client].setdefault(SourceKey(product, submodule), {})[reason] = height
    described = _described(files, tallied)
    return {client: WrittenRejects(described[client], counts[client]) for client in files}


def _tallied(
    table: Folder, rows: pl.LazyFrame, files: FilesOf, keys: Sequence[str], *, in_runs: bool = False
) -> pl.DataFrame:
    """Tally the rows of files, by the file's number and keys; in runs of equal ones, if told so."""
    uris = pl.Enum([table.uri(path) for path in _paths(files)])
    with reaching(table):
        schema = rows.collect_schema()
        columns = pl.Schema((n, t) for n, t in schema.items() if n not in (_FILE, _OPEN))
        numbered = rows.with_columns(pl.col(_FILE).cast(uris).to_physical())
        tally, by = tallies(columns, keys), (_FILE, *keys)
        if not in_runs:
            return numbered.group_by(by).agg(tally).collect()
        runs = numbered.with_columns(pl.struct(by).rle_id().alias(_RUN)).set_sorted(_RUN)
        return runs.group_by(_RUN).agg(pl.col(by).first(), *tally).collect()


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


def _paths(files: FilesOf) -> list[str]:
    return [file.path for of_client in files.values() for file in of_client]
