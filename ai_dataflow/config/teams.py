"""The teams table: who owns what. Ordered; the first row that matches wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean
from ai_dataflow.config.tables import Layout, Row, Table

ANY = "*"
CONCERNS = ("source", "mapping", "platform", ANY)
LAYOUT = Layout(
    "TEM",
    ("team", "email", "concern"),
    ("product_code", "module_name"),
    key=("team", "concern", "product_code", "module_name"),
    is_ordered=True,
)
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\"]+")


@dataclass(frozen=True)
class Team(Row):
    """A team and what is its concern."""

    name: str
    email: str
    concern: str
    product: str
    module: str

    def owns(self, problem: Diagnostic) -> bool:
        """Tell whether this row matches a problem's concern, product and module."""
        return self.covers(problem.meaning.concern, problem.product, problem.module)

    def covers(self, concern: str, product: str, module: str) -> bool:
        """Tell whether this row matches a concern of a product's module."""
        return (
            self.concern in (ANY, concern)
            and self.product in (ANY, product)
            and self.module in (ANY, module)
        )


def team_rows(table: Table) -> tuple[list[Team], list[Diagnostic]]:
    """Give the table's teams and its problems."""
    problems = table.blanks(("team", "email", "concern"))
    problems += [
        table.problem(
            "006",
            line,
            "concern",
            f"`{value[:80]}` is no concern{did_you_mean(value, CONCERNS)}",
            "one of source, mapping, platform, *",
        )
        for line, value in table.cells["concern"].items()
        if value and value.casefold() not in CONCERNS
    ]
    problems += [
        table.problem(
            "007", line, "email", f"`{value[:80]}` is no mail address", "name@example.org"
        )
        for line, value in table.cells["email"].items()
        if value and not _ADDRESS.fullmatch(value)
    ]
    teams = [_team(table, line, cells) for line, cells in table.records()]
    return teams, table.told(problems)


def with_owner(teams: Sequence[Team], problem: Diagnostic) -> Diagnostic:
    """Give the problem its owner: the first team that matches, else none."""
    owner = next((team.name for team in teams if team.owns(problem)), "")
    return replace(problem, owner=owner)


def _team(table: Table, line: int, cells: dict[str, str]) -> Team:
    return Team(
        sheet=table.sheet,
        line=line,
        name=cells["team"],
        email=cells["email"],
        concern=cells["concern"].casefold(),
        product=cells["product_code"] or ANY,
        module=cells["module_name"] or ANY,
    )
