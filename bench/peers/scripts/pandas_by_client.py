"""pandas, client by client: read, merge, write; one commit."""

import sys
from pathlib import Path

import pandas as pd
from committing import commit

PRODUCTS = ("LYRA", "ORION", "VEGA")
HEADER = ["No", "status", "opened", "region", "branch", "agent"]
DETAIL = ["No", "amount", "quantity", "rate", "note", "kind", "code"]


def make(client: Path, table: Path) -> None:
    """Make the file of a client."""
    products = []
    for product in PRODUCTS:
        header = pd.read_parquet(client / f"{product}-header.parquet", columns=HEADER)
        detail = pd.read_parquet(client / f"{product}-detail.parquet", columns=DETAIL)
        header["status"] = header["status"].str.strip().str.upper()
        header["opened"] = pd.to_datetime(header["opened"], format="%Y-%m-%d").dt.date
        detail["amount"] = detail["amount"].astype("float64")
        detail["quantity"] = detail["quantity"].astype("int64")
        joined = header.merge(detail, on="No", how="outer").rename(columns={"No": "claim_id"})
        joined["product_code"] = product
        products.append(joined)
    folder = table / f"client_code={client.name}"
    folder.mkdir(parents=True)
    pd.concat(products, ignore_index=True).to_parquet(folder / "part-0.parquet", index=False)


def main(project: str, out: str) -> None:
    """Make all clients of a project."""
    for client in sorted((Path(project) / "data").iterdir()):
        make(client, Path(out) / "claims")
    commit(f"{out}/claims")


if __name__ == "__main__":
    main(*sys.argv[1:])
