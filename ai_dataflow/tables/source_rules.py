"""The source rules: how the rows of one source are taken, and joined. A tab of the sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ai_dataflow.config.diagnostics import Diagnostic, listing
from ai_dataflow.config.digests import digest
from ai_dataflow.config.sections import MappingSettings
from ai_dataflow.tables import joins
from ai_dataflow.tables.ai_mapping import EVERY_PRODUCT, AboutSource, about
from ai_dataflow.tables.keeping import check_keep, check_unique_by
from ai_dataflow.tables.reshapes import FORM, NAME, Reshape, ReshapeError, reshape
from ai_dataflow.tables.table import CellTable, Layout, Names, repeats

_AS_OF_FIX = "compare an AI column with one of the lookup: `booked_on >= valid_from`, or with `>`"
# What a rule may say; each is a column of the table, and a field of the same name.
SAYS = ("unpivot", "explode", "where", "unique_by", "keep", "join", "as_of")
TAKES = SAYS[: SAYS.index("join")]  # those that say which rows there are, before any join
LAYOUT = Layout(
    "RUL",
    ("module_name", "product_code", "submodule_name"),
    ("client_code", *SAYS, "description"),
    key=("module_name", "product_code", "submodule_name", "client_code"),
    loose=("description", "join"),
)


@dataclass(frozen=True)
class SourceRule(AboutSource):
    """How the rows of a source are taken; every text as its cell says it, blank where it is."""

    module: str
    product: str
    submodule: str
    client: str = ""
    unpivot: str = ""
    explode: str = ""
    where: str = ""
    unique_by: str = ""
    keep: str = ""
    join: str = ""
    as_of: str = ""
    dialect: str = ""  # of its expressions: the settings' `[mapping] dialect`
    null_values: tuple[str, ...] = ()  # the settings', as for a mapping row that says nothing
    trim: bool = False

    @property
    def join_kind(self) -> joins.JoinKind:
        """How the source is joined to what was joined before it."""
        return joins.join_kind(self.join)

    @property
    def holds(self) -> joins.AsOf | None:
        """Which of the rows of a lookup holds, where it has some for one key."""
        return joins.as_of(self.as_of) if self.join_kind == "lookup" else None

    @property
    def reshape(self) -> Reshape | None:
        """How one source row becomes several; None where it stays one, or nobody understands it."""
        try:
            return reshape(self.unpivot, self.explode)
        except ReshapeError:  # told with its table
            return None

    @cached_property
    def said(self) -> Mapping[str, str]:
        """A digest of each thing that it says, wherever in the table it stands."""
        return {
            name: digest([text, *self._settings(name)])[:16]
            for name in SAYS
            if (text := getattr(self, name))
        }

    def _settings(self, name: str) -> Iterator[object]:
        """Give the settings by which one of its texts is understood, where they say something."""
        if name in ("where", "keep"):
            yield self.dialect
        if name in ("where", "keep", "unique_by") and (self.null_values or self.trim):
            yield [*self.null_values, self.trim]


_USUAL = MappingSettings()
_COLUMNS = 'separate the columns by commas: `No, "Name, first"`'


def rule_rows(
    table: CellTable, usual: MappingSettings = _USUAL
) -> tuple[list[SourceRule], list[Diagnostic]]:
    """Give the table's rows and its problems; `usual` is how the sheet's expressions are meant."""
    rows = [_row(table, line, cells, usual) for line, cells in table.rows.items()]
    problems = [
        *table.blanks(("module_name", "product_code", "submodule_name")),
        *table.bad_names(("module_name", "submodule_name")),
        *table.bad_names(("product_code",), also=EVERY_PRODUCT),
        *table.bad_names(("client_code",)),
        *table.wrong("020", "join", joins.bad_join, listing(joins.JOIN_KINDS)),
        *table.wrong("021", "as_of", joins.bad_as_of, _AS_OF_FIX),
        *_as_of_what(rows),
        *table.wrong(
            "012", "unique_by", check_unique_by, "separate columns by commas: `No, Version`"
        ),
        *_wrong_keeps(table),
    ]
    for row in rows:
        try:
            reshape(row.unpivot, row.explode)
        except ReshapeError as error:
            problems.append(_not_understood(table, row, str(error)))
    for row, first in repeats(rows, lambda row: (row.names, row.client)):
        place = first.place("submodule_name")
        message = f"the same source has a rule in {place}"
        problems.append(
            table.problem("006", row.line, "submodule_name", message, "make one row of them")
        )
    return rows, table.diagnostics(problems)


def _as_of_what(rows: Iterable[SourceRule]) -> Iterator[Diagnostic]:
    """Find comparisons of sources that are no lookups: nothing would look at them."""
    for row in rows:
        if row.as_of and row.join_kind != "lookup" and not joins.bad_join(row.join):
            yield row.problem(
                "RUL-022",
                "as_of",
                "`as_of` says which row of a lookup holds, and the source is joined otherwise",
                "write `lookup` as its join, or clear `as_of`",
            )


def _not_understood(table: CellTable, row: SourceRule, message: str) -> Diagnostic:
    if row.unpivot and row.explode:
        return table.problem("031", row.line, "explode", message, "clear one of the two cells")
    cell, fix = ("unpivot", FORM) if row.unpivot else ("explode", NAME)
    return table.problem("030", row.line, cell, message, fix)


def _wrong_keeps(table: CellTable) -> Iterator[Diagnostic]:
    for line, cells in table.rows.items():
        if wrong := check_keep(cells["keep"], cells["unique_by"]):
            yield table.problem("012", line, "keep", *wrong)


def _row(
    table: CellTable, line: int, cells: Mapping[str, str], usual: MappingSettings
) -> SourceRule:
    return SourceRule(
        sheet=table.sheet,
        line=line,
        module=cells["module_name"],
        product=cells["product_code"],
        submodule=cells["submodule_name"],
        client=cells["client_code"],
        unpivot=cells["unpivot"],
        explode=cells["explode"],
        where=cells["where"],
        unique_by=cells["unique_by"],
        keep=cells["keep"],
        join=cells["join"],
        as_of=cells["as_of"],
        dialect=usual.dialect,
        null_values=tuple(usual.null_values),
        trim=usual.trim,
    )


def rules_for(rules: Iterable[SourceRule], names: Names, client: str) -> tuple[SourceRule, ...]:
    """Give the rule that applies to one source of a client: the most specific one.

    Of two that are as specific both are given.
    """
    about_it = about(rules, names, client)
    best = max((rule.specificity for rule in about_it), default=0)
    return tuple(rule for rule in about_it if rule.specificity == best)
