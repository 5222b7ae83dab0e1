"""What is required holds after the joins too: joined rows without a required value are left out.

A join can leave a required AI column null, where a row has no partner that would bring its value.
Such a joined row is not published (P12). A source row that took part in it is a reject, unless it
also took part in one that is published. So each source row counts once, however many joined rows
it was a part of: as a reject, as what a published row was made of, or as merged into one.

That always adds up: every joined row has a source row that is part of no other one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from ai_dataflow.partition.clients import Counts, Filled
from ai_dataflow.sources.source_job import SourceJob

# Beside AI columns, none of which begins so.
_NUMBER = "\ue000number "
_REASON = "\ue000without"
# Of rows that are left out: which row of its part it is, from 0; which required column it lacks.
NUMBER, LACKS = "\ue000\ue000number", "\ue000\ue000lacks"
SCHEMA = pl.Schema({NUMBER: pl.UInt32(), LACKS: pl.UInt32()})


def required(sources: Sequence[SourceJob]) -> dict[str, str]:
    """Give the AI columns that a product's mapping rows require, with the first cell that does."""
    rows = (row for source in sources for row in source.mappings if row.required)
    cells: dict[str, str] = {}
    for row in rows:
        cells.setdefault(row.ai_column, row.cell)
    return cells


def is_open(columns: Iterable[str], filled: Filled, height: Counts) -> bool:
    """Tell whether some of so many merged rows lack a required value, of any client."""
    return any(bool((filled.get(column, 0) < height).any()) for column in columns)


def numbered(rows: pl.LazyFrame, part: int) -> pl.LazyFrame:
    """Number the rows of a part, so that joined rows tell what they were made of."""
    return rows.with_row_index(f"{_NUMBER}{part}")


def divided(
    rows: pl.LazyFrame, columns: Sequence[str], parts: int, by: Sequence[str] = ()
) -> tuple[pl.LazyFrame, list[pl.DataFrame]]:
    """Divide merged rows into those that have what is required, and what the others lose.

    Args:
        rows: merged rows of numbered parts.
        columns: the required AI columns, those that a row is told to lack first.
        parts: how many parts were numbered.
        by: the column of the clients, where there are several.

    Returns:
        The rows to be published; and for each part which of its rows are in none of them.
    """
    present = set(rows.collect_schema())
    lacks = pl.coalesce(
        pl.when(pl.col(column).is_null() if column in present else pl.lit(value=True)).then(
            pl.lit(i, pl.UInt32())
        )
        for i, column in enumerate(columns)
    )
    names = [f"{_NUMBER}{part}" for part in range(parts)]
    numbers = rows.select(*by, lacks.alias(_REASON), *(n for n in names if n in present)).collect()
    good = numbers.filter(pl.col(_REASON).is_null())
    lost = numbers.filter(pl.col(_REASON).is_not_null())
    left_out = [_of_part(lost, good, name, by) for name in names]
    return rows.filter(lacks.is_null()).drop(names, strict=False), left_out


def _of_part(lost: pl.DataFrame, good: pl.DataFrame, name: str, by: Sequence[str]) -> pl.DataFrame:
    """Give the rows of a part that are in joined rows that are lost, and in no other."""
    if name not in lost.columns:
        return pl.DataFrame(schema=SCHEMA | dict.fromkeys(by, pl.UInt32()))
    taking_part = lost.filter(pl.col(name).is_not_null())
    alone = taking_part.join(good.select(name), on=name, how="anti")
    return (
        alone.group_by(pl.col(name).alias(NUMBER), *by)
        .agg(pl.col(_REASON).min().alias(LACKS))
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
