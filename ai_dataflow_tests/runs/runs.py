"""Runs for tests: through Dagster, on an instance of the project's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from ai_dataflow.definitions import build_definitions
from ai_dataflow.orchestration.instance import open_instance
from ai_dataflow.orchestration.launch import launch
from ai_dataflow.orchestration.partitions import module_client_partitions
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_at
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.reports import RunReport


def run_project(folder: Path, partitions: Sequence[str] | None = None) -> RunReport:
    """Run a project's partitions as the CLI does."""
    draft = make_draft(load_project(folder))
    prospect = look_at(draft, partitions or draft.plan.partitions)
    with open_instance(draft.project.settings) as instance:
        return launch(build_definitions(str(folder), None, prospect), prospect, instance)


@contextmanager
def instance_of(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance that `run_project` used."""
    with open_instance(load_project(folder).settings) as instance:
        yield instance


def dagster_statuses(folder: Path, asset: str) -> dict[str, str]:
    """Give Dagster's own status of each partition of an asset."""
    with instance_of(folder) as instance:
        statuses = instance.get_status_by_partition(
            dg.AssetKey(asset),
            instance.get_dynamic_partitions(module_client_partitions.name or ""),
            module_client_partitions,
        )
    return {key: status.value if status else "MISSING" for key, status in (statuses or {}).items()}


def cli(folder: Path, *arguments: str, columns: int = 160) -> subprocess.CompletedProcess[str]:
    """Call the command in a process of its own, in a terminal of so many columns."""
    return subprocess.run(
        [sys.executable, "-c", "from ai_dataflow.cli import main; main()", *arguments],
        cwd=folder,
        env=os.environ | {"COLUMNS": str(columns), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
