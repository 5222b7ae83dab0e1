"""One large partition, pandas; one commit."""

import sys
from pathlib import Path

import pandas as pd
from committing import commit


def with_amount(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Read the amounts of a column; rows without one are left out."""
    rows["amount"] = pd.to_numeric(rows.pop(column), errors="coerce")
    return rows[rows["amount"].notna()]


def main(project: str, out: str) -> None:
    """Make the partition of a project."""
    header = pd.read_parquet(f"{project}/data/header.parquet")
    header = header.rename(columns={"No": "claim_id", "Status": "status"})
    header["status"] = header["status"].str.upper()
    lines = with_amount(pd.read_parquet(f"{project}/data/line.parquet"), "Amount")
    lines = lines.rename(columns={"No": "claim_id", "Line": "line"})
    orion = header.merge(lines, on="claim_id", how="outer").assign(product_code="ORION")
    del header, lines
    vega = with_amount(pd.read_parquet(f"{project}/data/claim.parquet"), "total")
    vega = vega.rename(columns={"id": "claim_id", "state": "status"}).assign(product_code="VEGA")
    rows = pd.concat([orion, vega], ignore_index=True)
    rows["line"] = rows["line"].astype("Int64")
    Path(f"{out}/claims/client_code=acme").mkdir(parents=True)
    rows.to_parquet(f"{out}/claims/client_code=acme/part-0.parquet", index=False)
    commit(f"{out}/claims")


if __name__ == "__main__":
    main(*sys.argv[1:])
