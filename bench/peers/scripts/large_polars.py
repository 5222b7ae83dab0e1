"""One large partition, Polars by hand: streamed into a file; one commit."""

import sys
from pathlib import Path

import polars as pl
from committing import commit


def with_amount(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Read the amounts of a column; rows without one are left out."""
    amount = pl.col(column).cast(pl.Float64, strict=False).alias("amount")
    return rows.with_columns(amount).filter(pl.col("amount").is_not_null())


def rows_of(project: str) -> pl.LazyFrame:
    """Give the rows of the partition of a project."""
    header, line, claim = (
        pl.scan_parquet(f"{project}/data/{name}.parquet") for name in ("header", "line", "claim")
    )
    header = header.select(claim_id="No", status=pl.col("Status").str.to_uppercase())
    lines = with_amount(line, "Amount").select(claim_id="No", line="Line", amount="amount")
    orion = header.join(lines, on="claim_id", how="full", coalesce=True)
    vega = with_amount(claim, "total").select(
        claim_id="id", status="state", line=pl.lit(None, pl.Int64), amount="amount"
    )
    orion = orion.with_columns(product_code=pl.lit("ORION"))
    return pl.concat([orion, vega.with_columns(product_code=pl.lit("VEGA"))])


def main(project: str, out: str) -> None:
    """Make the partition of a project."""
    Path(f"{out}/claims/client_code=acme").mkdir(parents=True)
    rows_of(project).sink_parquet(f"{out}/claims/client_code=acme/part-0.parquet")
    commit(f"{out}/claims")


if __name__ == "__main__":
    main(*sys.argv[1:])
