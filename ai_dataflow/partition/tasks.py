"""Tasks: what makes partitions, as plain data that can be sent to where it is done.

What they are done with is imported by who does them: a command only hands them out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.stages import STAGES, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task


@dataclass(frozen=True)
class Making:
    """A task that makes one partition. What is made together is given to `make_all`."""

    job: PartitionJob
    settings: Settings
    run_id: str
    stages: Collection[Stage] = STAGES

    def __call__(self) -> PartitionResult:
        """Make it alone."""
        from ai_dataflow.partition.making import run  # noqa: PLC0415 - see above

        return run(self.job, self.settings, self.run_id, self.stages)


def make_all(tasks: Sequence[Task]) -> list[PartitionResult]:
    """Carry out tasks; those that make partitions are of one shape, and of one run."""
    making = [task for task in tasks if isinstance(task, Making)]
    if len(making) < max(len(tasks), 2):
        return [task() for task in tasks]
    from ai_dataflow.partition.making import make  # noqa: PLC0415 - see above

    first = making[0]
    return make([task.job for task in making], first.settings, first.run_id, first.stages)
