"""A message made visible: HTML, and its twin in plain text. The terminal's is in `terminal`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from ai_dataflow.config.visible import printable
from ai_dataflow.notifications.charts import bar_text
from ai_dataflow.notifications.model import (
    Bars,
    Block,
    Cause,
    Command,
    Facts,
    Heading,
    Links,
    Message,
    Paragraph,
    Table,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_WIDTH = 78
_URL = re.compile(r"https?://[^\s\"'<>]+")


def to_html(message: Message) -> str:
    """Render a message as HTML; every value is escaped."""
    blocks = [(type(block).__name__, block) for block in message.blocks]
    template = _environment().get_template("mail.html.j2")
    return template.render(message=message, blocks=blocks) + "\n"


@cache
def _environment() -> Environment:
    # Most runs have nothing to mail.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    loader = PackageLoader("ai_dataflow.notifications")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, finalize=_safe
    )
    environment.tests["link"] = lambda text: bool(_URL.fullmatch(text))
    environment.filters["breakable"] = _breakable
    return environment


def _safe(value: object) -> object:
    """Spell what a reader's screen would act upon; what is markup by now went through this."""
    return printable(value) if type(value) is str else value


def _breakable(text: str) -> Markup:
    """Let a long place go on in the next line after a colon or such, and not within a word."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - as above

    return Markup(re.sub(r"([:!|/])", r"\1<wbr>", str(escape(printable(text)))))  # noqa: S704 - it is escaped


def to_text(message: Message) -> str:
    """Render a message as plain text."""
    head = [message.title, f"for team {message.team}"]
    if message.preview:
        head[1] += f" · {message.preview}"
    lines = head
    for block in message.blocks:
        lines += ["", *block_lines(block)]
    return "\n".join(printable(line.rstrip()) for line in lines) + "\n"


def block_lines(block: Block) -> Iterator[str]:
    """Give a block as lines of text."""
    match block:
        case Heading(text):
            yield from (text, "-" * len(text))
        case Paragraph(text):
            yield from textwrap.wrap(text, _WIDTH)
        case Facts(pairs):
            width = max(len(name) for name, _ in pairs)
            yield from (f"{name:<{width}}  {value}" for name, value in pairs)
        case Cause():
            yield from _cause_lines(block)
        case Table():
            yield from _table_lines(block)
        case Bars(title, bars):
            width = max(len(bar.label) for bar in bars)
            yield from (title, "-" * len(title))
            yield from (f"{b.label:<{width}}  {b.shown:>12}  {bar_text(b.share)}" for b in bars)
        case Command(text):
            yield f"  {text}"
        case Links(items):
            yield from (f"{label}: {target}" for label, target in items)


def _cause_lines(cause: Cause) -> Iterator[str]:
    yield f"[{cause.head}] {cause.title}"
    if cause.note:
        yield f"  {cause.note}"
    for label, text in cause.lines:
        lead = f"{label}: " if label else ""
        yield from textwrap.wrap(
            lead + text, _WIDTH, initial_indent="  ", subsequent_indent="    ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


def _table_lines(block: Table) -> Iterator[str]:
    names = [column.name for column in block.columns]
    rows = [[cell.text for cell in row] for row in block.rows]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]

    def line(texts: list[str]) -> str:
        return "  ".join(
            f"{text:>{width}}" if column.is_number else f"{text:<{width}}"
            for text, width, column in zip(texts, widths, block.columns, strict=True)
        )

    yield line(names)
    yield "  ".join("-" * width for width in widths)
    yield from map(line, rows)
    if block.more:
        yield block.more
