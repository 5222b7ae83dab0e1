"""Dialects: how a text file is written, as the settings say or as its first and last part show.

What is not said is found out by the names that the mapping sheet maps from the file: they stand in
its header, in one encoding and between one kind of delimiter. Nothing is chosen among several that
would do.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.sources.columns import looks
from ai_dataflow.sources.files.encodings import UndecidedError, candidates, likeliest
from ai_dataflow.sources.files.packing import Packing
from ai_dataflow.sources.files.text_headers import (
    HeaderReading,
    readings,
    share_of,
    without_trailing,
)
from ai_dataflow.sources.files.text_samples import Sample

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
        columns=without_trailing(reading, said),
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
    columns = (c for reading in readings(text, said, wanted) for c in reading.columns)
    return any(looks(column) in wanted and not column.isascii() for column in columns)


def _most_known(text: str, said: FormatSettings, wanted: frozenset[str]) -> int:
    return max((reading.names for reading in readings(text, said, wanted)), default=0)


def _read(text: str, said: FormatSettings, wanted: frozenset[str]) -> HeaderReading:
    """Read a text by the one delimiter that fits.

    Raises:
        Unfit: none does, or several.
    """
    possible = list(readings(text, said, wanted))
    if not possible:
        raise _no_header(said)
    if said.delimiter or len(possible) == 1:
        best = possible
    else:
        most = max(reading.names for reading in possible)
        best = [reading for reading in possible if reading.names == most]
    if wanted and said.has_header and not best[0].names:
        raise _no_header(said)
    if len(best) > 1:  # `||` is no `|` with nothing between
        whole = [reading for reading in best if "" not in reading.columns[:-1]]
        best = whole or best
    if len(best) > 1:
        fits = [share_of(reading, said) for reading in best]
        best = [r for r, fit in zip(best, fits, strict=True) if fit == max(fits)]
    if len(best) > 1:
        raise _tie(best, wanted)
    if best[0].delimiter != "," and not said.delimiter and share_of(best[0], said) < 1 / 2:
        raise _uneven(best[0])
    return best[0]


def _uneven(reading: HeaderReading) -> Unfit:
    return Unfit(
        f"most of its rows have more or fewer fields than its header, by {reading.delimiter!r}",
        "deliver it again; or, if that is what stands between its fields, say so under "
        "[formats.<name>]: delimiter",
    )


def _no_header(said: FormatSettings) -> Unfit:
    by = "" if said.delimiter else ", whichever delimiter and encoding are tried"
    return Unfit(
        f"its first line does not look like a header: no name of the sheet is in it{by}",
        "deliver it with a header, correct the sheet, or say how it is written under "
        "[formats.<name>]: delimiter, encoding, header or columns",
    )


def _tie(best: Sequence[HeaderReading], wanted: frozenset[str]) -> Unfit:
    signs = ", ".join(repr(reading.delimiter) for reading in best)
    names = [looks(name) for reading in best for name in reading.columns]
    header = ""
    if all(name in wanted for name in names):
        header = "; its first line has " + ", ".join(f"`{c}`" for c in best[0].columns)
    return Unfit(
        f"its delimiter cannot be told: {signs} all fit{header}",
        "say it under [formats.<name>]: delimiter",
    )
