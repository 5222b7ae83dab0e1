"""Polars, all clients in one query, streamed into files by client; one commit."""

import sys

import polars as pl
from committing import commit

PRODUCTS = ("LYRA", "ORION", "VEGA")
KEY = ["client_code", "claim_id"]


def scan(project: str, product: str, submodule: str, *columns: pl.Expr | str) -> pl.LazyFrame:
    """Scan a submodule of all clients, each row with its client."""
    files = f"{project}/data/*/{product}-{submodule}.parquet"
    client = pl.col("path").str.split("/").list.get(-2).alias("client_code")
    rows = pl.scan_parquet(files, include_file_paths="path")
    return rows.select(client, pl.col("No").alias("claim_id"), *columns)


def main(project: str, out: str) -> None:
    """Make all clients of a project."""
    products = []
    for product in PRODUCTS:
        header = scan(
            project, product, "header",
            pl.col("status").str.strip_chars().str.to_uppercase(),
            pl.col("opened").str.to_date("%Y-%m-%d"),
            "region", "branch", "agent",
        )  # fmt: skip
        detail = scan(
            project, product, "detail",
            pl.col("amount").cast(pl.Float64), pl.col("quantity").cast(pl.Int64),
            "rate", "note", "kind", "code",
        )  # fmt: skip
        joined = header.join(detail, on=KEY, how="full", coalesce=True)
        products.append(joined.with_columns(product_code=pl.lit(product)))
    target = pl.PartitionBy(f"{out}/claims", key="client_code", include_key=False)
    pl.concat(products).sink_parquet(target, mkdir=True)
    commit(f"{out}/claims")


if __name__ == "__main__":
    main(*sys.argv[1:])
