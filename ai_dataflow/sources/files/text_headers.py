"""Headers of text: the names in it, and how its lines fit, by each delimiter that may be meant."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.sources.columns import looks

_DELIMITERS = (",", ";", "\t", "||", "|", "^", "~", "\x01", "\x1f", "¦", "§")  # the usual first
STAND_IN = "\x1f"  # takes the place of a delimiter that is not one sign of ASCII
_SEP = "sep="  # Excel's own first line


@dataclass(frozen=True)
class HeaderReading:
    """A text, read with a delimiter.

    Its `columns`, how many of them are `names` that are looked for, and after how many lines its
    rows begin.
    """

    delimiter: str
    columns: tuple[str, ...]
    begins: int
    names: int
    text: str = field(repr=False, default="")


def readings(text: str, said: FormatSettings, wanted: frozenset[str]) -> Iterator[HeaderReading]:
    """Read a text's header by each delimiter that it has; by a comma where it has none."""
    before, sep = said.lines_before, ""
    if not (said.delimiter or before):
        sep = _sep_of(text)
        before = 1 if sep else 0
    given = said.delimiter or sep
    first = _first_line(text, before, said)
    present = [d for d in _DELIMITERS if d in first] or [","]
    for delimiter in [given] if given else present:
        made = _header(text, delimiter, before, said)
        if made is not None:
            columns, begins = made
            count = len(wanted & set(map(looks, columns)))
            yield HeaderReading(delimiter, columns, begins, count, text)


def _sep_of(text: str) -> str:
    """Give the delimiter that Excel's own first line names; nothing where there is no such line."""
    first = io.StringIO(text, newline="").readline().strip('\r\n"')
    rest = first[len(_SEP) :]
    return rest if first.casefold().startswith(_SEP) and len(rest) == 1 else ""


def _first_line(text: str, before: int, said: FormatSettings) -> str:
    lines = islice(io.StringIO(text, newline=""), before, None)
    return next((line for line in lines if not _is_passed_over(line, said)), "")


def _is_passed_over(line: str, said: FormatSettings) -> bool:
    return not line.strip("\r\n") or bool(said.comment and line.startswith(said.comment))


def _header(
    text: str, delimiter: str, before: int, said: FormatSettings
) -> tuple[tuple[str, ...], int] | None:
    """Give the names of a text, and where its rows begin; None where they cannot be read so."""
    if not said.has_header:
        return said.columns, before
    stream = io.StringIO(text, newline="")
    lines = list(islice(stream, before))
    passed = len(lines)
    for line in stream:
        if not _is_passed_over(line, said):
            break
        passed += 1
    else:
        return (), passed
    reader = _reader(chain([line], stream), delimiter, said, strict=True)
    try:
        names = next(reader)
    except (csv.Error, StopIteration):
        return None
    if is_replaced(delimiter):
        names = [name.replace(STAND_IN, delimiter) for name in names]
    return tuple(names), passed + reader.line_num


def _reader(lines: Iterable[str], delimiter: str, said: FormatSettings, *, strict: bool) -> Any:
    """Read rows of lines by Python's reader; a delimiter that it has not is replaced."""
    sign = STAND_IN if is_replaced(delimiter) else delimiter
    quote = '"' if said.quote is None else said.quote
    signs = reader_signs(sign, quote, said.escape)
    return csv.reader((line.replace(delimiter, sign) for line in lines), strict=strict, **signs)


def is_replaced(delimiter: str) -> bool:
    """Tell whether another sign has to stand for a delimiter while it is read."""
    return len(delimiter) > 1 or not delimiter.isascii()


def reader_signs(delimiter: str, quote: str, escape: str) -> dict[str, Any]:
    """Give the signs of a dialect as Python's reader takes them."""
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    return {
        "delimiter": delimiter, "quotechar": quote or None, "quoting": quoting,
        "escapechar": escape or None,
    }  # fmt: skip


def _widths(reading: HeaderReading, said: FormatSettings) -> Counter[tuple[int, bool]]:
    """Count the looked-at rows by their fields, and whether the last is empty."""
    lines = islice(io.StringIO(reading.text, newline=""), reading.begins, None)
    kept = (line for line in lines if not _is_passed_over(line, said))
    rows = _reader(kept, reading.delimiter, said, strict=False)
    widths: Counter[tuple[int, bool]] = Counter()
    with suppress(csv.Error):
        every = [(len(row), not row[-1]) for row in rows if row]
        widths.update(every[: len(every) - said.skip_footer])
    return widths


def share_of(reading: HeaderReading, said: FormatSettings) -> float:
    """Tell how many of the looked-at rows have as many fields as names, of 1."""
    widths = _widths(reading, said)
    width = len(without_trailing(reading, said))
    fitting = sum(count for (fields, _), count in widths.items() if fields == width)
    return fitting / widths.total() if widths else 1.0


def without_trailing(reading: HeaderReading, said: FormatSettings) -> tuple[str, ...]:
    """Give the names, one for what is after a delimiter at the end of each row too."""
    columns, widths = reading.columns, _widths(reading, said)
    if widths and all(width == (len(columns) + 1, True) for width in widths):
        return (*columns, "")
    if columns[-1:] == ("",) and widths and all(n == len(columns) - 1 for n, _ in widths):
        return columns[:-1]
    return columns
