"""Checks of what the sheet says beside source and type: code lists, defaults, rows of clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

import polars as pl

from ai_dataflow.compiler.casts import cast_to
from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.config.grouped import grouped
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_mapping import MappingRow, Unmapped, literal
from ai_dataflow.tables.code_lists import CodeLists, CodeRow
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.table import repeats

_SHOWN = 20  # codes of a list that are told one by one


def with_codes(
    rows: Sequence[MappingRow], product: str, lists: CodeLists
) -> tuple[MappingRow, ...]:
    """Give mapping rows the codes of their lists, as the product has them."""
    return tuple(
        replace(row, codes=lists.of(row.code_list, product)) if row.code_list else row
        for row in rows
    )


def check_ties(rows: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    """Find two rows for one AI column of which neither is more specific."""
    for row, first in repeats(rows, lambda row: row.ai_column):
        if (row.product, row.client) == (first.product, first.client):
            continue  # the same row twice, which is told as that
        client, product = (row, first) if row.client else (first, row)
        yield client.problem(
            "MAP-040",
            "client_code",
            f"`{row.ai_column}` has a row for client `{client.client}` of every product, and in "
            f"{product.place('product_code')} one for every client of {product.product}: neither "
            "is more specific",
            "add a row for this product and this client",
            ai_column=row.ai_column,
        )


def check_codes(
    sources: Mapping[ControlRow, SourceJob],
    computed: Mapping[tuple[str, str, str], Sequence[MappingRow]],
    lists: CodeLists,
) -> Iterator[tuple[Diagnostic, list[ControlRow]]]:
    """Find what no value can be made of, by the tables alone; with the control rows concerned.

    `computed` are the rows that read AI columns, by module, product and client.
    """
    users: dict[int, tuple[MappingRow, str, list[ControlRow]]] = {}
    for control, source in sources.items():
        of_product = computed.get((control.module, control.product, control.client), ())
        for row in (*source.mappings, *of_product):
            if row.code_list or row.unmapped or row.default:
                users.setdefault(id(row), (row, source.product, []))[2].append(control)
    for row, _, concerned in users.values():
        yield from ((problem, concerned) for problem in _of_row(row, lists))
    named = (user for user in users.values() if user[0].code_list in lists.by_name)
    alike = grouped(named, lambda user: (user[0].code_list, user[1], user[0].ai_type))
    for (name, product, ai_type), those in alike.items():
        concerned = [control for user in those for control in user[2]]
        codes = list(lists.rows_for(name, product).values())
        user = those[0][0]
        problems = bad_values(codes, user.ai_column, user.place("ai_type"), ai_type)
        yield from ((problem, concerned) for problem in problems)


def _of_row(row: MappingRow, lists: CodeLists) -> Iterator[Diagnostic]:
    if row.code_list and row.code_list not in lists.by_name:
        near = did_you_mean(row.code_list, lists.by_name)
        yield row.problem(
            "MAP-041", "code_list", f"there is no code list `{row.code_list}`{near}",
            f"there are {listing(lists.by_name)}" if lists.by_name
            else "name the table of the code lists in the settings: code_lists = ...",
            ai_column=row.ai_column,
        )  # fmt: skip
    if row.unmapped and not row.code_list:
        yield row.problem(
            "MAP-042", "unmapped", "`unmapped` says what becomes of values that a code list lacks, "
            "and the row names none", "name a code_list, or clear `unmapped`",
            ai_column=row.ai_column,
        )  # fmt: skip
    for column, text in (("default", row.default), ("unmapped", row.unmapped)):
        is_word = column == "unmapped" and text.casefold() in get_args(Unmapped)
        if text and not is_word and _misfits([literal(text)], row.ai_type):
            yield row.problem(
                "MAP-043", column, f"`{literal(text)[:80]}` cannot become {row.ai_type}",
                "write a value of that type", ai_column=row.ai_column,
            )  # fmt: skip


def bad_values(
    codes: Sequence[CodeRow], ai_column: str, place: str, ai_type: str
) -> Iterator[Diagnostic]:
    """Find values of a list that cannot become the type of a column that it is for, by a cell."""
    misfits = _misfits([row.ai_value for row in codes], ai_type)
    for n, i in enumerate(misfits[:_SHOWN], 1):
        rest = len(misfits) - n
        more = f" (and {rest:,} more of this list)" if n == _SHOWN and rest else ""
        yield codes[i].problem(
            "COD-008", "ai_value",
            f"`{codes[i].ai_value[:80]}` cannot become {ai_type}, as `{ai_column}` is in "
            f"{place}{more}",
            "write a value of that type, or choose another ai_type",
        )  # fmt: skip


def _misfits(texts: Sequence[str], ai_type: str) -> list[int]:
    """Tell which texts cannot become a type; none where the type itself is wrong."""
    if not ai_types.is_known(ai_type):
        return []
    done = cast_to(pl.col("text"), pl.String(), ai_type)
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    if done is None:
        return list(range(len(texts)))
    return frame.select(done.failed().arg_true()).to_series().to_list() if texts else []
