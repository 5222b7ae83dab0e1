"""Runs and replays without Dagster: the spine alone, for tests that need many of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from ai_dataflow.extracts.stages import STAGES, Stage
from ai_dataflow.planning.plan import make_plan
from ai_dataflow.runs.outcome import NOBODY
from ai_dataflow.runs.replay import Chosen, dry_replay, execute_replay
from ai_dataflow.runs.run import execute
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.reports import RunReport


def run(
    folder: Path, partitions: Sequence[str] = (), stages: Sequence[Stage] = STAGES
) -> RunReport:
    """Run partitions of a project; all by default."""
    project = load_project(folder)
    keys = partitions or make_plan(project).partitions
    return execute(project, keys, stages, f"run-{uuid.uuid4().hex}", NOBODY)


def run_changed(folder: Path) -> RunReport:
    """Run the partitions of a project whose inputs changed."""
    return execute(load_project(folder), None, STAGES, f"run-{uuid.uuid4().hex}", NOBODY)


def replay(folder: Path, *, client: str = "", dry_run: bool = False) -> RunReport:
    """Replay the open rejects of a project, or of one client."""
    project, chosen, run_id = load_project(folder), Chosen(client=client), uuid.uuid4().hex
    if dry_run:
        return dry_replay(project, chosen, f"dry-{run_id}")
    return execute_replay(project, chosen, f"replay-{run_id}", NOBODY)
