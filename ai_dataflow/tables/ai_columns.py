"""The dictionary: what an AI column means, and what must hold for it. A tab of the sheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.config.digests import digest
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.table import CellTable, Layout, Row, is_yes, repeats

LAYOUT = Layout(
    "DIC",
    ("module_name", "ai_column"),
    ("ai_type", "description", "unit", "is_key", "required", "min", "max", "pattern", "code_list",
     "max_null", "references", "sensitivity", "valid_from"),
    key=("module_name", "ai_column"),
    loose=("description", "unit", "is_key", "required", "sensitivity"),
)  # fmt: skip

# What decides which rows are published; its type is the column's, and the rest is for people.
_DECIDES = ("is_key", "required", "min", "max", "pattern", "code_list", "max_null")
CHECKS = (*_DECIDES, "references")  # what holds for what is published
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?) ?%|(0|0?\.\d+)", re.ASCII)


@dataclass(frozen=True)
class DictionaryRow(Row):
    """What an AI column means and what must hold; every text as its cell says it."""

    module: str
    ai_column: str
    ai_type: str = ""
    description: str = ""
    unit: str = ""
    is_key: bool = False
    required: bool = False
    min: str = ""
    max: str = ""
    pattern: str = ""
    code_list: str = ""
    max_null: str = ""
    references: str = ""
    sensitivity: str = ""
    valid_from: str = ""

    @property
    def largest_share(self) -> Fraction | None:
        """The share of rows that may have no value; None where any may."""
        return share(self.max_null) if self.max_null else None

    @property
    def referred(self) -> tuple[str, str]:
        """The module and the column that it references; a module's name may have dots."""
        module, _, column = self.references.rpartition(".")
        return module.strip(), column.strip()

    @property
    def holds(self) -> tuple[str, ...]:
        """What must hold, as people read it, beside that values are there, or there once."""
        says = ((name, getattr(self, name)) for name in CHECKS[2:])
        return tuple(f"{name} {text}" for name, text in says if text)

    @cached_property
    def said(self) -> str:
        """A digest of what decides which rows are published; blank where nothing does."""
        says = {name: value for name in _DECIDES if (value := getattr(self, name))}
        return digest(says)[:16] if says else ""


def share(text: str) -> Fraction | None:
    """Give the share that a cell says, from 0 to 1; None where it says none.

    Example:
        >>> share("5%"), share("0.05"), share("0"), share("5"), share("120%")
        (Fraction(1, 20), Fraction(1, 20), Fraction(0, 1), None, None)
    """
    if not (said := _SHARE.fullmatch(text)):
        return None
    part = Fraction(said[1]) / 100 if said[1] else Fraction(said[2])
    return part if part <= 1 else None


def by_column(rows: Iterable[DictionaryRow]) -> dict[tuple[str, str], DictionaryRow]:
    """Index rows by module and AI column; the first holds."""
    index: dict[tuple[str, str], DictionaryRow] = {}
    for row in rows:
        index.setdefault((row.module, row.ai_column), row)
    return index


def dictionary_rows(table: CellTable) -> tuple[list[DictionaryRow], list[Diagnostic]]:
    """Give the table's rows and its problems."""
    rows = [_row(table, line, cells) for line, cells in table.rows.items()]
    problems = [
        *table.blanks(("module_name", "ai_column")),
        *table.bad_names(("module_name",)),
        *table.bad_flags(("is_key", "required")),
        *table.wrong("010", "ai_type", _unknown_type, f"one of {listing(ai_types.NAMES, 20)}"),
        *table.wrong("015", "max_null", _no_share, "write 5% or 0.05"),
    ]
    for row, first in repeats(rows, lambda row: (row.module, row.ai_column)):
        message = f"the column has a row in {first.place('ai_column')}"
        problems.append(
            table.problem("006", row.line, "ai_column", message, "make one row of them")
        )
    return rows, table.diagnostics(problems)


def _unknown_type(name: str) -> str:
    is_known = not name or ai_types.is_known(name)
    near = did_you_mean(name, ai_types.NAMES)
    return "" if is_known else f"`{name[:80]}` is no ai_type{near}"


def _no_share(text: str) -> str:
    is_share = not text or share(text) is not None
    return "" if is_share else f"`{text[:80]}` is no share of rows from 0% to 100%"


def _row(table: CellTable, line: int, cells: Mapping[str, str]) -> DictionaryRow:
    return DictionaryRow(
        table.sheet, line, cells["module_name"], cells["ai_column"],
        ai_types.normal(cells["ai_type"]),
        cells["description"], cells["unit"], is_yes(cells["is_key"]), is_yes(cells["required"]),
        cells["min"], cells["max"], cells["pattern"], cells["code_list"], cells["max_null"],
        cells["references"], cells["sensitivity"], cells["valid_from"],
    )  # fmt: skip
