"""A trial: what a run would make is made aside, to tell how many rows would come and go.

It is made by processes of this machine, in a folder of its own that is gone when it ends. Nothing
of it reaches the workstation, and nothing is noted.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from tempfile import TemporaryDirectory
from typing import Any

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.config.sections import WorkstationSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.choice import open_engine
from ai_dataflow.engine.shares import share
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.scratch import PREFIX
from ai_dataflow.partition.tasks import Making
from ai_dataflow.runs.copying import copied_first
from ai_dataflow.runs.judging import Compared, compare
from ai_dataflow.runs.prospect import Prospect
from ai_dataflow.workstation.layout import open_workstation


@dataclass(frozen=True)
class Trial:
    """What a run would do to the rows of its partitions, and what of them would fail."""

    products: tuple[Compared, ...]
    failed: dict[PartitionKey, Diagnostic]

    def to_json(self) -> dict[str, Any]:
        """Give the shape that `plan --rows --json` prints."""
        return {
            "rows": [asdict(compared) for compared in self.products],
            "would_fail": {key: problem.to_json() for key, problem in self.failed.items()},
        }


def try_out(ahead: Prospect) -> Trial:
    """Make aside what a run would make now, and compare it with what readers see.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005: it cannot be seen what is published.
    """
    settings, plan = ahead.project.settings, ahead.plan
    jobs = [plan.jobs[key] for key in sorted(ahead.changes.due) if key in plan.jobs]
    with TemporaryDirectory(prefix=PREFIX) as folder:
        aside, run_id = _aside(settings, folder), f"trial-{uuid.uuid4()}"
        tasks = [(job, Making(job, share(aside), run_id, STAGES)) for job in jobs]
        engine = open_engine(aside, STAGES)
        results = list(engine(copied_first(tasks, engine)[0])) if tasks else []
    failed = {r.partition: r.failures[0].diagnostic for r in results if r.failures}
    return Trial(tuple(_compared(settings, results)), dict(sorted(failed.items())))


def _aside(settings: Settings, folder: str) -> Settings:
    execution = settings.execution.model_copy(update={"engine": "local"})
    place = WorkstationSettings(url=folder)
    return settings.model_copy(update={"workstation": place, "execution": execution})


def _compared(settings: Settings, results: Iterable[PartitionResult]) -> list[Compared]:
    well = sorted((r for r in results if not r.failures), key=lambda result: result.partition)
    workstation = open_workstation(settings)
    by_module = grouped(well, lambda result: result.job.module).values()
    return [each for of_module in by_module for each in compare(workstation, settings, of_module)]
