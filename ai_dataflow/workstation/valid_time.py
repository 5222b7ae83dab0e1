"""Valid time: of several rows of a key, the one that holds at a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN
from ai_dataflow.workstation.relations import Notes, Validity, validity_of

_ROW = "row."  # no AI column has a name with a dot


def validity_in(module: str, notes: Notes) -> Validity:
    """Give how the rows of a module follow each other.

    Raises:
        ValueError: nobody says so.
    """
    validity = validity_of(notes)
    if validity is None:
        raise ValueError(
            f"nobody says since when a row of {module} holds: in `ai_columns`, beside its key, "
            "let `valid_from` name the column that does, and publish it once more"
        )
    return validity


def rows_at(rows: pl.LazyFrame, validity: Validity, moment: datetime) -> pl.LazyFrame:
    """Give of each client, product and key the latest row that holds since the moment or before.

    Of several since the same moment it is the last in the dataset's order. A row that lacks a value
    of its key follows none and is given if it holds by then; one without a moment never holds.
    """
    schema = rows.collect_schema()
    since = pl.col(validity.moment)
    fixed = [name for name in (PARTITION_COLUMN, PRODUCT_COLUMN) if name in schema]
    key = [pl.col(name) for name in dict.fromkeys((*fixed, *validity.key))]
    is_alone = pl.any_horizontal(part.is_null() for part in key)
    held = rows.filter(since <= _limit(schema[validity.moment], moment)).with_row_index(_ROW)
    latest = held.filter(is_alone | (since == since.max().over(key)))
    last = latest.filter(is_alone | (pl.col(_ROW) == pl.col(_ROW).max().over(key)))
    return last.drop(_ROW)


def _limit(dtype: pl.DataType, moment: datetime) -> pl.Expr:
    """Give a moment as a column's type has it; days and moments without a zone are UTC."""
    in_utc = moment.astimezone(UTC)
    if dtype == pl.Date:
        return pl.lit(in_utc.date())
    has_zone = isinstance(dtype, pl.Datetime) and dtype.time_zone
    return pl.lit(in_utc if has_zone else in_utc.replace(tzinfo=None))
