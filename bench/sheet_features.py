"""What the sheet's further tabs cost: many small partitions with and without them.

The partitions are those of `small_partitions`. The filter leaves out every fifth claim, the code
list names the status, a table of branches that all clients share is looked up, and a column is
computed after the joins. What is published is compared with what Polars computes by hand.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bench import small_partitions
from bench.peers.measuring import run_whole
from bench.racing import Case, Contender, race
from bench.small_partitions import DETAIL, HEADER, MODULE, PRODUCTS, checksum, clients_of

BRANCHES = 997
FIFTH = 5
COLUMNS = ("claim_id", *HEADER, *DETAIL, "branch_name", "value", "product_code")
_TABS = 'source_rules = "source_rules.csv"\ncode_lists = "code_lists.csv"\n'


def make_project(folder: Path, clients: int) -> None:
    """Write a project of so many clients that uses all these tabs."""
    small_partitions.make_project(folder, clients)
    settings = folder / "ai_dataflow.toml"
    settings.write_text(_TABS + settings.read_text())
    (folder / "source_rules.csv").write_text(
        "module_name,product_code,submodule_name,where,join\n"
        f"{MODULE},*,header,No % {FIFTH} <> {FIFTH - 1},\n"
        f"{MODULE},*,detail,No % {FIFTH} <> {FIFTH - 1},\n"
        f"{MODULE},*,branches,,lookup\n"
    )
    (folder / "code_lists.csv").write_text(
        "code_list,source_value,ai_value\nstatus,OPEN,in work\nstatus,CLOSED,done\n"
    )
    sheet = folder / "ai_mapping.csv"
    header, *rows = sheet.read_text().splitlines()
    rows = [_with_tabs(row) for row in rows]
    rows += [f"{MODULE},*,branches,branch,branch,int64,,Y,"]
    rows += [f"{MODULE},*,branches,name,branch_name,string,,,"]
    rows += [f"{MODULE},*,,,value,float64,amount * rate,,"]
    sheet.write_text("\n".join((f"{header},code_list", *rows)) + "\n")
    number = pl.int_range(BRANCHES, eager=True).alias("branch")
    branches = pl.DataFrame({"branch": number, "name": "branch " + number.cast(pl.String)})
    branches.write_parquet(folder / "branches.parquet")
    with (folder / "control_table.csv").open("a") as control:
        for product in PRODUCTS:
            control.write(f"{product},{MODULE},branches,*,branches.parquet,Y\n")


def _with_tabs(row: str) -> str:
    """Give a row its code list; and the branch is a key, for the lookup."""
    if ",branch,int64," in row:
        return f"{row}Y,"
    return f"{row},status" if ",status,string," in row else f"{row},"


def by_hand(folder: Path) -> pl.LazyFrame:
    """Compute what has to be published, of one client after the other."""
    branches = pl.read_parquet(folder / "branches.parquet").rename({"name": "branch_name"})
    frames = []
    for client in clients_of(str(folder)):
        for product in PRODUCTS:
            header = pl.read_parquet(client / f"{product}-header.parquet").select(
                pl.col("No").alias("claim_id"),
                pl.col("status").str.strip_chars().replace({"open": "in work", "closed": "done"}),
                pl.col("opened").str.to_date("%Y-%m-%d"),
                *HEADER[2:],
            )
            detail = pl.read_parquet(client / f"{product}-detail.parquet").select(
                pl.col("No").alias("claim_id"),
                pl.col("amount").cast(pl.Float64),
                pl.col("quantity").cast(pl.Int64),
                *DETAIL[2:],
            )
            rows = header.join(detail, on="claim_id").filter(
                pl.col("claim_id") % FIFTH != FIFTH - 1
            )
            rows = rows.join(branches, on="branch", how="left")
            frames.append(
                rows.with_columns(
                    value=pl.col("amount") * pl.col("rate"), product_code=pl.lit(product)
                )
            )
    return pl.concat(frames).lazy()


def measure(folder: Path, clients: int, rounds: int) -> Case:
    """Measure a run with the tabs, and one without."""
    plain, tabbed = folder / "plain", folder / "tabs"
    small_partitions.make_project(plain, clients)
    make_project(tabbed, clients)

    def check() -> str:
        rows = pl.scan_delta(str(tabbed / "workstation" / MODULE))
        ours, hand = checksum(rows, COLUMNS), checksum(by_hand(tabbed), COLUMNS)
        assert ours == hand, (ours, hand)  # noqa: S101
        return f"{ours[0]:,} rows, checksum {ours[1]}, as by hand"

    contenders = [
        Contender("with the tabs", lambda: run_whole(tabbed)),
        Contender("without", lambda: run_whole(plain)),
    ]
    return race(f"{clients:,} small partitions, the sheet's tabs", contenders, rounds, check)
