"""Outputs compared by client: the rows and a sum over them that does not depend on their order."""

from __future__ import annotations

from pathlib import Path

import polars as pl

# What each output has to be, beside `client_code`.
SMALL = {
    "claim_id": pl.Int64, "status": pl.String, "opened": pl.Date, "region": pl.String,
    "branch": pl.Int64, "agent": pl.String, "amount": pl.Float64, "quantity": pl.Int64,
    "rate": pl.Float64, "note": pl.String, "kind": pl.String, "code": pl.Int64,
    "product_code": pl.String,
}  # fmt: skip
LARGE = {
    "claim_id": pl.Int64, "status": pl.String, "line": pl.Int64, "amount": pl.Float64,
    "product_code": pl.String,
}  # fmt: skip


def digests(table: Path, columns: dict[str, type[pl.DataType]]) -> dict[str, tuple[int, int]]:
    """Give the rows and the checksum of each client of a Delta table; none where there is none."""
    if not (table / "_delta_log").is_dir():
        return {}
    row = pl.struct(pl.col(name).cast(dtype) for name, dtype in columns.items())
    by_client = (
        pl.scan_delta(str(table))
        .select(pl.col("client_code").cast(pl.String), h=row.hash())
        .group_by("client_code")
        .agg(pl.len(), pl.col("h").cast(pl.Decimal(38, 0)).sum())
        .collect(engine="streaming")
    )
    return {client: (rows, int(total)) for client, rows, total in by_client.iter_rows()}
