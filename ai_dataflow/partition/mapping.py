"""From a source's rows to AI columns: a compiled mapping applied, the rest rejected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ai_dataflow.compiler.mappings import CompiledColumn, CompiledSource
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.parts import of_lists
from ai_dataflow.partition.raw_rows import encoded, marked
from ai_dataflow.partition.reading import BEFORE, NUMBERED
from ai_dataflow.partition.row_checks import FAILS, NUMBER, RowCheck, why
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.schemas import schema_text
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.list_elements import counted_names

# Our columns beside the source's own, which may have any name a person would give: ours begin with
# a character that is reserved for private use.
_OURS = "\ue000"
REASON = f"{_OURS}{_OURS}reason"  # no AI column begins with that character
_RAW = f"{_OURS}{_OURS}raw"
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
        bad = ruled.filter(is_bad).select(*by, POSITION, REASON, _RAW)
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
    raw = pl.when(pl.col(REASON).is_not_null()).then(row).alias(_RAW)
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
    bad = rows.with_columns(row.alias(_RAW), number).select(*by, POSITION, REASON, _RAW)
    return with_source_rows(bad, rows)


def with_source_rows(bad: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Say of rows that are left out which source row each was made of, where one makes several."""
    if SOURCE_ROW not in rows.columns:
        return bad
    numbers = rows.select(POSITION, SOURCE_ROW)
    return bad.join(numbers, on=POSITION, how="left", maintain_order="left")


def left_out(
    bad: pl.LazyFrame, source: SourceJob, compiled: CompiledSource, files: pl.DataFrame
) -> pl.LazyFrame:
    """Give the rows that are left out as the rejects that they become.

    Args:
        bad: the rows, as `map_chunk` gives them.
        source: where they are from; of any of the clients.
        compiled: its mapping.
        files: where the rows of each file begin, as `Reading.starts` gives it.
    """
    rows = bad.unnest(_RAW) if compiled.needed else bad
    raw = _raw_rows(rows, REASON, compiled)
    return _reject_rows(_located(raw, files), source, reasons(compiled))


def lacking(rows: pl.LazyFrame, bad: pl.LazyFrame, left_out: pl.DataFrame) -> pl.LazyFrame:
    """Give good rows of a source whose joined rows fail a check.

    Args:
        rows: all rows of the source, read and made once more.
        bad: the numbers of those that are not good.
        left_out: the number of each among the good rows, and which check it fails.
    """
    numbered = rows.with_row_index(POSITION)
    good = numbered.join(bad.select(POSITION), on=POSITION, how="anti", maintain_order="left")
    lost = left_out.lazy().select(NUMBER, FAILS)
    return good.with_row_index(NUMBER).join(lost, on=NUMBER, how="inner", maintain_order="left")


def lacking_rejects(
    lacking: pl.LazyFrame,
    checks: Sequence[RowCheck],
    source: SourceJob,
    compiled: CompiledSource,
    files: pl.DataFrame,
) -> pl.LazyFrame:
    """Give such rows as the rejects that they become; as `left_out`."""
    raw = _raw_rows(lacking, FAILS, compiled)
    return _reject_rows(_located(raw, files), source, why(checks))


def _raw_rows(rows: pl.LazyFrame, why: str, compiled: CompiledSource) -> pl.LazyFrame:
    """Give source rows as rejects keep them, with their number; `why` is kept beside them."""
    raw = encoded(compiled.schema).struct.json_encode() if compiled.needed else pl.lit("{}")
    present = rows.collect_schema()
    by = [CLIENT] if CLIENT in present else []
    number = pl.col(SOURCE_ROW if SOURCE_ROW in present else POSITION)
    return rows.select(
        *by, why, raw.alias("raw_row"), number.cast(pl.Int64).alias(POSITION),
        raw_schema=pl.lit(schema_text(marked(compiled.schema, compiled.reshaped))),
    )  # fmt: skip


def _located(bad: pl.LazyFrame, files: pl.DataFrame) -> pl.LazyFrame:
    """Say of each reject which file it is in, and number it within that file, from 1."""
    return (
        bad.sort(POSITION, maintain_order=True)
        .join_asof(files.lazy(), left_on=POSITION, right_on=BEFORE, coalesce=False)
        .with_columns(position=pl.when(NUMBERED).then(pl.col(POSITION) - pl.col(BEFORE) + 1))
        .drop(POSITION, BEFORE, NUMBERED)
    )


def in_file(source: SourceJob, path: str) -> str:
    """Name a file of a location that has several."""
    return f"{source.location} ({path})" if path else str(source.location)


def malformed_rejects(
    lines: Sequence[str], source: SourceJob, path: str = "", of_client: Sequence[pl.Expr] = ()
) -> pl.LazyFrame:
    """Give the rejects of a CSV file's lines that have too few or too many fields.

    `of_client` is the column of the clients, where there are several.
    """
    raw = [json.dumps({"line": line}, ensure_ascii=False) for line in lines]
    frame = pl.LazyFrame({"raw_row": raw}, schema={"raw_row": pl.String}).with_columns(of_client)
    place = {"ai_column": pl.lit(""), "mapping_cell": pl.lit(source.place)}
    columns = {"reason": pl.lit("REJ-003"), "source": pl.lit(in_file(source, path)), **place}
    return _reject_rows(frame, source, columns)


def unlisted_rejects(
    rows: pl.LazyFrame, source: SourceJob, schema: pl.Schema, files: pl.DataFrame
) -> pl.LazyFrame:
    """Give the rejects of source rows whose text is no list, so that it cannot be exploded.

    `schema` has the columns that were read; no mapping makes rows of them.
    """
    by = [CLIENT] if CLIENT in rows.collect_schema() else []
    raw = encoded(schema).struct.json_encode().alias("raw_row")
    raws = rows.select(*by, raw, pl.col(SOURCE_ROW).cast(pl.Int64).alias(POSITION))
    cell = source.rule.place("explode") if source.rule else source.place
    columns = {"reason": pl.lit("REJ-003"), "ai_column": pl.lit(""), "mapping_cell": pl.lit(cell)}
    return _reject_rows(_located(raws, files), source, columns)


def stray_rejects(
    rows: pl.LazyFrame, source: SourceJob, of_client: Sequence[pl.Expr] = ()
) -> pl.LazyFrame:
    """Give the rejects of rows that are nobody's; no mapping makes them anybody's.

    `of_client` is the column of the clients, where there are several.
    """
    raw = encoded(rows.collect_schema()).struct.json_encode()
    place = {"ai_column": pl.lit(""), "mapping_cell": pl.lit(source.place)}
    columns = {"reason": pl.lit("REJ-005"), "source": pl.lit(str(source.location)), **place}
    return _reject_rows(rows.select(raw.alias("raw_row"), *of_client), source, columns)


def _reject_rows(
    frame: pl.LazyFrame, source: SourceJob, columns: dict[str, pl.Expr]
) -> pl.LazyFrame:
    """Give rejects the reject table's columns; those of the run are added when they are written."""
    values = {
        "product_code": pl.lit(source.product),
        "submodule_name": pl.lit(source.submodule),
        **columns,
    }
    names = {*frame.collect_schema(), *values}
    nulls = {n: pl.lit(None, dtype) for n, dtype in reject_tables.SCHEMA.items() if n not in names}
    return frame.with_columns(**values, **nulls).select(
        *([CLIENT] if CLIENT in names else []),
        *(pl.col(name).cast(dtype) for name, dtype in reject_tables.SCHEMA.items()),
    )
