"""Transforms: scalar SQL over source columns, compiled by Polars' SQL.

In SQL, and in Polars, a `CAST` that fails ends the query; here one bad row must not stop the
others. So each strict cast of the parsed expression becomes one that yields null, and beside the
expression stands a second one that tells in which rows a strict cast failed; those rows are
rejected. `TRY_CAST` is left as it is: with it a user says that null is meant. Casts from text
follow the same rules as `ai_type` does (see `casts`).

The rewriting works on Polars' own JSON form of an expression. Polars does not promise that form
between releases; the tests of this module hold it to what is used here.
"""

from __future__ import annotations

import functools
import io
import json
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from ai_dataflow.compiler.casts import Cast, cast

# What a scalar expression is made of; aggregates, windows and subqueries have other nodes.
_WIDE = (pl.Int64, pl.UInt64, pl.Int128)
_SCALAR_NODES = frozenset({"Column", "Literal", "BinaryExpr", "Cast", "Ternary", "Function"})


class TransformError(ValueError):
    """The text is not a scalar expression over these columns; the message says why.

    `columns` are those that it reads, as far as it could be parsed; `is_scalar` is false where it
    looks beyond its row.
    """

    def __init__(
        self, message: str, columns: tuple[str, ...] = (), *, is_scalar: bool = True
    ) -> None:
        super().__init__(message)
        self.columns = columns
        self.is_scalar = is_scalar


@dataclass(frozen=True)
class Transform:
    """A compiled transform: its value, in which rows a strict cast failed, its columns.

    `failed` is None for a column as it is. `renamed` are columns that it spells in another case
    than its source does.
    """

    value: pl.Expr
    failed: pl.Expr | None
    columns: tuple[str, ...]
    dtype: pl.DataType
    renamed: tuple[tuple[str, str], ...] = ()


def compile_transform(text: str, schema: pl.Schema) -> Transform:
    """Compile a transform against the columns of its source.

    Raises:
        TransformError: it does not parse, is not scalar, or does not fit the columns' types.
    """
    parsed = _parse(text)
    spelled = tuple(dict.fromkeys(parsed.meta.root_names()))
    names = tuple((name, resolve_column(name, schema) or name) for name in spelled)
    own = tuple((found, schema[found]) for _, found in names if found in schema)
    try:
        return _compile(json.dumps(_dump(parsed)), names, own)
    except PolarsError as error:
        raise TransformError(_first_line(error), spelled) from None


@functools.lru_cache(maxsize=4096)
def _compile(
    parsed: str, names: tuple[tuple[str, str], ...], own: tuple[tuple[str, pl.DataType], ...]
) -> Transform:
    """Compile a parsed transform; the same one for a thousand partitions is compiled once.

    Args:
        parsed: the expression's JSON. The text would not do: `now()` is parsed into the time.
        names: its columns as they are spelled, each with the column that is meant.
        own: the columns that are meant and there, with their types.
    """
    schema = pl.Schema(dict(own))
    columns = tuple(dict.fromkeys(found for _, found in names))
    rewriter = _Rewriter(schema, dict(names))
    value = _load(rewriter.rewrite(json.loads(parsed)))
    dtype = _tried(value, schema)
    failed = pl.any_horizontal(*rewriter.failed, _infinite(value, dtype, schema, columns))
    renamed = tuple((name, found) for name, found in names if found != name)
    return Transform(value, failed, columns, dtype, renamed)


def parsed_text(text: str) -> str:
    """Give a transform as it is parsed now, as JSON; itself where it does not parse."""
    try:
        return json.dumps(_dump(_parse(text)))
    except TransformError:
        return text


def resolve_column(name: str, schema: pl.Schema) -> str:
    """Find a column by name, or by the only one that differs in case; nothing if there is none."""
    if name in schema:
        return name
    alike = [column for column in schema if column.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else ""


def _parse(text: str) -> pl.Expr:
    try:
        return pl.sql_expr(text)
    except PolarsError as error:
        raise TransformError(_first_line(error)) from None


@dataclass
class _Rewriter:
    """Walks an expression's JSON bottom-up and collects the failures of its strict casts."""

    schema: pl.Schema
    names: dict[str, str]
    failed: list[pl.Expr] = field(default_factory=list)

    def rewrite(self, node: Any) -> Any:
        if not isinstance(node, dict) or len(node) != 1:
            raise TransformError("it is not a scalar expression of the row's columns")
        (kind, body), *_ = node.items()
        if kind not in _SCALAR_NODES:
            raise TransformError(
                "aggregates, window functions and subqueries look at other rows; "
                "a transform sees one row",
                is_scalar=False,
            )
        match kind:
            case "Column":
                return self._column(str(self.names.get(body, body)))
            case "Cast":
                return self._cast(body)
            case "BinaryExpr":
                return self._with(kind, body, ("left", "right"))
            case "Ternary":
                return self._ternary(body)
            case "Function":
                return self._function(body)
            case _:
                return node

    def _with(self, kind: str, body: dict[str, Any], parts: tuple[str, ...]) -> Any:
        return {kind: body | {part: self.rewrite(body[part]) for part in parts}}

    def _column(self, name: str) -> Any:
        """Widen small integers: arithmetic in their own width would overflow in silence."""
        node = {"Column": name}
        dtype = self.schema.get(name)
        is_small = dtype is not None and dtype.is_integer() and dtype not in _WIDE
        widened = {"expr": node, "dtype": {"Literal": "Int64"}, "options": "NonStrict"}
        return {"Cast": widened} if is_small else node

    def _ternary(self, body: dict[str, Any]) -> Any:
        """Rewrite a CASE: a cast in a branch that a row does not take has not failed."""
        predicate = self.rewrite(body["predicate"])
        taken = _load(predicate).fill_null(value=False)
        parts = {"predicate": predicate}
        for part, condition in (("truthy", taken), ("falsy", ~taken)):
            known, self.failed = self.failed, []
            parts[part] = self.rewrite(body[part])
            self.failed = known + [condition & failed for failed in self.failed]
        return {"Ternary": body | parts}

    def _function(self, body: dict[str, Any]) -> Any:
        inputs = [self.rewrite(item) for item in body["input"]]
        lenient, was_strict = _lenient(body["function"])
        node = {"Function": body | {"input": inputs, "function": lenient}}
        if was_strict or _is_arithmetic(lenient):
            given = pl.all_horizontal(_load(item).is_not_null() for item in inputs)
            self.failed.append(given & _load(node).is_null())
        return node

    def _cast(self, body: dict[str, Any]) -> Any:
        inner = _load(self.rewrite(body["expr"]))
        node = {"Cast": body | {"expr": _dump(inner), "options": "NonStrict"}}
        done = self._by_our_rules(inner, _load(node)) or Cast(_load(node), inner.is_not_null())
        if body["options"] == "Strict":
            self.failed.append(done.failed())
        return _dump(done.value)

    def _by_our_rules(self, inner: pl.Expr, plain: pl.Expr) -> Cast | None:
        source = _type_of(inner, self.schema)
        if source.is_nested():
            raise TransformError(f"{source} cannot be cast")
        if source != pl.String:
            return None
        return cast(inner, source, _type_of(plain, self.schema))


def _is_arithmetic(function: Any) -> bool:
    """Tell arithmetic apart, whose null from no null is a division by zero."""
    return isinstance(function, dict) and "Binary" in (function.get("Sql") or {})


def _infinite(
    value: pl.Expr, dtype: pl.DataType, schema: pl.Schema, columns: tuple[str, ...]
) -> pl.Expr:
    """Tell where a float came out that is none, though none went in."""
    if not dtype.is_float():
        return pl.lit(value=False)
    given = [~pl.col(name).is_finite() for name in columns if schema[name].is_float()]
    spoiled = pl.any_horizontal(*given).fill_null(value=False) if given else pl.lit(value=False)
    return value.is_not_null() & ~value.is_finite() & ~spoiled


def _lenient(function: Any) -> tuple[Any, bool]:
    """Make a strict date or time parser yield null; everything else stays as it is."""
    if isinstance(function, dict) and isinstance(text := function.get("StringExpr"), dict):
        parser = text.get("Strptime")
        if parser and parser[1].get("strict"):
            return {"StringExpr": {"Strptime": [parser[0], parser[1] | {"strict": False}]}}, True
    return function, False


def _tried(value: pl.Expr, schema: pl.Schema) -> pl.DataType:
    """Try an expression on two rows of nulls: what its types cannot do, Polars says only then.

    One row for two is an aggregate that its name did not give away.
    """
    own = [name for name in dict.fromkeys(value.meta.root_names()) if name in schema]
    if not own:
        return _type_of(value, schema)
    nulls = pl.DataFrame([pl.Series(name, [None, None], dtype=schema[name]) for name in own])
    result = nulls.select(value.alias("value"))
    if result.height != nulls.height:
        raise TransformError("it gives one value for all rows; a transform sees one row",
                             is_scalar=False)  # fmt: skip
    return result.schema["value"]


def _type_of(expr: pl.Expr, schema: pl.Schema) -> pl.DataType:
    """Type-check an expression against its own columns; no data is read."""
    own = {name: schema[name] for name in expr.meta.root_names() if name in schema}
    frame = pl.LazyFrame(schema=own or {"": pl.Null})
    return frame.select(expr.alias("value")).collect_schema()["value"]


def _dump(expr: pl.Expr) -> Any:
    return json.loads(expr.meta.serialize(format="json"))


def _load(node: Any) -> pl.Expr:
    return pl.Expr.deserialize(io.StringIO(json.dumps(node)), format="json")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
