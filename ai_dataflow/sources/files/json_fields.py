"""Fields of JSON records: what is found in each, and the smallest type that has all its values.

A field of an object within a record is called by the keys that lead to it, with points between:
`a.b`. Objects and lists are there as a whole too: as their JSON text, digit by digit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

Path = tuple[str, ...]
_MOST_FIELDS = 1_000  # of one object; what has more is keyed by data, and is there as a whole
_MAX_DIGITS = 38
# What a float may not have: more than 15 digits, an exponent of three. Others it has.
_LONG = re.compile(r"[0-9][0-9.]{15}|[eE][+-]?[0-9]{3}")
_INT64, _INT128 = 2**63, 2**127


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def parsed(text: str) -> Any:
    """Give the value of a text that is JSON; its numbers have the digits that are written.

    Raises:
        ValueError: it is none, has NaN or an infinity, or an object in it has a key twice.
    """
    return json.loads(
        text,
        parse_float=Number,
        parse_int=Number,
        parse_constant=_refuse,
        object_pairs_hook=_object,
    )


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    every = list(pairs)
    if len(made := dict(every)) < len(every):
        raise ValueError("a key is there twice")
    return made


def _refuse(name: str) -> Any:
    raise ValueError(name)


@dataclass
class Field:
    """What the values of a field are, in all records."""

    kinds: set[type] = field(default_factory=set)
    has_fraction: bool = False
    has_exponent: bool = False
    is_float: bool = True
    whole: int = 0
    scale: int = 0
    largest: int = 0

    def note(self, value: Any) -> None:
        """Note a value."""
        self.kinds.add(type(value))
        if type(value) is Number:
            self._note_number(value)

    def _note_number(self, number: Number) -> None:
        digits = number.lstrip("-")
        if digits.isdigit():
            self.whole = max(self.whole, len(digits))
            if len(digits) > _MAX_DIGITS:
                self.largest = _INT128
            else:
                self.largest = max(self.largest, abs(int(digits) + (number[0] != "-")))
        else:
            mantissa, _, exponent = digits.replace("E", "e").partition("e")
            whole, _, fraction = mantissa.partition(".")
            self.has_fraction = True
            self.has_exponent |= bool(exponent)
            self.whole, self.scale = max(self.whole, len(whole)), max(self.scale, len(fraction))
        if self.is_float and _LONG.search(digits):
            self.is_float = Decimal(number) == Decimal(repr(float(number)))

    def merge(self, other: Field) -> None:
        """Take over what is noted of the same field elsewhere."""
        self.kinds |= other.kinds
        self.has_fraction |= other.has_fraction
        self.has_exponent |= other.has_exponent
        self.is_float &= other.is_float
        for name in ("whole", "scale", "largest"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))

    def dtype(self) -> pl.DataType:
        """Give the smallest type that has all values; text where there is none."""
        kinds = self.kinds - {type(None)}
        if not kinds:
            return pl.Null()
        if kinds == {bool}:
            return pl.Boolean()
        if kinds != {Number}:
            return pl.String()
        if not self.has_fraction:
            whole = ((pl.Int64(), _INT64), (pl.Int128(), _INT128))
            return next((dtype for dtype, end in whole if self.largest <= end - 1), pl.String())
        if self.is_float:
            return pl.Float64()
        if self.has_exponent or self.whole + self.scale > _MAX_DIGITS:
            return pl.String()
        return pl.Decimal(_MAX_DIGITS, self.scale)


class Fields:
    """The fields of records, by the keys that lead to them."""

    def __init__(self) -> None:
        self.by_path: dict[Path, Field] = {}
        self._children: dict[Path, int] = {}

    def note(self, record: Mapping[str, Any], above: Path = ()) -> None:
        """Note the values of a record."""
        for key, value in record.items():
            path = (*above, key)
            noted = self.by_path.get(path)
            if noted is None:
                if above and self._is_full(above):
                    return
                noted = self.by_path[path] = Field()
            noted.note(value)
            if type(value) is dict:
                self.note(value, path)

    def _is_full(self, above: Path) -> bool:
        """Tell whether an object has too many fields; then it has none by name."""
        count = self._children[above] = self._children.get(above, 0) + 1
        if count == _MOST_FIELDS + 1:
            depth = len(above)
            of_it = [p for p in self.by_path if len(p) > depth and p[:depth] == above]
            for path in of_it:
                del self.by_path[path]
        return count > _MOST_FIELDS

    def merge(self, other: Fields) -> None:
        """Take over what is noted of other records."""
        for path, noted in other.by_path.items():
            self.by_path.setdefault(path, Field()).merge(noted)

    @property
    def paths(self) -> dict[str, Path]:
        """The fields' names; one with a point in its own key comes before one of an object."""
        paths: dict[str, Path] = {}
        for path in sorted(self.by_path, key=len):
            paths.setdefault(".".join(path), path)
        return paths

    def schema(self) -> pl.Schema:
        """Give the columns: those of the records first, in the order of their first values."""
        return pl.Schema({name: self.by_path[p].dtype() for name, p in self.paths.items()})


def value_at(record: Any, path: Path) -> Any:
    """Give the value that keys lead to; None where there is none."""
    for key in path:
        if type(record) is not dict:
            return None
        record = record.get(key)
    return record


def series(name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
    """Give values of a field in its type."""
    if dtype in (pl.Boolean, pl.Null):
        return pl.Series(name, values, dtype)
    texts = [
        value if value is None or type(value) is Number else text_of(value) for value in values
    ]
    return pl.Series(name, texts, pl.String).cast(dtype)


def text_of(value: Any) -> str:
    """Give a text as it is, all else as JSON."""
    return value if isinstance(value, str) else "".join(_written(value))


def _written(value: Any) -> Iterator[str]:
    """Give the parts of a value's JSON, numbers as they were written."""
    match value:
        case Number():
            yield str(value)
        case dict():
            start = "{"
            for key, inner in value.items():
                yield f"{start}{json.dumps(key, ensure_ascii=False)}:"
                yield from _written(inner)
                start = ","
            yield "}" if value else "{}"
        case list():
            start = "["
            for inner in value:
                yield start
                yield from _written(inner)
                start = ","
            yield "]" if value else "[]"
        case _:
            yield json.dumps(value, ensure_ascii=False)
