"""How a text file spells numbers, days and nothing, where its settings say so.

What is spelled so becomes the text that the casts take; what is not becomes one that none takes.
So a decimal comma is no other kind of cast, and a row with a point where a comma is meant fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

import polars as pl

from ai_dataflow.compiler.calendar_days import within_calendar
from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow.tables.source_rules import SourceRule

_NO_VALUE = "\ue000"  # no cast takes it
_DAY, _MOMENT, _TIME = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.6f", "%H:%M:%S%.6f"
# What a part of a format looks like; the parser alone would take blanks, signs, fewer
# digits, and the second 60 of any minute for the first of the next one.
_PARTS = {
    "Y": "[0-9]{4}", "y": "[0-9]{2}", "m": "[0-9]{2}", "d": "[0-9]{2}", "H": "[0-9]{2}",
    "I": "[0-9]{2}", "M": "[0-9]{2}", "S": "[0-5][0-9]", "j": "[0-9]{3}", "b": r"\pL+\.?",
    "B": r"\pL+", "a": r"\pL+\.?", "A": r"\pL+", "p": "(?i:am|pm)", "P": "(?i:am|pm)",
    "f": "[0-9]{1,9}", ".f": r"(?:\.[0-9]{1,9})?", "z": "[+-][0-9]{4}",
    ":z": "[+-][0-9]{2}:[0-9]{2}",
    "%": "%", "e": "[ 0-9][0-9]", "-d": "[0-9]{1,2}", "-m": "[0-9]{1,2}", "-H": "[0-9]{1,2}",
    "-I": "[0-9]{1,2}", "-M": "[0-9]{1,2}", "-S": "[0-5]?[0-9]", "-j": "[0-9]{1,3}",
    ".3f": r"\.[0-9]{3}", ".6f": r"\.[0-9]{6}", "3f": "[0-9]{3}", "6f": "[0-9]{6}",
    "T": "[0-9]{2}:[0-9]{2}:[0-5][0-9]", "R": "[0-9]{2}:[0-9]{2}",
    "X": "[0-9]{2}:[0-9]{2}:[0-5][0-9]", "F": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
}  # fmt: skip
_PART = re.compile(r"%(\.\df|\.f|\df|-[a-zA-Z]|:z|[a-zA-Z%])|([^%]+|%)")


@dataclass(frozen=True)
class TextFormats:
    """How the texts of a source are meant; hashable, for what is compiled once.

    `words` stand for nothing as `null_values` do, whatever blanks are around them: those are of the
    file, these of the sheet. `trims` takes blanks off.
    """

    decimal: str = ""
    thousands: str = ""
    dates: str = ""
    times: str = ""
    timestamps: str = ""
    null_values: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    trims: bool = False

    @classmethod
    def of(cls, source: SourceJob) -> Self | None:
        """Give those of a source; None where nothing is said."""
        location = source.location
        written = location.written if isinstance(location, FileLocation) else None
        return cls._of(written) if written else None

    @classmethod
    def _of(cls, written: FormatSettings) -> Self | None:
        names = cls.__dataclass_fields__.keys() - {"words", "trims"}
        said = {name: getattr(written, name) for name in names}
        made = cls(**said)
        return None if made == cls() else made

    def read(self, text: pl.Expr) -> pl.Expr:
        """Make a text null that says that there is nothing."""
        stripped = text.str.strip_chars()
        read = stripped if self.trims else text
        if self.words:
            read = pl.when(~stripped.is_in(list(self.words))).then(read)
        return pl.when(~text.is_in(list(self.null_values))).then(read) if self.null_values else read

    def usual(self, text: pl.Expr, target: pl.DataType) -> pl.Expr:
        """Spell a text as the cast to a type takes it; blank and null stay what they are."""
        stripped = text.str.strip_chars()
        if target.is_numeric() and (self.decimal or self.thousands):
            return _or_none(text, self._number(stripped))
        if target == pl.Time and self.times:
            form = self.times
            time = _matching(stripped, form).str.to_time(form, strict=False)
            return _or_none(text, time.dt.strftime(_TIME))
        if isinstance(target, pl.Date | pl.Datetime) and (self.dates or self.timestamps):
            return self._moment(text, stripped, target)
        return text

    def _number(self, text: pl.Expr) -> pl.Expr:
        point, group = re.escape(self.decimal or "."), re.escape(self.thousands)
        whole = f"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)" if group else "[0-9]+"
        number = rf"^[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?$"
        plain: pl.Expr = pl.when(text.str.contains(number)).then(text)
        if self.thousands:
            plain = plain.str.replace_all(self.thousands, "", literal=True)
        return plain.str.replace(self.decimal, ".", literal=True) if self.decimal else plain

    def _moment(self, text: pl.Expr, stripped: pl.Expr, target: pl.DataType) -> pl.Expr:
        """Read by the format of days, then by that of timestamps.

        The type's own format leaves no other; where only the other's is said, ISO 8601 holds too.
        """
        readings = []
        if self.dates:
            day = _matching(stripped, self.dates).str.to_date(self.dates, strict=False)
            readings.append(within_calendar(day, pl.Date()).dt.strftime(_DAY))
        if self.timestamps:
            readings.append(_instant(stripped, self.timestamps))
        form = self.dates if target == pl.Date else self.timestamps
        read = pl.coalesce(readings)
        return _or_none(text, read) if form else pl.coalesce(read, text)


def of_row(formats: TextFormats | None, row: MappingRow | SourceRule) -> TextFormats | None:
    """Give how texts are meant for a row of the sheet, which may have more to say."""
    if not (row.null_values or row.trim):
        return formats
    return replace(formats or TextFormats(), words=row.null_values, trims=row.trim)


def _instant(text: pl.Expr, form: str) -> pl.Expr:
    moment = _matching(text, form).str.to_datetime(form, time_unit="us", strict=False)
    if "z" not in form:
        return within_calendar(moment, pl.Datetime("us")).dt.strftime(_MOMENT)
    return within_calendar(moment, pl.Datetime("us", "UTC")).dt.strftime(f"{_MOMENT}Z")


def _matching(text: pl.Expr, form: str) -> pl.Expr:
    """Keep what looks like a format."""
    pattern = "".join(
        _PARTS.get(match[1], ".+") if match[1] else re.escape(match[2])
        for match in _PART.finditer(form)
    )
    return pl.when(text.str.contains(f"^{pattern}$")).then(text)


def _or_none(text: pl.Expr, usual: pl.Expr) -> pl.Expr:
    """Take the usual spelling; without one it is no value, but where there is nothing at all."""
    is_blank = text.str.strip_chars() == ""
    return pl.when(is_blank | text.is_null()).then(text).otherwise(usual.fill_null(_NO_VALUE))
