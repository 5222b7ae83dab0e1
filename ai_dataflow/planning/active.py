"""Which partitions a project has, by the active rows of its control table: no plan is needed."""

from __future__ import annotations

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.planning.findings import is_partition
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.project import Project


def active_partitions(project: Project) -> list[PartitionKey]:
    """Give the partitions of any plan of a project, without planning.

    They are those of the active control rows, and of those that may be meant to be active.
    """
    rows = grouped(project.control, lambda row: row.line)
    bad = project.problems["control_table"]
    problems = ((p, row) for p in bad for row in rows.get(p.line, ()))
    open_lines = {row.line for problem, row in problems if leaves_open(problem, row)}
    keys = {row.partition for row in project.control if row.active or row.line in open_lines}
    return sorted(filter(is_partition, keys))


def leaves_open(problem: Diagnostic, row: ControlRow) -> bool:
    """Tell whether a row may be active, as that cell, or the whole line, is wrong."""
    return problem.place == row.place("active") or problem.void == "line"
