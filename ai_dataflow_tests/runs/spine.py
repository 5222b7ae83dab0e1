"""Runs, replays, acceptances without Dagster: the spine alone, for tests that need many."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from ai_dataflow.extracts.stages import STAGES, Stage
from ai_dataflow.runs.acceptance import Accepted, execute_acceptance
from ai_dataflow.runs.outcome import NOBODY
from ai_dataflow.runs.prospect import look_ahead, look_at, read_draft
from ai_dataflow.runs.replay import Chosen, dry_replay, execute_replay
from ai_dataflow.runs.run import execute
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.reports import RunReport


def run(
    folder: Path, partitions: Sequence[str] = (), stages: Sequence[Stage] = STAGES
) -> RunReport:
    """Run partitions of a project; all by default."""
    draft = read_draft(folder)
    prospect = look_at(draft, partitions or draft.plan.partitions, stages)
    return execute(prospect, stages, f"run-{uuid.uuid4().hex}", NOBODY)


def run_changed(folder: Path) -> RunReport:
    """Run the partitions of a project whose inputs changed."""
    prospect = look_ahead(read_draft(folder))
    return execute(prospect, STAGES, f"run-{uuid.uuid4().hex}", NOBODY)


def replay(folder: Path, *, client: str = "", dry_run: bool = False) -> RunReport:
    """Replay the open rejects of a project, or of one client."""
    chosen, run_id = Chosen(client=client), uuid.uuid4().hex
    if dry_run:
        return dry_replay(load_project(folder), chosen, f"dry-{run_id}")
    return execute_replay(read_draft(folder), chosen, f"replay-{run_id}", NOBODY)


def accept(folder: Path, *partitions: str, module: str = "", sheet: bool = False) -> RunReport:
    """Accept what waits of a project, or what is to come."""
    accepted = Accepted(partitions, (module,) if module else (), sheet)
    return execute_acceptance(read_draft(folder), accepted, f"accept-{uuid.uuid4().hex}", NOBODY)
