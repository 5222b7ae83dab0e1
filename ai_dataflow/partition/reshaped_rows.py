"""Rows of a source that become several before they are mapped: unpivoted, or exploded.

Each source row gives at least one row, and the rows are in the order of the source rows, then in
that of the listed columns or of the elements. What is made at once is bounded, however long a list
is and however wide the row beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ai_dataflow.compiler.kinds import as_instance
from ai_dataflow.compiler.reshaping import Reshaped, fields_of
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.visible import visible
from ai_dataflow.partition.clients import Counts, by_client, heights, nothing, summed
from ai_dataflow.partition.json_lists import taken_apart
from ai_dataflow.partition.mapping import SOURCE_ROW
from ai_dataflow.partition.reading import CHUNK_ROWS, WHOLE_BYTES
from ai_dataflow.partition.scratch import Pile
from ai_dataflow.sources.columns import field_named, named
from ai_dataflow.sources.files.common_types import converted
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.reshapes import Unpivot

_VALUE = 8  # bytes, about, of a value that is no text


class Reshaper:
    """Makes several rows of each source row, chunk by chunk.

    `unlisted` are the source rows that are left out, as the text that is to be exploded is no list.
    """

    def __init__(self, how: Reshaped, sources: Sequence[SourceJob], unlisted: Pile) -> None:
        clients = len(sources)
        self._how, self._sources, self._clients = how, sources, clients
        self.unlisted = unlisted
        self._kept = [*by_client(clients), SOURCE_ROW]
        self._rows = 0
        self.rows_unlisted = nothing(clients)
        self._has_objects = nothing(clients)
        self._has_field = dict.fromkeys(how.fields, nothing(clients))

    def of(self, chunk: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Give the rows of a chunk of source rows, with the number of the source row of each."""
        rows = chunk.with_row_index(SOURCE_ROW, offset=self._rows)
        self._rows += chunk.height
        if isinstance(self._how.how, Unpivot):
            _check_exact(rows, self._how, _place(self._sources[0], self._how))
            yield from _unpivoted(rows, self._how, self._how.how, self._kept)
        elif self._how.read[self._how.columns[0]] == pl.String:
            yield from self._of_texts(rows)
        else:
            yield from _exploded(rows, self._how, self._kept)

    def _of_texts(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        (column,), how = self._how.columns, self._how
        sizes = _column(rows, column).str.len_bytes().fill_null(0).to_numpy()
        for start, end in _cuts(sizes.astype(np.int64), WHOLE_BYTES):
            part = rows.slice(start, end - start)
            made = taken_apart(_column(part, column), column, how.fields)
            self._note(part, made.has_objects, made.has_field)
            is_list = pl.Series(made.counts > 0)
            if not is_list.all():
                wrong = part.filter(~is_list).select(*map(named, [*self._kept, *how.read]))
                self.unlisted.add(wrong)
                self.rows_unlisted = self.rows_unlisted + heights(wrong, self._clients)
            columns = [pl.Series(name, made.texts[name], pl.String) for name in how.made]
            kept = part.filter(is_list).select(*map(named, [*self._kept, *how.kept]))
            yield from _repeated(kept, made.counts[made.counts > 0], columns)

    def _note(
        self, rows: pl.DataFrame, has_objects: Counts, has_field: Mapping[str, Counts]
    ) -> None:
        """Count for each client the lists that have objects, and those that have a field."""
        self._has_objects = self._has_objects + summed(rows, has_objects, self._clients)
        for name, lists in has_field.items():
            count = summed(rows, lists, self._clients)
            self._has_field[name] = self._has_field[name] + count

    @property
    def faults(self) -> dict[int, DataflowError]:
        """Give the clients none of whose lists has a field that is mapped, and tell so."""
        if not isinstance(self._how.read.get(self._how.columns[0]), pl.String):
            return {}
        lacking = {
            client: [n for n, count in self._has_field.items() if not count[client]]
            for client in map(int, np.flatnonzero(self._has_objects))
        }
        return {
            client: _no_fields(self._sources[client], names, self._how)
            for client, names in lacking.items()
            if names
        }


def _unpivoted(
    rows: pl.DataFrame, how: Reshaped, said: Unpivot, kept: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """Give a row for each listed column."""
    several, labels = len(how.columns), [label for _, label in said.listed]
    step = max(1, CHUNK_ROWS // several)
    same = [*map(named, [*kept, *how.kept])]
    for start in range(0, max(rows.height, 1), step):
        part = rows.slice(start, step)
        listed = [part.select(*same, *_listed(how, i, labels[i])) for i in range(several)]
        order = np.arange(several * part.height).reshape(several, part.height).T.ravel()
        yield pl.concat(listed)[order]


def _listed(how: Reshaped, number: int, label: str) -> Iterator[pl.Expr]:
    """Give what is made of one of the listed columns."""
    for name, columns in how.made.items():
        if not columns:
            yield pl.lit(label, pl.String).alias(name)
            continue
        column, target = columns[number], how.schema[name]
        value = converted(named(column), how.read[column], target)
        yield (named(column).cast(target) if value is None else value).alias(name)


def _check_exact(rows: pl.DataFrame, how: Reshaped, place: str) -> None:
    """Make sure that whole numbers beside floats are numbers that a float has.

    Raises:
        DataflowError: DAT-031.
    """
    for name, columns in how.made.items():
        for column in columns:
            dtype, target = how.read[column], how.schema[name]
            if not (dtype.is_integer() and target.is_float()):
                continue
            number = _column(rows, column)
            if number.cast(target).cast(dtype, strict=False).ne_missing(number).any():
                raise DataflowError(_inexact(column, place))


def _exploded(rows: pl.DataFrame, how: Reshaped, kept: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Give a row for each element; one of null where there is none."""
    (column,) = how.columns
    lists = _column(rows, column)
    if isinstance(lists.dtype, pl.Array):
        lists = lists.arr.to_list()
    if not isinstance(lists.dtype, pl.List):  # nothing but nulls
        lists = pl.Series("column", [None] * len(lists), pl.List(pl.String))
    counts = lists.list.len().fill_null(0).clip(1).to_numpy().astype(np.int64)
    others = rows.select(*map(named, [*kept, *how.kept]))
    for start, end in _cuts(counts, CHUNK_ROWS):
        part = lists.slice(start, end - start)
        elements = part.explode(empty_as_null=True, keep_nulls=True)
        made = _made(elements, how)
        yield from _repeated(others.slice(start, end - start), counts[start:end], made)


def _made(elements: pl.Series, how: Reshaped) -> list[pl.Series]:
    """Give the columns that are made of elements."""
    frame = elements.to_frame("element")
    ways = fields_of(elements.dtype)
    whole = pl.col("element")
    values = []
    for name in how.made:
        value = whole
        if name in how.fields:  # of nothing but nulls there are none
            way = ways.get(how.fields[name])
            value = whole.is_null().replace_strict({}, default=None, return_dtype=pl.String)
            value = _at(whole, elements.dtype, way[0]) if way else value
        values.append(value.alias(name))
    return frame.select(values).get_columns()


def _at(struct: pl.Expr, dtype: pl.DataType, way: Sequence[str]) -> pl.Expr:
    """Give the field of a struct that a way leads to."""
    for name in way:
        if not isinstance(dtype, pl.Struct):
            raise TypeError(dtype)
        struct = field_named(struct, dtype, name)
        dtype = as_instance(dtype.to_schema()[name])
    return struct


def _column(rows: pl.DataFrame, name: str) -> pl.Series:
    """Give a column under a plain name: Polars takes some names of series for patterns."""
    return rows.get_column(name).alias("column")


def _repeated(
    rows: pl.DataFrame, counts: NDArray[np.int64], made: Sequence[pl.Series]
) -> Iterator[pl.DataFrame]:
    """Give rows so many times each, with what is made of their elements beside them."""
    sources = np.repeat(np.arange(rows.height), counts)
    for start, end in _cuts(_widths(rows)[sources], WHOLE_BYTES):
        part = rows[sources[start:end]]
        yield part.with_columns(column.slice(start, end - start) for column in made)


def _widths(rows: pl.DataFrame) -> NDArray[np.int64]:
    """Tell about how many bytes each row takes."""
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    widths = np.full(rows.height, _VALUE * (rows.width + 1), np.int64)
    for name in texts:
        widths += _column(rows, name).str.len_bytes().fill_null(0).to_numpy().astype(np.int64)
    return widths


def _cuts(sizes: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Cut a run of things into pieces of about a size, one thing at least; give where each is."""
    number = np.cumsum(sizes) // most
    ends = [*(np.flatnonzero(np.diff(number)) + 1), len(sizes)]
    return zip([0, *ends[:-1]], ends, strict=True)


def _place(source: SourceJob, how: Reshaped) -> str:
    return source.rule.place(how.how.cell) if source.rule else source.place


def _no_fields(source: SourceJob, names: Sequence[str], how: Reshaped) -> DataflowError:
    shown = ", no ".join(f"`{visible(name)}`" for name in names)
    return DataflowError(
        Diagnostic(
            "DAT-030",
            f"{source.location}: no element of its lists has a field {shown}",
            place=_place(source, how),
            fix="correct the name in the mapping sheet, or deliver elements that have it",
        )
    )


def _inexact(column: str, place: str) -> Diagnostic:
    return Diagnostic(
        "DAT-031",
        f"`{visible(column)}` has a whole number that no float has, and is unpivoted beside floats",
        place=place,
        fix="list columns of whole numbers alone, or have the numbers delivered as texts",
    )
