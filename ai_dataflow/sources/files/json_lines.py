"""JSON lines, whose numbers arrive digit by digit as they are written.

Polars reads a number with a fraction as a float, and whole ones beside it too. Where each is one
that a float has (all that programs write from floats are), nothing is lost and its reader does.
Else the lines are read as texts: numbers are put in quotes, texts are marked, and each column gets
the smallest type that has all its numbers: whole, float, decimal. Where none has, it is of texts,
of which the mapping rejects what it cannot hold. A line with half a character (a lone surrogate) is
no row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import polars as pl
from polars.exceptions import ComputeError, SchemaError

from ai_dataflow.connections.scans import scan_json_lines, scan_lines
from ai_dataflow.connections.stores import Folder

_MARK = "\ue000"  # begins what is a text in the file; a number has none
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_MARKED = rf'"({_MARK}(?:[^"\\]|\\.)*)"'
_DIGITS = r"(-?[0-9][0-9.eE+-]*)"
_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
# What a float may not have: more than 15 digits, an exponent of three. Others it has.
_LONG = r"[0-9][0-9.]{15}|[eE][+-]?[0-9]{3}"
_LONG_TOKENS = rf"{_TEXT}|-?[0-9](?:[0-9.]{{15,}}|[0-9.]*[eE])[0-9.eE+-]*"
_SURROGATE = r"\\u[dD][89a-fA-F]"
_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_MAX_DIGITS = 38
_LINE = pl.col("line")


@dataclass(frozen=True)
class _Exact:
    """How lines are read exactly: the type of a row in quotes and marks, and the type it has."""

    quoted: pl.Struct
    row: pl.Struct


@dataclass(frozen=True)
class JsonLines:
    """Files of JSON lines, which agree on their types where one of them is read exactly."""

    root: Folder
    paths: Sequence[str]

    def frames(self) -> list[pl.LazyFrame]:
        """Scan each file; types are inferred from all lines."""
        if (exact := self._exact) is None:
            return [scan_json_lines(self.root, path) for path in self.paths]
        several = len(self.paths) > 1  # of one file all names are its own
        return [
            self._sound(path).select(_columns(exact, self._names(path) if several else None))
            for path in self.paths
        ]

    @cached_property
    def malformed(self) -> dict[str, list[str]]:
        """The lines that are no rows, by file."""
        if self._exact is None:
            return {}
        halved = {path: self._lines(path).filter(_is_halved()).collect() for path in self.paths}
        return {path: lines["line"].to_list() for path, lines in halved.items() if len(lines)}

    def _sound(self, path: str) -> pl.LazyFrame:
        return self._lines(path).filter(~_is_halved())

    def _names(self, path: str) -> set[str]:
        """Give the names that lines of a file have."""
        lines = self._sound(path).select(_quoted()).collect()["line"]
        dtype = lines.str.json_decode(infer_schema_length=None).dtype
        fields = dtype.fields if isinstance(dtype, pl.Struct) else []
        return {field.name.removeprefix(_MARK) for field in fields}

    def _lines(self, path: str) -> pl.LazyFrame:
        return scan_lines(self.root, path).filter(_LINE.str.strip_chars() != "")

    @cached_property
    def _exact(self) -> _Exact | None:
        """Tell how the files are read exactly; None where Polars' own reader does it."""
        if not any(map(self._may_lose, self.paths)) and not self._differ():
            return None
        lines = pl.concat(map(self._sound, self.paths))
        rows = lines.select(_quoted()).collect()["line"].str.json_decode(infer_schema_length=None)
        row = _type_of(rows)
        if not isinstance(rows.dtype, pl.Struct) or not isinstance(row, pl.Struct):
            raise ComputeError("a line is no JSON object")
        return _Exact(rows.dtype, row)

    def _differ(self) -> bool:
        """Tell whether files have a column in several types: they have to agree on one."""
        if len(self.paths) == 1:
            return False
        types: dict[str, pl.DataType] = {}
        every = [scan_json_lines(self.root, path).collect_schema() for path in self.paths]
        return any(
            types.setdefault(name, dtype) != dtype
            for schema in every
            for name, dtype in schema.items()
            if dtype != pl.Null
        )

    def _may_lose(self, path: str) -> bool:
        """Tell whether Polars' reader may not give what is written."""
        try:
            schema = scan_json_lines(self.root, path).collect_schema()
        except (ComputeError, SchemaError):  # of a number that is too large, among others
            return True
        tokens = _LINE.filter(_LINE.str.contains(_LONG)).str.extract_all(_LONG_TOKENS).explode()
        may = _LINE.str.contains(_number_among_texts(schema)) | _is_halved()
        looked = self._lines(path).select(
            may=may.any(), long=tokens.drop_nulls().unique().implode()
        ).collect()  # fmt: skip
        has_floats = "Float" in repr(schema)
        numbers = (token for token in looked["long"][0] if token[0] != '"')
        lost = (not _is_float(n) for n in numbers if has_floats or not _is_whole(n))
        return bool(looked["may"][0]) or any(lost)


def _number_among_texts(schema: pl.Schema) -> str:
    """Give the pattern of a number in a column of texts: it would be spelled anew."""
    texts = dict.fromkeys(_text_names(pl.Struct(schema)))
    spelled = {
        json.dumps(name, ensure_ascii=as_ascii) for name in texts for as_ascii in (True, False)
    }
    return rf"(?:{'|'.join(map(re.escape, sorted(spelled)))})\s*:\s*[-0-9]" if spelled else "$^"


def _text_names(dtype: pl.DataType) -> Iterator[str]:
    fields = dtype.fields if isinstance(dtype, pl.Struct) else []
    for field in fields:
        inner = _instance(field.dtype)
        if inner == pl.String:
            yield field.name
        yield from _text_names(_instance(inner.inner) if isinstance(inner, pl.List) else inner)


def _is_whole(number: str) -> bool:
    return number.lstrip("-").isdigit()


def _is_float(number: str) -> bool:
    """Tell whether a float has exactly this number, in the digits that programs write of it."""
    return Decimal(number) == Decimal(repr(float(number)))


def _is_halved() -> pl.Expr:
    """Tell which lines have a surrogate without its other half."""
    suspect = _LINE.str.contains(_SURROGATE)
    rest = pl.when(suspect).then(_LINE).str.replace_all(r"\\\\", "").str.replace_all(_PAIR, "")
    return rest.str.contains(_SURROGATE).fill_null(value=False)


def _quoted() -> pl.Expr:
    marked = _LINE.str.replace_all(_TEXT, f'"{_MARK}$1"')
    return marked.str.replace_all(f"{_MARKED}|{_DIGITS}", '"$1$2"')


def _columns(exact: _Exact, names: set[str] | None) -> list[pl.Expr]:
    """Give the columns of a file's lines: those of these names, or all."""
    row = _quoted().str.json_decode(exact.quoted)
    return [
        _restored(row.struct.field(a.name), _instance(a.dtype), _instance(b.dtype)).alias(b.name)
        for a, b in zip(exact.quoted.fields, exact.row.fields, strict=True)
        if names is None or b.name in names
    ]


def _type_of(values: pl.Series) -> pl.DataType:
    """Give the smallest type that has all values, which are in quotes and marks."""
    match values.dtype:
        case pl.Struct() as dtype:
            names = [field.name for field in dtype.fields]
            return pl.Struct(
                {name.removeprefix(_MARK): _type_of(values.struct.field(name)) for name in names}
            )
        case pl.List():
            return pl.List(_type_of(values.explode()))
        case pl.String():
            return _number_type(values.drop_nulls().unique())
        case dtype:
            return dtype


def _number_type(values: pl.Series) -> pl.DataType:
    """Give the type of numbers; of texts where one is among them, or no type has all of them."""
    tokens = values.filter(values.str.contains(r"^[-0-9]"))
    numbers = tokens.filter(tokens.str.contains(_NUMBER))
    if len(numbers) < len(tokens):
        raise ComputeError("InvalidNumber")
    if len(numbers) < len(values):
        return pl.String()
    if not numbers.str.contains("[.eE]").any():
        whole = (pl.Int64(), pl.Int128())
        return next(
            (d for d in whole if not numbers.cast(d, strict=False).has_nulls()), pl.String()
        )
    if all(map(_is_float, numbers.filter(numbers.str.contains(_LONG)))):
        return pl.Float64()
    return _decimal_type(numbers)


def _decimal_type(numbers: pl.Series) -> pl.DataType:
    """Give the decimal that has all numbers; none has exponents."""
    whole, scale = (_longest(numbers.str.extract(part)) for part in (r"^-?([0-9]+)", r"\.([0-9]+)"))
    if whole + scale > _MAX_DIGITS or numbers.str.contains("[eE]").any():
        return pl.String()
    return pl.Decimal(_MAX_DIGITS, scale)


def _longest(digits: pl.Series) -> int:
    return max(digits.str.len_bytes().fill_null(0).to_list(), default=0)


def _instance(dtype: Any) -> pl.DataType:
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def _restored(expr: pl.Expr, quoted: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """Give a value its type, marks off."""
    match quoted, wanted:
        case pl.Struct(), pl.Struct():
            fields = [
                _restored(expr.struct.field(a.name), _instance(a.dtype), _instance(b.dtype)).alias(
                    b.name
                )
                for a, b in zip(quoted.fields, wanted.fields, strict=True)
            ]
            return pl.when(expr.is_not_null()).then(pl.struct(fields))
        case pl.List(), pl.List():
            inner = _instance(quoted.inner), _instance(wanted.inner)
            return expr.list.eval(_restored(pl.element(), *inner))
        case pl.String(), pl.String():
            marked = expr.str.starts_with(_MARK)
            # What has no mark is a number, a truth value, or an object with marks of its own.
            plain = expr.str.replace_all(_MARK, "", literal=True)
            return pl.when(marked).then(expr.str.strip_prefix(_MARK)).otherwise(plain)
        case _:
            return expr.cast(wanted)
