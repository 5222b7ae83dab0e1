"""The AI mapping sheet: one row is one AI column from one source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.table import Layout, Row, Table, is_yes

EVERY_PRODUCT = "*"
COLUMN_RULE = r"[^\W\d]\w{0,127}"
RESERVED = ("product_code", "client_code")
LAYOUT = Layout(
    "MAP",
    ("module_name", "product_code", "submodule_name", "source_column", "ai_column", "ai_type"),
    ("transform", "is_key", "required", "description"),
    key=("module_name", "product_code", "submodule_name", "ai_column"),
    is_ordered=True,
)


@dataclass(frozen=True)
class MappingRow(Row):
    """Which source column, or which transform of source columns, feeds which AI column."""

    module: str
    product: str
    submodule: str
    source_column: str
    ai_column: str
    ai_type: str
    transform: str = ""
    is_key: bool = False
    required: bool = False
    description: str = ""
    dialect: str = ""  # of its transform: the settings' `[mapping] dialect`

    @property
    def cell(self) -> str:
        """The place of what feeds the column: its transform if it has one."""
        return self.place("transform" if self.transform else "source_column")


def is_usable(ai_column: str) -> bool:
    """Tell whether a dataset can have a column of this name."""
    return bool(re.fullmatch(COLUMN_RULE, ai_column)) and not is_reserved(ai_column)


def is_reserved(ai_column: str) -> bool:
    """Tell whether ai_dataflow itself writes a column of this name."""
    name = ai_column.casefold()
    return name in RESERVED or name.startswith("__")


def mapping_rows(table: Table, dialect: str = "") -> tuple[list[MappingRow], list[Diagnostic]]:
    """Give the sheet's rows, good and bad, and its problems."""
    problems = [
        *table.blanks(("module_name", "product_code", "submodule_name", "ai_column", "ai_type")),
        *table.bad_names(("module_name", "submodule_name")),
        *table.bad_names(("product_code",), also=EVERY_PRODUCT),
        *table.bad_flags(("is_key", "required")),
        *_unknown_types(table),
        *_reserved(table),
        *_bad_columns(table),
        *_unfed(table),
    ]
    rows = [_row(table, line, cells, dialect) for line, cells in table.rows.items()]
    problems += [*_two_types(rows), *_mapped_twice(rows), *_alike(rows)]
    return rows, table.told(problems)


def rows_for(
    rows: Iterable[MappingRow], module: str, product: str, submodule: str
) -> tuple[MappingRow, ...]:
    """Give the rows that apply to one source, in sheet order.

    A row for the product itself takes the place of a `*` row for the same AI column.
    """
    own = [
        row
        for row in rows
        if row.module == module
        and row.submodule == submodule
        and row.product in (product, EVERY_PRODUCT)
    ]
    specific = {row.ai_column for row in own if row.product == product}
    return tuple(r for r in own if r.product == product or r.ai_column not in specific)


def _row(table: Table, line: int, cells: Mapping[str, str], dialect: str) -> MappingRow:
    return MappingRow(
        sheet=table.sheet,
        line=line,
        module=cells["module_name"],
        product=cells["product_code"],
        submodule=cells["submodule_name"],
        source_column=cells["source_column"],
        ai_column=cells["ai_column"],
        ai_type=ai_types.normal(cells["ai_type"]),
        transform=cells["transform"],
        is_key=is_yes(cells["is_key"]),
        required=is_yes(cells["required"]),
        description=cells["description"],
        dialect=dialect if cells["transform"] else "",
    )


def _unknown_types(table: Table) -> list[Diagnostic]:
    return [
        table.problem(
            "006",
            line,
            "ai_type",
            f"`{value[:80]}` is no ai_type{did_you_mean(value, ai_types.NAMES)}",
            f"one of {listing(ai_types.NAMES, 20)}",
        )
        for line, value in table.column("ai_type")
        if value and not ai_types.is_known(value)
    ]


def _reserved(table: Table) -> list[Diagnostic]:
    return [
        table.problem(
            "008",
            line,
            "ai_column",
            f"`{name}` is a column that ai_dataflow itself writes",
            "choose another name",
        )
        for line, name in table.column("ai_column")
        if is_reserved(name)
    ]


def _bad_columns(table: Table) -> list[Diagnostic]:
    """Find AI column names that Delta, SQL or Python would have to quote."""
    return [
        table.problem(
            "004",
            line,
            "ai_column",
            f"`{name[:80]}` cannot be an ai_column",
            "use up to 128 letters, digits and `_`, not beginning with a digit",
        )
        for line, name in table.column("ai_column")
        if name and not re.fullmatch(COLUMN_RULE, name)
    ]


def _alike(rows: list[MappingRow]) -> list[Diagnostic]:
    """Find AI columns of a module that differ only in case: Delta takes them for one."""
    first: dict[tuple[str, str], MappingRow] = {}
    problems = []
    for row in rows:
        known = first.setdefault((row.module, row.ai_column.casefold()), row)
        if row.ai_column != known.ai_column:
            problems.append(
                row.problem(
                    "MAP-023",
                    "ai_column",
                    f"`{row.ai_column}` differs from `{known.ai_column}` in "
                    f"{known.place('ai_column')} only in case",
                    "spell the column in one way",
                )
            )
    return problems


def _unfed(table: Table) -> list[Diagnostic]:
    return [
        table.problem(
            "010",
            line,
            "source_column",
            f"nothing feeds `{cells['ai_column']}`",
            "name a source_column or write a transform",
        )
        for line, cells in table.rows.items()
        if not cells["source_column"] and not cells["transform"]
    ]


def _two_types(rows: list[MappingRow]) -> list[Diagnostic]:
    """One AI column has one type per module; the first row that names it decides."""
    first: dict[tuple[str, str], MappingRow] = {}
    problems = []
    for row in rows:
        if not row.ai_column or not ai_types.is_known(row.ai_type):
            continue  # a problem of its own
        known = first.setdefault((row.module, row.ai_column), row)
        if row.ai_type != known.ai_type:
            problems.append(
                row.problem(
                    "MAP-007",
                    "ai_type",
                    f"`{row.ai_column}` is {row.ai_type} here and {known.ai_type} in "
                    f"{known.place('ai_type')}",
                    "give both rows the same type",
                )
            )
    return problems


def _mapped_twice(rows: list[MappingRow]) -> list[Diagnostic]:
    first: dict[tuple[str, str, str, str], MappingRow] = {}
    problems = []
    for row in (row for row in rows if row.ai_column):
        key = (row.module, row.product, row.submodule, row.ai_column)
        if (known := first.setdefault(key, row)) is not row:
            problems.append(
                row.problem(
                    "MAP-009",
                    "ai_column",
                    f"`{row.ai_column}` is mapped from the same source in "
                    f"{known.place('ai_column')}",
                    "keep one of the rows",
                )
            )
    return problems
