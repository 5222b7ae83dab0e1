"""Mid-sized partitions on a Spark cluster: what a second worker brings, and what a task costs.

    .venv/bin/python -m bench.spark_partitions --partitions 200

Makes a project whose partitions read three files each, of the same rows (two products, a join, a
transform).
Runs it with the local engine on one core, then on a standalone cluster of this machine with one
worker of one core, then with two; all three must publish the same content before a figure counts.
The efficiency is the time with one worker over twice the time with two: 100 % is a second worker
that halves the time. "data" is the time from the first partition's start to the last one's end; it
includes the start of executors. The driver and both workers share this machine's cores.

Then it sends tasks that do nothing, and takes the driver's processor time for each: so many a
second can one core of a driver start, however many executors there are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl

from ai_dataflow import load
from ai_dataflow.config.sections import SparkSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import spark
from ai_dataflow.engine.spark import open_session
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow_tests.engine.spark import finished, on_spark, start_run
from ai_dataflow_tests.services.spark import SparkCluster
from bench.projects import MAPPING, MAPPING_HEADER, SETTINGS
from bench.racing import Case, Row

SOURCES = (("ORION", "header", "csv"), ("ORION", "line", "csv"), ("VEGA", "item", "parquet"))


def make_project(folder: Path, partitions: int, rows: int) -> Path:
    """Write a project of so many partitions, each of four times so many rows."""
    (folder / "data").mkdir(parents=True)
    (folder / "ai_dataflow.toml").write_text(SETTINGS.format(workers=1))
    (folder / "ai_mapping.csv").write_text(MAPPING_HEADER + MAPPING.format(module="claims"))
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    control = ["product_code,module_name,submodule_name,client_code,module_location,active"]
    control += [
        f"{product},claims,{submodule},client{i:04d},data/client{i:04d}/{submodule}.{suffix},Y"
        for i in range(partitions)
        for product, submodule, suffix in SOURCES
    ]
    (folder / "control_table.csv").write_text("\n".join(control) + "\n")
    numbers = pl.DataFrame({"No": range(rows)})
    header = numbers.with_columns(Day=pl.date(2026, 1, 1) + pl.duration(days=pl.col("No") % 365))
    header.write_csv(folder / "data" / "header.csv")
    lines = pl.concat([numbers, numbers]).with_columns(Price=pl.col("No") / 8, Quantity=pl.lit(3))
    lines.write_csv(folder / "data" / "line.csv")
    items = header.select(id="No", day="Day", amount=pl.col("No") * 2.5)
    items.write_parquet(folder / "data" / "item.parquet")
    for i in range(partitions):  # a client has files of its own; links take no time to write
        (folder / "data" / f"client{i:04d}").mkdir()
        for _, submodule, suffix in SOURCES:
            name = f"{submodule}.{suffix}"
            (folder / "data" / f"client{i:04d}" / name).hardlink_to(folder / "data" / name)
    return folder


def measured(folder: Path, cluster: SparkCluster) -> dict[str, Any]:
    """Run all partitions; give their count, the seconds, and a digest of what is published."""
    began = time.perf_counter()
    report = finished(start_run(folder, cluster), 3600)
    seconds = time.perf_counter() - began
    statuses = {p["status"] for p in report["partitions"]}
    assert statuses == {"ok"}, (statuses, report["diagnostics"][:1])  # noqa: S101
    return {
        "partitions": len(report["partitions"]),
        "data": report["timings"]["data"],
        "jobs": sum(p["seconds"] for p in report["partitions"]),
        "all": seconds,
        "content": _content(folder),
    }


def _content(folder: Path) -> str:
    """Give a digest of all clients' rows, in the order in which they are stored."""
    found = hashlib.sha256()
    clients = load("claims", config=folder).select("client_code").unique().collect()
    for client in clients["client_code"].sort():
        rows = load("claims", client, config=folder).collect().hash_rows(seed=0)
        found.update(rows.to_numpy().tobytes())
    return found.hexdigest()


def compare(partitions: int, rows: int, tasks: int) -> dict[str, dict[str, Any]]:
    """Measure the local engine with one worker, and Spark with one and two."""
    with (
        patch.dict(os.environ, POLARS_MAX_THREADS="1"),  # a core for each, here and there
        tempfile.TemporaryDirectory() as name,
        SparkCluster(workers=1) as cluster,
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
    ):
        folder = make_project(Path(name) / "project", partitions, rows)
        found = {"local, 1 worker": measured(folder, cluster)}
        toml = folder / "ai_dataflow.toml"
        toml.write_text(toml.read_text().partition("[execution]")[0])
        on_spark(folder, cluster)
        found["Spark, 1 worker"] = measured(folder, cluster)
        cluster.add_worker()
        found["Spark, 2 workers"] = measured(folder, cluster)
        asked = pool.submit(
            driver_seconds, cluster.master, cluster.conf, cluster.environment, tasks
        )
        wall, driver = asked.result()
    assert len({one["content"] for one in found.values()}) == 1  # noqa: S101
    return found | {"empty tasks": {"wall": wall, "driver": driver}}


def case(partitions: int, rows: int, tasks: int) -> Case:
    """Measure all of it as a case of the bench; the ratio is to one core of the local engine."""
    found = compare(partitions, rows, tasks)
    empty = found.pop("empty tasks")
    local = found["local, 1 worker"]["data"]
    shown = tuple(
        Row(name, one["data"], 0.0, one["data"] / local, {},
            f"{one['data'] / partitions:.2f} s a partition")
        for name, one in found.items()
    )  # fmt: skip
    one, two = found["Spark, 1 worker"]["data"], found["Spark, 2 workers"]["data"]
    notes = (
        f"2 workers against 1: {one / two:.2f} x, efficiency {one / two / 2:.0%}",
        f"an empty task: {1000 * empty['wall']:.0f} ms, of which the driver's core "
        f"{1000 * empty['driver']:.0f} ms",
    )
    name = f"Spark, {partitions} partitions of {4 * rows:,} rows"
    return Case(name, shown, "all three published the same content", notes)


def driver_seconds(
    master: str, conf: Mapping[str, str], environment: Mapping[str, str], tasks: int
) -> tuple[float, float]:
    """Send tasks that do nothing; give the wall and the driver's processor seconds of each.

    In a process of its own: it changes the environment, and its JVM stays as long as it does.
    """
    os.environ.update(environment)
    settings = SparkSettings(master=master, conf=dict(conf))
    session = open_session(Settings(folder=Path(), spark=settings))
    jvm = session.sparkContext._gateway.proc.pid

    def send(count: int) -> None:
        jobs = [PartitionJob("bench", str(i), (), ()) for i in range(count)]
        tasks = [(job, partial(PartitionResult, job)) for job in jobs]
        done = spark.run_tasks(tasks, spark.Cluster(session, STAGES), 8)
        assert not [r for r in done if r.failures]  # noqa: S101

    try:
        send(20)  # workers import what they need
        began, used = time.perf_counter(), _used(jvm)
        send(tasks)
        return (time.perf_counter() - began) / tasks, (_used(jvm) - used) / tasks
    finally:
        session.stop()


def _used(other: int) -> float:
    """Give the processor seconds that this process and another have used."""
    stat = Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--partitions", type=int, default=200)
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--tasks", type=int, default=300, help="that do nothing")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    found = compare(options.partitions, options.rows, options.tasks)
    empty = found.pop("empty tasks")
    for name, one in found.items():
        each = one["data"] / one["partitions"]
        print(
            f"{name:<18}{one['data']:8.1f} s data{each:8.3f} s per partition{one['all']:8.1f} s all"
        )
    one, two = found["Spark, 1 worker"]["data"], found["Spark, 2 workers"]["data"]
    print(f"same content; 2 workers against 1: {one / two:.2f} x, efficiency {one / two / 2:.0%}")
    wall, driver = empty["wall"], empty["driver"]
    print(
        f"an empty task: {1000 * wall:.0f} ms, of which {1000 * driver:.0f} ms of the driver's core"
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
