"""What is rejected: the rows of the reject tables, grouped as a person asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import polars as pl

from ai_dataflow.config.codes import CODES
from ai_dataflow.workstation import rejects
from ai_dataflow.workstation.failures import reaching
from ai_dataflow.workstation.files import publication_of
from ai_dataflow.workstation.paths import Workstation
from ai_dataflow.workstation.rejects import Current

State = Literal["open", "replayed", "not published"]
_PUBLICATION = "\ue000publication"
_GROUPS = ("product_code", "submodule_name", "source", "reason", "ai_column", "mapping_cell")


@dataclass(frozen=True)
class RejectGroup:
    """Rejects of one source of a partition for one reason.

    `open` rows are left out of what readers see, `replayed` ones are in it by now; `not published`
    ones are of a run that came later and rejected too much. `samples` are positions and raw rows.
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
    samples: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the shape that `rejects --json` prints."""
        when = self.rejected_at.isoformat() if self.rejected_at else None
        title = CODES[self.reason].title if self.reason in CODES else ""
        return asdict(self) | {"rejected_at": when, "title": title, "samples": list(self.samples)}


def reject_groups(
    workstation: Workstation, module: str, client: str = "", reason: str = "", samples: int = 0
) -> Iterator[RejectGroup]:
    """Give the rejects of a module, in groups, with so many samples of each.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    for name, current in rejects.current(workstation, module).items():
        if client in ("", name):
            partition = f"{module}|{name}"
            for row in _grouped(workstation, module, current, reason, samples):
                yield _group(partition, row)


def _grouped(
    workstation: Workstation, module: str, current: Current, reason: str, samples: int
) -> list[dict[str, Any]]:
    files = (*current.rejects, *current.unpublished)
    if not files:
        return []
    table = workstation.rejects(module)
    with reaching(table):
        frames = [
            rejects.scan(workstation, module, (file,)).with_columns(
                pl.lit(publication_of(file) == current.publication).alias(_PUBLICATION)
            )
            for file in files
        ]
        rows = pl.concat(frames).filter((pl.col("reason") == reason) | pl.lit(not reason))
        state = (
            pl.when(~pl.col(_PUBLICATION)).then(pl.lit("not published"))
            .when(rejects.IS_OPEN).then(pl.lit("open"))
            .otherwise(pl.lit("replayed"))
        )  # fmt: skip
        sample = pl.struct("position", "raw_row").head(samples)
        return (
            rows.with_columns(state=state)
            .group_by(*_GROUPS, "state")
            .agg(
                pl.len().alias("rows"),
                pl.col("run_id").first(),
                pl.col("rejected_at").min(),
                sample.alias("samples"),
            )
            .sort("state", *_GROUPS)
            .collect()
            .to_dicts()
        )


def _group(partition: str, row: Mapping[str, Any]) -> RejectGroup:
    samples = tuple(
        {"position": sample["position"], "raw_row": json.loads(sample["raw_row"])}
        for sample in row["samples"]
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
        samples=samples,
    )
