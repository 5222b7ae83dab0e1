"""Publishing: a dataset and its rejects become visible together, though they are two tables.

The rejects join their table first, then one commit of the dataset makes all partitions visible,
then what readers no longer see leaves. Killed in between, nothing is lost and nothing in doubt:
which rejects are open, the data files that readers see tell (see `reject_tables.current`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.commit import TableColumn, Writer, amend, commit
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.kept_rows import Kept, all_kept
from ai_dataflow.workstation.layout import Workstation
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.reject_tables import Current


@dataclass(frozen=True)
class Made:
    """What a client's partition was made into: files that no commit names yet.

    `replaces` are the data files that it was made from, where it was made from them: if readers
    see others by then, it is not published.
    """

    client: str
    data: tuple[DataFile, ...] = ()
    rejects: tuple[DataFile, ...] = ()
    replaces: tuple[str, ...] = ()


def publish(
    workstation: Workstation,
    module: str,
    columns: Sequence[TableColumn],
    partitions: Iterable[Made],
    held: Lease,
) -> int | None:
    """Make a module's partitions visible, all at once.

    Args:
        workstation: where.
        module: the module.
        columns: the dataset's columns from now on.
        partitions: what was made. Without data a partition keeps what readers see, and its
            rejects are there to be looked at.
        held: the module's lease. Whoever has lost it does not go on.

    Returns:
        The dataset's new version; None where no partition has data.

    Raises:
        DataflowError: as `commit`, WST-006 where the lease was lost: nothing of it is visible.
    """
    made = list(partitions)
    writer, at = writer_of(held), reject_tables.newest(workstation, module) + 1
    left_out = {each.client: each.rejects for each in made if each.rejects}
    held.check()
    if left_out:
        amend(workstation.rejects(module), reject_tables.COLUMNS, left_out, (), writer, at)
    data = {each.client: each.data for each in made if each.data}
    version = None
    if data:
        held.check()
        replaces = {each.client: each.replaces for each in made if each.replaces}
        version = commit(workstation.dataset(module), columns, data, writer, at, replaces)
    with suppress(DataflowError):  # what stays is not open; the next run takes it away
        held.check()
        tidy(workstation, module, writer)
    return version


def writer_of(held: Lease) -> Writer:
    """Give who commits under a lease."""
    return Writer(held.holder.run_id, held.number)


def tidy(workstation: Workstation, module: str, writer: Writer) -> None:
    """Take away rejects and kept rows of publications that readers no longer see.

    Raises:
        DataflowError: WST-001 or WST-003 to WST-006.
    """
    current = reject_tables.current(workstation, module)
    if leaving := {path for seen in current.values() for path in seen.superseded}:
        amend(workstation.rejects(module), reject_tables.COLUMNS, {}, leaving, writer)
    kept = workstation.kept(module)
    unused = [rows.path for rows in unseen(all_kept(workstation, module), current)]
    with reaching(kept):
        kept.delete(unused)


def unseen(kept: Iterable[Kept], current: Mapping[str, Current]) -> list[Kept]:
    """Give what is kept for publications that readers do not see."""
    nothing = Current()
    return [k for k in kept if current.get(k.client, nothing).is_not(k.publication)]
