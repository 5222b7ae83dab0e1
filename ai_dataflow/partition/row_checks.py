"""What must hold for a product's rows after its joins; rows for which it does not are left out.

A join can leave a required AI column null, where a row has no partner that would bring its value.
Such a joined row is not published (P12), nor is one that breaks another check. A source row that
took part in it is a reject, unless it also took part in one that is published. So each source row
counts once, however many joined rows it was a part of: as a reject, as what a published row was
made of, or as merged into one.

That always adds up: every joined row has a source row that is part of no other one. Rows of lookups
are no rejects: nothing is wrong with what was only looked up, and it counts there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.partition.clients import CLIENT, Counts, Filled, by_client
from ai_dataflow.partition.repeated_keys import (
    IS_BEFORE,
    NOTHING,
    Before,
    count_different,
    hashes,
    repeated_problems,
    repeating,
    repeats,
)
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_columns import Effect

# Beside AI columns, none of which begins so.
_NUMBER = "\ue000number "
_REASON = "\ue000without"
# Of rows that are left out: which row of its part it is, from 0; which check it fails.
NUMBER, FAILS = "\ue000\ue000number", "\ue000\ue000fails"
SCHEMA = pl.Schema({NUMBER: pl.UInt32(), FAILS: pl.UInt32()})
_MANY_ROWS = 1_000_000


@dataclass(frozen=True, eq=False)
class RowCheck:
    """What must hold for every joined row of a product: else it is left out, for `reason`.

    `cell` says so, of an AI column. `fails` tells where it does not hold; without it the column
    must have a value. With `on_repeats` no two rows may have the same value: such rows are left
    out, or fail the partition. With `blocks` a row for which it does not hold fails the partition.
    """

    ai_column: str
    cell: str
    reason: str = "REJ-004"
    fails: pl.Expr | None = None
    on_repeats: Effect | None = None
    blocks: bool = False

    @property
    def looks(self) -> bool:
        """Whether rows have to be looked at: nulls were counted before."""
        return self.fails is not None or self.on_repeats is not None

    def broken(self, columns: Collection[str]) -> pl.Expr:
        """Tell where it does not hold, of rows that have these columns; a missing one is null."""
        if self.fails is not None:
            return self.fails
        is_there = self.ai_column in columns
        return pl.col(self.ai_column).is_null() if is_there else pl.lit(value=True)


def required(sources: Sequence[SourceJob]) -> list[RowCheck]:
    """Require the AI columns that a product's mapping rows do, for the first cell that says so."""
    rows = (row for source in sources for row in source.mappings if row.required)
    cells: dict[str, str] = {}
    for row in rows:
        cells.setdefault(row.ai_column, row.cell)
    return [RowCheck(column, cell) for column, cell in cells.items()]


def may_fail(
    checks: Sequence[RowCheck], rows: pl.LazyFrame, filled: Filled, height: Counts
) -> bool:
    """Tell whether some of so many merged rows fail a check, of any client.

    Nulls were counted; for other checks the rows are looked at, once.
    """
    columns = [check.ai_column for check in checks if not check.looks]
    if any(bool((filled.get(column, 0) < height).any()) for column in columns):
        return True
    present = rows.collect_schema()
    by = [name for name in by_client(len(height)) if name in present]
    failing = [check.fails for check in checks if check.fails is not None]
    keys = [c.ai_column for c in checks if c.on_repeats and c.ai_column in present]
    hashed = {f"{_NUMBER}{i}": hashes(name, by) for i, name in enumerate(keys)}
    some_fail, different = _seen(rows, failing, hashed, int(height.sum()))
    return some_fail or different != [int(filled[name].sum()) for name in keys]


def _seen(
    rows: pl.LazyFrame, failing: Sequence[pl.Expr], hashed: Mapping[str, pl.Expr], height: int
) -> tuple[bool, list[int]]:
    """Tell whether some rows fail, and how many different hashes there are of each.

    At many rows it looks for one after the other, to take less memory.
    """
    fail = {_REASON: pl.any_horizontal(failing).any()} if failing else {}
    if height > _MANY_ROWS:
        seen = rows.select(**fail).collect(engine="streaming").to_dicts() if fail else [{}]
        return bool(seen[0].get(_REASON)), [count_different(rows, h) for h in hashed.values()]
    sought = fail | {name: each.n_unique() for name, each in hashed.items()}
    counts = rows.select(**sought).collect().to_dicts()[0] if sought else {}
    return bool(counts.get(_REASON)), [counts[name] for name in hashed]


def why(checks: Sequence[RowCheck]) -> dict[str, pl.Expr]:
    """Spell which check rows fail, by its number, as the columns of the reject table."""
    said = {
        "reason": [check.reason for check in checks],
        "ai_column": [check.ai_column for check in checks],
        "mapping_cell": [check.cell for check in checks],
    }
    return {
        name: pl.col(FAILS).replace_strict(dict(enumerate(texts)), return_dtype=pl.String)
        for name, texts in said.items()
    }


def numbered(rows: pl.LazyFrame, part: int) -> pl.LazyFrame:
    """Number the rows of a part, so that joined rows tell what they were made of."""
    return rows.with_row_index(f"{_NUMBER}{part}")


def unnumbered(rows: pl.LazyFrame, parts: int) -> pl.LazyFrame:
    """Give merged rows without the numbers of what they were made of."""
    return rows.drop(_names(parts), strict=False)


def _names(parts: int) -> list[str]:
    return [f"{_NUMBER}{part}" for part in range(parts)]


@dataclass(frozen=True)
class Divided:
    """Merged rows that pass all checks; and for each part which of its rows are in none of them.

    `broken` are the clients whose rows repeat keys and must not, and why.
    """

    good: pl.LazyFrame
    left_out: list[pl.DataFrame]
    broken: Mapping[int, Diagnostic] = field(default_factory=dict)


def divided(
    rows: pl.LazyFrame,
    checks: Sequence[RowCheck],
    parts: int,
    by: Sequence[str] = (),
    before: Before = NOTHING,
    product: str = "",
) -> Divided:
    """Divide merged rows into those that pass all checks, and what the others lose.

    Args:
        rows: merged rows of numbered parts.
        checks: what must hold, in the order in which a row is told what it fails.
        parts: how many parts were numbered.
        by: the column of the clients, where there are several.
        before: what is published of the product, which a replay leaves as it is.
        product: whose rows they are.
    """
    names = _names(parts)
    judged, broken = _judged(before.marked(rows, names), checks, by, before, product)
    present = set(judged.collect_schema())
    numbers = judged.select(*by, _REASON, *(n for n in names if n in present)).collect()
    good = numbers.filter(pl.col(_REASON).is_null())
    lost = numbers.filter(pl.col(_REASON).is_not_null())
    left_out = [_of_part(lost, good, name, by) for name in names]
    # Beside the rows as they were: what is judged by joins is not judged once more.
    reasons = numbers.lazy().select(_REASON)
    passing = pl.concat([rows, reasons], how="horizontal").filter(pl.col(_REASON).is_null())
    return Divided(passing.drop(*names, _REASON, strict=False), left_out, broken)


def _judged(
    rows: pl.LazyFrame,
    checks: Sequence[RowCheck],
    by: Sequence[str],
    before: Before,
    product: str,
) -> tuple[pl.LazyFrame, dict[int, Diagnostic]]:
    """Tell of each row which check it fails.

    Keys are compared among rows that fail no other, as is what fails the partition.
    """
    present = set(rows.collect_schema())
    failing = [
        pl.when(check.broken(present)).then(pl.lit(i, pl.UInt32()))
        for i, check in enumerate(checks)
        if not check.on_repeats and not check.blocks
    ]
    judged = rows.with_columns(pl.coalesce(*failing, pl.lit(None, pl.UInt32())).alias(_REASON))
    passing = judged.filter(pl.col(_REASON).is_null())
    broken = blocked(passing, [check for check in checks if check.blocks], by, product)
    flags = []
    for i, check in enumerate(checks):
        name = check.ai_column
        if not check.on_repeats or name not in present:
            continue
        if not (repeated := repeats(passing, name, by, before)).height:
            continue
        if check.on_repeats == "fail":
            broken = repeated_problems(repeated, name, check.cell, product) | broken
        else:
            judged = repeating(judged, repeated, name, pl.lit(i, pl.UInt32()))
            flags.append(f"{IS_BEFORE}{name}")
    reason = pl.coalesce(_REASON, *flags).alias(_REASON)
    return judged.with_columns(reason).drop(flags), broken


def blocked(
    rows: pl.LazyFrame, checks: Sequence[RowCheck], by: Sequence[str], product: str
) -> dict[int, Diagnostic]:
    """Tell of each client that rows of it, which fail nothing else, hold its partition back."""
    if not checks:
        return {}
    present = set(rows.collect_schema())
    fails = {f"{_NUMBER}{i}": check.broken(present) for i, check in enumerate(checks)}
    sums = [expr.fill_null(value=False).sum().alias(name) for name, expr in fails.items()]
    clients = pl.col(CLIENT) if by else pl.lit(0, pl.UInt32()).alias(CLIENT)
    many = rows.group_by(clients).agg(pl.len(), *sums)
    problems: dict[int, Diagnostic] = {}
    for client, height, *broken in many.collect().sort(CLIENT).iter_rows():
        for check, count in zip(checks, broken, strict=True):
            if count and client not in problems:
                problems[client] = _holds_back(check, product, count, height)
    return problems


def _holds_back(check: RowCheck, product: str, count: int, height: int) -> Diagnostic:
    return Diagnostic(
        "DAT-036",
        f"{product}: {count:,} of {height:,} rows break what must hold for {check.ai_column}",
        place=check.cell,
        fix="have them corrected and run the partition again; or clear `blocks`, and such rows are "
        "rejected",
        product=product,
        ai_column=check.ai_column,
    )


def taking_part(rows: pl.LazyFrame, parts: int, by: Sequence[str] = ()) -> dict[int, pl.DataFrame]:
    """Give for each numbered part which of its rows are in merged rows, with their clients."""
    names = {f"{_NUMBER}{part}": part for part in range(parts)}
    present = [name for name in rows.collect_schema() if name in names]
    numbers = rows.select(*by, *present).collect()
    return {
        names[name]: numbers.select(*by, name).drop_nulls(name).unique(name) for name in present
    }


def _of_part(lost: pl.DataFrame, good: pl.DataFrame, name: str, by: Sequence[str]) -> pl.DataFrame:
    """Give the rows of a part that are in joined rows that are lost, and in no other."""
    if name not in lost.columns:
        return pl.DataFrame(schema=SCHEMA | dict.fromkeys(by, pl.UInt32()))
    taking_part = lost.filter(pl.col(name).is_not_null())
    alone = taking_part.join(good.select(name), on=name, how="anti")
    return (
        alone.group_by(pl.col(name).alias(NUMBER), *by)
        .agg(pl.col(_REASON).min().alias(FAILS))
        .sort(NUMBER)
    )


def without(rows: pl.LazyFrame, left_out: pl.DataFrame) -> pl.LazyFrame:
    """Give a part's rows but for those that are left out, in their order."""
    if not left_out.height:
        return rows
    index = rows.with_row_index(_NUMBER)
    kept = index.join(left_out.lazy(), left_on=_NUMBER, right_on=NUMBER, how="anti",
                      maintain_order="left")  # fmt: skip
    return kept.drop(_NUMBER)
