"""Findings: problems gathered with the partitions that they touch, told once each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.table import MODULE_RULE, NAME_RULE
from ai_dataflow.tables.teams import Team, with_owner

_PARTITION = re.compile(rf"{MODULE_RULE}\|{NAME_RULE}")
# The order in which a person reads: settings, control table and what it names, sheet, the rest.
_ORDER = ("CFG", "WST", "CTL", "SRC", "MAP", "COD", "RUL", "DIC", "COV", "TEM", "RUN")


def is_partition(key: str) -> bool:
    """Tell whether a control row's names make a partition key."""
    return bool(_PARTITION.fullmatch(key))


@dataclass
class _Entry:
    problem: Diagnostic
    partitions: set[PartitionKey]
    messages: set[str]


@dataclass
class Findings:
    """Problems by code and place; the same one for many clients is one, with a count."""

    teams: tuple[Team, ...]
    _entries: dict[tuple[str, str, str], _Entry] = field(default_factory=dict)

    def add(
        self, problem: Diagnostic, rows: Iterable[ControlRow] = (), location: object = None
    ) -> None:
        """Add a problem that touches the partitions of these control rows.

        A message that begins with the location of a source is one with those of other locations if
        the same is said of them: another type there, or another column that may be meant, is
        another problem.
        """
        begins, said = problem.message[: len(str(location))], problem.message[len(str(location)) :]
        said = said if begins == str(location) else ""
        touched = list(rows)
        keys = {row.partition for row in touched if is_partition(row.partition)}
        located = _with_scope(problem, touched)
        finding = self._entries.setdefault(
            (problem.code, problem.place, said), _Entry(located, set(), {located.message})
        )
        finding.partitions |= keys if problem.severity == "error" else set()
        finding.messages.add(located.message)

    def copy(self) -> Findings:
        """Give the same findings, for more to be added."""
        entries = {
            key: _Entry(finding.problem, set(finding.partitions), set(finding.messages))
            for key, finding in self._entries.items()
        }
        return Findings(self.teams, entries)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Give all problems, with their owners, in the order of the tables."""
        finished = [_finish(finding, self.teams) for finding in self._entries.values()]
        return tuple(sorted(finished, key=_reading_order))


def held(diagnostics: Iterable[Diagnostic]) -> dict[PartitionKey, tuple[Diagnostic, ...]]:
    """Give the partitions that errors hold back.

    A source's own errors hold nothing back: the data may be there when the run comes to it, and
    if it is not, its partition fails.
    """
    partitions: dict[PartitionKey, list[Diagnostic]] = {}
    for problem in diagnostics:
        if problem.severity == "error" and problem.meaning.concern != "source":
            for key in problem.partitions:
                partitions.setdefault(key, []).append(problem)
    return {key: tuple(problems) for key, problems in sorted(partitions.items())}


def _finish(finding: _Entry, teams: tuple[Team, ...]) -> Diagnostic:
    more = len(finding.messages) - 1
    message = finding.problem.message + (f" (and {more} more like it)" if more else "")
    problem = replace(finding.problem, message=message)
    return with_owner(teams, problem.holding(sorted(finding.partitions)))


def _reading_order(problem: Diagnostic) -> tuple[int, int, str]:
    return _ORDER.index(problem.meaning.family), problem.line, problem.place


def _with_scope(problem: Diagnostic, rows: list[ControlRow]) -> Diagnostic:
    """Give the problem the product, module and submodule that all touched rows have in common."""

    def common(values: Iterable[str]) -> str:
        distinct = set(values)
        return distinct.pop() if len(distinct) == 1 else ""

    return replace(
        problem,
        product=problem.product or common(row.product for row in rows),
        module=problem.module or common(row.module for row in rows),
        submodule=problem.submodule or common(row.submodule for row in rows),
    )
