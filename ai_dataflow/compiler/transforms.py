"""Transforms: scalar SQL over source columns, compiled to Polars expressions.

The text is parsed by sqlglot (`parsing`) and compiled by a walk of our own (`nodes`): value and
failure come from one tree, so that what a row does not evaluate cannot fail. The same text over
columns of the same types is compiled once, however many clients have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import polars as pl
from polars.exceptions import PolarsError
from sqlglot import exp

from ai_dataflow.compiler import cast_nodes, conditions, dialects, leaves, operators
from ai_dataflow.compiler.calls import is_clock, name_of
from ai_dataflow.compiler.context import Context, Doubt
from ai_dataflow.compiler.date_functions import CLOCK
from ai_dataflow.compiler.kinds import type_name
from ai_dataflow.compiler.parsing import TransformError, parsed, place_of
from ai_dataflow.compiler.registry import FUNCTIONS
from ai_dataflow.compiler.terms import Temporaries, Term
from ai_dataflow.compiler.text_formats import TextFormats
from ai_dataflow.compiler.walk import compile_node
from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.config.digests import digest
from ai_dataflow.sources.columns import resolve_column

__all__ = ["Transform", "TransformError", "compile_transform", "reads_clock"]

# Each of them enters its visitors into the walk.
VISITORS = (leaves, operators, conditions, cast_nodes)
_CLOCK_NODES = (exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp)
Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Transform:
    """A compiled transform: its value, in which rows it failed, its columns.

    `failed` is None for a column as it is. `renamed` are columns that it spells in another case
    than its source does. `steps` are columns that it needs before it, step by step; `doubts` what
    is worth a look; `casts` what was converted by itself, by the node's id in the parsed tree.
    """

    value: pl.Expr
    failed: pl.Expr | None
    columns: tuple[str, ...]
    dtype: pl.DataType
    renamed: Columns = ()
    steps: tuple[tuple[pl.Expr, ...], ...] = ()
    doubts: tuple[Doubt, ...] = ()
    casts: tuple[tuple[int, str], ...] = ()


def compile_transform(
    text: str, schema: pl.Schema, dialect: str = "", formats: TextFormats | None = None
) -> Transform:
    """Compile a transform against the columns of its source; `formats` tell how texts are meant.

    Raises:
        TransformError: it does not parse, is not scalar, or does not fit the columns' types.
    """
    spelled = columns_of(text, dialect)
    names = tuple((name, resolve_column(name, schema) or name) for name in spelled)
    types = tuple((column, schema[column]) for _, column in names if column in schema)
    compiled = _compiled.__wrapped__ if reads_clock(text, dialect) else _compiled
    try:
        return compiled(text, dialect, names, types, formats)
    except TransformError as error:
        raise TransformError(
            str(error), spelled, is_scalar=error.is_scalar, offset=error.offset
        ) from None
    except RecursionError:
        raise TransformError("it nests too deep", spelled) from None


@lru_cache(maxsize=8192)
def _compiled(
    text: str,
    dialect: str,
    names: Columns,
    types: tuple[tuple[str, pl.DataType], ...],
    formats: TextFormats | None = None,
) -> Transform:
    """Compile a transform; `names` are its columns as it spells them, each with what is meant."""
    steps = Temporaries(digest([text, dialect])[:12])
    context = Context(pl.Schema(dict(types)), dict(names), dialect, steps, formats=formats)
    made = compile_node(context, parsed(text, dialect))
    _check(made, context)
    columns = tuple(dict.fromkeys(column for _, column in names))
    renamed = tuple((name, column) for name, column in names if column != name)
    return Transform(
        made.value,
        pl.lit(value=False) if made.failed is None else made.failed,
        columns,
        made.dtype,
        renamed,
        tuple(map(tuple, steps.columns)),
        tuple(context.doubts),
        tuple(context.casts.items()),
    )


def _check(made: Term, context: Context) -> None:
    """Let Polars look at the types, without data: what it refuses would end a whole partition.

    Raises:
        TransformError: it does.
    """
    rows = pl.LazyFrame(schema=context.schema or {"": pl.Null})
    for step in context.steps.columns:
        rows = rows.with_columns(step)
    failed = pl.lit(value=False) if made.failed is None else made.failed
    try:
        schema = rows.select(value=made.value, failed=failed).collect_schema()
    except (PolarsError, pl.exceptions.PanicException) as error:
        raise context.refused(f"it does not fit the columns' types: {redacted(error)}") from None
    if schema["value"] != made.dtype:
        raise context.refused(f"it gives {type_name(schema['value'])}, not {type_name(made.dtype)}")


@lru_cache(maxsize=8192)
def columns_of(text: str, dialect: str) -> tuple[str, ...]:
    """Give the columns that a transform names, in the order of the text.

    Raises:
        TransformError: it does not parse.
    """
    column: dict[str, None] = {}
    waiting = [parsed(text, dialect)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.Column):
            if is_clock(node):
                continue
            column.setdefault(node.parts[0].name)
            continue
        waiting += reversed(list(_read_parts(node)))
    return tuple(column)


def column_offset(text: str, name: str, dialect: str = "") -> int:
    """Give where a transform names a column, from 1."""
    named = (node for node in parsed(text, dialect).find_all(exp.Column))
    return next((place_of(node) for node in named if node.parts[0].name == name), 0)


def _read_parts(node: exp.Expr) -> list[exp.Expr]:
    """Give the parts of a node that may read columns: the unit of a DATEADD does not."""
    parts = list(node.iter_expressions())
    entry = FUNCTIONS.get(name_of(node)) if isinstance(node, exp.Anonymous) else None
    at = entry.unit_at if entry else None
    if entry is None or at is None or len(node.expressions) < len(entry.takes):
        return parts
    return [part for part in parts if part is not node.expressions[at]]


def reads_clock(text: str, dialect: str = "") -> bool:
    """Tell whether a transform gives other values whenever it is computed."""
    return bool(text) and _reads_clock(text, dialect)


@lru_cache(maxsize=65536)
def _reads_clock(text: str, dialect: str) -> bool:
    try:
        nodes = parsed(text, dialect).walk()
    except TransformError:
        return False
    return any(
        isinstance(node, _CLOCK_NODES)
        or (isinstance(node, exp.Anonymous) and name_of(node) in CLOCK)
        or (isinstance(node, exp.Column) and is_clock(node))
        for node in nodes
    )


def written(text: str, made: Transform, dialect: str = "") -> str:
    """Give a transform as the sheet has it, or with the casts that compiling it put in."""
    casts = dict(made.casts)
    tree = parsed(text, dialect)
    kinds = [casts.get(id(node), "") for node in tree.walk()] if casts else []
    if not any(kinds):
        return text
    tree = _with_casts(tree.copy(), kinds)
    return tree.sql(dialect=dialects.of(dialect), normalize_functions=False)


def _with_casts(tree: exp.Expr, kinds: list[str]) -> exp.Expr:
    for node, kind in list(zip(tree.walk(), kinds, strict=True))[::-1]:
        if kind:
            to = exp.DataType(this=exp.DType.USERDEFINED, kind=kind)
            cast = exp.Cast(this=node.copy(), to=to)
            tree = cast if node is tree else tree
            node.replace(cast)
    return tree
