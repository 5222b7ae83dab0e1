"""What must hold for a product's rows: what its mapping rows require, and what the dictionary says.

A mapping row's `required` binds the products whose rows say it, the dictionary all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from ai_dataflow.compiler.limits import Limits
from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.partition.clients import Counts, Filled
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.row_checks import RowCheck, required
from ai_dataflow.partition.second_stage import SecondStage
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_columns import ROW_KINDS

# The reason of the rejects of each kind of check.
REASONS = {"required": "REJ-015", "range": "REJ-016", "pattern": "REJ-017",
           "code_list": "REJ-018", "is_key": "REJ-019"}  # fmt: skip


def product_checks(
    columns: Sequence[AiColumn], sources: Sequence[SourceJob], second: SecondStage | None
) -> list[RowCheck]:
    """Give what must hold for each row of a product, in the order in which a row is told of it.

    What is only told when it does not hold is none of it.
    """
    mapped = {row.ai_column for source in sources for row in source.mappings}
    mapped |= {*second.names} if second else set()
    said = (
        check
        for column in columns
        for check in _of_column(column, sources[0].product)
        if column.name in mapped or check.fails is None
    )
    return [*required(sources), *(second.checks if second else ()), *said]


def _of_column(column: AiColumn, product: str) -> Iterator[RowCheck]:
    """Give what the dictionary says of a column; a product that does not map it has only nulls."""
    rule = column.rule
    for kind in rule.kinds if rule else ():
        effect = rule.effect(kind, column.on_repeats) if rule else "tell"
        if effect == "tell":
            continue
        if rule and kind == "is_key":
            yield RowCheck(column.name, rule.cell_of(kind), REASONS[kind], on_repeats=effect)
        for cell, fails in row_failures(column, kind, product) if kind in ROW_KINDS else ():
            yield RowCheck(column.name, cell, REASONS[kind], fails, blocks=effect == "fail")


def row_failures(column: AiColumn, kind: str, product: str) -> Iterator[tuple[str, pl.Expr | None]]:
    """Give the cells that a kind of check is of, and where it fails; None is without a value."""
    rule, values = column.rule, Limits(column.name, column.ai_type)
    assert rule is not None  # noqa: S101 - the caller's condition
    match kind:
        case "required":
            yield rule.place("required"), None
        case "range":
            if rule.min:
                yield rule.place("min"), values.below(rule.min)
            if rule.max:
                yield rule.place("max"), values.above(rule.max)
        case "pattern":
            yield rule.place("pattern"), values.unlike(rule.pattern)
        case "code_list":
            for codes in (codes for name, codes in column.codes if name == product):
                yield rule.place("code_list"), values.outside(codes)


def check_shares(
    columns: Sequence[AiColumn], product: str, filled: Filled, height: Counts
) -> dict[int, Diagnostic]:
    """Find the clients of whose rows too many have no value in a column; `height` are their rows.

    What a product does not map has no value in any row.
    """
    problems: dict[int, Diagnostic] = {}
    for column in columns:
        most = column.rule.largest_share if column.rule else None
        if column.rule is None or most is None or column.rule.effect("max_null") != "fail":
            continue
        nulls = height - filled.get(column.name, 0)
        for client in map(int, np.flatnonzero(nulls)):
            lacking, rows = int(nulls[client]), int(height[client])
            if lacking > most * rows and client not in problems:
                place = column.rule.place("max_null")
                problems[client] = _too_many(column, product, lacking, rows, place)
    return problems


def _too_many(column: AiColumn, product: str, lacking: int, rows: int, place: str) -> Diagnostic:
    most = column.rule.max_null if column.rule else ""
    return Diagnostic(
        "DAT-033",
        f"{product}: {lacking} of {rows} rows ({lacking / rows:.2%}) have no {column.name}, "
        f"max_null is {most}",
        place=place,
        fix="have the values delivered, or correct what feeds the column, and run the partition "
        "again; or allow a larger share",
        product=product,
        ai_column=column.name,
    )
