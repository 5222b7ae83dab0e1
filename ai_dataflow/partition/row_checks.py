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

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from ai_dataflow.partition.clients import Counts, Filled
from ai_dataflow.sources.source_job import SourceJob

# Beside AI columns, none of which begins so.
_NUMBER = "\ue000number "
_REASON = "\ue000without"
# Of rows that are left out: which row of its part it is, from 0; which check it fails.
NUMBER, FAILS = "\ue000\ue000number", "\ue000\ue000fails"
SCHEMA = pl.Schema({NUMBER: pl.UInt32(), FAILS: pl.UInt32()})


@dataclass(frozen=True, eq=False)
class RowCheck:
    """What must hold for every joined row of a product: else it is left out, for `reason`.

    `cell` says so, of an AI column. `fails` tells where it does not hold; without it the column
    must have a value.
    """

    ai_column: str
    cell: str
    reason: str = "REJ-004"
    fails: pl.Expr | None = None

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

    Nulls were counted; for other checks the rows are looked at.
    """
    columns = [check.ai_column for check in checks if check.fails is None]
    if any(bool((filled.get(column, 0) < height).any()) for column in columns):
        return True
    further = [check.fails for check in checks if check.fails is not None]
    if not further:
        return False
    return bool(rows.select(pl.any_horizontal(further).any()).collect().item())


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


def divided(
    rows: pl.LazyFrame, checks: Sequence[RowCheck], parts: int, by: Sequence[str] = ()
) -> tuple[pl.LazyFrame, list[pl.DataFrame]]:
    """Divide merged rows into those that pass all checks, and what the others lose.

    Args:
        rows: merged rows of numbered parts.
        checks: what must hold, in the order in which a row is told what it fails.
        parts: how many parts were numbered.
        by: the column of the clients, where there are several.

    Returns:
        The rows to be published; and for each part which of its rows are in none of them.
    """
    present = set(rows.collect_schema())
    failing = (
        pl.when(check.broken(present)).then(pl.lit(i, pl.UInt32()))
        for i, check in enumerate(checks)
    )
    fails = pl.coalesce(*failing, pl.lit(None, pl.UInt32()))
    names = [f"{_NUMBER}{part}" for part in range(parts)]
    numbers = rows.select(*by, fails.alias(_REASON), *(n for n in names if n in present)).collect()
    good = numbers.filter(pl.col(_REASON).is_null())
    lost = numbers.filter(pl.col(_REASON).is_not_null())
    left_out = [_of_part(lost, good, name, by) for name in names]
    return rows.filter(fails.is_null()).drop(names, strict=False), left_out


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
