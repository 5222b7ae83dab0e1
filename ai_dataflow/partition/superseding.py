"""Superseding: which of the rows that `unique_by` says are one is kept.

Of each row only its keys, its order and its number are looked at; where there are too many for
memory, piece by piece. Keys are compared as the values that they are, never by hashes. What is not
certain is not decided: a key of which a row cannot be computed is left out as a whole, and where
rows that differ are as late as each other, the partition fails.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from ai_dataflow.compiler.rules import UniqueBy
from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.partition.clients import heights
from ai_dataflow.partition.mapping import POSITION
from ai_dataflow.partition.scratch import Pile, Scratch
from ai_dataflow.tables.keeping import keep_of
from ai_dataflow.tables.source_rules import SourceRule

_OURS = "\ue000\ue000"
_ORDER, _FAILED, _UNORDERED = f"{_OURS}order", f"{_OURS}failed", f"{_OURS}unordered"
_ROWS, _FIRST, _HAS_FAILED = f"{_OURS}rows", f"{_OURS}first", f"{_OURS}has failed"


@dataclass(frozen=True)
class Choice:
    """What was decided on rows, by their number: all others are kept.

    `repeated` has the first row of each key that is there more than once and must not be, `tied`
    that of each key whose last rows differ.
    """

    superseded: pl.DataFrame
    undecided: pl.DataFrame
    repeated: pl.DataFrame
    tied: pl.DataFrame

    @cached_property
    def left_out(self) -> pl.DataFrame:
        """The numbers of all rows that do not go on."""
        return pl.concat([self.superseded.select(POSITION), self.undecided.select(POSITION)])

    def broken(self, clients: int) -> dict[int, tuple[int, bool]]:
        """Give the clients that have keys of which no row can be kept: how many, and if by a tie.

        Either all keys are repeated ones or all are tied ones: a rule has one way.
        """
        keys, is_tie = (self.tied, True) if self.tied.height else (self.repeated, False)
        numbers = enumerate(heights(keys, clients))
        return {client: (int(number), is_tie) for client, number in numbers if number}


def facts(
    rows: pl.DataFrame, unique: UniqueBy, by: Sequence[str], *, has_failed: bool
) -> pl.DataFrame:
    """Give what tells which rows are kept: client, number, keys, order, and what failed."""
    frame = rows.lazy()
    for step in unique.order.steps if unique.order else ():
        frame = frame.with_columns(step)
    keys = {name: key.value for name, key in zip(_names(unique), unique.keys, strict=True)}
    order, failed = pl.lit(None, pl.Boolean), pl.lit(value=False)
    if unique.order is not None:
        order, failed = (
            unique.order.value,
            failed if unique.order.failed is None else unique.order.failed,
        )
        if unique.order.dtype.is_float():  # NaN is no order
            order = order.fill_nan(None)
    made = {_ORDER: order, _UNORDERED: failed, _FAILED: pl.lit(has_failed)}
    return frame.with_columns(**keys, **made).select(*by, POSITION, *keys, *made).collect()


def _names(unique: UniqueBy) -> list[str]:
    return [f"{_OURS}key {i}" for i in range(len(unique.keys))]


def chosen(
    noted: Pile,
    rows: Pile,
    unique: UniqueBy,
    columns: Sequence[str],
    by: Sequence[str],
    space: Scratch,
) -> Choice:
    """Decide on all rows of a source.

    Args:
        noted: the facts of all rows, as `facts` gives them.
        rows: the rows.
        unique: what makes rows one, and which of them is kept.
        columns: those that are read: rows that are equal in all of them are one in any case.
        by: the column of the clients, where there are several.
        space: where what is too large for memory is done piece by piece.
    """
    on = [*by, *_names(unique)]
    number = math.ceil(noted.bytes / space.piece_bytes)
    frame = noted.rows()
    pieces = space.split(frame, on, number) if number > 1 else [frame]
    parts = [_of_piece(piece.collect(), unique, on, rows, [*by, *columns]) for piece in pieces]
    return Choice(*(pl.concat(part) for part in zip(*parts, strict=True)))


def _of_piece(
    noted: pl.DataFrame, unique: UniqueBy, on: Sequence[str], rows: Pile, columns: Sequence[str]
) -> tuple[pl.DataFrame, ...]:
    """Decide on all rows of some keys: which are superseded, undecided, repeated, tied."""
    nobody = noted.clear()
    has_key = pl.all_horizontal(pl.col(name).is_not_null() for name in on)
    cannot = pl.col(_FAILED) | pl.col(_UNORDERED)
    several = noted.filter(has_key).with_columns(
        pl.len().over(on).alias(_ROWS), cannot.any().over(on).alias(_HAS_FAILED)
    )
    alone = noted.filter(~has_key & pl.col(_UNORDERED) & ~pl.col(_FAILED))
    undecided = several.filter(pl.col(_HAS_FAILED) & ~pl.col(_FAILED)).select(noted.columns)
    left = several.filter((pl.col(_ROWS) > 1) & ~pl.col(_HAS_FAILED)).select(noted.columns)
    undecided = pl.concat([alone, undecided])
    if not left.height:
        return nobody, undecided, nobody, nobody
    if unique.order is None:
        return nobody, undecided, left.unique(on, keep="first", maintain_order=True), nobody
    winners, tied = _winners(left, unique, on, rows, columns)
    superseded = left.join(winners, on=POSITION, how="anti", maintain_order="left")
    return superseded, undecided, nobody, tied


def _winners(
    left: pl.DataFrame, unique: UniqueBy, on: Sequence[str], rows: Pile, columns: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the row of each key that is kept; and the first of those whose last rows differ.

    A row without an order is kept only where all rows of its key have none.
    """
    order = pl.col(_ORDER)
    best = (order.max() if unique.way == "latest" else order.min()).over(on)
    last = left.filter(order.eq_missing(best)).with_columns(
        pl.len().over(on).alias(_ROWS), pl.col(POSITION).min().over(on).alias(_FIRST)
    )
    winners = last.filter(pl.col(POSITION) == pl.col(_FIRST))
    equals = last.filter(pl.col(_ROWS) > 1).select(POSITION, _FIRST)
    if not equals.height:
        return winners.select(POSITION), left.clear()
    whole = rows.rows().join(equals.lazy(), on=POSITION, how="inner", maintain_order="left")
    different = whole.unique([_FIRST, *columns]).group_by(_FIRST).len()
    differ = different.filter(pl.col("len") > 1).select(pl.col(_FIRST).alias(POSITION)).collect()
    tied = winners.join(differ, on=POSITION, how="semi").select(left.columns)
    return winners.select(POSITION), tied


def ambiguous(rule: SourceRule, keys: int, *, is_tie: bool) -> Diagnostic:
    """Tell of keys of which no row can be kept; their number, and no value of them."""
    several = f"{keys:,} key{'' if keys == 1 else 's'} of `{rule.unique_by[:80]}`"
    if not is_tie:
        cell = "keep" if rule.keep else "unique_by"
        message = f"{several} {'is' if keys == 1 else 'are'} in more than one row"
        fix = "say which row is kept, `keep` = `latest:<column>`; or correct the source"
        return rule.problem("DAT-021", cell, message, fix)
    keep = keep_of(rule.keep)
    word = "largest" if keep.way == "latest" else "smallest"
    message = (
        f"{several} {'has' if keys == 1 else 'have'} several rows with the {word} "
        f"`{keep.order[:80]}` that differ: which is kept, nobody can tell"
    )
    fix = "name an order that tells them apart, or a further column in `unique_by`"
    return rule.problem("DAT-022", "keep", message, fix)
