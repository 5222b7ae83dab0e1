"""Column lineage: which source columns each AI column comes from, by product."""

from __future__ import annotations

from dataclasses import dataclass

from ai_dataflow.config.ai_mapping import MappingRow
from ai_dataflow.engine.expressions import TransformError, columns_of
from ai_dataflow.engine.extract import stage_of
from ai_dataflow.engine.job import PartitionJob, Stage


@dataclass(frozen=True)
class Origin:
    """A source column that feeds an AI column."""

    stage: Stage
    product: str
    submodule: str
    column: str


def lineage(job: PartitionJob) -> dict[str, tuple[Origin, ...]]:
    """Give the origins of each AI column of a partition; unmapped columns have none."""
    origins: dict[str, dict[Origin, None]] = {column.name: {} for column in job.columns}
    for source in job.sources:
        for row in source.mappings:
            for column in _source_columns(row):
                origin = Origin(stage_of(source), source.product, source.submodule, column)
                origins[row.ai_column][origin] = None
    return {column: tuple(found) for column, found in origins.items()}


def _source_columns(row: MappingRow) -> tuple[str, ...]:
    if not row.transform:
        return (row.source_column,)
    try:
        return columns_of(row.transform)
    except TransformError:
        return ()  # its own diagnostic says so where it is compiled
