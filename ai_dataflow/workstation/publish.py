"""Publishing: a dataset and its rejects become visible together, though they are two tables.

The rejects join their table first, then one commit of the dataset makes all partitions visible,
then what readers no longer see leaves. Killed in between, nothing is lost and nothing in doubt:
which rejects are open, the data files that readers see tell (see `reject_tables.current`).

Another program may take files away that no version names yet, a `VACUUM` without a retention say.
So they are looked at before the commit and after it: a client whose files have gone keeps, or gets
back, what readers saw before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from deltalake import DeltaTable

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.commit import (
    TableColumn,
    amend,
    columns_of,
    commit,
    files_in,
    open_table,
    types_of,
)
from ai_dataflow.workstation.data_files import DataFile, sizes_of
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.file_statistics import in_log
from ai_dataflow.workstation.kept_rows import Kept, all_kept
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.premises import Premise
from ai_dataflow.workstation.reaching import reaching, unreached
from ai_dataflow.workstation.records import all_waiting
from ai_dataflow.workstation.reject_tables import Current
from ai_dataflow.workstation.type_changes import old_files


@dataclass(frozen=True)
class Made:
    """What a client's partition was made into: files that no commit names yet.

    `replaces` are the data files that it was made from, where it was made from them: if readers
    see others by then, it is not published. `waits` is the publication that waits to be accepted,
    where one does: it has no data here, and what is kept for it stays.
    """

    client: str
    data: tuple[DataFile, ...] = ()
    rejects: tuple[DataFile, ...] = ()
    replaces: tuple[str, ...] = ()
    waits: str = ""


@dataclass(frozen=True)
class Recast:
    """Clients whose rows only get the types that the columns have from now on.

    `files` are each one's, made from those that readers see in `version`.
    """

    files: Mapping[str, tuple[DataFile, ...]] = field(default_factory=dict)
    version: int | None = None


NOTHING_RECAST = Recast()


@dataclass(frozen=True)
class Publication:
    """The version by now, None where nothing was committed; clients whose files had gone."""

    version: int | None
    vanished: frozenset[str] = frozenset()


def publish(
    workstation: Folders,
    module: str,
    columns: Sequence[TableColumn],
    partitions: Iterable[Made],
    held: Lease,
    recast: Recast = NOTHING_RECAST,
) -> Publication:
    """Make a module's partitions visible, all at once.

    Args:
        workstation: where.
        module: the module.
        columns: the dataset's columns from now on.
        partitions: what was made. Without data a partition keeps what readers see, and its
            rejects are there to be looked at.
        held: the module's lease. Whoever has lost it does not go on.
        recast: what else has to be written anew, if these columns are to be the dataset's.

    Returns:
        The dataset's new version; and the clients whose files another program took away, of which
        readers see what they saw before.

    Raises:
        DataflowError: as `commit`, WST-006 where the lease was lost: nothing of it is visible.
    """
    made = list(partitions)
    writer, at = writer_of(held), reject_tables.newest(workstation, module) + 1
    left_out = {each.client: each.rejects for each in made if each.rejects}
    held.check()
    vanished = _add_rejects(workstation.rejects(module), left_out, writer, at)
    table = workstation.dataset(module)
    data = {c.client: c.data for c in made if c.data and c.client not in vanished}
    before, version = _version(table), None
    vanished |= _lacking(table, before, columns, data, recast)
    data = {client: files for client, files in data.items() if client not in vanished}
    if data:
        held.check()
        replaces = {each.client: each.replaces for each in made if each.replaces}
        premise = Premise(replaces, set(recast.files), recast.version)
        data |= recast.files
        version = commit(table, columns, data, writer, at, premise)
        if gone := _vanished(table, data):
            version, lost = _restore(table, columns, before, gone, data, writer)
            vanished |= lost
    with suppress(DataflowError):  # what stays is not open; the next run takes it away
        tidy(workstation, module, held, {each.waits for each in made})
    return Publication(version, vanished)


def _version(table: Folder) -> int | None:
    """Give a table's version now; the table itself is let go of, which may be large."""
    with reaching(table):
        delta = open_table(table)
    return None if delta is None else int(delta.version())


def _at(table: Folder, version: int) -> DeltaTable:
    with reaching(table):
        delta = open_table(table, version)
    if delta is None:
        raise unreached(table, FileNotFoundError(table.url))
    return delta


def _lacking(
    table: Folder,
    before: int | None,
    columns: Sequence[TableColumn],
    data: Mapping[str, Sequence[DataFile]],
    recast: Recast,
) -> frozenset[str]:
    """Give the clients that cannot be published, since files have gone.

    All of them, where what readers see of those could not be read under the columns.
    """
    files = {**data, **recast.files}
    vanished = _vanished(table, files)
    if before is None or not vanished:
        return vanished
    others = files.keys() - vanished
    stay = old_files(_at(table, before), table, types_of(columns), but=others)
    return frozenset(data) if stay else vanished


def _add_rejects(
    table: Folder, left_out: Mapping[str, Sequence[DataFile]], writer: Writer, at: int
) -> frozenset[str]:
    """Let rejects join their table; give the clients whose files have gone: they stay out of it."""
    gone = _vanished(table, left_out)
    if there := {client: files for client, files in left_out.items() if client not in gone}:
        amend(table, reject_tables.COLUMNS, there, (), writer, at)
        late = _vanished(table, there)
        if lost := {file.path for client in late for file in there[client]}:
            amend(table, reject_tables.COLUMNS, {}, lost, writer)
        gone |= late
    return gone


def _vanished(table: Folder, data: Mapping[str, Sequence[DataFile]]) -> frozenset[str]:
    """Give the clients of which a file is not there, or not of its size."""
    files = [(client, file) for client, new in data.items() for file in new]
    with reaching(table):
        sizes = sizes_of(table, [file.path for _, file in files])
    return frozenset(client for client, file in files if sizes.get(file.path) != file.size)


def _restore(
    table: Folder,
    columns: Sequence[TableColumn],
    before: int | None,
    gone: frozenset[str],
    data: Collection[str],
    writer: Writer,
) -> tuple[int, frozenset[str]]:
    """Give clients back the files that readers saw before; none at all where there were none.

    All clients of a commit, where those files do not have the types of its columns.

    Returns:
        The version in which it is so, and the clients that are as they were.
    """
    if before is None:
        return commit(table, columns, dict.fromkeys(sorted(gone), ()), writer), gone
    delta = _at(table, before)
    odd = {file.client for file in old_files(delta, table, types_of(columns))}
    if odd & gone:
        gone, columns = frozenset(data), columns_of(delta)
    files: dict[str, list[DataFile]] = {client: [] for client in sorted(gone)}
    statistics = in_log(delta)
    for file in files_in(delta):
        if file.client in gone:
            text = statistics.get(file.path, "")
            again = DataFile(file.path, file.size, file.rows, file.modified, text)
            files[file.client].append(again)
    return commit(table, columns, files, writer), gone


def writer_of(held: Lease) -> Writer:
    """Give who commits under a lease."""
    return Writer(held.holder.run_id, held.number)


def tidy(workstation: Folders, module: str, held: Lease, waiting: Collection[str] = ()) -> None:
    """Take away rejects and kept rows of publications that readers no longer see.

    What is kept for a publication that waits stays: those of the records, and `waiting`.

    Raises:
        DataflowError: WST-001 or WST-003 to WST-006.
    """
    kept = [rows for rows in all_kept(workstation, module) if rows.publication not in waiting]
    if kept:
        recorded = {shown.publication for shown in all_waiting(workstation, module)}
        kept = [rows for rows in kept if rows.publication not in recorded]
    held.check()  # so none of them is of a run that took over, and may not have published yet
    current = reject_tables.current(workstation, module)
    if leaving := {path for seen in current.values() for path in seen.superseded}:
        amend(workstation.rejects(module), reject_tables.COLUMNS, {}, leaving, writer_of(held))
    folder = workstation.kept(module)
    with reaching(folder):
        folder.delete([rows.path for rows in unseen(kept, current)])


def unseen(kept: Iterable[Kept], current: Mapping[str, Current]) -> list[Kept]:
    """Give what is kept for publications that readers do not see."""
    nothing = Current()
    return [k for k in kept if current.get(k.client, nothing).is_not(k.publication)]
