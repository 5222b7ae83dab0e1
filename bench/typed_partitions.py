"""Many small partitions whose work is casts: decimals, timestamps, days and booleans, as text.

Two products of 2,000 rows each, appended; each spells its values in its own way. Beside ours: a
script as one would write it by hand in Polars, which knows the spellings (the floor).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from bench.peers.measuring import child
from bench.projects import SETTINGS
from bench.racing import Case, Contender, Took, race
from bench.small_partitions import ROWS, VARIANTS, WORKERS, checksum, clients_of, fresh

MODULE = "payments"
COLUMNS = {
    "id": "int64", "amount": "decimal(18,2)", "tax": "decimal(18,4)", "rate": "decimal(9,6)",
    "created": "timestamp", "changed": "timestamp", "due": "date", "paid": "boolean",
    "blocked": "boolean", "currency": "string",
}  # fmt: skip
# How each product spells instants and what is true.
SPELLINGS = {
    "ORION": ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%3f", ("Y", "N")),
    "VEGA": ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%6fZ", ("true", "false")),
}


def make_project(folder: Path, clients: int) -> None:
    """Write a project of so many clients of one module."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ai_dataflow.toml").write_text(SETTINGS.format(workers=WORKERS))
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    mapping = ["module_name,product_code,submodule_name,source_column,ai_column,ai_type"]
    mapping += [f'{MODULE},*,entries,{name},{name},"{kind}"' for name, kind in COLUMNS.items()]
    (folder / "ai_mapping.csv").write_text("\n".join(mapping) + "\n")
    control = ["product_code,module_name,submodule_name,client_code,module_location,active"]
    for variant in range(min(VARIANTS, clients)):
        _write_variant(folder / "variants" / str(variant), variant)
    for i in range(clients):
        client = f"client{i:05d}"
        (folder / "data" / client).mkdir(parents=True)
        for product in SPELLINGS:
            name = f"{product}.parquet"
            os.link(folder / "variants" / str(i % VARIANTS) / name, folder / "data" / client / name)
            control.append(f"{product},{MODULE},entries,{client},data/{client}/{name},Y")
    (folder / "control_table.csv").write_text("\n".join(control) + "\n")


def _write_variant(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    number = pl.int_range(ROWS, eager=True)
    mixed = (number * 7_919 + seed) % 99_991
    moment = (1_700_000_000_000_000 + mixed * 987_654_321).cast(pl.Datetime("us"))
    for product, (seconds, fractions, (yes, no)) in SPELLINGS.items():
        flags = {True: yes, False: no}
        pl.DataFrame({
            "id": number.cast(pl.String),
            "amount": (mixed.cast(pl.Decimal(18, 0)) / 100).cast(pl.Decimal(18, 2)),
            "tax": (mixed.cast(pl.Decimal(18, 0)) / 10_000).cast(pl.Decimal(18, 4)),
            "rate": (mixed.cast(pl.Decimal(18, 0)) / 100_000).cast(pl.Decimal(18, 5)),
            "created": moment.dt.strftime(seconds),
            "changed": moment.dt.strftime(fractions),
            "due": moment.dt.strftime("%Y-%m-%d"),
            "paid": (mixed % 2 == 0).replace_strict(flags),
            "blocked": (mixed % 3 == 0).replace_strict(flags),
            "currency": (mixed % 9).cast(pl.String),
        }).with_columns(pl.col("amount", "tax", "rate").cast(pl.String)).write_parquet(
            folder / f"{product}.parquet"
        )  # fmt: skip


def by_hand(folder: str) -> None:
    """Do what a script would do; a file for each client."""
    target = fresh(Path(folder) / "by_hand")
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda client: _one_by_hand(client, target), clients_of(folder)))


def _one_by_hand(client: Path, target: Path) -> None:
    products = []
    for product, (seconds, fractions, (yes, _)) in SPELLINGS.items():
        rows = pl.scan_parquet(client / f"{product}.parquet").select(
            pl.col("id").cast(pl.Int64),
            pl.col("amount").cast(pl.Decimal(18, 2)),
            pl.col("tax").cast(pl.Decimal(18, 4)),
            pl.col("rate").cast(pl.Decimal(9, 6)),
            pl.col("created").str.to_datetime(seconds, time_unit="us").dt.replace_time_zone("UTC"),
            pl.col("changed")
            .str.to_datetime(fractions, time_unit="us")
            .dt.replace_time_zone("UTC"),
            pl.col("due").str.to_date("%Y-%m-%d"),
            pl.col("paid", "blocked") == yes,
            "currency",
            product_code=pl.lit(product),
        )
        products.append(rows)
    pl.concat(products).collect().write_parquet(target / f"{client.name}.parquet")


def measure(folder: Path, clients: int, rounds: int) -> Case:
    """Measure both on a project of so many clients."""
    make_project(folder, clients)

    def check() -> str:
        columns = [*COLUMNS, "product_code"]
        ours = checksum(pl.scan_delta(str(folder / "workstation" / MODULE)), columns)
        hand = checksum(pl.scan_parquet(folder / "by_hand/*.parquet"), columns)
        assert ours == hand, (ours, hand)  # noqa: S101
        return f"{ours[0]:,} rows, checksum {ours[1]}"

    def script() -> Took:
        return child("bench.typed_partitions:by_hand", folder, cwd=folder)

    contenders = [
        Contender("ai-dataflow run", lambda: child("cli", "run", "--full", cwd=folder)),
        Contender("Polars by hand", script),
    ]
    return race(f"{clients:,} small partitions of casts", contenders, rounds, check)
