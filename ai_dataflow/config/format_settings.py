"""`[formats.<name>]`: how the files of a source are written."""

from __future__ import annotations

import codecs
import re
from datetime import UTC, datetime
from typing import Any, Literal, Self, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ai_dataflow.config.sections import Section

FormatType = Literal["parquet", "delta", "csv", "jsonl", "json", "excel", "avro"]
FORMAT_TYPES: tuple[str, ...] = get_args(FormatType)
_OF_ALL = ("type", "drift")
_OF_TYPE = {
    "excel": ("sheet", "range", "header", "columns"), "json": ("records",), "jsonl": ("records",)
}  # fmt: skip
_OF_OTHERS = ("sheet", "range", "records")  # what says nothing of text
_RANGE = re.compile(r"[A-Za-z]{1,3}[1-9]\d{0,6}:[A-Za-z]{1,3}[1-9]\d{0,6}")
_WRITTEN = frozenset({
    "delimiter", "encoding", "quote", "escape", "header", "columns", "comment", "skip_rows",
    "skip_footer",
})  # fmt: skip
_LINE_ENDS = frozenset("\r\n")
_EXAMPLES = {
    "dates": '"%d.%m.%Y"', "times": '"%H:%M"', "timestamps": '"%d.%m.%Y %H:%M:%S"'
}  # fmt: skip


class FormatSettings(Section):
    """A kind of file that the control table's `file_format` names.

    With `drift = "add"` a mapped column that some files of a location lack is null there. Most of
    the others are those of text (`type = "csv"`); what is not said is found out of each file.
    `quote` is "" where there are none, `header` the number of its line, `columns` are the names of
    a file without one. `dates`, `times` and `timestamps` are strftime's formats.

    Of a workbook: `sheet` is the one that is read, `range` the cells of it (`B3:F200`), `header`
    and `columns` as of text. Of JSON: `records` are the keys, with points between, that lead to the
    array of the rows.
    """

    type: FormatType
    drift: Literal["", "add"] = ""
    delimiter: str = ""
    encoding: str = ""
    quote: str | None = Field(default=None, max_length=1)
    escape: str = Field(default="", max_length=1)
    header: bool | int | None = None
    columns: tuple[str, ...] = ()
    decimal: Literal["", ".", ","] = ""
    thousands: str = Field(default="", max_length=1)
    dates: str = ""
    times: str = ""
    timestamps: str = ""
    null_values: tuple[str, ...] = ()
    comment: str = ""
    skip_rows: int = Field(default=0, ge=0)
    skip_footer: int = Field(default=0, ge=0)
    sheet: str = ""
    range: str = ""
    records: str = ""

    @field_validator("range")
    @classmethod
    def _names_cells(cls, cells: str) -> str:
        if cells and not _RANGE.fullmatch(cells):
            raise ValueError('names no cells: write "B3:F200"')
        return cells.upper()

    @property
    def spelled(self) -> str:
        """What the section says, as text: what is added to the sections later changes no text."""
        said = self.model_dump(exclude_defaults=True)
        return repr(sorted(said.items()))

    @property
    def says_how_written(self) -> bool:
        """Whether the section says how the text is written, and not only what it means."""
        return bool(self.model_fields_set & _WRITTEN) and bool(
            self.model_dump(include=set(_WRITTEN), exclude_defaults=True)
        )

    @property
    def has_header(self) -> bool:
        """Whether a line of the file names its columns."""
        return self.header is not False and not self.columns

    @property
    def lines_before(self) -> int:
        """How many lines stand before the header, or the rows."""
        is_line = self.header is not None and not isinstance(self.header, bool)
        return int(self.header or 1) - 1 if is_line else self.skip_rows

    @field_validator("delimiter")
    @classmethod
    def _is_a_delimiter(cls, delimiter: str) -> str:
        if _LINE_ENDS & set(delimiter):
            raise ValueError("has a line break in it, which ends a row")
        return "\t" if delimiter == "\\t" else delimiter

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, encoding: str) -> str:
        """Take any name that Python knows of an encoding of text; give its own."""
        try:
            return codec_name(encoding) if encoding else ""
        except LookupError:
            raise ValueError(
                "is no encoding that is known: write utf-8, utf-16, windows-1252 or the like"
            ) from None

    @field_validator("columns")
    @classmethod
    def _are_names(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        if twice := next((name for name in columns if columns.count(name) > 1), None):
            raise ValueError(f"has `{twice}` twice")
        return columns

    @field_validator("dates", "times", "timestamps")
    @classmethod
    def _is_a_format(cls, form: str, info: ValidationInfo) -> str:
        name = info.field_name or ""
        if form and not _is_format(form, name):
            raise ValueError(f"is no format of strftime, such as {_EXAMPLES[name]}")
        return form

    @field_validator("quote", "escape", "comment")
    @classmethod
    def _is_seen(cls, sign: str | None) -> str | None:
        if sign and not (sign.isascii() and sign.isprintable()):
            raise ValueError("is no sign of ASCII that can be seen")
        return sign

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for wrong in (self._of_another_type(), self._clash(), self._no_names()):
            if wrong:
                raise ValueError(wrong)
        return self

    def _of_another_type(self) -> str:
        fields = type(self).model_fields.items()
        said = [name for name, each in fields if getattr(self, name) != each.default]
        if self.type == "csv":
            odd = [name for name in said if name in _OF_OTHERS]
        else:
            odd = [n for n in said if n not in (*_OF_ALL, *_OF_TYPE.get(self.type, ()))]
        if not odd:
            return ""
        whose = "csv"
        if min(odd) in _OF_OTHERS:
            whose = "json" if min(odd) == "records" else "excel"
        return f'has {min(odd)}, which is a setting of type = "{whose}"'

    def _clash(self) -> str:
        signs = {
            "delimiter": self.delimiter, "quote": self.quote, "escape": self.escape,
            "comment": self.comment,
        }  # fmt: skip
        seen: dict[Any, str] = {}
        for name, sign in signs.items():
            if sign and (other := seen.setdefault(sign, name)) != name:
                return f"has one sign for {other} and {name}"
        if self.thousands and self.thousands == (self.decimal or "."):
            return "has one sign for decimal and thousands"
        if self.thousands and (self.thousands.isdigit() or self.thousands in "+-"):
            return "has thousands that are part of a number"
        return ""

    def _no_names(self) -> str:
        if self.header is False and not self.columns:
            return "has header = false without columns: name them"
        if self.header not in (None, False) and self.columns:
            return "has a header and columns: leave one of them out"
        if isinstance(self.header, int) and not isinstance(self.header, bool):
            if self.header < 1:
                return "has a header in a line before the first"
            if self.skip_rows:
                return "has skip_rows and the number of the header's line: leave one of them out"
        return ""


def codec_name(encoding: str) -> str:
    """Give Python's name of an encoding of text.

    Raises:
        LookupError: there is none of that name, or it is none of text.
    """
    try:
        codec = codecs.lookup(encoding)
    except LookupError:  # `latin-9`, which Python writes in one word
        codec = codecs.lookup("".join(filter(str.isalnum, encoding)))
    if not getattr(codec, "_is_text_encoding", True):
        raise LookupError(encoding)
    return codec.name


def _is_format(form: str, name: str) -> bool:
    """Tell whether a format gives a text of a moment that it reads as the same again."""
    import polars as pl  # noqa: PLC0415 - its import is for who has such formats
    from polars.exceptions import PolarsError  # noqa: PLC0415

    moment = pl.Series([datetime(1987, 1, 31, 22, 59, tzinfo=UTC)])
    if "z" not in form:
        moment = moment.dt.replace_time_zone(None)
    try:
        text = moment.dt.strftime(form)
        read = {
            "dates": lambda: text.str.to_date(form).equals(moment.dt.date()),
            "times": lambda: text.str.to_time(form).equals(moment.dt.time()),
            "timestamps": lambda: text.str.to_datetime(form).equals(moment),
        }  # fmt: skip
        return "%" in form and read[name]()
    except (PolarsError, pl.exceptions.PanicException):
        return False
