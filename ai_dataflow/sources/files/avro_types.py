"""Types of Avro: which column a field becomes, and how its stored value becomes what it means.

Values are taken as they are stored, so that none is outside of what Python's dates can be: days and
instants are numbers until they are columns.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from ai_dataflow.sources.files.documents import common

Schema = Any  # a name, a union (list), or an object
_MAX_PRECISION = 38
_SIMPLE: dict[str, pl.DataType] = {
    "null": pl.Null(),
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "bytes": pl.Binary(),
    "fixed": pl.Binary(),
}
_UNITS = {"millis": "ms", "micros": "us", "nanos": "ns"}
_NANOSECONDS = {"millis": 1_000_000, "micros": 1_000, "nanos": 1}
_DEEPEST = 16  # keys that lead to a column: a type may have itself in it
_DAY = 86_400 * 10**9


@dataclass(frozen=True)
class AvroColumn:
    """A field as a column: where it is, its type, and what makes of its values what it stores.

    Of a day or an instant that is the number of it.
    """

    path: tuple[str, ...]
    dtype: pl.DataType
    value: Callable[[Any], Any] | None = None

    def series(self, name: str, values: list[Any], wanted: pl.DataType) -> pl.Series:
        """Give the column in a type that has its values."""
        if self.value is not None:
            values = [None if value is None else self.value(value) for value in values]
        dtype = self.dtype
        if isinstance(dtype, pl.Date | pl.Datetime | pl.Time):
            stored = pl.Int32() if dtype == pl.Date else pl.Int64()
            made = pl.Series(name, values, stored).cast(dtype)
        else:
            made = pl.Series(name, values, dtype)
        return made if dtype == wanted else made.cast(wanted)


class Types:
    """The types of a file's schema; `names` are those that it defines."""

    def __init__(self, names: Mapping[str, Schema]) -> None:
        self._names = names

    def columns(self, record: Schema, above: tuple[str, ...] = ()) -> list[AvroColumn]:
        """Give the columns of a record, those of records within it too."""
        columns: list[AvroColumn] = []
        for field in record["fields"]:
            path = (*above, field["name"])
            (inner, *others) = self._without_null(field["type"])
            columns.append(self._column(path, [inner, *others]))
            if not others and self._kind(inner) in ("record", "error") and len(path) < _DEEPEST:
                columns += self.columns(self._resolved(inner), path)
        return columns

    def _without_null(self, schema: Schema) -> list[Schema]:
        branches = schema if isinstance(schema, list) else [schema]
        return [branch for branch in branches if self._kind(branch) != "null"] or ["null"]

    def _resolved(self, schema: Schema) -> Schema:
        name = schema["type"] if isinstance(schema, dict) else schema
        return self._names.get(name, schema) if isinstance(name, str) else name

    def _kind(self, schema: Schema) -> str:
        resolved = self._resolved(schema)
        if isinstance(resolved, list):
            return "union"
        return str(resolved["type"] if isinstance(resolved, dict) else resolved)

    def _column(self, path: tuple[str, ...], branches: list[Schema]) -> AvroColumn:
        made = [self._single(path, branch) for branch in branches]
        if len(made) == 1:
            return made[0]
        dtype: pl.DataType | None = made[0].dtype
        for other in made[1:]:
            dtype = dtype and common(dtype, other.dtype)
        if dtype in (pl.Int64(), pl.Float64()) or dtype == pl.String:
            return AvroColumn(path, dtype)
        return AvroColumn(path, pl.String(), lambda value: self.text(branches, value))

    def _single(self, path: tuple[str, ...], schema: Schema) -> AvroColumn:
        resolved = self._resolved(schema)
        logical = resolved.get("logicalType", "") if isinstance(resolved, dict) else ""
        kind = self._kind(schema)
        if logical and (column := _logical(path, kind, logical, resolved)):
            return column
        if kind in _SIMPLE:
            return AvroColumn(path, _SIMPLE[kind])
        if kind in ("string", "enum"):
            return AvroColumn(path, pl.String())
        return AvroColumn(path, pl.String(), lambda value: self.text(schema, value))

    def text(self, schema: Schema, value: Any) -> str:
        """Give a text as it is, and the JSON of all else."""
        made = self._plain(schema, value)
        return (
            made
            if isinstance(made, str)
            else json.dumps(made, ensure_ascii=False, separators=(",", ":"))
        )

    def _plain(self, schema: Schema, value: Any) -> Any:
        """Give a value as JSON knows it; days, instants and decimals as texts that say them."""
        if value is None:
            return None
        branches = self._without_null(schema)
        if len(branches) > 1:
            return _json(value)
        resolved, kind = self._resolved(branches[0]), self._kind(branches[0])
        match kind:
            case "record" | "error":
                return {f["name"]: self._plain(f["type"], value[f["name"]])
                        for f in resolved["fields"]}  # fmt: skip
            case "array":
                return [self._plain(resolved["items"], item) for item in value]
            case "map":
                return {k: self._plain(resolved["values"], item) for k, item in value.items()}
            case "union":
                return self._plain(resolved, value)
        column = self._single((), branches[0])
        made = column.series("", [value], column.dtype)
        if isinstance(column.dtype, pl.Date | pl.Datetime | pl.Time | pl.Decimal):
            return made.cast(pl.String).item()
        return _json(made.item())


def _json(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _logical(path: tuple[str, ...], kind: str, logical: str, schema: Schema) -> AvroColumn | None:
    """Give the column of a logical type; None for one that says nothing of this kind."""
    name, _, unit = logical.rpartition("-")
    match kind, name or logical:
        case "int", "date":
            return AvroColumn(path, pl.Date())
        case "int" | "long", "time" if unit in _NANOSECONDS:
            return AvroColumn(path, pl.Time(), lambda value: _time(value * _NANOSECONDS[unit]))
        case "long", "timestamp" if unit in _UNITS:
            return AvroColumn(path, pl.Datetime(_UNITS[unit], "UTC"))  # type: ignore[arg-type]
        case "long", "local-timestamp" if unit in _UNITS:
            return AvroColumn(path, pl.Datetime(_UNITS[unit]))  # type: ignore[arg-type]
        case "bytes" | "fixed", "decimal":
            return _decimal(path, schema.get("precision", 0), schema.get("scale", 0))
        case "fixed", "uuid":
            return AvroColumn(path, pl.String(), lambda value: str(uuid.UUID(bytes=value)))
    return None


def _time(nanoseconds: int) -> int:
    if not 0 <= nanoseconds < _DAY:
        raise ValueError("a time of day is none")
    return nanoseconds


def _decimal(path: tuple[str, ...], precision: int, scale: int) -> AvroColumn:
    def value(stored: bytes) -> Decimal:
        return Decimal(f"{int.from_bytes(stored, 'big', signed=True)}E-{scale}")

    if precision > _MAX_PRECISION:
        return AvroColumn(path, pl.String(), lambda stored: format(value(stored), "f"))
    return AvroColumn(path, pl.Decimal(precision, scale), value)
