"""Column lineage: which source columns each AI column comes from, as it was compiled and run."""

from __future__ import annotations

from collections.abc import Iterator

from ai_dataflow.engine.compile import CompiledSource
from ai_dataflow.engine.job import Origin, SourceJob, Stage
from ai_dataflow.tables.locations import FileLocation


def stage_of(source: SourceJob) -> Stage:
    """Tell which stage extracts a source."""
    return "adls_extract" if isinstance(source.location, FileLocation) else "azure_sql_extract"


def origins(source: SourceJob, compiled: CompiledSource) -> Iterator[tuple[str, Origin]]:
    """Give each AI column that a source feeds, with each source column that it is made of."""
    for column in compiled.columns:
        for name in column.columns:
            origin = Origin(stage_of(source), source.product, source.submodule, name)
            yield column.mapping.ai_column, origin
