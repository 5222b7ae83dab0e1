"""What a project's tables add to a data card: who owns what, and which product maps which column.

A reader may have no project, or one whose tables they cannot read: then the card lacks that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ai_dataflow.cli.card.card_facts import ProjectParts
from ai_dataflow.cli.card.card_values import Owner
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.project import Project, load_project
from ai_dataflow.tables.teams import Team, team_of

_CONCERNS = ("source", "mapping", "platform")


def project_parts(config: Path | None, module: str) -> ProjectParts:
    """Read a project's tables, and say what they add to a module's card.

    Raises:
        DataflowError: they cannot be read.
    """
    project = load_project(config)
    rows = _one_of_each(project, module)
    draft = make_draft(replace(project, control=rows))
    products = sorted({row.product for row in rows})
    owners = tuple(_owners(project.teams, module, products))
    return ProjectParts(owners, draft.plan.coverage.get(module))


def _one_of_each(project: Project, module: str) -> tuple[ControlRow, ...]:
    """Give rows of the control table that are mapped in all ways that there are in a module.

    Clients of a source are mapped alike, but those that the mapping sheet names.
    """
    named = {row.client for row in project.mapping if row.module == module}
    rows: dict[tuple[str, str, str], ControlRow] = {}
    for row in project.control:
        if row.active and row.module == module:
            client = row.client if row.client in named else ""
            rows.setdefault((row.product, row.submodule, client), row)
    return tuple(rows.values())


def _owners(teams: Sequence[Team], module: str, products: Sequence[str]) -> Iterator[Owner]:
    """Give who owns what: the sources by product, the rest once where it is one team's."""
    for concern in _CONCERNS:
        owned = {product: team_of(teams, concern, product, module) for product in products}
        alike = len({team.name if team else "" for team in owned.values()}) == 1
        for product, team in list(owned.items())[: 1 if alike else None]:
            if team:
                yield Owner(concern, "" if alike else product, team.name, team.email)
