"""The second stage: computed columns, added to a product's merged rows.

What becomes of a value is as in a source's mapping: computed, looked up, cast, filled in, required.
A row for which one of them cannot be made is not published, so each is a check of merged rows (see
`row_checks`). What a row fails first is told: a column before those that read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import polars as pl

from ai_dataflow.compiler.computed_columns import Computed, compile_computed, origins_of, readable
from ai_dataflow.compiler.mapped_columns import CompiledColumn
from ai_dataflow.config.grouped import grouped
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.mapping import steps_before
from ai_dataflow.partition.result import Origin
from ai_dataflow.partition.row_checks import RowCheck
from ai_dataflow.partition.values import MappedSource
from ai_dataflow.tables.ai_mapping import RESERVED

_PRODUCT, _CLIENT = RESERVED
# Beside AI columns, none of which begins so: a value before its default, and what a row fails.
_RAW, _FAILS = "\ue000raw ", "\ue000\ue000computed"


@dataclass(frozen=True)
class SecondStage:
    """What is computed of a product's merged rows; `clients` are those whose rows they are."""

    computed: Computed
    product: str
    clients: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The columns that it adds."""
        return [column.mapping.ai_column for column in self.computed.columns]

    @property
    def checks(self) -> list[RowCheck]:
        """What must hold for them; of rows that it was computed for, see `of` and `unmarked`."""
        causes = ((column, reason) for column in self.computed.columns
                  for reason, _ in _causes(column))  # fmt: skip
        return [
            RowCheck(column.mapping.ai_column, column.mapping.cell, reason, pl.col(_FAILS) == i)
            for i, (column, reason) in enumerate(causes)
        ]

    def of(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Add the columns to merged rows, and what the checks look at."""
        names = rows.collect_schema().names()
        rows = rows.with_columns(self._beside(names))
        if "steps" not in self.computed.memo:
            self.computed.memo["steps"] = list(_steps(self.computed))
        for step in self.computed.memo["steps"]:
            rows = rows.with_columns(step)
        return rows.select(*names, *self.names, _FAILS)

    def _beside(self, names: Sequence[str]) -> list[pl.Expr]:
        """Give what the columns read beside those of the rows."""
        beside: dict[str, pl.Expr] = {_PRODUCT: pl.lit(self.product), _CLIENT: self._client()}
        return [
            beside.get(name, pl.lit(None, dtype)).alias(name)
            for name, dtype in self.computed.needed.items()
            if name not in names
        ]

    def _client(self) -> pl.Expr:
        if len(self.clients) == 1:
            return pl.lit(self.clients[0])
        return pl.col(CLIENT).replace_strict(dict(enumerate(self.clients)), return_dtype=pl.String)


def second_stage(jobs: Sequence[PartitionJob], product: str) -> SecondStage | None:
    """Compile what is computed of a product's rows, of partitions of one shape; None for nothing.

    Raises:
        DataflowError: as `compile_computed`.
    """
    job = jobs[0]
    if not (rows := job.computed.get(product)):
        return None
    mapped = [row for source in job.by_product()[product] for row in source.mappings]
    types = {column.name: column.ai_type for column in job.columns}
    compiled = compile_computed(rows, readable([*mapped, *rows], types), product)
    return SecondStage(compiled, product, tuple(each.client for each in jobs))


def unmarked(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Give rows that have passed the checks without what these looked at."""
    return rows.drop(_FAILS, strict=False)


def origins(second: SecondStage, mapped: Sequence[MappedSource]) -> Iterator[tuple[str, Origin]]:
    """Give each computed column with the source columns that it is made of in the end."""
    of_column = grouped((pair for source in mapped for pair in source.origins), itemgetter(0))
    made_of = [(column, origin) for column, name in origins_of(second.computed)
               for _, origin in of_column.get(name, ())]  # fmt: skip
    yield from dict.fromkeys(made_of)


def _steps(computed: Computed) -> Iterator[list[pl.Expr]]:
    """Give the columns to be added one after the other, or Polars would compute some twice."""
    for stage in computed.stages:
        yield from steps_before(stage)
        yield [column.cast.value.alias(_raw(column)) for column in stage]
        yield [
            column.completed(pl.col(_raw(column))).alias(column.mapping.ai_column)
            for column in stage
        ]
    causes = (fails for column in computed.columns for _, fails in _causes(column))
    numbered = [pl.when(fails).then(pl.lit(i, pl.UInt32())) for i, fails in enumerate(causes)]
    yield [pl.coalesce(*numbered, pl.lit(None, pl.UInt32())).alias(_FAILS)]


def _causes(column: CompiledColumn) -> Iterator[tuple[str, pl.Expr]]:
    """Give why a row may be left out for a column, and where it is."""
    value = pl.col(_raw(column))
    if (failed := column.failed(value)) is not None:
        yield "REJ-012", failed
    if column.unmapped is not None:
        yield "REJ-014", column.unmapped
    if column.needs_value:
        yield "REJ-013", value.is_null()


def _raw(column: CompiledColumn) -> str:
    return f"{_RAW}{column.mapping.ai_column}"
