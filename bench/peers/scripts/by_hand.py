"""Polars by hand: two processes, a file for each client, one commit; who fails is told."""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # two processes share two cores

import polars as pl

PRODUCTS = ("LYRA", "ORION", "VEGA")


def make(client: Path, table: Path) -> str:
    """Make the file of a client; give what went wrong."""
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
    try:
        rows = pl.concat(products).collect()
    except Exception as error:
        return f"{client.name}: {error}"
    folder = table / f"client_code={client.name}"
    folder.mkdir(parents=True)
    rows.write_parquet(folder / "part-0.parquet")
    return ""


def make_all(project: str, table: Path) -> dict[str, str]:
    """Make the files of all clients of a project; give what went wrong with each."""
    clients = sorted((Path(project) / "data").iterdir())
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        wrong = pool.map(make, clients, [table] * len(clients), chunksize=4)
        return dict(zip((client.name for client in clients), wrong, strict=True))


def main(project: str, out: str) -> None:
    """Make all clients of a project."""
    table = Path(out) / "claims"
    wrong = [*filter(None, make_all(project, table).values())]
    from committing import commit  # noqa: PLC0415 - the two processes need none of it

    commit(str(table))
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
