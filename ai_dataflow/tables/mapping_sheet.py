"""Reading the AI mapping sheet: its rows, and all that is wrong with them by the sheet alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.sections import MappingSettings
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_mapping import (
    COLUMN_RULE,
    EVERY_PRODUCT,
    MappingRow,
    alternatives,
    is_reserved,
)
from ai_dataflow.tables.table import CellTable, is_no, is_yes, repeats

if TYPE_CHECKING:
    from ai_dataflow.tables.ai_columns import DictionaryRow

_COLUMNS = "use up to 128 letters, digits and `_`, not beginning with a digit"
_USUAL = MappingSettings()
Dictionary = Mapping[tuple[str, str], "DictionaryRow"]  # by module and AI column
_NO_DICTIONARY: Dictionary = MappingProxyType({})


def mapping_rows(
    table: CellTable,
    usual: MappingSettings = _USUAL,
    dictionary: Dictionary = _NO_DICTIONARY,
) -> tuple[list[MappingRow], list[Diagnostic]]:
    """Give the sheet's rows, good and bad, and its problems.

    Args:
        table: the sheet.
        usual: what rows need not say.
        dictionary: what gives the types that rows leave blank, and must not be contradicted.
    """
    untyped = table.blanks(("ai_type",))
    problems = [
        *table.blanks(("module_name", "product_code", "ai_column")),
        *(blank for blank in untyped if not _usual_type(table.rows[blank.line], dictionary)),
        *table.bad_names(("module_name", "submodule_name")),
        *table.bad_names(("product_code",), also=EVERY_PRODUCT),
        *table.bad_names(("client_code",)),
        *table.bad_flags(("is_key", "required", "trim", "published")),
        *table.wrong("006", "ai_type", _unknown_type, f"one of {listing(ai_types.NAMES, 20)}"),
        *table.wrong("008", "ai_column", _reserved, "choose another name"),
        *table.wrong("004", "ai_column", _bad_column, _COLUMNS, void="cell"),
        *_unfed(table),
        *_computed(table),
    ]
    rows = [_row(table, line, cells, usual, dictionary) for line, cells in table.rows.items()]
    problems += _contradictions(table, rows, dictionary)
    problems += [*_two_types(rows), *_mapped_twice(rows), *_alike(rows), *_two_lists(rows),
                 *_half_published(rows), *_nothing_published(rows)]  # fmt: skip
    return rows, table.diagnostics(problems)


def _explained(cells: Mapping[str, str], dictionary: Dictionary) -> DictionaryRow | None:
    return dictionary.get((cells["module_name"], cells["ai_column"]))


def _usual_type(cells: Mapping[str, str], dictionary: Dictionary) -> str:
    """Give the type that the dictionary has for a row that says none."""
    explained = _explained(cells, dictionary)
    return explained.ai_type if explained else ""


def _contradictions(
    table: CellTable, rows: Sequence[MappingRow], dictionary: Dictionary
) -> Iterator[Diagnostic]:
    """Find rows that say another type than the dictionary, or require less."""
    for row in rows if dictionary else ():
        cells = table.rows[row.line]
        if (explained := _explained(cells, dictionary)) is None:
            continue
        types = row.ai_type, explained.ai_type
        differ = types[0] != types[1] and all(map(ai_types.is_known, types))
        if differ and not ai_types.is_narrower(*types):
            message = (
                f"`{row.ai_column}` is {types[0]} here, and in {explained.place('ai_type')} "
                f"{types[1]}, of which it is no narrower type"
            )
            fix = "clear the cell: the type is then the dictionary's; or correct one of them"
            yield row.problem("DIC-011", "ai_type", message, fix)
        if explained.required and is_no(cells["required"]):
            where = explained.place("required")
            message = f"`{row.ai_column}` is not required here, and is in {where} for all products"
            fix = "clear the cell, or correct the dictionary"
            yield row.problem("DIC-011", "required", message, fix)


def _row(
    table: CellTable,
    line: int,
    cells: Mapping[str, str],
    usual: MappingSettings,
    dictionary: Dictionary,
) -> MappingRow:
    words = alternatives(cells["null_values"]) if cells["null_values"] else usual.null_values
    return MappingRow(
        sheet=table.sheet,
        line=line,
        module=cells["module_name"],
        product=cells["product_code"],
        submodule=cells["submodule_name"],
        source_column=cells["source_column"],
        ai_column=cells["ai_column"],
        ai_type=ai_types.normal(cells["ai_type"]) or _usual_type(cells, dictionary),
        transform=cells["transform"],
        is_key=is_yes(cells["is_key"]),
        required=is_yes(cells["required"]),
        description=cells["description"],
        dialect=usual.dialect if cells["transform"] else "",
        client=cells["client_code"],
        code_list=cells["code_list"],
        unmapped=cells["unmapped"],
        default=cells["default"],
        null_values=tuple(words),
        trim=is_yes(cells["trim"]) if cells["trim"] else usual.trim,
        technical=is_no(cells["published"]),
    )


def _unknown_type(name: str) -> str:
    is_known = not name or ai_types.is_known(name)
    near = did_you_mean(name, ai_types.NAMES)
    return "" if is_known else f"`{name[:80]}` is no ai_type{near}"


def _reserved(name: str) -> str:
    return f"`{name}` is a column that ai_dataflow itself writes" if is_reserved(name) else ""


def _bad_column(name: str) -> str:
    """Say of an AI column's name that Delta, SQL or Python would have to quote it."""
    is_good = not name or re.fullmatch(COLUMN_RULE, name)
    return "" if is_good else f"`{name[:80]}` cannot be an ai_column"


def _unfed(table: CellTable) -> Iterator[Diagnostic]:
    for line, cells in table.rows.items():
        if not cells["source_column"] and not cells["transform"]:
            message = f"nothing feeds `{cells['ai_column']}`"
            fix = "name a source_column or write a transform"
            yield table.problem("010", line, "source_column", message, fix)


def _computed(table: CellTable) -> Iterator[Diagnostic]:
    """Find what a row without a submodule cannot say; its name may have been forgotten."""
    for line, cells in table.rows.items():
        if cells["submodule_name"]:
            continue
        if (name := cells["source_column"]) and cells["ai_column"]:
            message = f"without a submodule there is no source that would have `{name[:80]}`"
            fix = "name the submodule, or clear source_column and write a transform of AI columns"
            yield table.problem("060", line, "submodule_name", message, fix)
        if is_yes(cells["is_key"]):
            message = f"`{cells['ai_column']}` is computed after the join that it is to be a key of"
            fix = "clear is_key, or name the submodule that the row is about"
            yield table.problem("061", line, "is_key", message, fix)


def _alike(rows: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    """Find AI columns of a module that differ only in case: Delta takes them for one."""
    for row, first in repeats(rows, lambda row: (row.module, row.ai_column.casefold())):
        if row.ai_column != first.ai_column:
            where = f"`{first.ai_column}` in {first.place('ai_column')}"
            message = f"`{row.ai_column}` differs from {where} only in case"
            yield row.problem("MAP-023", "ai_column", message, "spell the column in one way")


def _two_types(rows: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    """One AI column has one type per module; the first row that names it decides."""
    typed = [row for row in rows if row.ai_column and ai_types.is_known(row.ai_type)]
    for row, first in repeats(typed, lambda row: (row.module, row.ai_column)):
        if row.ai_type != first.ai_type:
            there = f"{first.ai_type} in {first.place('ai_type')}"
            message = f"`{row.ai_column}` is {row.ai_type} here and {there}"
            yield row.problem("MAP-007", "ai_type", message, "give both rows the same type")


def _half_published(rows: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    """Find columns that one row publishes and another does not: a dataset has them or has not."""
    named = [row for row in rows if row.ai_column]
    for row, first in repeats(named, lambda row: (row.module, row.ai_column)):
        if row.technical != first.technical:
            here, there = ("not published", "is") if row.technical else ("published", "is not")
            where = first.place("published")
            message = f"`{row.ai_column}` is {here} here, and in {where} it {there}"
            fix = "say the same in all rows of the column: Y, or N where it is for joins alone"
            yield row.problem("MAP-050", "published", message, fix)


def _nothing_published(rows: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    """Find modules of which no column is published."""
    for module, of_module in grouped(rows, lambda row: row.module).items():
        if all(row.technical for row in of_module):
            message = f"no column of `{module}` is published: its dataset would have none"
            fix = "publish the columns that are meant for readers"
            yield of_module[0].problem("MAP-051", "published", message, fix)


def _two_lists(rows: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    """Find alternatives that begin alike and go on otherwise: both would be called by one name."""
    listed = [row for row in rows if len(alternatives(row.source_column)) > 1]
    for row, other in repeats(listed, lambda r: (*r.names, alternatives(r.source_column)[0])):
        if alternatives(row.source_column) != alternatives(other.source_column):
            where = other.place("source_column")
            message = f"`{row.source_column}` begins as the alternatives in {where} and differs"
            fix = "list the same names in the same order, or begin with another"
            yield row.problem("MAP-033", "source_column", message, fix)


def _mapped_twice(rows: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    named = [row for row in rows if row.ai_column]
    for row, first in repeats(named, lambda row: (*row.names, row.client, row.ai_column)):
        where = first.place("ai_column")
        message = f"`{row.ai_column}` is mapped from the same source in {where}"
        yield row.problem("MAP-009", "ai_column", message, "keep one of the rows")
