"""Where Dagster keeps its events, SQLite beside the project or PostgreSQL: the same run on each."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from ai_dataflow_tests.services.postgres import Postgres
from bench.peers.measuring import child
from bench.racing import Case, Contender, race
from bench.small_partitions import MODULE, make_project

_POSTGRES = """\
storage:
  postgres:
    postgres_url:
      env: BENCH_DAGSTER_URL
telemetry:
  enabled: false
"""


def measure(folder: Path, clients: int, rounds: int) -> Case:
    """Run a project of small partitions on both."""
    make_project(folder / "project", clients)
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(_POSTGRES)
    table = folder / "project" / "workstation" / MODULE

    def check() -> str:
        return f"{pl.scan_delta(str(table)).select(pl.len()).collect().item():,} rows each time"

    with Postgres() as server:
        os.environ["BENCH_DAGSTER_URL"] = server.url().replace("psycopg", "psycopg2")

        def run(**variables: str) -> Contender:
            name = "Dagster on PostgreSQL" if variables else "Dagster on SQLite"
            project = folder / "project"
            return Contender(name, lambda: child("cli", "run", "--full", cwd=project, **variables))

        contenders = [run(), run(DAGSTER_HOME=str(home))]
        return race(f"Dagster's storage, {clients:,} partitions", contenders, rounds, check)
