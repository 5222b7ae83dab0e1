"""The plan: one job per partition that can run; for every other partition, what holds it back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ai_dataflow.config import ai_types
from ai_dataflow.config.ai_mapping import EVERY_PRODUCT, MappingRow, is_reserved, rows_for
from ai_dataflow.config.control_table import ControlRow
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, Severity, did_you_mean
from ai_dataflow.config.locations import resolve
from ai_dataflow.config.project import Project
from ai_dataflow.config.tables import NAME_RULE
from ai_dataflow.config.teams import with_owner
from ai_dataflow.engine.job import AiColumn, PartitionJob, SourceJob
from ai_dataflow.planning.checks import check_product

_PARTITION = re.compile(rf"(?!_){NAME_RULE}\|{NAME_RULE}")


@dataclass(frozen=True)
class Plan:
    """What a run does.

    `jobs` and `held` share no partition and together are all partitions of the active control
    rows, in the order of their keys. `diagnostics` are all problems, in the order of the tables.
    """

    jobs: dict[str, PartitionJob]
    held: dict[str, tuple[Diagnostic, ...]]
    columns: dict[str, tuple[AiColumn, ...]]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def partitions(self) -> list[str]:
        """All partitions, those that are held back too."""
        return sorted((*self.jobs, *self.held))

    def unknown(self, keys: Iterable[str]) -> list[Diagnostic]:
        """Give a diagnostic for each key that is no partition of an active control row."""
        known = set(self.partitions)
        return [
            Diagnostic(
                "RUN-001",
                f"no active row of the control table makes `{key}`{did_you_mean(key, known)}",
                fix="a partition is called 'module|client'",
            )
            for key in keys
            if key not in known
        ]


@dataclass
class _Planner:
    """Gathers diagnostics with the partitions that they hold back."""

    project: Project
    active: list[ControlRow]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    held: dict[str, list[Diagnostic]] = field(default_factory=dict)

    def hold(self, problem: Diagnostic, rows: Iterable[ControlRow]) -> None:
        """Record a problem; an error holds back the partitions of these control rows."""
        touched = list(rows)
        found = {r.partition for r in touched if _PARTITION.fullmatch(r.partition)}
        keys = sorted(found) if problem.severity == "error" else []
        located = _with_scope(problem, touched)
        known = with_owner(self.project.teams, located.holding(keys))
        self.diagnostics.append(known)
        for key in keys:
            self.held.setdefault(key, []).append(known)

    def matching(self, row: MappingRow) -> list[ControlRow]:
        """Give the active control rows that a mapping row is about; a blank could be any."""
        own = {
            (r.module, r.product, r.submodule)
            for r in self.project.mapping
            if row.product == EVERY_PRODUCT != r.product and r.ai_column == row.ai_column
        }
        return [
            control
            for control in self.active
            if row.module in ("", control.module)
            and row.product in ("", EVERY_PRODUCT, control.product)
            and row.submodule in ("", control.submodule)
            and (control.module, control.product, control.submodule) not in own
        ]


def make_plan(project: Project) -> Plan:
    """Plan all partitions of a project. Looks at no source."""
    planner = _Planner(project, [row for row in project.control if row.active])
    _hold_bad_rows(planner)
    columns = _module_columns(project.mapping)
    sources = _sources(planner)
    _check_products(planner, sources)
    jobs = _jobs(planner, sources, columns)
    for problem in project.team_problems:
        planner.hold(replace(problem, severity="warning"), ())
    held = {key: tuple(problems) for key, problems in sorted(planner.held.items())}
    return Plan(jobs, held, columns, tuple(planner.diagnostics))


def _hold_bad_rows(planner: _Planner) -> None:
    control = {row.line: row for row in planner.project.control}
    for problem in planner.project.control_problems:
        row = control[problem.line]
        doubtful = problem.place == row.place("active")  # whether it is active cannot be told
        severity: Severity = "error" if row.active or doubtful else "warning"
        planner.hold(replace(problem, severity=severity), [row])
    mapping = {row.line: row for row in planner.project.mapping}
    for problem in planner.project.mapping_problems:
        about = mapping[problem.line]
        product = "" if about.product == EVERY_PRODUCT else about.product
        scoped = replace(problem, product=product, module=about.module, submodule=about.submodule)
        planner.hold(scoped, planner.matching(about))


def _module_columns(rows: Iterable[MappingRow]) -> dict[str, tuple[AiColumn, ...]]:
    """Give each module its AI columns in sheet order, with the first description of each."""
    modules: dict[str, dict[str, AiColumn]] = {}
    for row in rows:
        columns = modules.setdefault(row.module, {})
        known = columns.get(row.ai_column)
        if not row.ai_column or is_reserved(row.ai_column):
            continue
        if known is None and ai_types.is_known(row.ai_type):
            columns[row.ai_column] = AiColumn(row.ai_column, row.ai_type, row.description)
        elif known is not None and not known.description:
            columns[row.ai_column] = replace(known, description=row.description)
    return {module: tuple(columns.values()) for module, columns in modules.items()}


def _sources(planner: _Planner) -> dict[ControlRow, SourceJob]:
    """Resolve the location and the mapping rows of every active control row."""
    lookup = _mapping_lookup(planner.project.mapping)
    sources: dict[ControlRow, SourceJob] = {}
    bad = {p.line for p in planner.project.control_problems if p.code in ("CTL-003", "CTL-004")}
    for row in planner.active:
        try:
            location = resolve(row, planner.project.settings)
        except DataflowError as error:
            for problem in error.diagnostics:
                planner.hold(problem, [row])
            continue
        mappings = lookup(row.module, row.product, row.submodule)
        if not mappings and row.line in bad:
            continue  # its names are what is wrong
        if not mappings:
            planner.hold(_nothing_mapped(row), [row])
            continue
        place = row.place("module_location")
        sources[row] = SourceJob(row.product, row.submodule, location, place, mappings)
    return sources


def _mapping_lookup(
    rows: Iterable[MappingRow],
) -> Callable[[str, str, str], tuple[MappingRow, ...]]:
    by_source: dict[tuple[str, str], list[MappingRow]] = {}
    for row in rows:
        by_source.setdefault((row.module, row.submodule), []).append(row)
    found: dict[tuple[str, str, str], tuple[MappingRow, ...]] = {}

    def lookup(module: str, product: str, submodule: str) -> tuple[MappingRow, ...]:
        key = (module, product, submodule)
        if key not in found:
            found[key] = rows_for(by_source.get((module, submodule), ()), *key)
        return found[key]

    return lookup


def _check_products(planner: _Planner, sources: dict[ControlRow, SourceJob]) -> None:
    """Check what the submodules of a product do to each other, once per combination."""
    groups: dict[tuple[str, str, str], dict[ControlRow, SourceJob]] = {}
    for row, source in sources.items():
        groups.setdefault((row.module, row.product, row.client), {})[row] = source
    shapes: dict[tuple[str, str, tuple[str, ...]], list[ControlRow]] = {}
    for (module, product, _), group in groups.items():
        shape = (module, product, tuple(source.submodule for source in group.values()))
        shapes.setdefault(shape, []).extend(group)
    for (_, _, submodules), rows in shapes.items():
        one_of_each = [sources[row] for row in rows[: len(submodules)]]
        for problem in check_product(one_of_each):
            planner.hold(problem, rows)


def _jobs(
    planner: _Planner,
    sources: dict[ControlRow, SourceJob],
    columns: dict[str, tuple[AiColumn, ...]],
) -> dict[str, PartitionJob]:
    partitions: dict[str, list[ControlRow]] = {}
    for row in planner.active:
        if _PARTITION.fullmatch(row.partition) and row.partition not in planner.held:
            partitions.setdefault(row.partition, []).append(row)
    return {
        key: PartitionJob(
            rows[0].module,
            rows[0].client,
            columns[rows[0].module],
            tuple(sources[row] for row in rows),
        )
        for key, rows in sorted(partitions.items())
    }


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


def _nothing_mapped(row: ControlRow) -> Diagnostic:
    return Diagnostic(
        "CTL-011",
        f"no row of the mapping sheet is about {row.product} · {row.module} · {row.submodule}",
        place=row.place("submodule_name"),
        fix="map its columns, correct the names, or make the row inactive",
        line=row.line,
    )
