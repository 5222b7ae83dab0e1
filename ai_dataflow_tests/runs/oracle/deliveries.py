"""A delivery of a source: random rows in its columns, written as files; some of them broken."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow_tests.runs.oracle import faults
from ai_dataflow_tests.runs.oracle.columns import NEVER, Kind, kinds_for, text
from ai_dataflow_tests.runs.oracle.dressed_values import called, coded_kind, objects_of, worded
from ai_dataflow_tests.runs.oracle.rules import ruled_columns
from ai_dataflow_tests.runs.oracle.shapes import (
    CALLED,
    LIST,
    OBJECTS,
    OF_OBJECTS,
    Field,
    SourceShape,
)
from ai_dataflow_tests.runs.oracle.transforms import of_sheet

Columns = dict[str, pl.Series]
# How many values are bad, and how many null.
_MOODS = [*[(0.0, 0.0)] * 5, (0, 0.05), (0, 0.2), (0.03, 0), (0.03, 0.05), (0.1, 0), (0.5, 0.1)]
QUARTERS = ("Q1", "Q 2", "Q 3")
_OF_OBJECTS = (OBJECTS, CALLED[OBJECTS])
SPARE = "spare"  # a column that nobody maps
NUMBERS = (0, 1, 2, 3, 5, 5, 8, 8, 8, 13, 40)


@dataclass
class Delivery:
    """A delivery of a source for a client: how it is stored, its rows, and what is wrong with it.

    So many of its values are `bad` or `null`.
    """

    rng: random.Random
    shape: SourceShape
    client: str
    stored: str
    fault: str
    rows: int
    bad: float = 0
    null: float = 0

    @property
    def format(self) -> str:
        """The format of its files."""
        return self.stored.partition(" ")[0]


def deliver(made: Delivery, at: Path) -> None:
    """Write a delivery in the place of the one before."""
    rng = made.rng
    made.bad, made.null = rng.choice(_MOODS)
    columns = _columns(made)
    names = list(columns)
    if rng.random() < 0.1:  # nobody promised an order of columns, or their case
        rng.shuffle(names)
    renamed = rng.choice(names) if rng.random() < 0.03 else ""
    frame = pl.DataFrame([columns[name] for name in names])
    frame = frame.rename({renamed: renamed.upper()} if renamed else {})
    files = _write(frame, made.format, made.stored.partition(" ")[2], at, rng)
    faults.inflict(made.fault, files, rng)


def _columns(made: Delivery) -> Columns:
    rng, shape, rows = made.rng, made.shape, made.rows
    ids = [f"{made.client} {i} {rng.random():.6f}" for i in range(rows)]
    columns: Columns = {
        "Id": pl.Series("Id", ids, pl.String),
        SPARE: pl.Series(SPARE, ["nobody reads it"] * rows, pl.String),
    }
    if shape.taking is not None:
        taken = ruled_columns(rng, rows, rng.choice([0, 0, made.bad]))
        columns |= {name: pl.Series(name, of, pl.String) for name, of in taken.items()}
    fields = shape.fields_of(made.client)
    doomed = _doomed(rng, fields, made.fault)
    if objects := [field for field in fields if field.source_column in OF_OBJECTS]:
        listed = objects_of(rng, objects, rows, made.bad, made.format)
        columns |= {each.name: each for each in _listed(made, listed)}
    for field in fields:
        is_made = bool(shape.rule and shape.rule.unpivot) and field.read == "quarter"
        if field.read not in ("", "Id", *OF_OBJECTS) and not is_made:
            columns |= {
                each.name: each for each in _of_field(made, field, is_doomed=field is doomed)
            }
    return columns


def _of_field(made: Delivery, field: Field, *, is_doomed: bool) -> Iterator[pl.Series]:
    """Give the columns that a field reads; what is doomed lacks one, or has one that never fits."""
    rng, name, is_lacking = made.rng, field.read, is_doomed and made.fault == "no column"
    if is_lacking and name != "amount":
        return
    never_fits = is_doomed and made.fault == "never fits"
    kind = NEVER[field.ai_type] if never_fits else _kind(rng, field, made.format)
    if name == LIST:
        yield from _listed(made, _lists(rng, field, made.rows, made.bad, made.format))
    elif name == "amount" and made.shape.rule and made.shape.rule.unpivot:
        missing = rng.choice(QUARTERS) if is_lacking else ""
        for quarter in QUARTERS:
            if quarter != missing:
                values = kind.values(rng, made.rows, made.bad, made.null)
                yield from _listed(made, pl.Series(quarter, values, kind.dtype))
    else:
        values = (
            _keys(rng, field, kind, made.rows, repeats=made.shape.repeats, bad=made.bad)
            if field.is_key
            else kind.values(rng, made.rows, made.bad, made.null)
        )
        made_of = pl.Series(name, worded(rng, field, values, kind), kind.dtype)
        yield from called(rng, field.alternative, made_of)


def _listed(made: Delivery, column: pl.Series) -> Iterator[pl.Series]:
    """Give a column that the source's rule lists by one of the names that it lists, or by both."""
    several = made.shape.rule.several if made.shape.rule else []
    other = next((names[-1] for names in several if column.name == names[0] != names[-1]), "")
    # Beside the rest: the same seeds go on delivering the same.
    rng = random.Random(f"{made.client} {column.name} {made.rows}")  # noqa: S311 - no secret
    yield from called(rng, other, column)


def _lists(rng: random.Random, field: Field, rows: int, bad: float, format_: str) -> pl.Series:
    """Give lists of texts: in JSON lines as such, else as their JSON; a few are none."""
    kind, lists = kinds_for(field.ai_type, "csv")[0], list[Any]()
    for _ in range(rows):
        elements = kind.values(rng, rng.choice([0, 1, 2, 2, 5]), bad, 0.1)
        lists.append(rng.choice([None, elements, elements, elements]))
    if format_ == "jsonl":
        return pl.Series(LIST, lists, pl.List(pl.String))
    texts = [None if each is None else json.dumps(each) for each in lists]
    texts = [rng.choice(["oops", "{}", "[1", " "]) if rng.random() < bad else t for t in texts]
    return pl.Series(LIST, texts, pl.String)


def number(rng: random.Random, numbers: Sequence[int], stored: str, fault: str) -> int:
    """Give how many rows a delivery has; a line of JSON is the least that tells of columns."""
    rows = rng.choice(numbers)
    if fault == "files differ":  # of files without a row a run does not see that they do
        rows = max(rows, 5)
    return max(0 if fault == "no rows" else rows, int(stored.startswith("jsonl")))


def _doomed(rng: random.Random, fields: Sequence[Field], fault: str) -> Field | None:
    """Choose the field whose column is missing, or of a type that never fits."""
    of_type = fault == "never fits"
    able = [f for f in fields if f.source_column not in ("", "Id", *OF_OBJECTS)
            and not f.cells.get("code_list") and (not of_type or f.ai_type in NEVER)]  # fmt: skip
    return rng.choice(able) if able and fault in ("no column", "never fits") else None


def _kind(rng: random.Random, field: Field, format_: str) -> Kind:
    if field.transform:
        transform = of_sheet(field.transform)[1]
        return text([*transform.good], [*transform.bad])
    if "code_list" in field.cells:
        return coded_kind(rng, field.cells["code_list"], format_)
    kinds = kinds_for(field.ai_type, format_)
    if field.is_key:  # those of a product are mostly of one type
        types = (pl.String, pl.Int64) if field.ai_type == "int64" else (pl.String,)
        kinds = [kind for kind in kinds if kind.dtype in types]
    return kinds[0] if rng.random() < 0.85 else rng.choice(kinds)


def _keys(
    rng: random.Random, field: Field, kind: Kind, rows: int, *, repeats: bool, bad: float
) -> list[Any]:
    """Give keys: each once where they do not repeat, some null, texts spelled in several ways."""
    if field.ai_type == "string":
        return [rng.choice(["a", "b", "B", None]) for _ in range(rows)]
    if repeats or rng.random() < 0.1:
        numbers: list[int] = rng.choices(range(1, rows // 2 + 3), k=rows)
    else:
        numbers = rng.sample(range(1, rows + 4), k=rows)
    keys: list[Any] = [None if rng.random() < 0.08 else number for number in numbers]
    if kind.dtype != pl.String:
        return keys
    forms = ["{}", " {} ", "{}.0", "{}."]
    spelled = [None if key is None else rng.choice(forms).format(key) for key in keys]
    return ["x" if rng.random() < bad / 4 else key for key in spelled]


def _write(frame: pl.DataFrame, format_: str, how: str, at: Path, rng: random.Random) -> list[Path]:
    """Write a frame as one file or several; give them."""
    if format_ == "delta":
        return _write_delta(frame, at, rng.choice([frame.height, frame.height // 2]))
    if format_ == "sqlite":
        return _write_sqlite(frame, at)
    if not how:
        files = [at]
    elif how == "folder":
        shutil.rmtree(at, ignore_errors=True)
        files = [at / f"part-{i}.{format_}" for i in range(rng.randint(1, 3))]
    else:
        for file in at.parent.glob(at.name):
            file.unlink()
        files = [at.with_name(at.name.replace("*", str(i))) for i in range(rng.randint(1, 3))]
    size = -(-frame.height // len(files))
    for i, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_file(frame.slice(i * size, size) if size else frame, format_, file)
    return files


def _write_delta(frame: pl.DataFrame, at: Path, first: int) -> list[Path]:
    """Overwrite a table, with the first rows; what is left is appended."""
    options = {"schema_mode": "overwrite"}
    frame.head(first).write_delta(at, mode="overwrite", delta_write_options=options)
    if first < frame.height:
        frame.slice(first).write_delta(at, mode="append")
    return list(at.glob("*.parquet"))


def _write_sqlite(frame: pl.DataFrame, at: Path) -> list[Path]:
    """Write a database of one table, in the place of the one before."""
    at.unlink(missing_ok=True)
    at.parent.mkdir(parents=True, exist_ok=True)
    types = {pl.String(): "TEXT", pl.Int64(): "BIGINT", pl.Float64(): "DOUBLE"}
    names = ", ".join(f'"{name}" {types[dtype]}' for name, dtype in frame.schema.items())
    with closing(sqlite3.connect(at)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"CREATE TABLE rows ({names})")
        marks = ", ".join("?" * frame.width)
        connection.executemany(f"INSERT INTO rows VALUES ({marks})", frame.rows())  # noqa: S608
    return [at]


def _write_file(frame: pl.DataFrame, format_: str, file: Path) -> None:
    if format_ == "parquet":
        frame.write_parquet(file, row_group_size=5)
    elif format_ == "csv":
        lines = [frame.columns, *frame.rows()]
        file.write_text("".join(",".join(map(_field, line)) + "\n" for line in lines))
    else:
        rows = frame.to_dicts() or [dict.fromkeys(frame.columns)]
        rows = [
            row | {n: json.loads(row[n]) for n in row if n in _OF_OBJECTS and row[n]}
            for row in rows
        ]
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _in_json(name: str, value: Any) -> Any:
    return json.loads(value) if name == OBJECTS and value else value


def _field(value: str | None) -> str:
    if value is None:
        return ""
    needs_quotes = not value or any(sign in value for sign in ',"')
    return '"' + value.replace('"', '""') + '"' if needs_quotes else value
