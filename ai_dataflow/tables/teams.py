"""The teams table: who owns what. Ordered; the first row that matches wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from ai_dataflow.config.addresses import is_address, several
from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.tables.table import CellTable, Layout, Row

ANY = "*"
CONCERNS = ("source", "mapping", "platform", ANY)
Notify = Literal["failures", "successes", "both", "digest"]
Remind = Literal["always", "daily", "weekly", "never"]
LAYOUT = Layout(
    "TEM",
    ("team", "email", "concern"),
    ("product_code", "module_name", "notify", "cc", "remind"),
    key=("team", "concern", "product_code", "module_name"),
    is_ordered=True,
)
# Columns with a few words to choose from: their code, the words.
_CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "concern": ("006", CONCERNS),
    "notify": ("010", get_args(Notify)),
    "remind": ("011", get_args(Remind)),
}


@dataclass(frozen=True)
class Team(Row):
    """A team, what is its concern, and of what it wants to hear.

    A team may have several rows. All their addresses get its mails; of `notify` and `remind`, which
    are empty where the row says nothing, the first that is given counts.
    """

    name: str
    email: str
    concern: str
    product: str
    module: str
    notify: Notify | Literal[""] = ""
    cc: tuple[str, ...] = ()
    remind: Remind | Literal[""] = ""

    def covers(self, concern: str, product: str, module: str) -> bool:
        """Tell whether this row matches a concern of a product's module."""
        return (
            self.concern in (ANY, concern)
            and self.product in (ANY, product)
            and self.module in (ANY, module)
        )


def team_rows(table: CellTable) -> tuple[list[Team], list[Diagnostic]]:
    """Give the table's teams and its problems."""
    problems = [
        *table.blanks(("team", "email", "concern")),
        *_unknown_words(table),
        *_bad_addresses(table),
        *_disagreements(table),
    ]
    teams = [_team(table, line, cells) for line, cells in table.rows.items()]
    return teams, table.diagnostics(problems)


def _unknown_words(table: CellTable) -> Iterator[Diagnostic]:
    for column, (number, words) in _CHOICES.items():
        for line, value in table.column(column):
            if value and value.casefold() not in words:
                noun = "concern" if column == "concern" else f"choice for `{column}`"
                message = f"`{value[:80]}` is no {noun}{did_you_mean(value, words)}"
                fix = f"one of {listing(words)}"
                yield table.problem(number, line, column, message, fix)


def _bad_addresses(table: CellTable) -> Iterator[Diagnostic]:
    """Find what is no address; a team may have one, with as many in `cc` as it likes."""
    for line, value in table.column("email"):
        if value and not is_address(value):
            message = f"`{value[:80]}` is no mail address"
            yield table.problem("007", line, "email", message, "name@example.org")
    for line, value in table.column("cc"):
        if wrong := [part for part in several(value) if not is_address(part)]:
            message = f"`{wrong[0][:80]}` is no mail address"
            fix = "addresses like name@example.org, with `;` between them"
            yield table.problem("007", line, "cc", message, fix)


def _disagreements(table: CellTable) -> Iterator[Diagnostic]:
    """Find teams that say two things of one matter in two rows."""
    said: dict[tuple[str, str], str] = {}
    for line, cells in table.rows.items():
        for column in ("notify", "remind"):
            word = cells[column].casefold()
            if not word or word not in _CHOICES[column][1]:
                continue
            first = said.setdefault((cells["team"], column), word)
            if first != word:
                message = f"`{cells['team'][:80]}` has `{first}` in an earlier row, which counts"
                fix = "say it once, in the team's first row"
                yield table.problem("012", line, column, message, fix)


def with_owner(teams: Sequence[Team], problem: Diagnostic) -> Diagnostic:
    """Give the problem its owner: the first team that matches, else none."""
    owner = owner_of(teams, problem.concern, problem.product, problem.module)
    return replace(problem, owner=owner)


def owner_of(teams: Sequence[Team], concern: str, product: str, module: str) -> str:
    """Name the first team that has a concern of a product's module; nothing where none has."""
    team = team_of(teams, concern, product, module)
    return team.name if team else ""


def team_of(teams: Sequence[Team], concern: str, product: str, module: str) -> Team | None:
    """Give the first team that has a concern of a product's module."""
    return next((team for team in teams if team.covers(concern, product, module)), None)


def _team(table: CellTable, line: int, cells: Mapping[str, str]) -> Team:
    return Team(
        sheet=table.sheet,
        line=line,
        name=cells["team"],
        email=cells["email"],
        concern=cells["concern"].casefold(),
        product=cells["product_code"] or ANY,
        module=cells["module_name"] or ANY,
        notify=cast(Notify, _word("notify", cells)),
        cc=tuple(part for part in several(cells["cc"]) if is_address(part)),
        remind=cast(Remind, _word("remind", cells)),
    )


def _word(column: str, cells: Mapping[str, str]) -> str:
    """Give a known word; another one is told, and counts as none."""
    word = cells[column].casefold()
    return word if word in _CHOICES[column][1] else ""
