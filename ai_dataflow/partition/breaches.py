"""Breaches: how many published rows break what the dictionary only tells of.

They are counted in the files, as readers will see them; none is read where no check asks for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.column_checks import row_failures
from ai_dataflow.partition.counting import FilesOf, rows_of
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.values import WrittenRows
from ai_dataflow.tables.ai_columns import ROW_KINDS
from ai_dataflow.workstation.counts import check_name
from ai_dataflow.workstation.layout import PRODUCT_COLUMN, Folders
from ai_dataflow.workstation.reaching import reaching

Written = Mapping[int, WrittenRows]
Counted = Mapping[tuple[int, str], Mapping[str, int]]  # by client and product, and by check
Check = tuple[AiColumn, str]
_GROUP = (CLIENT, PRODUCT_COLUMN)
_ROWS = "\ue000rows"


def with_breaches(
    module: str, columns: Sequence[AiColumn], files: FilesOf, written: Written, workstation: Folders
) -> Written:
    """Add to what was written how many of its rows break checks that only tell.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    telling = [
        (column, kind)
        for column in columns
        for rule in ([column.rule] if column.rule else ())
        for kind in rule.kinds
        if kind != "references" and rule.effect(kind, column.on_repeats) == "tell"
    ]
    if not telling or not written:
        return written
    table = workstation.dataset(module)
    with reaching(table):
        looked_at = _looked_at(telling, rows_of(table, files))
    return {client: _added(client, rows, telling, looked_at) for client, rows in written.items()}


def _added(
    client: int, written: WrittenRows, telling: Sequence[Check], looked_at: Counted
) -> WrittenRows:
    broken = {
        product: {
            **looked_at.get((client, product), {}),
            **_lacking(telling, height, written.filled[product]),
        }
        for product, height in written.rows.items()
    }
    return replace(written, broken={product: of for product, of in broken.items() if of})


def _lacking(telling: Sequence[Check], height: int, filled: Mapping[str, int]) -> dict[str, int]:
    """Count rows without a value, where they have to have one, or where there are too many."""
    lacking = {}
    for column, kind in telling:
        nulls = height - filled.get(column.name, 0)
        share = column.rule.largest_share if column.rule else None
        is_broken = {
            "required": nulls > 0,
            "max_null": share is not None and nulls > share * height,
        }
        if is_broken.get(kind):
            lacking[check_name(kind, column.name)] = nulls
    return lacking


def _looked_at(telling: Sequence[Check], rows: pl.LazyFrame) -> Counted:
    """Count the rows that break checks of values: all are looked at once, and once for each key."""
    counted: defaultdict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    products = {product for column, _ in telling for product, _ in column.codes}
    failing = {
        check_name(kind, column.name): _fails(column, kind, sorted(products))
        for column, kind in telling
        if kind in ROW_KINDS and kind != "required"
    }
    sums = [expr.fill_null(value=False).sum().alias(name) for name, expr in failing.items()]
    frames = [rows.group_by(_GROUP).agg(sums)] if sums else []
    frames += [_repeating(rows, column.name, check_name(kind, column.name))
               for column, kind in telling if kind == "is_key"]  # fmt: skip
    for frame in pl.collect_all(frames, engine="streaming"):
        for row in frame.iter_rows(named=True):
            group = row.pop(CLIENT), row.pop(PRODUCT_COLUMN)
            counted[group] |= {name: count for name, count in row.items() if count}
    return counted


def _fails(column: AiColumn, kind: str, products: Sequence[str]) -> pl.Expr:
    """Tell where a check of values fails; which codes there may be depends on the product."""
    if kind != "code_list":
        return pl.any_horizontal(f for _, f in row_failures(column, kind, "") if f is not None)
    of_products = (
        (pl.col(PRODUCT_COLUMN) == product) & fails
        for product in products
        for _, fails in row_failures(column, kind, product)
        if fails is not None
    )
    return pl.any_horizontal(pl.lit(value=False), *of_products)


def _repeating(rows: pl.LazyFrame, column: str, name: str) -> pl.LazyFrame:
    """Count the rows that have the value of another row of their client's product."""
    times = rows.drop_nulls(column).group_by(*_GROUP, column).agg(pl.len().alias(_ROWS))
    repeated = times.filter(pl.col(_ROWS) > 1)
    return repeated.group_by(_GROUP).agg(pl.col(_ROWS).sum().alias(name))
