"""Resolution: each active control row becomes a source, with its location and its mapping rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

from ai_dataflow.compiler.absent_columns import names_read
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.planning.code_checks import with_codes
from ai_dataflow.planning.findings import Findings
from ai_dataflow.planning.rule_checks import check_tied_rules
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_columns import by_column
from ai_dataflow.tables.ai_mapping import MappingRow, is_usable, rows_for
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import SqlLocation, resolve
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.source_rules import SourceRule, rules_for
from ai_dataflow.tables.table import Names


def module_columns(
    project: Project, active: Iterable[ControlRow] = ()
) -> dict[str, tuple[AiColumn, ...]]:
    """Give each module the AI columns that it publishes, in sheet order.

    Each has what the dictionary says of it. The first description in the mapping sheet takes the
    place of the dictionary's.
    """
    dictionary, modules = by_column(project.dictionary), dict[str, dict[str, AiColumn]]()
    technical: dict[tuple[str, str], bool] = {}  # as the first row of a column says
    for row in project.mapping:
        columns = modules.setdefault(row.module, {})
        column = columns.get(row.ai_column)
        is_technical = technical.setdefault((row.module, row.ai_column), row.technical)
        if is_technical or not is_usable(row.ai_column):
            continue
        if column is None and ai_types.is_known(row.ai_type):
            rule = dictionary.get((row.module, row.ai_column))
            columns[row.ai_column] = AiColumn(row.ai_column, row.ai_type, row.description, rule)
        elif column is not None and not column.description:
            columns[row.ai_column] = replace(column, description=row.description)
    products = grouped(active, lambda row: row.module)
    return {
        module: tuple(
            _explained(project, column, sorted({row.product for row in products.get(module, ())}))
            if column.rule
            else column
            for column in columns.values()
        )
        for module, columns in modules.items()
    }


def _explained(project: Project, column: AiColumn, products: Sequence[str]) -> AiColumn:
    """Give a column of the dictionary what else its row means: the codes of each product."""
    rule, lists = column.rule, project.code_lists
    assert rule is not None  # noqa: S101 - the caller's condition
    codes = products if rule.code_list in lists.by_name else ()
    asked = project.settings.module(rule.module)
    return replace(
        column,
        description=column.description or rule.description,
        codes=tuple((product, lists.of(rule.code_list, product)) for product in codes),
        on_repeats=rule.effect("is_key", asked.duplicate_keys) if rule.is_key else "fail",
    )


def _mapping_lookup(project: Project) -> Callable[[Names, str], tuple[MappingRow, ...]]:
    """Give what tells the mapping rows of a source for a client; clients share them."""
    by_source = grouped(project.mapping, lambda row: (row.module, row.submodule))

    @cache
    def lookup(names: Names, client: str) -> tuple[MappingRow, ...]:
        rows = rows_for(by_source.get((names[0], names[2]), ()), names, client)
        return with_codes(rows, names[1], project.code_lists)

    return lookup


def _rule_lookup(
    project: Project,
) -> Callable[[Names, str], tuple[SourceRule | None, list[Diagnostic]]]:
    """Give what tells the rule of a source for a client, and whether another ties with it."""
    by_source = grouped(project.rules, lambda rule: (rule.module, rule.submodule))

    @cache
    def lookup(names: Names, client: str) -> tuple[SourceRule | None, list[Diagnostic]]:
        rules = rules_for(by_source.get((names[0], names[2]), ()), names, client)
        return rules[0] if rules else None, [*check_tied_rules(rules)]

    return lookup


def _name_reader() -> Callable[[tuple[MappingRow, ...], SourceRule | None], tuple[str, ...]]:
    """Give what tells the columns that rows and a rule name; most clients have the very same."""
    read: dict[tuple[int, ...], tuple[str, ...]] = {}

    def columns_read(mappings: tuple[MappingRow, ...], rule: SourceRule | None) -> tuple[str, ...]:
        rows = (*map(id, mappings), id(rule))
        if rows not in read:
            read[rows] = tuple(dict.fromkeys(filter(None, names_read(mappings, rule))))
        return read[rows]

    return columns_read


def resolved_sources(
    findings: Findings, project: Project, active: Sequence[ControlRow]
) -> dict[ControlRow, SourceJob]:
    """Resolve the location, the mapping rows and the rule of every active control row."""
    mappings_of, rule_of = _mapping_lookup(project), _rule_lookup(project)
    columns_read, of_clients = _name_reader(), _with_own_rows(project)
    sources: dict[ControlRow, SourceJob] = {}
    bad = {p.line for p in project.problems["control_table"] if p.void}
    for row in active:
        try:
            location = resolve(row, project.settings)
        except DataflowError as error:
            for problem in error.diagnostics:
                findings.add(problem, [row])
            continue
        client = row.client if (row.module, row.submodule, row.client) in of_clients else ""
        mappings = mappings_of(row.names, client)
        if not mappings and row.line in bad:
            continue  # its names are what is wrong
        if not mappings:
            findings.add(_nothing_mapped(row), [row])
            continue
        place = row.place("module_location")
        if row.append_by and not isinstance(location, SqlLocation):
            findings.add(_nothing_to_append(row), [row])
        rule, ties = rule_of(row.names, client)
        names = () if isinstance(location, SqlLocation) else columns_read(mappings, rule)
        for problem in ties:
            findings.add(problem, [row])
        sources[row] = SourceJob(
            row.product, row.submodule, location, place, mappings, row.append_by, names,
            rule=rule, of_every=row.of_every,
        )  # fmt: skip
    return sources


def _with_own_rows(project: Project) -> set[tuple[str, str, str]]:
    """Give the module, submodule and client that have rows for themselves in the sheet."""
    mapped = {(row.module, row.submodule, row.client) for row in project.mapping if row.client}
    ruled = {(rule.module, rule.submodule, rule.client) for rule in project.rules if rule.client}
    return mapped | ruled


def _nothing_mapped(row: ControlRow) -> Diagnostic:
    return row.problem(
        "CTL-011",
        "submodule_name",
        f"no row of the mapping sheet is about {row.product} · {row.module} · {row.submodule}",
        "map its columns, correct the names, or make the row inactive",
    )


def _nothing_to_append(row: ControlRow) -> Diagnostic:
    return row.problem(
        "CTL-019",
        "load",
        f"`load` is append_by:{row.append_by}, and files are read where they are: there is no "
        "copy that new rows could join",
        "leave `load` blank: files that did not change are not read again anyway",
    )
