"""Values that folders name, where a file has a column of that name itself: they are to be the same.

Only columns that are read are compared, each in the type that it has in the file. Text is compared
letter by letter: a client `01` is not the client `1`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from ai_dataflow.sources.columns import as_seen, named
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.files.folder_columns import partition_values

_TRUTHS = {"true": True, "false": False}
_NUMBERS = (pl.Float32, pl.Float64)


class Twice(NamedTuple):
    """A column of a file, and the folder that names it too with its value."""

    column: str
    folder: str
    value: str | None


def named_twice(path: str, stored: Collection[str], read: Collection[str]) -> list[Twice]:
    """Give the columns that are read of a file, and that its folders name too.

    Args:
        path: the file's.
        stored: the columns that are in the file.
        read: the columns that are read of it.
    """
    values = partition_values(path) if "=" in path else {}
    both = {key: value for key, value in values.items() if key in stored}
    return [
        Twice(column, _folder(path, key), value)
        for key, value in both.items()
        for column in (key, as_seen(key))
        if column in read
    ]


def check(rows: pl.LazyFrame, columns: Sequence[Twice], location: str, place: str) -> None:
    """Make sure that all rows of a file have the values that its folders name.

    Raises:
        DataflowError: SRC-061.
    """
    if not columns:
        return
    types = rows.collect_schema()
    differ = [
        _differs(twice, types[twice.column]).alias(str(number))
        for number, twice in enumerate(columns)
    ]
    answers = rows.select(differ).collect(engine="streaming").row(0)
    for twice, is_other in zip(columns, answers, strict=True):
        if is_other:
            raise file_failures.of_another_folder(location, twice.column, twice.folder, place)


def checked(
    frames: Iterable[pl.DataFrame], columns: Sequence[Twice], location: str, place: str
) -> Iterator[pl.DataFrame]:
    """Give the rows of a file on, each frame checked; see `check`."""
    for frame in frames:
        check(frame.lazy(), columns, location, place)
        yield frame


def _folder(path: str, key: str) -> str:
    """Give the folder that names a column; of several the last, whose value counts."""
    folders = reversed(PurePosixPath(path).parts[:-1])
    return next(folder for folder in folders if folder.startswith(f"{key}="))


def _differs(twice: Twice, dtype: pl.DataType) -> pl.Expr:
    """Tell whether any row has another value; none is another than any."""
    column = named(twice.column)
    if twice.value is None:
        return column.is_not_null().any()
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return column.cast(pl.String).ne_missing(pl.lit(twice.value, pl.String())).any()
    value = _value(twice.value, dtype)
    if value is None:  # no value of this type is spelled so
        return pl.len() > 0
    return column.ne_missing(pl.lit(value, dtype)).any()


def _value(text: str, dtype: pl.DataType) -> object:
    """Give the value of a type that a text spells; None where it spells none."""
    try:
        match dtype:
            case pl.Boolean():
                return _TRUTHS.get(text.lower())
            case pl.Date():
                return date.fromisoformat(text)
            case pl.Datetime():
                return _moment(text, dtype)
            case pl.Decimal():
                return _decimal(text, dtype)
            case _ if dtype.is_integer() or isinstance(dtype, _NUMBERS):
                return pl.Series([text]).cast(dtype, strict=False).item()
            case _:
                return None
    except (ValueError, InvalidOperation, PolarsError):
        return None


def _moment(text: str, dtype: pl.Datetime) -> datetime | None:
    """Give a moment; without a zone it is one of UTC where the column has instants."""
    moment = datetime.fromisoformat(text)
    if not dtype.time_zone:
        return None if moment.tzinfo else moment
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _decimal(text: str, dtype: pl.Decimal) -> Decimal | None:
    """Give a decimal; one with more digits than the type has would be rounded."""
    number = Decimal(text)
    kept: Decimal | None = pl.Series([number], dtype=dtype, strict=False).item()
    return number if kept == number else None
