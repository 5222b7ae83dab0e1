"""What readers see of a world: which generation, whether it is whole; by `load` and plainly."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import PurePosixPath
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from ai_dataflow import load
from ai_dataflow.connections.scans import delta_options, delta_uri, scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import open_table
from ai_dataflow.workstation.readers import DatasetNotFoundError, read_dataset
from ai_dataflow_tests.chaos.world import (
    CLIENTS,
    COLUMNS,
    MODULES,
    Rows,
    World,
    expected,
    expected_rejects,
    generation_of,
    reject_row,
)

NOTHING = 0  # the generation of a module that was never published
_REJECT = ("product_code", "submodule_name", "ai_column", "raw_row")


class TornError(AssertionError):
    """A reader saw what no run has published."""


def look(world: World) -> dict[str, int]:
    """Give the generation of each module that readers see now; each is whole."""
    return {module: look_at(world, module) for module in MODULES}


def look_at(world: World, module: str) -> int:
    """Give the generation of a module that `load` reads now, of which it has every row."""
    try:
        frame = load(module, config=world.folder).collect()
    except DatasetNotFoundError:
        return NOTHING
    return whole(module, frame)


def look_plainly_at(world: World, module: str) -> int:
    """Do the same with deltalake and pyarrow, as people do who don't know this product."""
    folder = world.workstation.dataset(module)
    if (options := delta_options(folder)) is None and not DeltaTable.is_deltatable(folder.url):
        return NOTHING
    if options and not DeltaTable.is_deltatable(delta_uri(folder), options):
        return NOTHING
    table = DeltaTable(delta_uri(folder), storage_options=options)
    return whole(module, _polars(table))


def look_at_client(world: World, module: str, client: str) -> int:
    """Give the generation of one client's partition."""
    try:
        frame = load(module, client=client, config=world.folder).collect()
    except DatasetNotFoundError:
        return NOTHING
    return _one_generation(module, client, _rows(module, frame))


def whole(module: str, frame: pl.DataFrame) -> int:
    """Give the generation of a whole table: all clients have it, each with every row.

    Raises:
        TornError: one has not.
    """
    parts = {str(key[0]): part for key, part in frame.group_by("client_code")}
    if set(parts) != set(CLIENTS):
        raise TornError(f"{module} has the clients {sorted(parts)}")
    found = {c: _one_generation(module, c, _rows(module, part)) for c, part in parts.items()}
    if len(set(found.values())) != 1:
        raise TornError(f"{module} is of several runs: {found}")
    return found[CLIENTS[0]]


def _one_generation(module: str, client: str, rows: Rows) -> int:
    generations = {generation_of(module, row) for row in rows}
    if len(generations) != 1 or None in generations:
        raise TornError(f"{module}|{client} has rows of the generations {generations}")
    generation = int(next(iter(generations)) or 0)
    wanted = expected(module, client, generation)
    if rows != wanted:
        missing, extra = wanted - rows, rows - wanted
        raise TornError(f"{module}|{client} in {generation} lacks {missing} and has {extra}")
    return generation


def _rows(module: str, frame: pl.DataFrame) -> Rows:
    return Counter(frame.select(COLUMNS[module]).rows())


def _polars(table: DeltaTable) -> pl.DataFrame:
    frame = pl.from_arrow(table.to_pyarrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def check_rejects_are_whole(world: World, module: str) -> None:
    """Make sure that a reject table can be read, and that each of its files is whole.

    Two runs of one generation may have left rejects that are the same, each its own.

    Raises:
        TornError: a file is not what one run has rejected.
    """
    table = world.workstation.rejects(module)
    with suppress(DatasetNotFoundError):
        read_dataset(table).collect()
    for client, path in _files(table):
        rows = _rejects_in(table, path)
        generation = int(str(next(iter(rows), ("0",))[-1]))
        if rows != expected_rejects(module, client, generation):
            raise TornError(f"rejects of {module}|{client} in {generation}: {rows}")


def rejects_in_force(world: World, module: str) -> dict[str, Rows]:
    """Give the rejects of each client that belong to the rows that readers see now."""
    folder, seen = world.workstation.rejects(module), publications(world, module)
    found: dict[str, Rows] = {client: Counter() for client in CLIENTS}
    for client, path in _files(folder):
        if _publication(path) == seen.get(client):
            found[client] += _rejects_in(folder, path)
    return found


def superseded_rejects(world: World, module: str) -> list[str]:
    """Give the reject files that belong to nothing that readers see."""
    seen = publications(world, module)
    files = _files(world.workstation.rejects(module))
    return [path for client, path in files if _publication(path) != seen.get(client)]


def publications(world: World, module: str) -> dict[str, str]:
    """Give what the names of each client's data files, and of its rejects, begin with."""
    files = _files(world.workstation.dataset(module))
    return {client: _publication(path) for client, path in files}


def _publication(path: str) -> str:
    return PurePosixPath(path).name[:32]


def _rejects_in(folder: Folder, path: str) -> Rows:
    frame = scan_parquet(folder, [path]).select(_REJECT).collect()
    return Counter(reject_row(*values) for values in frame.rows())


def _files(folder: Folder) -> list[tuple[str, str]]:
    """Give the client and the path of each file in a table's newest version."""
    if (table := open_table(folder)) is None:
        return []
    files = pl.DataFrame(table.get_add_actions(flatten=True))
    return [(c, unquote(p)) for c, p in files.select("partition.client_code", "path").rows()]
