"""Dialects: how a text file is written, as the settings say or as its first and last part show.

What is not said is found out by the names that the mapping sheet maps from the file: they stand in
its header, in one encoding and between one kind of delimiter. Nothing is chosen among several that
would do.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.sources.columns import looks
from ai_dataflow.sources.files.encodings import UndecidedError, candidates, likeliest
from ai_dataflow.sources.files.packing import Packing
from ai_dataflow.sources.files.text_samples import Sample

# The usual ones first. Of two signs stands one that is twice the other before that.
_DELIMITERS = (",", ";", "\t", "||", "|", "^", "~", "\x01", "\x1f", "¦", "§")
STAND_IN = "\x1f"  # takes the place of a delimiter that is not one sign of ASCII
_SEP = "sep="  # Excel's own first line
_OF_CSV = FormatSettings(type="csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a text file is written: plain data.

    `columns` are the names in its header; they are known where the file is not PLAIN. `begins` is
    how many lines stand before its rows, the header among them. `packing` is how it is packed where
    its name does not say so, `doubt` what there is to be said of an encoding that was not told.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    columns: tuple[str, ...] = ()
    begins: int = 1
    footer: int = 0
    comment: str = ""
    packing: Packing = ""
    doubt: str = ""

    def __str__(self) -> str:
        """Say the encoding and the delimiter, as people read it."""
        sign = {"\t": "tabs", " ": "blanks"}.get(self.delimiter, f"`{self.delimiter}`")
        shown = sign if sign.isprintable() else f"the sign {ord(self.delimiter[0])}"
        packed = f", {self.packing}" if self.packing else ""
        return f"{self.encoding}, {shown}{packed}"


PLAIN = Dialect()


@dataclass(frozen=True)
class Unfit(Exception):  # noqa: N818 - it is told as an error of the file
    """Why a file cannot be read: what, and what to write. No text of the file is in it.

    It says nothing where there is nothing in the file.
    """

    what: str = ""
    fix: str = ""


@dataclass(frozen=True)
class _Reading:
    """A text, read with a delimiter: its names, where its rows begin, how its lines fit."""

    delimiter: str
    columns: tuple[str, ...]
    begins: int
    names: int
    text: str = field(repr=False, default="")


def find(sample: Sample, written: FormatSettings | None, names: Collection[str]) -> Dialect:
    """Find out how a file is written.

    Args:
        sample: its first and last part.
        written: what the settings say of it.
        names: the columns that are mapped from it.

    Raises:
        Unfit: it cannot be told, or does not fit what is said.
    """
    said = written or _OF_CSV
    if _is_plain(sample, said, names):
        return PLAIN
    wanted = frozenset(map(looks, names))
    encoding, text, doubt = _decoded(sample, said, wanted)
    if not text.strip():
        raise Unfit
    reading = _read(text, said, wanted)
    dialect = Dialect(
        encoding=encoding,
        delimiter=reading.delimiter,
        quote='"' if said.quote is None else said.quote,
        escape=said.escape,
        columns=_without_trailing(reading, said),
        begins=reading.begins,
        footer=said.skip_footer,
        comment=said.comment,
        packing="" if sample.is_named_so else sample.packing,
        doubt=doubt,
    )
    return PLAIN if _says_nothing(dialect, reading.columns) else dialect


def _says_nothing(dialect: Dialect, header: Sequence[str]) -> bool:
    """Tell whether a file is read as one of which nothing is said."""
    is_whole = dialect.columns == tuple(header)
    return is_whole and replace(dialect, columns=()) == PLAIN


def _is_plain(sample: Sample, said: FormatSettings, names: Collection[str]) -> bool:
    """Tell at a glance a file in UTF-8 with commas and all names in its first line."""
    if said.says_how_written or sample.packing not in ("", "gzip"):
        return False
    try:
        text = sample.head_as("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header, first = next(rows, []), next(rows, None)
    except (UnicodeDecodeError, csv.Error):
        return False
    is_even = first is None or len(first) == len(header)
    if not (sample.is_named_so and is_even):
        return False
    return set(names).issubset(header) or set(map(looks, names)) <= set(map(looks, header))


def _decoded(sample: Sample, said: FormatSettings, wanted: frozenset[str]) -> tuple[str, str, str]:
    """Give the encoding, the looked-at text, and what there is to be said of the choice."""
    try:
        texts = candidates(sample, said.encoding)
        if len(texts) == 1:
            encoding, text = next(iter(texts.items()))
            return encoding, text, ""
        counts = {encoding: _most_known(text, said, wanted) for encoding, text in texts.items()}
        most = max(counts.values())
        fitting = {e: text for e, text in texts.items() if counts[e] == most}
        if wanted and said.has_header and not most:
            raise _no_header(said)
        first = next(iter(fitting.values()))
        encoding = likeliest(fitting, is_named=_is_named(first, said, wanted))
    except UndecidedError as error:
        raise Unfit(error.what, error.fix) from None
    doubt = f"it is not in UTF-8 and is taken for {encoding}"
    return encoding, fitting[encoding], doubt


def _is_named(text: str, said: FormatSettings, wanted: frozenset[str]) -> bool:
    """Tell whether one of the names in a header has other letters than ASCII's."""
    columns = (c for reading in _readings(text, said, wanted) for c in reading.columns)
    return any(looks(column) in wanted and not column.isascii() for column in columns)


def _most_known(text: str, said: FormatSettings, wanted: frozenset[str]) -> int:
    return max((reading.names for reading in _readings(text, said, wanted)), default=0)


def _read(text: str, said: FormatSettings, wanted: frozenset[str]) -> _Reading:
    """Read a text by the one delimiter that fits.

    Raises:
        Unfit: none does, or several.
    """
    readings = list(_readings(text, said, wanted))
    if not readings:
        raise _no_header(said)
    if said.delimiter or len(readings) == 1:
        best = readings
    else:
        most = max(reading.names for reading in readings)
        best = [reading for reading in readings if reading.names == most]
    if wanted and said.has_header and not best[0].names:
        raise _no_header(said)
    if len(best) > 1:  # `||` is no `|` with nothing between
        whole = [reading for reading in best if "" not in reading.columns[:-1]]
        best = whole or best
    if len(best) > 1:
        fits = [_share(reading, said) for reading in best]
        best = [r for r, share in zip(best, fits, strict=True) if share == max(fits)]
    if len(best) > 1:
        raise _tie(best, wanted)
    if best[0].delimiter != "," and not said.delimiter and _share(best[0], said) < 1 / 2:
        raise _no_header(said)
    return best[0]


def _readings(text: str, said: FormatSettings, wanted: frozenset[str]) -> Iterator[_Reading]:
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
            yield _Reading(delimiter, columns, begins, count, text)


def _sep_of(text: str) -> str:
    first = text.lstrip("\ufeff").split("\n", 1)[0].strip('\r"')
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
    reader = fields_of(_again(line, stream), delimiter, said, strict=True)
    try:
        return tuple(next(reader)), passed + reader_lines(reader)
    except (csv.Error, StopIteration):
        return None


def _again(line: str, rest: Iterator[str]) -> Iterator[str]:
    yield line
    yield from rest


class _Fields(Iterator[list[str]]):
    """Rows of lines, by Python's reader; a delimiter that it has not is replaced and put back."""

    def __init__(
        self, lines: Iterator[str], delimiter: str, said: FormatSettings, *, strict: bool
    ) -> None:
        self._delimiter = delimiter
        self._replaced = is_replaced(delimiter)
        quote = '"' if said.quote is None else said.quote
        dialect = Dialect(quote=quote, escape=said.escape)
        signs = reader_signs(dialect, STAND_IN if self._replaced else delimiter)
        self.reader = csv.reader(map(self._with_stand_in, lines), strict=strict, **signs)

    def _with_stand_in(self, line: str) -> str:
        return line.replace(self._delimiter, STAND_IN) if self._replaced else line

    def __next__(self) -> list[str]:
        row = next(self.reader)
        return [v.replace(STAND_IN, self._delimiter) for v in row] if self._replaced else row


def fields_of(
    lines: Iterator[str], delimiter: str, said: FormatSettings, *, strict: bool
) -> _Fields:
    """Give the rows of lines."""
    return _Fields(lines, delimiter, said, strict=strict)


def reader_lines(fields: _Fields) -> int:
    """Tell how many lines were read."""
    return fields.reader.line_num


def is_replaced(delimiter: str) -> bool:
    """Tell whether another sign has to stand for a delimiter while it is read."""
    return len(delimiter) > 1 or not delimiter.isascii()


def reader_signs(dialect: Dialect, delimiter: str) -> dict[str, Any]:
    """Give the signs of a dialect as Python's reader takes them."""
    quoting = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    return {
        "delimiter": delimiter, "quotechar": dialect.quote or None, "quoting": quoting,
        "escapechar": dialect.escape or None,
    }  # fmt: skip


def _widths(reading: _Reading, said: FormatSettings) -> Counter[tuple[int, bool]]:
    """Count the looked-at rows by their fields, and whether the last is empty."""
    lines = islice(io.StringIO(reading.text, newline=""), reading.begins, None)
    kept = (line for line in lines if not _is_passed_over(line, said))
    rows = fields_of(kept, reading.delimiter, said, strict=False)
    widths: Counter[tuple[int, bool]] = Counter()
    with suppress(csv.Error):
        every = [(len(row), not row[-1]) for row in rows if row]
        widths.update(every[: len(every) - said.skip_footer])
    return widths


def _share(reading: _Reading, said: FormatSettings) -> float:
    """Tell how many of the looked-at rows have as many fields as names, of 1."""
    widths = _widths(reading, said)
    width = len(_without_trailing(reading, said))
    fitting = sum(count for (fields, _), count in widths.items() if fields == width)
    return fitting / widths.total() if widths else 1.0


def _without_trailing(reading: _Reading, said: FormatSettings) -> tuple[str, ...]:
    """Give the names, one for what is after a delimiter at the end of each row too."""
    columns, widths = reading.columns, _widths(reading, said)
    if widths and all(width == (len(columns) + 1, True) for width in widths):
        return (*columns, "")
    if columns[-1:] == ("",) and widths and all(n == len(columns) - 1 for n, _ in widths):
        return columns[:-1]
    return columns


def _no_header(said: FormatSettings) -> Unfit:
    by = "" if said.delimiter else ", whichever delimiter and encoding are tried"
    return Unfit(
        f"its first line does not look like a header: no name of the sheet is in it{by}",
        "deliver it with a header, correct the sheet, or say how it is written under "
        "[formats.<name>]: delimiter, encoding, header or columns",
    )


def _tie(best: Sequence[_Reading], wanted: frozenset[str]) -> Unfit:
    signs = ", ".join(repr(reading.delimiter) for reading in best)
    names = [looks(name) for reading in best for name in reading.columns]
    header = ""
    if all(name in wanted for name in names):
        header = "; its first line has " + ", ".join(f"`{c}`" for c in best[0].columns)
    return Unfit(
        f"its delimiter cannot be told: {signs} all fit{header}",
        "say it under [formats.<name>]: delimiter",
    )
