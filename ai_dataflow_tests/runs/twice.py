"""A run whose partitions dawdle at their first attempt, after they have written their files.

python -m ai_dataflow_tests.runs.twice FOLDER
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Collection
from functools import partial
from pathlib import Path

from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.stages import STAGES, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.making import run
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs import run as orchestration
from ai_dataflow.runs.outcome import NOBODY
from ai_dataflow.runs.prospect import look_at
from ai_dataflow.tables.project import load_project

ATTEMPTS = "attempt-*"
_SECONDS = 45  # longer than another attempt takes


def dawdling(
    job: PartitionJob, settings: Settings, run_id: str, stages: Collection[Stage]
) -> PartitionResult:
    """Make a partition; the first attempt then dawdles. Each leaves a mark in the project."""
    is_first = not list(settings.folder.glob(ATTEMPTS))
    (settings.folder / ATTEMPTS.replace("*", uuid.uuid4().hex)).touch()
    result = run(job, settings, run_id, stages)
    if is_first:
        time.sleep(_SECONDS)
    return result


def main(folder: Path) -> None:
    """Run all partitions of a project and print the report."""
    orchestration.Making = partial(partial, dawdling)  # type: ignore[misc,assignment]
    draft = make_draft(load_project(folder))
    prospect = look_at(draft, draft.plan.partitions)
    report = orchestration.execute(prospect, STAGES, "run-twice", NOBODY)
    print(report.model_dump_json())


if __name__ == "__main__":
    # By its name, so that executors can import what they are to call.
    from ai_dataflow_tests.runs.twice import main as by_name

    by_name(Path(sys.argv[1]))
