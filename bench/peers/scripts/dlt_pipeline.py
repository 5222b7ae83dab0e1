"""dlt: a resource of clients, a transformer that makes each with Polars, a Delta table."""

import sys
from pathlib import Path

import dlt
import polars as pl
from dlt.destinations import filesystem

PROJECT, OUT = sys.argv[1:3]
PRODUCTS = ("LYRA", "ORION", "VEGA")


@dlt.resource
def clients():
    """Give the folders of the clients."""
    yield from sorted((Path(PROJECT) / "data").iterdir())


@dlt.transformer(
    data_from=clients, table_format="delta", write_disposition="replace", parallelized=True,
    columns={"client_code": {"partition": True}},
)  # fmt: skip
def claims(client: Path):
    """Make the rows of a client."""
    products = []
    for product in PRODUCTS:
        header = pl.scan_parquet(client / f"{product}-header.parquet").select(
            pl.col("No").alias("claim_id"),
            pl.col("status").str.strip_chars().str.to_uppercase(),
            pl.col("opened").str.to_date("%Y-%m-%d"),
            "region", "branch", "agent",
        )  # fmt: skip
        detail = pl.scan_parquet(client / f"{product}-detail.parquet").select(
            pl.col("No").alias("claim_id"),
            pl.col("amount").cast(pl.Float64),
            pl.col("quantity").cast(pl.Int64),
            "rate", "note", "kind", "code",
        )  # fmt: skip
        joined = header.join(detail, on="claim_id", how="full", coalesce=True)
        products.append(joined.with_columns(product_code=pl.lit(product)))
    rows = pl.concat(products).with_columns(client_code=pl.lit(client.name))
    yield rows.collect().to_arrow()


if __name__ == "__main__":
    dlt.pipeline(
        "claims", pipelines_dir=f"{OUT}/state", destination=filesystem(OUT), dataset_name="lake"
    ).run(claims)
