"""Column lineage: which source columns each AI column comes from, as it was compiled and run.

`origins` tells where a column comes from, `ways` how it is made of that, and `shaping` which source
columns decide which rows there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ai_dataflow.compiler.mappings import CompiledSource
from ai_dataflow.compiler.transforms import TransformError, columns_of
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.extracts.stages import stage_of
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import Origin
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.keeping import keep_of, unique_columns
from ai_dataflow.tables.source_rules import SourceRule

# As OpenLineage calls them.
Influence = Literal["FILTER", "GROUP_BY", "SORT", "JOIN"]


@dataclass(frozen=True, slots=True)
class Way:
    """How an AI column is made of what feeds it: taken as it is, or made anew, by which cell."""

    is_plain: bool
    cell: str


def origins(source: SourceJob, compiled: CompiledSource) -> Iterator[tuple[str, Origin]]:
    """Give each AI column that a source feeds, with each source column that it is made of.

    What is not published comes from nowhere: no reader sees it.
    """
    for column in (column for column in compiled.columns if not column.mapping.technical):
        for name in compiled.origins(column):
            origin = Origin(stage_of(source), source.product, source.submodule, name)
            yield column.mapping.ai_column, origin


def ways(job: PartitionJob) -> dict[tuple[SourceKey, str], Way]:
    """Give how each source feeds each AI column; what is computed is of the submodule ""."""
    made = {(s.key, row.ai_column): _way(row) for s in job.sources for row in s.mappings}
    for product, rows in job.computed.items():
        made |= {(SourceKey(product, ""), row.ai_column): _way(row) for row in rows}
    return made


def _way(row: MappingRow) -> Way:
    changes = row.transform or row.code_list or row.default or row.null_values or row.trim
    return Way(is_plain=not changes, cell=row.cell)


def shaping(
    job: PartitionJob, made_of: Mapping[str, Iterable[Origin]]
) -> Iterator[tuple[SourceKey, str, Influence]]:
    """Give the source columns that decide which rows there are, and by what.

    Args:
        job: the partition.
        made_of: the origins of its AI columns.
    """
    for product, sources in job.by_product().items():
        for source in sources:
            for name, influence in _ruling(source.rule):
                yield source.key, name, influence
            keys = source.mappings if len(sources) > 1 else ()
            for row in (row for row in keys if row.is_key):
                feeding = made_of.get(row.ai_column, ())
                names = [o.column for o in feeding if (o.product, o.submodule) == source.key]
                for name in names or _named(row):
                    yield SourceKey(product, source.submodule), name, "JOIN"


def _named(row: MappingRow) -> list[str]:
    """Give the source column of a key that is not published, where its row names just one."""
    return [] if row.transform or "|" in row.source_column else [row.source_column]


def _ruling(rule: SourceRule | None) -> Iterator[tuple[str, Influence]]:
    """Give the columns that a source's rule names, as it spells them."""
    if rule is None:
        return
    yield from ((name, "FILTER") for name in _columns(rule.where, rule.dialect))
    yield from ((name, "GROUP_BY") for name in unique_columns(rule.unique_by))
    yield from ((name, "SORT") for name in _columns(keep_of(rule.keep).order, rule.dialect))


def _columns(text: str, dialect: str) -> Iterable[str]:
    try:
        return columns_of(text, dialect) if text else ()
    except TransformError:  # told where it is compiled
        return ()
