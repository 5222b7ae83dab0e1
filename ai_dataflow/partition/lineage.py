"""Column lineage: which source columns each AI column comes from, as it was compiled and run."""

from __future__ import annotations

from collections.abc import Iterator

from ai_dataflow.compiler.mappings import CompiledSource
from ai_dataflow.extracts.stages import stage_of
from ai_dataflow.partition.result import Origin
from ai_dataflow.sources.source_job import SourceJob


def origins(source: SourceJob, compiled: CompiledSource) -> Iterator[tuple[str, Origin]]:
    """Give each AI column that a source feeds, with each source column that it is made of.

    What is not published comes from nowhere: no reader sees it.
    """
    for column in (column for column in compiled.columns if not column.mapping.technical):
        for name in compiled.origins(column):
            origin = Origin(stage_of(source), source.product, source.submodule, name)
            yield column.mapping.ai_column, origin
