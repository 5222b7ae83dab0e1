"""Tables of which nothing is cut: lines go on beyond the edge of a terminal that is too narrow."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.text import Text

from ai_dataflow.config.visible import printable

_BETWEEN = "  "
_LEAST = 20  # of a last column that wraps: below, its texts go on beyond the edge

Shown = str | Text


class WholeTable:
    """A table as wide as what is in it needs.

    Where that is too wide, its headers stack their words. Columns of numbers stand to the right.
    The last column may be of long texts, which wrap.
    """

    def __init__(self, *columns: str, numbers: Sequence[str] = (), wraps: bool = False) -> None:
        self._names = columns
        self._is_number = [name in numbers for name in columns]
        self._wraps = wraps
        self._rows: list[tuple[list[Text], str]] = []

    def add_row(self, *cells: Shown, style: str = "") -> None:
        """Add a row; texts are taken as they are, without markup."""
        self._rows.append(([c if isinstance(c, Text) else literal(c) for c in cells], style))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Give the lines."""
        room = options.max_width
        heads = self._heads(room)
        widths = self._widths(heads)
        deep = max(map(len, heads))
        for words in zip(*([""] * (deep - len(head)) + head for head in heads), strict=True):
            yield self._line([Text(word, "bold") for word in words], widths)
        before = sum(widths[:-1]) + len(_BETWEEN) * (len(widths) - 1)
        for cells, style in self._rows:
            last = [cells[-1]]
            if self._wraps and cells[-1].cell_len > room - before >= _LEAST:
                last = _wrapped(cells[-1], room - before)
            for more, part in enumerate(last):
                start = cells[:-1] if not more else [Text("")] * (len(cells) - 1)
                line = self._line([*start, part], widths)
                line.stylize_before(style)
                yield line

    def _heads(self, room: int) -> list[list[str]]:
        """Give each header's lines; where room is short, those wider than their cells stack."""
        heads = [[name] for name in self._names]
        widths = self._widths(heads)
        if self._wraps:
            widths[-1] = min(widths[-1], max(_LEAST, cell_len(self._names[-1])))
        if sum(widths) + len(_BETWEEN) * (len(heads) - 1) <= room:
            return heads
        contents = self._widths([[] for _ in heads])
        pairs = zip(self._names, contents, strict=True)
        return [name.split() if cell_len(name) > width else [name] for name, width in pairs]

    def _widths(self, heads: Sequence[Sequence[str]]) -> list[int]:
        columns = zip_longest(*(cells for cells, _ in self._rows), fillvalue=Text(""))
        contents = [max(c.cell_len for c in column) for column in columns] or [0] * len(heads)
        named = [max(map(cell_len, head), default=0) for head in heads]
        return [max(pair) for pair in zip(contents, named, strict=True)]

    def _line(self, cells: Sequence[Text], widths: Sequence[int]) -> Text:
        line = Text(no_wrap=True, overflow="ignore")
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            blanks = " " * (width - cell.cell_len)
            is_last = i == len(cells) - 1
            line.append(blanks if self._is_number[i] else "")
            line.append_text(cell)
            line.append("" if is_last else _BETWEEN if self._is_number[i] else blanks + _BETWEEN)
        line.rstrip()
        return line


def _wrapped(text: Text, width: int) -> list[Text]:
    """Break a text between its words; a long word, such as a path, stays whole."""
    parts = textwrap.wrap(text.plain, width, break_long_words=False, break_on_hyphens=False)
    return [Text(part, text.style) for part in parts]


def literal(text: str, style: str = "") -> Text:
    """Give a text that is not ours as a terminal may show it."""
    return Text(printable(text), style)
