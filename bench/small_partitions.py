"""Many small partitions: three products, two submodules each, joined; 2,000 rows of 20 columns.

Twelve columns are mapped: three by a cast, one by a transform. Beside ours: a script as one would
write it by hand in Polars, with a pool of threads and no orchestration, which counts nothing, keeps
no rejects and publishes nothing atomically (the floor); a PySpark script with a pool of threads, as
teams write it; and our own assets with a Dagster run for each partition.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from bench.peers.measuring import child
from bench.projects import SETTINGS
from bench.racing import Case, Contender, Took, race, set_aside

MODULE = "claims"
PRODUCTS = ("LYRA", "ORION", "VEGA")
ROWS = 2_000
VARIANTS = 16  # of the data; clients share them, by hard links
WORKERS = 4
HEADER = ("status", "opened", "region", "branch", "agent")
DETAIL = ("amount", "quantity", "rate", "note", "kind", "code")
_HEADER_TYPES = ("string", "date", "string", "int64", "string")
_DETAIL_TYPES = ("float64", "int64", "float64", "string", "string", "int64")


def make_project(folder: Path, clients: int, workers: int = WORKERS) -> None:
    """Write a project of so many clients of one module."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ai_dataflow.toml").write_text(SETTINGS.format(workers=workers))
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    (folder / "ai_mapping.csv").write_text("\n".join(_mapping()) + "\n")
    control = ["product_code,module_name,submodule_name,client_code,module_location,active"]
    pool = folder / "variants"
    for variant in range(min(VARIANTS, clients)):
        _write_variant(pool / str(variant), variant)
    for i in range(clients):
        client = f"client{i:05d}"
        (folder / "data" / client).mkdir(parents=True)
        for product in PRODUCTS:
            for submodule in ("header", "detail"):
                name = f"{product}-{submodule}.parquet"
                os.link(pool / str(i % VARIANTS) / name, folder / "data" / client / name)
                control.append(f"{product},{MODULE},{submodule},{client},data/{client}/{name},Y")
    (folder / "control_table.csv").write_text("\n".join(control) + "\n")


def _mapping() -> Iterator[str]:
    yield "module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key"
    for product in PRODUCTS:
        for submodule, columns, types in (
            ("header", HEADER, _HEADER_TYPES),
            ("detail", DETAIL, _DETAIL_TYPES),
        ):
            yield f"{MODULE},{product},{submodule},No,claim_id,int64,,Y"
            for column, ai_type in zip(columns, types, strict=True):
                source = "" if column == "status" else column
                transform = "UPPER(TRIM(status))" if column == "status" else ""
                yield f"{MODULE},{product},{submodule},{source},{column},{ai_type},{transform},"


def _write_variant(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    number = pl.int_range(ROWS, eager=True).alias("No")
    rest = {f"other{i}": (number * (i + 7) % 1_009).cast(pl.String) for i in range(14)}
    mixed = (number * 31 + seed) % 997
    header = pl.DataFrame({
        "No": number,
        "status": (mixed % 2 == 0).cast(pl.String).replace({"true": " open", "false": "closed "}),
        "opened": (mixed.cast(pl.Int32) + 20_000).cast(pl.Date).dt.to_string("%Y-%m-%d"),
        "region": (mixed % 17).cast(pl.String),
        "branch": mixed,
        "agent": (mixed * 3).cast(pl.String),
        **rest,
    })  # fmt: skip
    detail = pl.DataFrame({
        "No": number,
        "amount": (mixed / 4).cast(pl.String),
        "quantity": (mixed % 13).cast(pl.String),
        "rate": mixed / 8,
        "note": "note " + mixed.cast(pl.String),
        "kind": (mixed % 5).cast(pl.String),
        "code": mixed * 2,
        **dict(list(rest.items())[:13]),
    })  # fmt: skip
    for product in PRODUCTS:
        header.write_parquet(folder / f"{product}-header.parquet")
        detail.write_parquet(folder / f"{product}-detail.parquet")


def by_hand(folder: str) -> None:
    """Do what a script would do; a file for each client."""
    target = fresh(Path(folder) / "by_hand")
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda client: _one_by_hand(client, target), clients_of(folder)))


def _one_by_hand(client: Path, target: Path) -> None:
    products = []
    for product in PRODUCTS:
        header = pl.scan_parquet(client / f"{product}-header.parquet").select(
            pl.col("No").alias("claim_id"),
            pl.col("status").str.strip_chars().str.to_uppercase(),
            pl.col("opened").str.to_date("%Y-%m-%d"),
            *HEADER[2:],
        )
        detail = pl.scan_parquet(client / f"{product}-detail.parquet").select(
            pl.col("No").alias("claim_id"),
            pl.col("amount").cast(pl.Float64),
            pl.col("quantity").cast(pl.Int64),
            *DETAIL[2:],
        )
        joined = header.join(detail, on="claim_id", how="full", coalesce=True)
        products.append(joined.with_columns(product_code=pl.lit(product)))
    pl.concat(products).collect().write_parquet(target / f"{client.name}.parquet")


def by_spark(folder: str, clients: str) -> None:
    """Do what teams do in Spark: a pool of threads over the clients, all in one session."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - a contender pays for its own imports
    from pyspark.sql import functions as f  # noqa: PLC0415

    target = fresh(Path(folder) / "by_spark")
    conf = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2"}
    spark = SparkSession.builder.master("local[2]").config(map=conf).getOrCreate()

    def one(client: Path) -> None:
        products = []
        for product in PRODUCTS:
            header = spark.read.parquet(str(client / f"{product}-header.parquet")).select(
                f.col("No").alias("claim_id"), f.upper(f.trim("status")).alias("status"),
                f.to_date("opened").alias("opened"), *HEADER[2:],
            )  # fmt: skip
            detail = spark.read.parquet(str(client / f"{product}-detail.parquet")).select(
                f.col("No").alias("claim_id"), f.col("amount").cast("double"),
                f.col("quantity").cast("long"), *DETAIL[2:],
            )  # fmt: skip
            joined = header.join(detail, on="claim_id", how="full")
            products.append(joined.withColumn("product_code", f.lit(product)))
        first, *others = products
        for other in others:
            first = first.unionByName(other)
        first.coalesce(1).write.mode("overwrite").parquet(str(target / client.name))

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, clients_of(folder)[: int(clients)]))
    spark.stop()


def clients_of(folder: str) -> list[Path]:
    """Give the folders of all clients."""
    return sorted((Path(folder) / "data").iterdir())


def fresh(folder: Path) -> Path:
    """Make an empty folder, in the place of another."""
    set_aside(folder)
    folder.mkdir()
    return folder


def run_each(folder: Path, clients: int) -> Took:
    """Materialize some partitions in a Dagster run each, two at once, as a daemon would."""
    home = folder / "dagster-each"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    env = os.environ | {"DAGSTER_HOME": str(home), "AI_DATAFLOW_CONFIG": str(folder)}
    names = [f"client{i:05d}" for i in range(clients)]
    dagster = Path(sys.executable).with_name("dagster")
    add = (
        "import sys, dagster as dg\n"
        "from ai_dataflow.orchestration.partitions import add_partitions\n"
        "with dg.DagsterInstance.get() as instance: add_partitions(instance, sys.argv[1:])"
    )
    keys = [f"{MODULE}|{name}" for name in names]
    subprocess.run([sys.executable, "-c", add, *keys], env=env, cwd=folder, check=True)

    def one(key: str) -> None:
        command = [dagster, "asset", "materialize", "--select", "*", "--partition", key]
        subprocess.run([*command, "-m", "ai_dataflow.definitions"], env=env, cwd=folder,
                       check=True, capture_output=True)  # fmt: skip

    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, keys))
    return Took(time.perf_counter() - started)


COLUMNS = ("claim_id", *HEADER, *DETAIL, "product_code")


def checksum(frame: pl.LazyFrame, columns: Sequence[str] = COLUMNS) -> tuple[int, int]:
    """Give the rows of an output, and a sum over them that does not depend on their order."""
    rows = frame.select(columns).collect()
    return rows.height, int(rows.hash_rows().cast(pl.Decimal(38, 0)).sum())


def measure(
    folder: Path, clients: int, rounds: int, *, spark: int, each: int, others: bool = True
) -> Case:
    """Measure all contenders on a project of so many clients; `spark` and `each` of them.

    Without any for `spark` that one is left out: it takes long to begin.
    """
    make_project(folder, clients)

    def check() -> str:
        ours = checksum(pl.scan_delta(str(folder / "workstation" / MODULE)))
        hand = checksum(pl.scan_parquet(folder / "by_hand/*.parquet"))
        assert ours == hand, (ours, hand)  # noqa: S101
        if not (others and spark):
            return f"{ours[0]:,} rows, checksum {ours[1]}"
        own = pl.scan_delta(str(folder / "workstation" / MODULE)).filter(
            pl.col("client_code") < f"client{spark:05d}"
        )
        found = checksum(pl.scan_parquet(folder / "by_spark/*/*.parquet"))
        assert checksum(own) == found, (checksum(own), found)  # noqa: S101
        return f"{ours[0]:,} rows, checksum {ours[1]}; Spark's {found[0]:,} rows too"

    def function(name: str, *arguments: object) -> Took:
        return child(f"bench.small_partitions:{name}", folder, *arguments, cwd=folder)

    contenders = [
        Contender("ai-dataflow run", lambda: child("cli", "run", "--full", cwd=folder)),
        Contender("Polars by hand", lambda: function("by_hand")),
        Contender("PySpark by hand", lambda: function("by_spark", spark), spark / clients, 1),
        Contender("a Dagster run each", lambda: run_each(folder, each), each / clients, 1),
    ]
    if not spark:
        del contenders[2]
    name = f"{clients:,} small partitions"
    return race(name, contenders if others else contenders[:2], rounds, check)
