"""Checks of the dictionary against the mapping sheet and the code lists, by the tables alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import polars as pl

from ai_dataflow.compiler.limits import has_order, is_comparable, limit, pattern_problem
from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.planning.code_checks import bad_values
from ai_dataflow.planning.coverage import Coverage
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_columns import CHECKS, DictionaryRow
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.code_lists import CodeLists
from ai_dataflow.tables.project import Project

Columns = Mapping[str, Sequence[AiColumn]]


def check_dictionary(
    project: Project, columns: Columns, coverage: Mapping[str, Coverage]
) -> Iterator[Diagnostic]:
    """Find rows that are about nothing, and what they say that can never be or be compared."""
    bad = {problem.line for problem in project.problems["ai_columns"]}
    technical = {(row.module, row.ai_column): row for row in project.mapping if row.technical}
    for row in (row for row in project.dictionary if row.line not in bad):
        types = {column.name: column.ai_type for column in columns.get(row.module, ())}
        if row.ai_column in types:
            problems = _of_row(
                row, types[row.ai_column], project, columns, coverage.get(row.module)
            )
        elif mapped := technical.get((row.module, row.ai_column)):
            problems = _not_published(row, mapped)
        else:
            problems = iter([_about_nothing(row, columns, types)])
        for problem in problems:
            yield replace(problem, module=row.module)


def _of_row(
    row: DictionaryRow, ai_type: str, project: Project, columns: Columns, coverage: Coverage | None
) -> Iterator[Diagnostic]:
    yield from _limits(row, ai_type)
    yield from _pattern(row, ai_type)
    yield from _codes(row, ai_type, project.code_lists, coverage)
    yield from _key(row, ai_type)
    yield from _reference(row, ai_type, columns)
    yield from _valid_from(row, ai_type, columns)
    yield from _not_mapped(row, coverage)
    yield from _says_nothing(row)


def _says_nothing(row: DictionaryRow) -> Iterator[Diagnostic]:
    """Find a severity, or that something holds back, of nothing."""
    says = {"severity": row.severity, "blocks": row.blocks is not None}
    if not row.kinds and (cell := next((name for name, is_said in says.items() if is_said), "")):
        message = f"the row says of `{row.ai_column}` nothing that must hold"
        fix = "say what must hold for the column, or clear the cell"
        yield row.problem("DIC-023", cell, message, fix, severity="warning")


def _about_nothing(row: DictionaryRow, columns: Columns, types: Collection[str]) -> Diagnostic:
    if row.module not in columns:
        cell, what = "module_name", f"no row of the mapping sheet has the module `{row.module}`"
        near = did_you_mean(row.module, columns)
    else:
        cell, what = "ai_column", f"no row of the mapping sheet makes `{row.ai_column[:80]}`"
        near = did_you_mean(row.ai_column, types)
    fix = "correct the name, map the column, or remove the row"
    return row.problem("DIC-017", cell, f"{what}{near}", fix, severity="warning")


def _not_published(row: DictionaryRow, mapped: MappingRow) -> Iterator[Diagnostic]:
    """Find what would hold for published rows, of a column that is in none of them.

    Its type and its meaning are as good as any.
    """
    if cell := next((name for name in CHECKS if getattr(row, name)), ""):
        place = mapped.place("published")
        message = f"`{row.ai_column}` is not published ({place}): this is not looked at"
        fix = "publish the column, or clear what is to hold for it"
        yield row.problem("DIC-017", cell, message, fix, severity="warning")


def _limits(row: DictionaryRow, ai_type: str) -> Iterator[Diagnostic]:
    limits = {name: text for name in ("min", "max") if (text := getattr(row, name))}
    for name, text in limits.items():
        if not has_order(ai_type):
            message = f"`{row.ai_column}` is {ai_type}, whose values have no order"
            fix = f"clear `{name}`; texts may have a pattern or a code_list"
            yield row.problem("DIC-012", name, message, fix)
        elif limit(text, ai_type) is None:
            message = f"`{text[:80]}` cannot become {ai_type}, as `{row.ai_column}` is"
            fix = "write a value of that type"
            yield row.problem("DIC-012", name, message, fix)
    smallest, largest = (
        limit(limits[name], ai_type) if name in limits and has_order(ai_type) else None
        for name in ("min", "max")
    )
    if smallest is not None and largest is not None and smallest > largest:  # type: ignore[operator]
        message = f"no value is at least {row.min} and at most {row.max} ({row.place('max')})"
        fix = "correct one of them"
        yield row.problem("DIC-012", "min", message, fix)


def _pattern(row: DictionaryRow, ai_type: str) -> Iterator[Diagnostic]:
    if not row.pattern:
        return
    if ai_type != "string":
        message = f"`{row.ai_column}` is {ai_type}: only texts have a pattern"
        fix = "clear it, or use min, max or a code_list"
        yield row.problem("DIC-013", "pattern", message, fix)
    elif why := pattern_problem(row.pattern):
        message = f"`{row.pattern[:80]}` is no regular expression: {why}"
        fix = "write one in the syntax of Rust's `regex`, without look-around and back-references"
        yield row.problem("DIC-013", "pattern", message, fix)


def _codes(
    row: DictionaryRow, ai_type: str, lists: CodeLists, coverage: Coverage | None
) -> Iterator[Diagnostic]:
    if not row.code_list:
        return
    if row.code_list not in lists.by_name:
        near = did_you_mean(row.code_list, lists.by_name)
        yield row.problem(
            "DIC-014", "code_list", f"there is no code list `{row.code_list}`{near}",
            f"there are {listing(lists.by_name)}" if lists.by_name
            else "name the table of the code lists in the settings: code_lists = ...",
        )  # fmt: skip
    elif not is_comparable(ai_type):
        message = f"`{row.ai_column}` is {ai_type}, of which no code list has values"
        yield row.problem("DIC-014", "code_list", message, "clear it")
    else:
        products = coverage.products if coverage else ()
        of_products = (lists.rows_for(row.code_list, product).values() for product in products)
        codes = dict.fromkeys(code for rows in of_products for code in rows)
        yield from bad_values(list(codes), row.ai_column, row.place("code_list"), ai_type)


def _key(row: DictionaryRow, ai_type: str) -> Iterator[Diagnostic]:
    if row.is_key and not is_comparable(ai_type):
        message = f"`{row.ai_column}` is {ai_type}, whose values are not compared: it is no key"
        fix = "clear `is_key`, or make a key of its parts"
        yield row.problem("DIC-018", "is_key", message, fix)


def _reference(row: DictionaryRow, ai_type: str, columns: Columns) -> Iterator[Diagnostic]:
    """Find what is referenced and is not there, or of another kind of values."""
    if not row.references:
        return
    module, name = row.referred
    others = {column.name: column.ai_type for column in columns.get(module, ())}
    if module not in columns:
        near = did_you_mean(module, columns)
        what = f"no row of the mapping sheet has the module `{module[:80]}`{near}"
        fix = "write a module and a column of it, such as customers.customer_id"
    elif name not in others:
        what = f"`{module}` has no AI column `{name[:80]}`{did_you_mean(name, others)}"
        fix = f"it has {listing(others, 12)}"
    elif not _are_alike(ai_type, others[name]):
        what = f"`{row.ai_column}` is {ai_type}, and `{row.references}` is {others[name]}"
        fix = "give both the same type"
    else:
        return
    yield row.problem("DIC-016", "references", what, fix)


def _valid_from(row: DictionaryRow, ai_type: str, columns: Columns) -> Iterator[Diagnostic]:
    """Find what says since when rows hold and is no moment, or is about no key."""
    if not row.valid_from:
        return
    name = row.valid_from
    types = {column.name: column.ai_type for column in columns[row.module]}
    moments = [other for other, dtype in types.items() if _is_moment(dtype)]
    fix = f"name one of {listing(moments)}" if moments else "clear it: no column is a moment"
    if not is_comparable(ai_type):
        what = f"`{row.ai_column}` is {ai_type}, whose values are not compared: it is no key"
        fix = "write it beside the column whose rows follow each other"
    elif name not in types:
        what = f"`{row.module}` has no AI column `{name[:80]}`{did_you_mean(name, types)}"
    elif not _is_moment(types[name]):
        what = f"`{name}` is {types[name]}, which is neither a date nor a timestamp"
    else:
        return
    yield row.problem("DIC-020", "valid_from", what, fix)


def _is_moment(ai_type: str) -> bool:
    dtype = ai_types.to_polars(ai_type)
    return dtype == pl.Date or isinstance(dtype, pl.Datetime)


def _are_alike(ai_type: str, other: str) -> bool:
    """Tell whether values of two types can be the same."""
    types = ai_types.to_polars(ai_type), ai_types.to_polars(other)
    return is_comparable(ai_type) and (
        types[0] == types[1] or all(dtype.is_integer() for dtype in types)
    )


def _not_mapped(row: DictionaryRow, coverage: Coverage | None) -> Iterator[Diagnostic]:
    """Find products without a column that must have values: nothing of them can be published."""
    share = row.largest_share
    cell = "required" if row.required else "max_null" if share is not None and share < 1 else ""
    if cell and row.effect(cell) == "tell":
        return
    covers = coverage.cells.get(row.ai_column, {}) if coverage else {}
    if cell and (lacking := [product for product, cover in covers.items() if cover != "mapped"]):
        message = f"{listing(lacking)} does not map `{row.ai_column}`, which must have values"
        fix = f"map it for every product of the module, or clear `{cell}`"
        yield row.problem("DIC-019", cell, message, fix, severity="warning")
