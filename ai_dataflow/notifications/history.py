"""What earlier runs tell: new or still failing and since when, recovered, usual or not. Pure.

Reports come newest first, those of earlier runs only: of runs that were reported before this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ai_dataflow.config.grouped import grouped
from ai_dataflow.notifications.routing import Problem, Recipient, mailed_problems
from ai_dataflow.workstation.reports import PartitionReport, RunReport

DEPTH = 60  # so many earlier runs are looked at
RUNS = 20  # so many earlier runs are drawn


@dataclass(frozen=True)
class Streak:
    """Since when an error is there, and for how many runs, this one included."""

    since: datetime
    runs: int
    is_whole: bool = True

    @property
    def is_new(self) -> bool:
        """Whether the run before did not have it."""
        return self.runs == 1


@dataclass(frozen=True)
class Recovery:
    """An error that is over, and what it was."""

    problem: Problem
    streak: Streak


class History:
    """The earlier reports, indexed by partition."""

    def __init__(self, report: RunReport, earlier: Sequence[RunReport]) -> None:
        self.report = report
        self.earlier = [run for run in earlier if run.kind == "run"]
        self._partitions: Mapping[str, list[tuple[RunReport, PartitionReport]]] = _by_partition(
            report, self.earlier
        )
        self._is_whole = len(earlier) < DEPTH
        self._problems: dict[str, dict[str, list[Problem]]] = {}

    def runs_of(self, partition: str) -> list[tuple[RunReport, PartitionReport]]:
        """Give the earlier runs of a partition that did at least what this one did."""
        return self._partitions.get(partition, [])

    def streak(self, problem: Problem, recipients: Mapping[str, Recipient]) -> Streak:
        """Tell how long an error is there."""
        if problem.partition is None:
            runs = list(self.earlier)
        else:
            runs = [report for report, _ in self.runs_of(problem.partition.partition)]
        since, count = self.report.finished, 1
        for run in runs:
            if not self._has(run, problem, recipients):
                return Streak(since, count)
            since, count = run.finished, count + 1
        return Streak(since, count, is_whole=self._is_whole)

    def recoveries(self, recipients: Mapping[str, Recipient]) -> Iterator[Recovery]:
        """Give the errors that this run's good partitions had since they were last well."""
        for partition in self.report.partitions:
            if partition.status in ("ok", "unchanged"):
                yield from self._recovered(partition.partition, recipients)

    def _recovered(self, partition: str, recipients: Mapping[str, Recipient]) -> Iterator[Recovery]:
        recoveries: dict[str, Recovery] = {}
        for report, seen in self.runs_of(partition):
            if seen.status in ("ok", "unchanged"):
                break
            for problem in self._of(report, recipients).get(seen.partition, []):
                runs = recoveries[problem.key].streak.runs if problem.key in recoveries else 0
                recoveries[problem.key] = Recovery(problem, Streak(report.finished, runs + 1))
        yield from recoveries.values()

    def _of(self, run: RunReport, recipients: Mapping[str, Recipient]) -> dict[str, list[Problem]]:
        """Give a run's problems by partition; an empty name is the run itself."""
        if run.run_id not in self._problems:
            problems = mailed_problems(run, dict(recipients))
            self._problems[run.run_id] = grouped(problems, lambda problem: problem.about)
        return self._problems[run.run_id]

    def _has(self, run: RunReport, problem: Problem, recipients: Mapping[str, Recipient]) -> bool:
        alike = self._of(run, recipients).get(problem.about, [])
        return any(other.key == problem.key for other in alike)

    def series(
        self, partitions: Sequence[str], measure: Callable[[PartitionReport], float]
    ) -> list[tuple[RunReport, float]]:
        """Give a sum over partitions for each earlier run that published them all, newest first."""
        wanted = set(partitions)
        points = []
        for report in self.earlier:
            if "ai_dataset" not in report.stages:
                continue
            published = [p for p in report.partitions if p.partition in wanted and p.status == "ok"]
            if len(published) == len(wanted):
                points.append((report, float(sum(map(measure, published)))))
        return points

    def durations(self) -> list[tuple[RunReport, float]]:
        """Give the seconds of the earlier runs over the same partitions."""
        wanted = _worked_on(self.report)
        return [
            (report, took(report))
            for report in self.earlier
            if _worked_on(report) == wanted and report.stages == self.report.stages
        ][:RUNS]


def _worked_on(report: RunReport) -> set[str]:
    return {p.partition for p in report.partitions if p.made is None}


def took(report: RunReport) -> float:
    """Give the seconds that a run took."""
    return (report.finished - report.started).total_seconds()


def _by_partition(
    report: RunReport, earlier: Sequence[RunReport]
) -> dict[str, list[tuple[RunReport, PartitionReport]]]:
    """Index the runs; one that did less than this says nothing where it went well."""
    runs: dict[str, list[tuple[RunReport, PartitionReport]]] = {}
    for run in earlier:
        did_less = not set(report.stages) <= set(run.stages)
        for partition in run.partitions:
            if did_less and partition.status in ("ok", "unchanged"):
                continue
            runs.setdefault(partition.partition, []).append((run, partition))
    return runs
