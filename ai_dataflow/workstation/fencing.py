"""Fencing: no run commits any more once a run with a later lease has.

A commit carries the number of the lease that it is made under, as a transaction of the log (see
"Transaction Identifiers" of the Delta protocol). Delta refuses nothing by it; so it is read in the
snapshot that is committed on, in single attempts: whoever stood still while another run took the
lease and published finds a higher number than its own, and stops.
"""

from __future__ import annotations

from dataclasses import dataclass

from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.connections.scans import open_delta
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.reaching import overtaken, reaching

_LEASE = "ai_dataflow.lease"


@dataclass(frozen=True)
class Writer:
    """Who commits: a run, noted in the table's history, and the number of its lease."""

    run_id: str
    lease: int = 0

    @property
    def once(self) -> CommitProperties:
        """What a commit in one attempt carries."""
        return CommitProperties(
            custom_metadata={"run_id": self.run_id},
            max_commit_retries=0,
            app_transactions=[Transaction(_LEASE, self.lease)] if self.lease else None,
        )

    def check(self, delta: DeltaTable, table: Folder) -> None:
        """Make sure that no run with a later lease has committed.

        Raises:
            DataflowError: WST-006.
        """
        latest = delta.transaction_version(_LEASE) or 0
        if self.lease and latest > self.lease:
            raise DataflowError(_fenced(table, self.lease, latest))


def fence(table: Folder, writer: Writer) -> None:
    """Let no run with an earlier lease commit any more, though there is nothing to commit.

    Raises:
        DataflowError: WST-001, WST-003 to WST-006.
    """
    with reaching(table):
        try:
            delta = open_delta(table)
        except TableNotFoundError:
            return
        writer.check(delta, table)
        if (delta.transaction_version(_LEASE) or 0) == writer.lease:
            return
        try:
            delta.create_write_transaction(
                [],
                mode="append",
                schema=Schema.from_arrow(delta.schema().to_arrow()),
                partition_by=delta.metadata().partition_columns,
                commit_properties=writer.once,
            )
        except CommitFailedError as error:
            raise overtaken(table, error) from None


def _fenced(table: Folder, lease: int, latest: int) -> Diagnostic:
    return Diagnostic(
        "WST-006",
        f"a run that took the lease over (number {latest}, this one has {lease}) has published "
        f"to {table.url} meanwhile",
        place=table.url,
        fix="run these partitions again: they are planned anew then",
    )
