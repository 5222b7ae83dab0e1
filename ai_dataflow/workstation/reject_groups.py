"""What is rejected: the rows of the reject tables, grouped as a person asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import polars as pl

from ai_dataflow.config.codes import CODES
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reaching import reading_back

State = Literal["open", "replayed", "not published"]
_FILE, _CLIENT = "\ue000file", "\ue000client"
_GROUPS = ("product_code", "submodule_name", "source", "reason", "ai_column", "mapping_cell")


@dataclass(frozen=True)
class RejectGroup:
    """Rejects of one source of a partition for one reason.

    `open` rows are left out of what readers see, `replayed` ones are in it by now; `not published`
    ones are of a run since that rejected too much, or was stopped while it published. `first_row`
    is the least position of a row in its file, from 1, where it has one; `samples` are positions
    and raw rows.
    """

    partition: str
    product: str
    submodule: str
    source: str
    reason: str
    ai_column: str
    mapping_cell: str
    state: State
    rows: int
    run_id: str
    rejected_at: datetime | None
    first_row: int | None = None
    samples: tuple[dict[str, Any], ...] = ()

    @property
    def title(self) -> str:
        """What the reason means; nothing where it is one of another version of this program."""
        return CODES[self.reason].title if self.reason in CODES else ""


def reject_groups(
    workstation: Folders, module: str, client: str = "", reason: str = "", samples: int = 0
) -> Iterator[RejectGroup]:
    """Give the rejects of a module, in groups, with so many samples of each.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    files: dict[str, tuple[str, bool]] = {}
    for name, current in reject_tables.current(workstation, module).items():
        if client in ("", name):
            files |= dict.fromkeys(current.rejects, (name, True))
            files |= dict.fromkeys(current.unpublished, (name, False))
    with reading_back(workstation.rejects(module)):
        rows = _grouped(workstation, module, files, reason, samples) if files else []
    for row in rows:
        yield _group(PartitionKey.of(module, row[_CLIENT]), row)


@dataclass(frozen=True)
class Worst:
    """What rejects the most rows of a product, and how many."""

    reason: str
    ai_column: str
    mapping_cell: str
    rows: int


def worst_causes(
    workstation: Folders, module: str, files: Mapping[str, str]
) -> dict[tuple[str, str], Worst]:
    """Give what rejects the most of each client's products in reject files.

    Args:
        workstation: where.
        module: the module.
        files: the client of each file, by its path within the reject table.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    table, causes = workstation.rejects(module), ("reason", "ai_column", "mapping_cell")
    clients = {table.uri(path): client for path, client in files.items()}
    with reading_back(table):
        rows = reject_tables.scan(workstation, module, tuple(files), include_file_paths=_FILE)
        client = pl.col(_FILE).replace_strict(clients).alias(_CLIENT)
        counts = rows.filter(reject_tables.IS_OPEN).group_by(client, "product_code", *causes).len()
        ordered = counts.sort("len", *causes, descending=[True, False, False, False]).collect()
    worst: dict[tuple[str, str], Worst] = {}
    for name, product, reason, column, cell, rows_left_out in ordered.iter_rows():
        cause = Worst(reason, column or "", cell or "", rows_left_out)
        worst.setdefault((name, product), cause)
    return worst


def _grouped(
    workstation: Folders,
    module: str,
    files: Mapping[str, tuple[str, bool]],
    reason: str,
    samples: int,
) -> list[dict[str, Any]]:
    """Group the rows of reject files, each with its client, and whether that is what is seen."""
    table = workstation.rejects(module)
    uris = {table.uri(path): pair for path, pair in files.items()}
    clients = pl.col(_FILE).replace_strict({uri: c for uri, (c, _) in uris.items()})
    is_seen = pl.col(_FILE).is_in([uri for uri, (_, seen) in uris.items() if seen])
    state = (
        pl.when(~is_seen).then(pl.lit("not published"))
        .when(reject_tables.IS_OPEN).then(pl.lit("open"))
        .otherwise(pl.lit("replayed"))
    )  # fmt: skip
    # Raw rows are most of the bytes: only who asks for some reads them.
    sample = [pl.struct("position", "raw_row").head(samples).alias("samples")] if samples else []
    rows = reject_tables.scan(workstation, module, tuple(files), include_file_paths=_FILE)
    if reason:
        rows = rows.filter(pl.col("reason") == reason)
    return (
        rows.with_columns(clients.alias(_CLIENT), state.alias("state"))
        .group_by(_CLIENT, "state", *_GROUPS)
        .agg(
            pl.len().alias("rows"),
            pl.col("run_id").first(),
            pl.col("rejected_at").min(),
            pl.col("position").min(),
            *sample,
        )
        .sort(_CLIENT, "state", *_GROUPS)
        .collect()
        .to_dicts()
    )


def _group(partition: str, row: Mapping[str, Any]) -> RejectGroup:
    samples = tuple(
        {"position": sample["position"], "raw_row": json.loads(sample["raw_row"])}
        for sample in row.get("samples", ())
    )
    return RejectGroup(
        partition=partition,
        product=row["product_code"],
        submodule=row["submodule_name"],
        source=row["source"] or "",
        reason=row["reason"],
        ai_column=row["ai_column"],
        mapping_cell=row["mapping_cell"],
        state=row["state"],
        rows=row["rows"],
        run_id=row["run_id"],
        rejected_at=row["rejected_at"],
        first_row=row["position"],
        samples=samples,
    )
