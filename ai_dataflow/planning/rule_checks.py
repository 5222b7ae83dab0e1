"""Checks of the source rules, by the tables alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import polars as pl

from ai_dataflow.compiler.rules import misread
from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import EVERY_PRODUCT, alternatives
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.source_rules import SourceRule


def check_tied_rules(rules: Sequence[SourceRule]) -> Iterator[Diagnostic]:
    """Find two rules for one source of which neither is more specific."""
    for first, other in pairwise(rules):
        if (first.product, first.client) == (other.product, other.client):
            continue  # the same rule twice, which is told as that
        client, product = (first, other) if first.client else (other, first)
        yield client.problem(
            "RUL-007",
            "client_code",
            f"the source has a rule for client `{client.client}` of every product, and in "
            f"{product.place('product_code')} one for every client of {product.product}: neither "
            "is more specific",
            "add a rule for this product and this client",
        )


def check_expressions(
    sources: Mapping[ControlRow, SourceJob],
) -> Iterator[tuple[Diagnostic, ControlRow]]:
    """Find what is no expression in the rules, with each control row that it is about.

    It is told as compiling it against the source tells it, so that it is told once.
    """
    for row, source in sources.items():
        for finding in misread(source.rule) if source.rule else ():
            yield finding.at(source, pl.Schema()), row
        for problem in _two_lists(source):
            yield problem, row


def _two_lists(source: SourceJob) -> Iterator[Diagnostic]:
    """Find alternatives of a mapping row that begin as the rule's and go on otherwise."""
    rule = source.rule
    how = rule.reshape if rule else None
    listed = {names[0]: names for names in how.several} if how else {}
    for mapping in source.mappings if listed else ():
        names = alternatives(mapping.source_column)
        if len(names) > 1 and listed.get(names[0], names) != names:
            where = rule.place(how.cell) if rule and how else ""
            message = f"`{mapping.source_column}` begins as the alternatives in {where} and differs"
            fix = "list the same names in the same order, or begin with another"
            yield mapping.problem("MAP-033", "source_column", message, fix)


def check_unused_rules(project: Project, active: Sequence[ControlRow]) -> Iterator[Diagnostic]:
    """Find rules for sources that no active control row has."""
    sources = {row.names for row in active}
    names = sources | {(module, EVERY_PRODUCT, submodule) for module, _, submodule in sources}
    clients = {(*row.names, row.client) for row in active}
    clients |= {(row.module, EVERY_PRODUCT, row.submodule, row.client) for row in active}
    bad = {problem.line for problem in project.problems["source_rules"]}
    for rule in project.rules:
        if rule.line in bad:
            continue
        if rule.names not in names:
            alike = {those[2] for those in sources if those[0] == rule.module}
            yield rule.problem(
                "RUL-008",
                "submodule_name",
                f"no active control row has `{rule.product} · {rule.module} · {rule.submodule}`"
                f"{did_you_mean(rule.submodule, alike)}",
                "correct the name, or remove the rule",
                severity="warning",
            )
        elif rule.client and (*rule.names, rule.client) not in clients:
            yield rule.problem(
                "RUL-008",
                "client_code",
                f"no active control row has the source for client `{rule.client}`",
                "correct the client_code, or remove the rule",
                severity="warning",
            )
