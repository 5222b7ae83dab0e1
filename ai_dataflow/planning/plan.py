"""The plan: one job per partition that can run; for every other partition, what holds it back."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, Severity, did_you_mean
from ai_dataflow.config.sections import ModuleSettings
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.planning.checks import check_complete, check_product, check_teams, check_unused
from ai_dataflow.planning.coverage import Coverage, check_coverage, module_coverage
from ai_dataflow.planning.findings import Findings, held, is_partition
from ai_dataflow.planning.live import check_live
from ai_dataflow.planning.slips import check_keys, check_slips
from ai_dataflow.sources.schemas import Look
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.survey import Survey
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_mapping import EVERY_PRODUCT, MappingRow, is_usable, rows_for
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import Location, SqlLocation, resolve
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.table import MODULE_RULE, NAME_RULE


@dataclass(frozen=True)
class Plan:
    """What a run does.

    `jobs` and `held` share no partition and together are all partitions of the active control
    rows. `columns` and `coverage` are by module. `diagnostics` are all problems, in the order of
    the tables.
    """

    jobs: dict[str, PartitionJob]
    held: dict[str, tuple[Diagnostic, ...]]
    columns: dict[str, tuple[AiColumn, ...]]
    coverage: dict[str, Coverage]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def partitions(self) -> list[str]:
        """All partitions, those that are held back too."""
        return sorted((*self.jobs, *self.held))

    @property
    def errors(self) -> list[Diagnostic]:
        """The problems that are errors."""
        return [problem for problem in self.diagnostics if problem.severity == "error"]

    def locations(self, only: Collection[str] | None = None) -> dict[Location, str]:
        """Give the locations of the jobs, of some partitions only if asked, with a cell each."""
        jobs = (job for key, job in self.jobs.items() if only is None or key in only)
        found: dict[Location, str] = {}
        for source in (source for job in jobs for source in job.sources):
            found.setdefault(source.location, source.place)
        return found

    def as_seen(self, seen: Survey) -> dict[str, PartitionJob]:
        """Give the jobs with what a survey saw at their sources."""
        return {
            key: replace(
                job,
                sources=tuple(replace(own, seen=seen.get(own.location)) for own in job.sources),
            )
            for key, job in self.jobs.items()
        }

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


def active_partitions(project: Project) -> list[str]:
    """Give the partitions of any plan of a project, without planning.

    They are those of the active control rows, and of those that may be meant to be active.
    """
    rows = {row.line: row for row in project.control}
    problems = ((p, rows[p.line]) for p in project.control_problems if p.line in rows)
    open_lines = {row.line for problem, row in problems if _leaves_open(problem, row)}
    keys = {row.partition for row in project.control if row.active or row.line in open_lines}
    return sorted(filter(is_partition, keys))


def _leaves_open(problem: Diagnostic, row: ControlRow) -> bool:
    """Tell whether a row may be active, as that cell, or the whole line, is wrong."""
    return problem.place == row.place("active") or problem.code == "CTL-902"


def make_plan(
    project: Project,
    schemas: Mapping[Location, Look] | None = None,
    workstation: Iterable[Diagnostic] = (),
    seen: Survey = MappingProxyType({}),
) -> Plan:
    """Plan all partitions of a project. Looks at nothing itself.

    `schemas` are what others saw at the sources, `workstation` the problems that they had with it:
    where nothing can be published, nothing runs. `seen` is what a survey saw at the sources.
    """
    active = [row for row in project.control if row.active]
    findings = Findings(project.teams)
    for problem in workstation:
        findings.add(problem, active)
    _add_bad_rows(findings, project, active)
    columns = _module_columns(project.mapping)
    sources = _sources(findings, project, active)
    _check_products(findings, sources)
    if schemas or seen:
        check_live(findings, sources, schemas or {}, seen)
    check_complete(findings, active)
    check_slips(findings, project.mapping, active, sources)
    check_unused(findings, project, active)
    coverage = _coverage(findings, project, columns, sources)
    check_teams(findings, project, active)
    diagnostics = findings.diagnostics()
    back = held(diagnostics)
    plan = Plan(_jobs(active, sources, columns, back), back, columns, coverage, diagnostics)
    return replace(plan, jobs=plan.as_seen(seen)) if seen else plan


def _add_bad_rows(findings: Findings, project: Project, active: list[ControlRow]) -> None:
    control = {row.line: row for row in project.control}
    for problem in project.control_problems:
        if (row := control.get(problem.line)) is None:
            findings.add(problem)  # a flaw of the header
            continue
        is_meant = row.active or _leaves_open(problem, row)
        severity: Severity = problem.severity if is_meant else "warning"
        meant = _could_be(row, active) if problem.code in _NAMELESS else []
        findings.add(replace(problem, severity=severity), [row, *meant])
    mapping = {row.line: row for row in project.mapping}
    for problem in project.mapping_problems:
        if (about := mapping.get(problem.line)) is None:
            findings.add(problem)
            continue
        product = "" if about.product == EVERY_PRODUCT else about.product
        scoped = replace(
            problem, product=product, module=about.module, submodule=about.submodule,
            ai_column=about.ai_column,
        )  # fmt: skip
        touched = _matching(about, project.mapping, active)
        if problem.code == "MAP-902" and not touched:  # its cells may all be one place off
            touched = [row for row in active if row.module == about.module] or active
        findings.add(scoped, touched)
    for problem in project.team_problems:
        findings.add(replace(problem, severity="warning"))


# A row with one of these may have a name that cannot be used.
_NAMELESS = ("CTL-003", "CTL-004", "CTL-902", "CTL-904", "CTL-905")


def _could_be(row: ControlRow, active: Iterable[ControlRow]) -> list[ControlRow]:
    """Give the rows of the partitions that a row with an unusable name could belong to.

    Those are partitions that have its product, match its usable names and lack its source: without
    it they would be published in part.
    """
    if is_partition(row.partition) and row.product and row.submodule:
        return []
    names = {"module": row.module, "client": row.client, "submodule": row.submodule}
    usable = {name: value for name, value in names.items() if re.fullmatch(NAME_RULE, value)}
    alike = [
        other
        for other in active
        if other.product in (row.product, "") or not row.product
        if all(getattr(other, n) == v for n, v in usable.items() if n != "submodule")
    ]
    having = {other.partition for other in alike if other.submodule == row.submodule}
    return [other for other in alike if other.partition not in having]


def _matching(
    row: MappingRow, mapping: Iterable[MappingRow], active: Iterable[ControlRow]
) -> list[ControlRow]:
    """Give the active control rows that a mapping row is about; an unusable name could be any."""
    module = row.module if re.fullmatch(MODULE_RULE, row.module) else ""
    product = row.product if re.fullmatch(NAME_RULE, row.product) else ""
    submodule = row.submodule if re.fullmatch(NAME_RULE, row.submodule) else ""
    own = {
        (r.module, r.product, r.submodule)
        for r in mapping
        if row.product == EVERY_PRODUCT != r.product and r.ai_column == row.ai_column
    }
    return [
        control
        for control in active
        if module in ("", control.module)
        and product in ("", control.product)
        and submodule in ("", control.submodule)
        and (control.module, control.product, control.submodule) not in own
    ]


def _module_columns(rows: Iterable[MappingRow]) -> dict[str, tuple[AiColumn, ...]]:
    """Give each module its AI columns in sheet order, with the first description of each."""
    modules: dict[str, dict[str, AiColumn]] = {}
    for row in rows:
        columns = modules.setdefault(row.module, {})
        known = columns.get(row.ai_column)
        if not is_usable(row.ai_column):
            continue
        if known is None and ai_types.is_known(row.ai_type):
            columns[row.ai_column] = AiColumn(row.ai_column, row.ai_type, row.description)
        elif known is not None and not known.description:
            columns[row.ai_column] = replace(known, description=row.description)
    return {module: tuple(columns.values()) for module, columns in modules.items()}


def _sources(
    findings: Findings, project: Project, active: list[ControlRow]
) -> dict[ControlRow, SourceJob]:
    """Resolve the location and the mapping rows of every active control row."""
    lookup = _mapping_lookup(project.mapping)
    sources: dict[ControlRow, SourceJob] = {}
    bad = {p.line for p in project.control_problems if p.code in _NAMELESS}
    for row in active:
        try:
            location = resolve(row, project.settings)
        except DataflowError as error:
            for problem in error.diagnostics:
                findings.add(problem, [row])
            continue
        mappings = lookup(row.module, row.product, row.submodule)
        if not mappings and row.line in bad:
            continue  # its names are what is wrong
        if not mappings:
            findings.add(_nothing_mapped(row), [row])
            continue
        place = row.place("module_location")
        if row.append_by and not isinstance(location, SqlLocation):
            findings.add(_nothing_to_append(row), [row])
        sources[row] = SourceJob(
            row.product, row.submodule, location, place, mappings, row.append_by
        )
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


def _check_products(findings: Findings, sources: dict[ControlRow, SourceJob]) -> None:
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
        for problem in (*check_product(one_of_each), *check_keys(one_of_each)):
            findings.add(problem, rows)


def _coverage(
    findings: Findings,
    project: Project,
    columns: Mapping[str, tuple[AiColumn, ...]],
    sources: Mapping[ControlRow, SourceJob],
) -> dict[str, Coverage]:
    by_module: dict[str, dict[ControlRow, SourceJob]] = {}
    for row, source in sources.items():
        by_module.setdefault(row.module, {})[row] = source
    found = {}
    for module, own in sorted(by_module.items()):
        found[module] = module_coverage(module, columns.get(module, ()), own.values())
        asked = project.settings.modules.get(module, ModuleSettings())
        for problem in check_coverage(found[module], project.mapping, asked):
            findings.add(problem, own)
    return found


def _jobs(
    active: list[ControlRow],
    sources: Mapping[ControlRow, SourceJob],
    columns: Mapping[str, tuple[AiColumn, ...]],
    back: Mapping[str, object],
) -> dict[str, PartitionJob]:
    partitions: dict[str, list[ControlRow]] = {}
    for row in active:
        if is_partition(row.partition) and row.partition not in back:
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


def _nothing_mapped(row: ControlRow) -> Diagnostic:
    return Diagnostic(
        "CTL-011",
        f"no row of the mapping sheet is about {row.product} · {row.module} · {row.submodule}",
        place=row.place("submodule_name"),
        fix="map its columns, correct the names, or make the row inactive",
        line=row.line,
    )


def _nothing_to_append(row: ControlRow) -> Diagnostic:
    return Diagnostic(
        "CTL-019",
        f"`load` is append_by:{row.append_by}, and files are read where they are: there is no "
        "copy that new rows could join",
        place=row.place("load"),
        fix="leave `load` blank: files that did not change are not read again anyway",
        line=row.line,
    )
