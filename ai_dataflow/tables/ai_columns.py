"""The dictionary: what an AI column means, and what must hold for it. A tab of the sheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.config.digests import digest
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.table import CellTable, Layout, Row, is_yes, repeats

LAYOUT = Layout(
    "DIC",
    ("module_name", "ai_column"),
    ("ai_type", "description", "unit", "is_key", "required", "min", "max", "pattern", "code_list",
     "max_null", "references", "sensitivity", "valid_from", "severity", "blocks"),
    key=("module_name", "ai_column"),
    loose=("description", "unit", "is_key", "required", "sensitivity", "severity", "blocks"),
)  # fmt: skip

# What decides which rows are published; its type is the column's, and the rest is for people.
_DECIDES = ("is_key", "required", "min", "max", "pattern", "code_list", "max_null")
CHECKS = (*_DECIDES, "references")  # what holds for what is published
# What is checked, and the cells that say so, in the order in which a row fails them.
KINDS = {
    "required": ("required",),
    "range": ("min", "max"),
    "pattern": ("pattern",),
    "code_list": ("code_list",),
    "is_key": ("is_key",),
    "max_null": ("max_null",),
    "references": ("references",),
}
ROW_KINDS = ("required", "range", "pattern", "code_list")
Severity = Literal["error", "warn"]
SEVERITIES: tuple[Severity, ...] = ("error", "warn")
# What becomes of what breaks a check: its row is left out, its partition is not published, or it
# is published and told.
Effect = Literal["reject", "fail", "tell"]
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
    severity: str = ""
    blocks: bool | None = None

    @property
    def is_warning(self) -> bool:
        """Whether what breaks it is only told."""
        return self.severity == "warn"

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is checked of the column."""
        return tuple(
            kind for kind, cells in KINDS.items() if any(getattr(self, name) for name in cells)
        )

    def cell_of(self, kind: str) -> str:
        """Give the place of the cell that asks for a check: the first of them."""
        return self.place(next(name for name in KINDS[kind] if getattr(self, name)))

    def limit_of(self, kind: str) -> str:
        """Give what a check asks for, as its cells say it; nothing where they say but Y."""
        says = ((name, getattr(self, name)) for name in KINDS[kind])
        texts = {name: text for name, text in says if text and text is not True}
        return ", ".join(texts.values() if len(KINDS[kind]) == 1 else
                         (f"{name} {text}" for name, text in texts.items()))  # fmt: skip

    def effect(self, kind: str, on_repeats: Effect = "fail") -> Effect:
        """Tell what becomes of what breaks a check; `on_repeats` is what is usual for keys."""
        if self.is_warning or kind == "references":
            return "tell"
        if self.blocks:
            return "fail"
        if kind in ROW_KINDS:
            return "reject"
        usual = on_repeats if kind == "is_key" else "fail"
        return "tell" if self.blocks is False and usual == "fail" else usual

    def severity_of(self, kind: str) -> Severity:
        """Tell how bad it is that a check does not hold; references are warnings, unless said."""
        is_warning = self.is_warning or (kind == "references" and not self.severity)
        return "warn" if is_warning else "error"

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
        says: dict[str, object] = {n: value for n in _DECIDES if (value := getattr(self, n))}
        usual = replace(self, severity="", blocks=None)
        # What becomes of repeated keys depends on a setting too; see `inputs_of`.
        effects = {
            kind: effect
            for kind in (*ROW_KINDS, "max_null")
            if kind in self.kinds and (effect := self.effect(kind)) != usual.effect(kind)
        }
        return digest([says, effects] if effects else says)[:16] if says else ""


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
        *table.bad_flags(("is_key", "required", "blocks")),
        *table.wrong("010", "ai_type", _unknown_type, f"one of {listing(ai_types.NAMES, 20)}"),
        *table.wrong("015", "max_null", _no_share, "write 5% or 0.05"),
        *table.wrong("021", "severity", _no_severity, f"one of {listing(SEVERITIES)}"),
        *_contradictions(table, rows),
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


def _no_severity(text: str) -> str:
    is_severity = not text or text.casefold() in SEVERITIES
    near = did_you_mean(text, SEVERITIES)
    return "" if is_severity else f"`{text[:80]}` is no severity{near}"


def _contradictions(table: CellTable, rows: Iterable[DictionaryRow]) -> Iterator[Diagnostic]:
    """Find what holds partitions back and is a warning, or is looked at only after a run."""
    for row in rows:
        if row.blocks and row.is_warning:
            message = f"what is only a warning ({row.place('severity')}) holds nothing back"
            yield table.problem("022", row.line, "blocks", message, "clear one of the two cells")
        elif row.blocks and row.kinds == ("references",):
            message = "references are looked at after a run: they hold nothing back"
            yield table.problem("022", row.line, "blocks", message, "clear the cell")


def _row(table: CellTable, line: int, cells: Mapping[str, str]) -> DictionaryRow:
    return DictionaryRow(
        table.sheet, line, cells["module_name"], cells["ai_column"],
        ai_types.normal(cells["ai_type"]),
        cells["description"], cells["unit"], is_yes(cells["is_key"]), is_yes(cells["required"]),
        cells["min"], cells["max"], cells["pattern"], cells["code_list"], cells["max_null"],
        cells["references"], cells["sensitivity"], cells["valid_from"],
        cells["severity"].casefold(),
        is_yes(cells["blocks"]) if cells["blocks"] else None,
    )  # fmt: skip
