"""One large partition, dlt: Polars streams, slices of it are yielded, a Delta table."""

import sys

import dlt
import polars as pl
from dlt.destinations import filesystem
from large_polars import rows_of

PROJECT, OUT = sys.argv[1:3]
SLICE = 1_000_000


@dlt.resource(
    table_format="delta", write_disposition="replace", columns={"client_code": {"partition": True}}
)
def claims():
    """Make the rows of the partition."""
    rows = rows_of(PROJECT).with_columns(client_code=pl.lit("acme"))
    for piece in rows.collect(engine="streaming").iter_slices(SLICE):
        yield piece.to_arrow()


if __name__ == "__main__":
    dlt.pipeline(
        "claims", pipelines_dir=f"{OUT}/state", destination=filesystem(OUT), dataset_name="lake"
    ).run(claims)
