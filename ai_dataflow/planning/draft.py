"""The draft of a plan: what the tables say by themselves; completed, once others have looked.

Checking the tables against each other is most of planning, and needs nobody's answer: it is done
once, whatever is asked of the sources afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.planning.bad_rows import add_bad_rows
from ai_dataflow.planning.checks import check_complete, check_product, check_teams, check_unused
from ai_dataflow.planning.client_files import check_clients, with_strays
from ai_dataflow.planning.code_checks import check_codes, check_ties
from ai_dataflow.planning.computed_rows import ComputedRows, check_computed, computed_rows, whose
from ai_dataflow.planning.coverage import Coverage, check_coverage, module_coverage
from ai_dataflow.planning.dictionary_checks import check_dictionary
from ai_dataflow.planning.findings import Findings, held, is_partition
from ai_dataflow.planning.join_checks import check_joins
from ai_dataflow.planning.live import check_live
from ai_dataflow.planning.plan import Plan
from ai_dataflow.planning.resolution import module_columns, resolved_sources
from ai_dataflow.planning.rule_checks import check_expressions, check_unused_rules
from ai_dataflow.planning.sharing import check_overlaps, check_shared
from ai_dataflow.planning.slips import check_keys, check_required, check_slips
from ai_dataflow.sources.files.client_counts import Counted
from ai_dataflow.sources.schemas import Look
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.survey import Survey
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import FileLocation, Location, files_of
from ai_dataflow.tables.project import Project


@dataclass(frozen=True)
class Draft:
    """What the tables of a project say.

    `active` are the active control rows, `sources` what those became that could be resolved, and
    `computed` the rows that read AI columns. `plan` is the plan by the tables alone. `leases` are
    the numbers of the modules' newest leases before the tables were read, where somebody looked.
    """

    project: Project
    active: tuple[ControlRow, ...]
    sources: Mapping[ControlRow, SourceJob]
    computed: ComputedRows
    findings: Findings
    plan: Plan
    leases: Mapping[str, int] = field(default_factory=dict)

    def columns_read(self) -> dict[Location, tuple[str, ...]]:
        """Give the columns that the sheet names of each location of files, whosoever they are.

        By them it is found out how files of text are written.
        """
        names: dict[Location, tuple[str, ...]] = {}
        for source in self.sources.values():
            if not isinstance(source.location, FileLocation):
                continue
            files, by = files_of(source.location), source.location.client_column
            more = (*source.columns_read, by) if by else source.columns_read
            before = names.get(files, more)
            names[files] = before if before == more else tuple(dict.fromkeys((*before, *more)))
        return names


def make_draft(project: Project) -> Draft:
    """Plan all partitions of a project by its tables. Looks at nothing."""
    active = tuple(row for row in project.control if row.active)
    findings = Findings(project.teams)
    add_bad_rows(findings, project, active)
    columns = module_columns(project, active)
    sources = with_strays(resolved_sources(findings, project, active), project.settings)
    computed = computed_rows(project, active)
    for problem, concerned in check_codes(sources, computed, project.code_lists):
        findings.add(problem, concerned)
    for problem, row in check_expressions(sources):
        findings.add(problem, [row], sources[row].location)
    for problem in check_unused_rules(project, active):
        findings.add(problem)
    _check_products(findings, sources, computed, columns)
    check_complete(findings, active)
    check_slips(findings, project.mapping, active)
    for problem, rows in check_shared(sources):
        findings.add(problem, rows)
    check_unused(findings, project, active)
    coverage = _coverage(findings, project, columns, sources, computed)
    for problem in check_dictionary(project, columns, coverage):
        findings.add(problem, [row for row in active if row.module == problem.module])
    check_teams(findings, project, active)
    plan = _plan(findings, active, sources, computed, columns, coverage)
    return Draft(project, active, sources, computed, findings, plan)


def make_plan(project: Project) -> Plan:
    """Plan all partitions of a project by its tables alone."""
    return make_draft(project).plan


def complete(
    draft: Draft,
    schemas: Mapping[Location, Look],
    seen: Survey = MappingProxyType({}),
    workstation: Iterable[Diagnostic] = (),
    clients: Mapping[Location, Counted] = MappingProxyType({}),
) -> Plan:
    """Complete a plan with what others saw.

    Args:
        draft: what the tables say.
        schemas: what is at the sources.
        seen: what a survey saw there.
        workstation: the problems with it; where nothing can be published, nothing runs.
        clients: whose rows are in files that clients share.
    """
    findings = draft.findings.copy()
    for problem in workstation:
        findings.add(problem, draft.active)
    for problem, rows in check_overlaps(draft.sources, seen):
        findings.add(problem, rows)
    for problem, rows in check_clients(draft.sources, clients):
        findings.add(problem, rows)
    check_live(findings, draft.sources, schemas, seen)
    plan = draft.plan
    tables = draft.active, draft.sources, draft.computed
    made = _plan(findings, *tables, plan.columns, plan.coverage)
    return replace(made, jobs=made.as_seen(seen, schemas)) if seen else made


def _plan(
    findings: Findings,
    active: tuple[ControlRow, ...],
    sources: Mapping[ControlRow, SourceJob],
    computed: ComputedRows,
    columns: dict[str, tuple[AiColumn, ...]],
    coverage: dict[str, Coverage],
) -> Plan:
    diagnostics = findings.diagnostics()
    back = held(diagnostics)
    jobs = _jobs(active, sources, computed, columns, back)
    return Plan(jobs, back, columns, coverage, diagnostics)


def _check_products(
    findings: Findings,
    sources: Mapping[ControlRow, SourceJob],
    computed: ComputedRows,
    columns: Mapping[str, tuple[AiColumn, ...]],
) -> None:
    """Check what the submodules of a product do to each other, once per combination."""
    products = grouped(sources, lambda row: (row.module, row.product, row.client)).values()
    for alike in grouped(products, lambda rows: _shape(rows, sources, computed)).values():
        one_of_each = [sources[row] for row in alike[0]]
        rows = computed.get(whose(alike[0][0]), ())
        of_module = columns.get(alike[0][0].module, ())
        slips = (*check_keys(one_of_each), *check_required(one_of_each, of_module))
        ties = chain.from_iterable(check_ties(source.mappings) for source in one_of_each)
        joins = check_joins(one_of_each)
        later = check_computed(one_of_each, rows, of_module)
        for problem in (*ties, *check_product(one_of_each), *joins, *slips, *later):
            findings.add(problem, chain(*alike))


def _shape(
    rows: Sequence[ControlRow], sources: Mapping[ControlRow, SourceJob], computed: ComputedRows
) -> tuple[object, ...]:
    """Tell what a client of a product has mapped from where: all that are alike are checked once.

    Clients share the very rows of the sheet, but those that have some for themselves.
    """
    mapped = ((row.submodule, id(sources[row].mappings), id(sources[row].rule)) for row in rows)
    return (rows[0].module, rows[0].product, id(computed.get(whose(rows[0]))), *mapped)


def _coverage(
    findings: Findings,
    project: Project,
    columns: Mapping[str, tuple[AiColumn, ...]],
    sources: Mapping[ControlRow, SourceJob],
    computed: ComputedRows,
) -> dict[str, Coverage]:
    modules: dict[str, Coverage] = {}
    for module, rows in sorted(grouped(sources, lambda row: row.module).items()):
        mapped = [(row.product, sources[row].mappings) for row in rows]
        products = dict.fromkeys(map(whose, rows))
        mapped += [(of[1], computed[of]) for of in products if of in computed]
        modules[module] = module_coverage(module, columns.get(module, ()), mapped)
        asked = project.settings.module(module)
        for problem in check_coverage(modules[module], project.mapping, asked):
            findings.add(problem, rows)
    return modules


def _jobs(
    active: Iterable[ControlRow],
    sources: Mapping[ControlRow, SourceJob],
    computed: ComputedRows,
    columns: Mapping[str, tuple[AiColumn, ...]],
    back: Mapping[PartitionKey, object],
) -> dict[PartitionKey, PartitionJob]:
    can_run = (r for r in active if is_partition(r.partition) and r.partition not in back)
    partitions = grouped(can_run, lambda row: row.partition)
    return {
        key: PartitionJob(
            rows[0].module,
            rows[0].client,
            columns[rows[0].module],
            tuple(sources[row] for row in rows),
            computed={of[1]: computed[of] for of in map(whose, rows) if of in computed},
        )
        for key, rows in sorted(partitions.items())
    }
