"""Who hears of what: the first row of the teams table that matches, else the platform team."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ai_dataflow.config.addresses import is_address
from ai_dataflow.config.codes import CODES, INTERRUPTED
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.interrupts import CTRL_C
from ai_dataflow.tables.teams import ANY, Notify, Remind, Team
from ai_dataflow.workstation.reports import ErrorReport, PartitionReport, RunReport


@dataclass(frozen=True)
class Recipient:
    """A team as mails see it: all its rows in one."""

    name: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    notify: Notify
    remind: Remind
    rows: tuple[Team, ...]

    @property
    def hears_failures(self) -> bool:
        """Whether it wants a mail for each run that fails."""
        return self.notify in ("failures", "both")

    @property
    def hears_successes(self) -> bool:
        """Whether it wants a mail for each run that publishes."""
        return self.notify in ("successes", "both")

    @property
    def only_delivers(self) -> bool:
        """Whether nothing but sources is its concern: it delivers data, and runs no command."""
        return all(row.concern == "source" for row in self.rows)

    @property
    def runs_commands(self) -> bool:
        """Whether it looks after the place where `ai-dataflow` runs."""
        return any(row.concern in ("platform", ANY) for row in self.rows)

    def scope(self, module: str) -> frozenset[str]:
        """Give the products of a module that are the team's; `*` is all of them."""
        return frozenset(row.product for row in self.rows if row.module in (ANY, module))


@dataclass(frozen=True)
class Problem:
    """An error on its way to a team; without a partition it is about the run as a whole.

    `is_unowned` tells that the platform team hears it because nobody else does.
    """

    error: ErrorReport
    partition: PartitionReport | None
    team: str
    is_unowned: bool = False

    @property
    def about(self) -> str:
        """The partition; an empty name is the run itself."""
        return self.partition.partition if self.partition else ""

    @property
    def waits(self) -> bool:
        """Whether its partition did not fail, but waits to be accepted."""
        return self.partition is not None and self.partition.status == "waiting"

    @property
    def key(self) -> str:
        """What is the same error in two runs: lines move, and messages have figures in them."""
        error = self.error
        return " ".join((self.about or error.place, error.code, error.product, error.submodule))


def recipients(teams: Iterable[Team]) -> dict[str, Recipient]:
    """Give the teams that can be mailed, by name, in the order of the table."""
    rows = grouped(teams, lambda team: team.name)
    named = (_recipient(name, of_team) for name, of_team in rows.items() if name)
    return {recipient.name: recipient for recipient in named if recipient.to}


def _recipient(name: str, rows: Sequence[Team]) -> Recipient:
    to = tuple(dict.fromkeys(row.email for row in rows if is_address(row.email)))
    cc = tuple(dict.fromkeys(a for row in rows for a in row.cc if a not in to))
    notify: Notify = next((row.notify for row in rows if row.notify), "failures")
    remind: Remind = next((row.remind for row in rows if row.remind), "daily")
    return Recipient(name, to, cc, notify, remind, tuple(rows))


def platform_team(teams: Mapping[str, Recipient]) -> Recipient | None:
    """Give the team for what nobody owns: the first with a platform row, one for all before."""

    def rank(recipient: Recipient) -> int:
        rows = [row for row in recipient.rows if row.concern in ("platform", ANY)]
        if any((row.product, row.module) == (ANY, ANY) for row in rows):
            return 0
        return 1 if rows else 2

    ranked = sorted(teams.values(), key=rank)
    return ranked[0] if ranked and rank(ranked[0]) < 2 else None  # noqa: PLR2004


def owner_of(error: ErrorReport, module: str, teams: dict[str, Recipient]) -> Recipient | None:
    """Give the team that owns an error: as the report says, else as the table says now."""
    if error.owner in teams:
        return teams[error.owner]
    return _first_of(error.concern, error.product, module, teams)


def who_mends(
    concern: str, product: str, module: str, teams: Mapping[str, Recipient]
) -> Recipient | None:
    """Give the team whose concern something of a product is, else the platform team."""
    return _first_of(concern, product, module, teams) or platform_team(teams)


def _first_of(
    concern: str, product: str, module: str, teams: Mapping[str, Recipient]
) -> Recipient | None:
    rows = ((row, recipient) for recipient in teams.values() for row in recipient.rows)
    in_order = sorted(rows, key=lambda pair: pair[0].line)
    return next((r for row, r in in_order if row.covers(concern, product, module)), None)


def problems_of(report: RunReport, teams: dict[str, Recipient]) -> list[Problem]:
    """Give every error of a run with the team that hears of it; an empty name is nobody."""
    platform = platform_team(teams)
    problems = []
    for error, partition in _errors(report):
        owner = owner_of(error, partition.module if partition else "", teams)
        team = owner or platform
        problems.append(Problem(error, partition, team.name if team else "", owner is None))
    return problems


def mailed_problems(report: RunReport, teams: dict[str, Recipient]) -> list[Problem]:
    """Give the errors of a run that mails tell of: who presses Ctrl-C knows what is left."""
    problems = problems_of(report, teams)
    if report.interrupted != CTRL_C:
        return problems
    return [problem for problem in problems if problem.error.kind != INTERRUPTED]


def _errors(report: RunReport) -> Iterator[tuple[ErrorReport, PartitionReport | None]]:
    seen = set()
    for partition in report.failed:
        for error in partition.errors or [e for e in [partition.error] if e]:
            seen.add((error.code, error.place))
            yield error, partition
    for problem in report.diagnostics:
        # What holds partitions back is told with them, where they were part of the run.
        is_of_partitions = bool(problem.get("partitions"))
        is_told = (problem.get("code"), problem.get("place")) in seen
        if problem.get("severity") == "error" and not is_told and not is_of_partitions:
            yield _of_run(problem), None


def _of_run(problem: dict[str, str]) -> ErrorReport:
    code = CODES.get(problem["code"])
    meaning = (code.title, code.kind, code.concern) if code else ("problem", "", "platform")
    named = dict(zip(("title", "kind", "concern"), meaning, strict=True))
    return ErrorReport.model_validate({"owner": "", "place": "", "message": "", **problem, **named})
