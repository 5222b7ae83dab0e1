"""Bad rows: what a row that is wrong holds back, where its names can be understood or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ai_dataflow.config.diagnostics import Severity
from ai_dataflow.config.grouped import grouped
from ai_dataflow.planning.active import leaves_open
from ai_dataflow.planning.findings import Findings, is_partition
from ai_dataflow.tables.ai_mapping import EVERY_PRODUCT, MappingRow
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.source_rules import SourceRule
from ai_dataflow.tables.table import MODULE_RULE, NAME_RULE


def add_bad_rows(findings: Findings, project: Project, active: Sequence[ControlRow]) -> None:
    """Add the problems of the tables' own rows, each with the partitions that it touches."""
    control = grouped(project.control, lambda row: row.line)
    for problem in project.problems["control_table"]:
        if not (rows := control.get(problem.line)):
            findings.add(problem)  # a flaw of the header; a row for every client that feeds none
            continue
        row = rows[0]  # those of a row for every client differ in the client alone
        is_meant = row.active or leaves_open(problem, row)
        severity: Severity = problem.severity if is_meant else "warning"
        meant = _could_be(row, active) if problem.void else []  # it may be a name
        findings.add(replace(problem, severity=severity), [*rows, *meant])
    mapping = {row.line: row for row in project.mapping}
    for problem in project.problems["ai_mapping"]:
        if (about := mapping.get(problem.line)) is None:
            findings.add(problem)
            continue
        product = "" if about.product == EVERY_PRODUCT else about.product
        scoped = replace(
            problem, product=product, module=about.module, submodule=about.submodule,
            ai_column=about.ai_column,
        )  # fmt: skip
        touched = _matching(about, project.mapping, active)
        if problem.void == "line" and not touched:  # its cells may all be one place off
            touched = [row for row in active if row.module == about.module] or list(active)
        findings.add(scoped, touched)
    _add_bad_codes(findings, project, active)
    _add_bad_rules(findings, project, active)
    _add_bad_dictionary(findings, project, active)
    for problem in project.problems["teams"]:
        findings.add(replace(problem, severity="warning"))


def _add_bad_codes(findings: Findings, project: Project, active: Sequence[ControlRow]) -> None:
    """Add the problems of code lists, each with the partitions whose mapping uses the list."""
    lists = {row.line: row.code_list for row in project.code_lists.rows}
    users = grouped((row for row in project.mapping if row.code_list), lambda row: row.code_list)
    for problem in project.problems["code_lists"]:
        mapped = users.get(lists.get(problem.line, ""), ())
        about = dict.fromkeys(c for m in mapped for c in _matching(m, project.mapping, active))
        findings.add(problem, list(about))


def _add_bad_rules(findings: Findings, project: Project, active: Sequence[ControlRow]) -> None:
    """Add the problems of source rules, each with the partitions of the sources it is about."""
    rules = {rule.line: rule for rule in project.rules}
    for problem in project.problems["source_rules"]:
        if (rule := rules.get(problem.line)) is None:
            findings.add(problem)
            continue
        product = "" if rule.product == EVERY_PRODUCT else rule.product
        scoped = replace(problem, product=product, module=rule.module, submodule=rule.submodule)
        findings.add(scoped, [row for row in active if _is_about(rule, row)])


def _is_about(rule: SourceRule, row: ControlRow) -> bool:
    """Tell whether a rule may be about a source; an unusable name could be any."""
    rules = (MODULE_RULE, NAME_RULE, NAME_RULE, NAME_RULE)
    names, those = (*rule.names, rule.client), (*row.names, row.client)
    return all(
        name == that or not re.fullmatch(usable, name)
        for name, that, usable in zip(names, those, rules, strict=True)
    )


def _add_bad_dictionary(findings: Findings, project: Project, active: Sequence[ControlRow]) -> None:
    """Add the problems of the dictionary, each with all partitions of the module."""
    modules = {row.line: row.module for row in project.dictionary}
    for problem in project.problems["ai_columns"]:
        module = modules.get(problem.line, "")
        touched = [row for row in active if module in ("", row.module)]
        findings.add(replace(problem, module=module), touched if problem.line in modules else [])


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
    specific = (
        r
        for r in mapping
        if r.product != EVERY_PRODUCT and r.ai_column == row.ai_column and r.client == row.client
    )
    sources = {r.names for r in specific} if row.product == EVERY_PRODUCT else set()
    return [
        control
        for control in active
        if module in ("", control.module)
        and product in ("", control.product)
        and submodule in ("", control.submodule)
        and row.client in ("", control.client)
        and (*control.names[:2], row.submodule and control.submodule) not in sources
    ]
