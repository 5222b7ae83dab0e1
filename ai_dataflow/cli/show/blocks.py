"""The message model in a terminal: what a mail says, as `ai-dataflow status` shows it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ai_dataflow.cli.show.whole_tables import WholeTable, literal
from ai_dataflow.config.visible import printable
from ai_dataflow.notifications.model import Block, Cause, Paragraph, Tone
from ai_dataflow.notifications.model import Table as TableBlock
from ai_dataflow.notifications.render import block_lines
from ai_dataflow.notifications.status_blocks import status_blocks
from ai_dataflow.workstation.cut_off import CutOff
from ai_dataflow.workstation.statuses import PartitionStatus

_STYLES: dict[Tone, str] = {"": "", "good": "green", "bad": "red", "warn": "yellow", "dim": "dim"}


def show_status(
    console: Console,
    statuses: Sequence[PartitionStatus],
    cut_off: Sequence[CutOff] = (),
    damaged: Sequence[str] = (),
) -> None:
    """Show the state of each partition: what is published, what is wrong now and since when.

    Before them, the runs that were cut off, and those whose report is damaged.
    """
    show_blocks(console, status_blocks(statuses, cut_off, damaged))


def show_blocks(console: Console, blocks: Sequence[Block]) -> None:
    """Show blocks one below the other."""
    for i, block in enumerate(blocks):
        if i:
            console.print()
        match block:
            case TableBlock():
                console.print(_table(block), crop=False)
                if block.more:
                    console.print(Text(block.more, "dim"))
            case Cause():
                show_cause(console, block)
            case Paragraph(text, tone):
                console.print(Text(printable(text), _STYLES[tone]), soft_wrap=True)
            case _:
                for line in block_lines(block):
                    console.print(Text(printable(line)), soft_wrap=True)


def _table(block: TableBlock) -> WholeTable:
    numbers = [column.name for column in block.columns if column.is_number]
    names = [column.name for column in block.columns]
    table = WholeTable(*names, numbers=numbers, wraps=block.columns[-1].is_wide)
    for row in block.rows:
        table.add_row(*(literal(cell.text, _STYLES[cell.tone]) for cell in row))
    return table


def show_cause(console: Console, cause: Cause) -> None:
    """Show what is wrong, where, and what to do."""
    head = Text(printable(cause.head), f"bold {_STYLES[cause.tone]}")
    console.print(head.append(f": {printable(cause.title)}", "bold"), soft_wrap=True)
    if cause.note:
        console.print(Text(f"  {printable(cause.note)}", _STYLES[cause.tone]), soft_wrap=True)
    for label, text in cause.lines:
        console.print(Text("  " + printable(f"{label} {text}".strip())), soft_wrap=True)
