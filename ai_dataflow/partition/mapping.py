"""From a source's rows to AI columns: a compiled mapping applied, the rest rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ai_dataflow.compiler.mapped_columns import CompiledColumn
from ai_dataflow.compiler.mappings import CompiledSource
from ai_dataflow.partition.parts import of_lists
from ai_dataflow.sources.columns import named
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.list_elements import counted_names

# Our columns beside the source's own, which may have any name a person would give: ours begin with
# a character that is reserved for private use.
_OURS = "\ue000"
REASON = f"{_OURS}{_OURS}reason"  # no AI column begins with that character
RAW = f"{_OURS}{_OURS}raw"
_OPEN = f"{_OURS}{_OURS}open"
_CODES = ("REJ-001", "REJ-006", "REJ-002")  # it could not be made, has no code, must not be null
# Numbers of the reasons that no column is about: a rule that cannot be computed of a row, or that
# cannot say which of several rows is kept.
NOT_COMPUTED, UNDECIDED = -1, -2
POSITION = f"{_OURS}{_OURS}position"  # of a row among all that are mapped of its source, from 0
# Of the source row that a mapped row was made of, from 0; where one becomes several.
SOURCE_ROW = f"{_OURS}{_OURS}source row"


def map_rows(rows: pl.LazyFrame, compiled: CompiledSource) -> pl.LazyFrame:
    """Compute all AI columns of all rows, with the reason of those that have to be left out.

    These keep their source columns. Columns have prefixes of their own: a source's columns may have
    any names.
    """
    return map_all(rows.with_row_index(POSITION), compiled)


def map_all(numbered: pl.LazyFrame, compiled: CompiledSource) -> pl.LazyFrame:
    """Compute all AI columns of all rows, as `map_rows`, of rows that have their number."""
    return _by_the_rules(numbered, compiled, ())


def map_chunk(
    rows: pl.DataFrame, compiled: CompiledSource, by: Sequence[str], first: int
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Map rows in two tiers: by cheap casts, and what these leave open by the rules.

    Args:
        rows: the source columns that are needed, and the clients' column, `by`, if there are
            several.
        compiled: the source's mapping.
        by: the column of the clients, where there are several.
        first: the number of the first of the rows among all that are mapped, from 0.

    Returns:
        The AI columns of the good rows, in the order of the rows; and those that are left out:
        their number, reason and source columns; None where none is. Both with
        their client, where there are several.
    """
    return map_numbered(rows.with_row_index(POSITION, offset=first), compiled, by)


def map_numbered(
    numbered: pl.DataFrame, compiled: CompiledSource, by: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Map rows that have their number among all of the source; see `map_chunk`."""
    if "quick" not in compiled.memo:
        compiled.memo["quick"] = _quick(compiled.columns)
    quick: _Quick = compiled.memo["quick"]
    mapped = _through(numbered.lazy(), quick.before).with_columns(quick.values)
    done = mapped.select(*by, POSITION, quick.is_open, *quick.completed).collect()
    is_open = done[_OPEN]
    good, bad = done.drop(_OPEN), None
    if is_open.any():
        ruled = _by_the_rules(numbered.filter(is_open).lazy(), compiled, by).collect()
        is_bad = ruled[REASON].is_not_null()
        bad = ruled.filter(is_bad).select(*by, POSITION, REASON, RAW)
        passed = ruled.filter(~is_bad).select(good.columns)
        good = (
            good.filter(~is_open).extend(passed).sort(POSITION)
            if len(passed)
            else good.filter(~is_open)
        )
    names = {_prefixed(column): column.mapping.ai_column for column in compiled.columns}
    return good.drop(POSITION).rename(names), bad


def _through(rows: pl.LazyFrame, steps: Sequence[list[pl.Expr]]) -> pl.LazyFrame:
    for step in steps:
        rows = rows.with_columns(step)
    return rows


@dataclass(frozen=True)
class _Quick:
    """Expressions of the first tier; `is_open` tells which rows the rules have to decide on.

    `completed` are the values with the defaults of those that are none.
    """

    before: list[list[pl.Expr]]
    values: list[pl.Expr]
    completed: list[pl.Expr]
    is_open: pl.Expr


def _quick(columns: Sequence[CompiledColumn]) -> _Quick:
    values, opened = [], []
    for column in columns:
        name, value = _prefixed(column), pl.col(_prefixed(column))
        cheap = column.plain
        values.append((column.cast.value if cheap is None else cheap).alias(name))
        if cheap is not None:
            opened.append(value.is_null() & _is_given(column))
        elif (failed := column.failed(value)) is not None:
            opened.append(failed)
        if column.unmapped is not None:
            opened.append(column.unmapped)
        if column.needs_value:
            opened.append(value.is_null())
    is_open = pl.any_horizontal(opened) if opened else pl.lit(value=False)
    return _Quick(steps_before(columns), values, _completed(columns), is_open.alias(_OPEN))


def _completed(columns: Sequence[CompiledColumn]) -> list[pl.Expr]:
    names = {_prefixed(column): column for column in columns}
    return [column.completed(pl.col(name)).alias(name) for name, column in names.items()]


def _is_given(column: CompiledColumn) -> pl.Expr:
    """Tell where there is something to cast; empty text is nothing."""
    value = column.made.value
    return value.fill_null("") != "" if column.source_type == pl.String else value.is_not_null()


def _by_the_rules(rows: pl.LazyFrame, compiled: CompiledSource, by: Sequence[str]) -> pl.LazyFrame:
    if "rules" not in compiled.memo:
        compiled.memo["rules"] = _rules(compiled.columns, compiled.needed)
    rules: _Rules = compiled.memo["rules"]
    rows = _through(rows, rules.before).with_columns(rules.values).with_columns(rules.reason)
    return rows.select(*by, POSITION, *rules.kept)


@dataclass(frozen=True)
class _Rules:
    """Expressions that map rows. Building them takes longer than computing a thousand rows.

    Step by step, or Polars would compute values and reasons twice; beside the source's columns, or
    literals alone would make one row of many.
    """

    before: list[list[pl.Expr]]
    values: list[pl.Expr]
    reason: pl.Expr
    kept: list[pl.Expr | str]


def _rules(columns: Sequence[CompiledColumn], needed: list[str]) -> _Rules:
    values = {_prefixed(column): column.cast.value for column in columns}
    row = pl.struct(map(named, needed)) if needed else pl.lit(None)
    raw = pl.when(pl.col(REASON).is_not_null()).then(row).alias(RAW)
    return _Rules(
        steps_before(columns),
        [value.alias(name) for name, value in values.items()],
        pl.coalesce(*_reasons(columns)).alias(REASON),
        [REASON, raw, *_completed(columns)],
    )


def steps_before(columns: Sequence[CompiledColumn]) -> list[list[pl.Expr]]:
    """Give the columns that long transforms need before their values, step by step."""
    steps: list[dict[int, pl.Expr]] = []
    for made in dict.fromkeys(column.made for column in columns):
        steps += [{} for _ in range(len(made.steps) - len(steps))]
        for i, step in enumerate(made.steps):
            steps[i] |= {id(expr): expr for expr in step}  # columns may share a transform
    return [list(step.values()) for step in steps]


def _prefixed(column: CompiledColumn) -> str:
    return f"{_OURS}{column.mapping.ai_column}"


@dataclass(frozen=True)
class MappedCounts:
    """Rows of a mapped source: all, the good ones, and the values of these by AI column."""

    total: int
    good: int
    filled: dict[str, int]


def count(mapped: pl.LazyFrame, compiled: CompiledSource) -> MappedCounts:
    """Count a source's mapped rows and their values."""
    types = {_prefixed(c): ai_types.to_polars(c.mapping.ai_type) for c in compiled.columns}
    names = [name.removeprefix(_OURS) for name in counted_names(types)]
    values = [pl.col([*types]).count(), *of_lists(types)]
    counted = mapped.select(pl.len(), pl.col(REASON).null_count(), *values).collect()
    total, good, *filled = counted.row(0)
    if good < total:
        bad = mapped.filter(pl.col(REASON).is_not_null()).select(*values).collect().row(0)
        filled = [values - lost for values, lost in zip(filled, bad, strict=True)]
    return MappedCounts(total, good, dict(zip(names, filled, strict=True)))


def good_rows(
    mapped: pl.LazyFrame, compiled: CompiledSource, counted: MappedCounts
) -> pl.LazyFrame:
    """Give the AI columns of the mapped rows that are not left out."""
    names = {_prefixed(column): column.mapping.ai_column for column in compiled.columns}
    kept = mapped if counted.good == counted.total else mapped.filter(pl.col(REASON).is_null())
    return kept.select(pl.col(prefixed).alias(name) for prefixed, name in names.items())


def _reasons(columns: Sequence[CompiledColumn]) -> list[pl.Expr]:
    """Number the reasons: of column i the n-th of `_CODES` is that many times i, and n."""
    reasons: list[pl.Expr] = []
    for i, column in enumerate(columns):
        value = pl.col(_prefixed(column))
        wrong = (
            column.failed(value), column.unmapped, value.is_null() if column.needs_value else None,
        )  # fmt: skip
        for n, is_so in enumerate(wrong):
            if is_so is not None:
                number = pl.lit(len(_CODES) * i + n, dtype=pl.Int32)
                reasons.append(pl.when(is_so).then(number))
    return reasons or [pl.lit(None, dtype=pl.Int32)]


def reasons(compiled: CompiledSource) -> dict[str, pl.Expr]:
    """Spell the numbered reasons of mapped rows as the columns of the reject table."""
    why = {
        len(_CODES) * i + n: (code, column.mapping.ai_column, column.mapping.cell)
        for i, column in enumerate(compiled.columns)
        for n, code in enumerate(_CODES)
    } | _by_the_rule(compiled)
    return {
        name: pl.col(REASON).replace_strict(
            {number: texts[i] for number, texts in why.items()}, return_dtype=pl.String
        )
        for i, name in enumerate(("reason", "ai_column", "mapping_cell"))
    }


def _by_the_rule(compiled: CompiledSource) -> dict[int, tuple[str, str, str]]:
    """Spell the reasons for which a rule leaves rows out."""
    if compiled.rule is None:
        return {}
    rule = compiled.rule.rule
    keep = rule.place("keep" if rule.keep else "unique_by")
    return {
        NOT_COMPUTED: ("REJ-010", "", rule.place("where")),
        UNDECIDED: ("REJ-011", "", keep),
    }


def left_out_as(
    reason: int, rows: pl.DataFrame, compiled: CompiledSource, by: Sequence[str]
) -> pl.DataFrame:
    """Give numbered rows as `map_chunk` gives those that are left out, for a reason of the rule."""
    row = pl.struct(map(named, compiled.needed)) if compiled.needed else pl.lit(None)
    number = pl.lit(reason, pl.Int32).alias(REASON)
    bad = rows.with_columns(row.alias(RAW), number).select(*by, POSITION, REASON, RAW)
    return with_source_rows(bad, rows)


def with_source_rows(bad: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Say of rows that are left out which source row each was made of, where one makes several."""
    if SOURCE_ROW not in rows.columns:
        return bad
    numbers = rows.select(POSITION, SOURCE_ROW)
    return bad.join(numbers, on=POSITION, how="left", maintain_order="left")
