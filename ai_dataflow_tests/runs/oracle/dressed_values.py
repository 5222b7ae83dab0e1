"""Values of columns whose rows in the sheet say more of them: words, codes, fields of objects."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from ai_dataflow_tests.runs.oracle.columns import Kind, kinds_for, text
from ai_dataflow_tests.runs.oracle.dressing import CODE_ROWS, WORDS
from ai_dataflow_tests.runs.oracle.shapes import OBJECTS, Field

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


def coded_kind(rng: random.Random, name: str, format_: str) -> Kind:
    """Give a kind of column whose values a code list has; few of which nobody can say that."""
    values = [value for of, value, _, _ in CODE_ROWS if of == name]
    kinds = [text([*values, *values, f" {values[0]} "], ["unheard", "99", "", "A"])] * 8
    if format_ == "parquet":
        numbers = Kind(pl.Int64(), [1, 2], [99])
        kinds += [numbers, Kind(pl.Boolean(), [True], [False]), Kind(pl.Float64(), [1.0], [])]
    return rng.choice(kinds)


def worded(rng: random.Random, field: Field, values: list[Any], kind: Kind) -> list[Any]:
    """Put words for nothing among the texts of a column whose row knows some."""
    if kind.dtype != pl.String or "null_values" not in field.cells:
        return values
    words = [*WORDS, " n/a ", "N/A"]
    return [rng.choice(words) if rng.random() < 0.1 else value for value in values]


def called(rng: random.Random, alternative: str, column: pl.Series) -> Iterator[pl.Series]:
    """Give a column by one of its names, or by both: then the first is meant."""
    how = rng.choice(["first", "second", "both"]) if alternative else "first"
    if how != "second":
        yield column
    if how != "first":
        yield (
            column.alias(alternative) if how == "second" else column.reverse().alias(alternative)
        )


def objects_of(
    rng: random.Random, fields: Sequence[Field], rows: int, bad: float, format_: str
) -> pl.Series:
    """Give lists of objects: as their JSON, or in Parquet as such; a few are none."""
    if format_ == "parquet" and rng.random() < 0.6:
        return _typed(rng, fields, rows, bad)
    kinds = {f.source_column: kinds_for(f.ai_type, "csv")[0] for f in fields}
    lacking = rng.choice([*kinds, *[""] * 12])  # what no object has
    kinds = {name: kind for name, kind in kinds.items() if name != lacking}
    texts: list[str | None] = []
    for _ in range(rows):
        elements = [_element(rng, kinds, bad) for _ in range(rng.choice([0, 1, 2, 2, 4]))]
        texts.append(rng.choice([None, *[f"[{', '.join(elements)}]"] * 6]))
    if format_ != "jsonl":
        wrong = ["oops", "{}", "[1", '[{"amount": 1, "amount": 2}]', " "]
        texts = [rng.choice(wrong) if rng.random() < bad else each for each in texts]
    return pl.Series(OBJECTS, texts, pl.String)


def _element(rng: random.Random, kinds: dict[str, Kind], bad: float) -> str:
    """Give an object in JSON; now and then it lacks a field, or is none."""
    if rng.random() < 0.05:
        return rng.choice(["null", '"plain"', "7", "[]"])
    said: dict[str, str] = {"spare": "1"}
    for name, kind in kinds.items():
        if rng.random() < 0.1:
            continue
        (value,) = kind.values(rng, 1, bad, 0.1)
        is_bare = value is not None and _NUMBER.fullmatch(value) and rng.random() < 0.5
        said[name.removeprefix(f"{OBJECTS}.")] = value if is_bare else json.dumps(value)
    inner = [f"{json.dumps(n)}: {v}" for n, v in said.items() if "." not in n]
    for name, value in ((n, v) for n, v in said.items() if "." in n):
        outer, _, last = name.partition(".")
        inner.append(rng.choice([f'"{outer}": {{"{last}": {value}}}'] * 8 + [f'"{outer}": null']))
    return "{" + ", ".join(inner) + "}"


def _typed(rng: random.Random, fields: Sequence[Field], rows: int, bad: float) -> pl.Series:
    kinds = {f.source_column: rng.choice(kinds_for(f.ai_type, "parquet")) for f in fields}
    types: dict[str, pl.DataType] = {}
    for name, kind in kinds.items():
        outer, _, last = name.removeprefix(f"{OBJECTS}.").partition(".")
        types[outer] = pl.Struct({last: kind.dtype}) if last else kind.dtype

    def value(kind: Kind) -> Any:
        return kind.values(rng, 1, bad, 0.1)[0]

    def element() -> Any:
        made: dict[str, Any] = {}
        for name, kind in kinds.items():
            outer, _, last = name.removeprefix(f"{OBJECTS}.").partition(".")
            made[outer] = rng.choice([{last: value(kind)}] * 6 + [None]) if last else value(kind)
        return rng.choice([made] * 9 + [None])

    lists = list[Any]()
    for _ in range(rows):
        several = [element() for _ in range(rng.choice([0, 1, 2, 2, 4]))]
        lists.append(rng.choice([None, *[several] * 6]))
    return pl.Series(OBJECTS, lists, pl.List(pl.Struct(types)))
