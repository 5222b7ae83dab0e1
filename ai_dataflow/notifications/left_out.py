"""Rows left out, as their team hears of them: by source, column and what is wrong. Pure.

No value of a row is in it: the number of a row in its file is the example.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ai_dataflow.config.codes import CODES, Concern
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.notifications.model import Block, Column, Heading, Paragraph, cells, table
from ai_dataflow.notifications.routing import Recipient, who_mends
from ai_dataflow.notifications.wording import counted

if TYPE_CHECKING:
    from ai_dataflow.tables.ai_mapping import MappingRow
    from ai_dataflow.workstation.reject_groups import RejectGroup

# What a reason means to who knows the source's column, and no mapping sheet.
_PLAIN = {"REJ-001": "cannot be read as {}", "REJ-002": "is empty, and must not be"}
_TO_DO: dict[Concern, tuple[str, str]] = {
    "source": (
        "of your deliveries cannot be used.",
        "Correct these in the source and deliver them again: the next run takes them.",
    ),
    "mapping": (
        "have values that your code lists lack.",
        "Add the values, or say in `unmapped` what becomes of them; then the rows can be replayed.",
    ),
}


PUBLISHED = "All others are published."
NOT_PUBLISHED = "There are so many that nothing of these partitions was published."


@dataclass(frozen=True)
class LeftOut:
    """Rows of one source, in all its deliveries, that have the same thing wrong in one column.

    `concern` is whose it is to mend: the source's, or the sheet's where a code list lacks a value.
    `what` is the product, module and submodule, `column` the source's own name of it where the
    sheet tells it. `example` is a delivery with the number of such a row.
    """

    team: str
    concern: Concern
    what: str
    column: str
    wrong: str
    rows: int
    deliveries: int
    example: str


def left_out(
    groups: Iterable[RejectGroup],
    mapping: Iterable[MappingRow],
    recipients: Mapping[str, Recipient],
) -> list[LeftOut]:
    """Sum rejects by source, column and reason, the most rows first; `mapping` is the sheet."""
    rows = grouped(mapping, lambda row: (row.module, row.submodule, row.ai_column))
    pairs = [(group, _row_of(group, rows)) for group in groups]
    alike = grouped(pairs, lambda pair: (*_about(pair[0]), pair[1] and pair[1].source_column))
    summed = [_summed(together, recipients) for together in alike.values()]
    return sorted(summed, key=lambda row: -row.rows)


def _about(group: RejectGroup) -> tuple[str, ...]:
    module = PartitionKey(group.partition).module
    return module, group.product, group.submodule, group.ai_column, group.reason


def _row_of(
    group: RejectGroup, rows: Mapping[tuple[str, str, str], Sequence[MappingRow]]
) -> MappingRow | None:
    """Give the mapping row of a column, as it is for the client; None where there is none now."""
    from ai_dataflow.tables.ai_mapping import rows_for  # noqa: PLC0415 - few mails tell of rejects

    key = PartitionKey(group.partition)
    stages = (group.submodule, "")  # of its source; or computed of the product's joined rows
    about = (((key.module, group.product, s), rows.get((key.module, s, group.ai_column), ()))
             for s in stages)  # fmt: skip
    return next((row for names, of in about for row in rows_for(of, names, key.client)), None)


def _summed(
    pairs: Sequence[tuple[RejectGroup, MappingRow | None]], recipients: Mapping[str, Recipient]
) -> LeftOut:
    groups, (first, row) = [group for group, _ in pairs], pairs[0]
    module = PartitionKey(first.partition).module
    concern = CODES[first.reason].concern if first.reason in CODES else "source"
    owner = who_mends(concern, first.product, module, recipients)
    return LeftOut(
        team=owner.name if owner else "",
        concern=concern,
        what=" · ".join((first.product, module, first.submodule)),
        column=(row.source_column if row else "") or first.ai_column,
        wrong=_wrong(first.reason, row),
        rows=sum(group.rows for group in groups),
        deliveries=len({(group.source, group.partition) for group in groups}),
        example=_example(groups),
    )


def _wrong(reason: str, row: MappingRow | None) -> str:
    """Say what is wrong in words that need no catalogue."""
    title = CODES[reason].title if reason in CODES else reason
    is_plain = row is not None and bool(row.ai_type) and not row.transform
    return _PLAIN.get(reason, title).format(row.ai_type) if row and is_plain else title


def _example(groups: Sequence[RejectGroup]) -> str:
    group = next((g for g in groups if g.first_row is not None), groups[0])
    return group.source if group.first_row is None else f"row {group.first_row:,} of {group.source}"


def total(rows: Iterable[LeftOut]) -> int:
    """Count the rows."""
    return sum(row.rows for row in rows)


def left_out_blocks(rows: Sequence[LeftOut], became: str) -> list[Block]:
    """Show rows under what is wrong, what `became` of them and what to do; none, nothing."""
    concerns = grouped(rows, lambda row: row.concern)
    return [block for alike in concerns.values() for block in _blocks_of(alike, became)]


def _blocks_of(rows: Sequence[LeftOut], became: str) -> list[Block]:
    what, do = _TO_DO.get(rows[0].concern, _TO_DO["source"])
    columns = [
        Column("source"), Column("column"), Column("what is wrong", is_wide=True),
        Column("rows", is_number=True), Column("files or tables", is_number=True),
        Column("for example", is_wide=True),
    ]  # fmt: skip
    lines = [
        cells(row.what, row.column, row.wrong, f"{row.rows:,}", f"{row.deliveries:,}", row.example)
        for row in rows
    ]
    return [
        Heading("Rows left out"),
        Paragraph(f"{counted(total(rows), 'row')} {what} {became} {do}"),
        table(columns, lines, most=20),
    ]
