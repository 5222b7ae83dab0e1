"""Projects on Spark: runs of the command, each a driver in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ai_dataflow
from ai_dataflow_tests.services.spark import SparkCluster

WORKERS = 2
PACKAGE = Path(ai_dataflow.__file__).parent


def on_spark(folder: Path, cluster: SparkCluster, where: str = "", **spark: Any) -> None:
    """Let a project use the cluster: as a classic one, or the Connect server at `where`."""
    conf = cluster.conf | spark.pop("conf", {})
    if where:  # the server has its own
        own = "spark.sql.execution.pyspark.python"
        conf = {own: conf[own]}
    place = f'remote = "{where}"' if where else f'master = "{cluster.master}"'
    given = "\n".join(f"{name} = {json.dumps(value)}" for name, value in spark.items())
    lines = "\n".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in conf.items())
    toml = folder / "ai_dataflow.toml"
    toml.write_text(
        f'{toml.read_text()}\n[execution]\nengine = "spark"\nworkers = {WORKERS}'
        f"\nretry_seconds = 20\n[spark]\n{place}\n{given}\n[spark.conf]\n{lines}\n"
    )


_COMMAND = ("-c", "from ai_dataflow.cli import main; main()", "run", "--full", "--json")


def start_run(
    folder: Path, cluster: SparkCluster | None = None, command: Sequence[str] = _COMMAND
) -> subprocess.Popen[str]:
    """Start a run of all partitions, in a process of its own; `command` is what Python is given."""
    spark = cluster.environment if cluster else {}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **spark, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(run: subprocess.Popen[str], seconds: float = 240) -> dict[str, Any]:
    """Wait so many seconds at most for a run, and give its report."""
    out, err = run.communicate(timeout=seconds)
    assert out.startswith("{"), f"{out}\n{err}"
    report: dict[str, Any] = json.loads(out)
    return report


def problems(report: dict[str, Any]) -> dict[str, Any]:
    """Give what became of each partition: its status and its error."""
    return {p["partition"]: (p["status"], p.get("error")) for p in report["partitions"]}


def package(archive: Path, version: str = "") -> str:
    """Pack the package as executors get it; `version` is what it says that it is."""
    with zipfile.ZipFile(archive, "w") as packed:
        for file in sorted(PACKAGE.rglob("*")):
            name = str(file.relative_to(PACKAGE.parent))
            if version and name == "ai_dataflow/__init__.py":
                packed.writestr(name, f'__version__ = "{version}"\n')
            elif file.suffix in (".py", ".toml", ".html", ".txt", ".j2"):
                packed.write(file, name)
    return str(archive)
