"""Profiling: what the columns of files are like, by client and product, as the files are read back.

What is small is looked at as a whole, many clients at once. What is large comes in pieces (see
`profile_pieces`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl

from ai_dataflow.config.panics import panics_as_errors
from ai_dataflow.connections.stores import Folder
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.counting import tally
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.partition.profile_columns import Described, Lists, describe, ends_in_tallies
from ai_dataflow.partition.profile_groups import Groups
from ai_dataflow.partition.profile_pieces import Pieces
from ai_dataflow.partition.profile_samples import SAMPLE
from ai_dataflow.partition.profiled import Profiled
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.file_statistics import ROWS
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN
from ai_dataflow.workstation.profiles import COARSE, SCHEMA, Fineness

Level = Literal["off", "counts", "full"]
_GROUP, _PLACE = "\ue000group", "\ue000place"
_KEYS = (CLIENT, PRODUCT_COLUMN)
_FIRST = pl.lit(0, pl.UInt32()).alias(CLIENT)
# What `counts` leaves out.
_OF_FULL = (
    "mean", "deviation", "length_least", "length_greatest", "length_mean", "quantiles", "frequent",
    "hashes", "looks",
)  # fmt: skip


class Profiler:
    """Sees rows of partitions that are made together, and gives their profiles.

    Whatever goes wrong is noted, and ends only the profiles.

    Args:
        columns: the AI columns.
        clients: the clients, and the publication of each, by their numbers.
        level: what is kept.
        rows: how many rows the largest of them has.
    """

    def __init__(
        self,
        columns: Sequence[AiColumn],
        clients: Sequence[tuple[str, str]],
        level: Level,
        rows: int,
    ) -> None:
        self._columns, self._clients, self._level = columns, clients, level
        self._fineness = COARSE if level == "full" else None
        self._pieces = Pieces(columns, self._fineness) if rows > SAMPLE else None
        self._parts: list[pl.DataFrame] = []
        self._problem = ""

    def see(self, rows: pl.DataFrame, tallied: pl.DataFrame | None = None) -> None:
        """See rows, with the number of their client as `CLIENT`; of a small client all at once.

        Args:
            rows: the rows.
            tallied: what is known of each run of rows of one client and product, in their order.
        """
        if self._level != "off" and not self._problem:
            self._problem = _hindrance(lambda: self._see(rows, tallied))

    def packed(self, job: PartitionJob) -> Profiled:
        """Give what was seen, packed; what the sheet says is that of a job, which all share."""
        packed: list[Profiled] = []
        self._problem = self._problem or _hindrance(
            lambda: packed.append(Profiled.of(_with_mapping(self.rows(), job)))
        )
        return packed[0] if packed else Profiled(problem=self._problem)

    def rows(self) -> pl.DataFrame:
        """Give what was seen."""
        parts = [*self._parts, *([self._pieces.profiles()] if self._pieces else [])]
        if not parts:
            return pl.DataFrame(schema=SCHEMA)
        names = [pl.Series(each, dtype=pl.String()) for each in zip(*self._clients, strict=True)]
        both = (PARTITION_COLUMN, "publication")
        rows = pl.concat(parts).with_columns(
            pl.lit(some).gather(pl.col(CLIENT)).alias(name)
            for name, some in zip(both, names, strict=True)
        )
        unknown = [pl.lit(None, dtype).alias(n) for n, dtype in SCHEMA.items() if n in _OF_FULL]
        kept = rows.with_columns(unknown) if self._level == "counts" else rows
        return kept.select(SCHEMA.names())

    def _see(self, rows: pl.DataFrame, tallied: pl.DataFrame | None) -> None:
        if self._pieces:
            self._pieces.see(rows)
        else:
            self._parts.append(profiles_of(rows, self._columns, self._fineness, tallied))


def _hindrance(step: Callable[[], object]) -> str:
    """Take a step; say in a word what hindered it."""
    try:
        with panics_as_errors():
            step()
    except Exception as error:
        return type(error).__name__
    return ""


def profiled_files(
    table: Folder,
    columns: Sequence[AiColumn],
    files: Mapping[tuple[str, str], Sequence[DataFile]],
    level: Level,
) -> pl.DataFrame:
    """Profile files of a dataset that are there, of clients and publications.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    each = [_profiled(table, columns, client, some, level) for client, some in files.items()]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *each])


def _profiled(
    table: Folder,
    columns: Sequence[AiColumn],
    client: tuple[str, str],
    files: Sequence[DataFile],
    level: Level,
) -> pl.DataFrame:
    profiler = Profiler(columns, [client], level, sum(file.rows for file in files))
    tally(table, files, lambda rows, _: profiler.see(rows.with_columns(_FIRST)))
    return profiler.rows()


def profiles_of(
    rows: pl.DataFrame,
    columns: Sequence[AiColumn],
    fineness: Fineness | None,
    tallied: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Give the profiles of rows that are sorted by client, a number, and by product.

    Args:
        rows: the rows, with `CLIENT` and the product.
        columns: those that are profiled, if the rows have them.
        fineness: how much is kept; None for counts and ends alone.
        tallied: the tallies of each client and product, in their order, with `CLIENT`.
    """
    columns = [column for column in columns if column.name in rows.columns]
    height = pl.col(ROWS).cast(pl.Int64).alias("rows")
    labels = (_runs_of(rows) if tallied is None else tallied).select(*_KEYS, height)
    groups = Groups(labels["rows"].to_numpy())
    done = [Described({"nulls": pl.zeros(labels.height, pl.Int64, eager=True)})]
    names = ["", *(column.name for column in columns)]
    types = ["", *(column.ai_type for column in columns)]
    ends = {} if tallied is None else ends_in_tallies(tallied, names[1:])
    done += [describe(rows[name], groups, fineness, ends.get(name)) for name in names[1:]]
    parts = [
        pl.DataFrame([*labels.get_columns(), *(v.alias(n) for n, v in each.values.items())])
        for each in done
    ]
    of = {"ai_column": np.repeat(names, labels.height), "ai_type": np.repeat(types, labels.height)}
    rows = pl.concat(parts, how="diagonal").with_columns(
        pl.Series(name, texts.tolist(), pl.String()) for name, texts in of.items()
    )
    return _together(rows, done, labels.height)


def _runs_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Count the rows of each client and product."""
    run = pl.sum_horizontal(pl.col(key).rle_id() for key in _KEYS)
    by = rows.select(*_KEYS, run.alias(_GROUP)).group_by(_GROUP, maintain_order=True)
    return by.agg(pl.col(_KEYS).first(), pl.len().alias(ROWS))


def _together(rows: pl.DataFrame, done: Sequence[Described], size: int) -> pl.DataFrame:
    """Give the profiles of columns their lists, and what they lack."""
    rows = _whole(rows).with_row_index(_PLACE)
    for name in ("frequent", "hashes"):
        listed = {n: lists for n, each in enumerate(done) if (lists := getattr(each, name))}
        if listed:
            rows = _with_lists(rows, listed, name, size)
    error = pl.when(pl.col("distinct").is_not_null()).then(0.0).alias("distinct_error")
    return rows.drop(_PLACE).with_columns(error)


def _with_lists(
    rows: pl.DataFrame, listed: Mapping[int, Lists], name: str, size: int
) -> pl.DataFrame:
    """Give the rows of some columns their lists; an empty one where there is nothing to list."""
    index = pl.get_index_type()
    each = pl.concat(
        pl.DataFrame({_PLACE: lists.groups.numbers + number * size, name: lists.values})
        for number, lists in listed.items()
    )
    lists = each.cast({_PLACE: index}).group_by(_PLACE, maintain_order=True).agg(name)
    joined = rows.drop(name).join(lists, on=_PLACE, how="left", maintain_order="left")
    whole = [number for number, some in listed.items() if some.is_whole]
    is_listed = (pl.col(_PLACE) // size).is_in(whole)
    filled = pl.when(is_listed).then(pl.col(name).fill_null([])).otherwise(name)
    return joined.with_columns(filled.alias(name))


def _whole(part: pl.DataFrame) -> pl.DataFrame:
    schema = {CLIENT: pl.UInt32(), **SCHEMA}
    return part.select(
        (pl.col(name) if name in part.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def _with_mapping(rows: pl.DataFrame, job: PartitionJob) -> pl.DataFrame:
    """Say of each column which rows of the sheet feed it; all jobs of one shape have the same."""
    feeding: dict[tuple[str, str], list[MappingRow]] = {}
    by_product = job.by_product()
    for product, sources in by_product.items():
        of = [row for source in sources for row in source.mappings]
        for row in (*of, *job.computed.get(product, ())):
            if not row.technical:
                feeding.setdefault((product, row.ai_column), []).append(row)
    fed = [
        (product, column, some[0].cell, "; ".join(dict.fromkeys(map(_line, some))))
        for (product, column), some in feeding.items()
    ]
    keys = (PRODUCT_COLUMN, "ai_column")
    names = (*keys, "mapping_cell", "mapping")
    cells = pl.DataFrame(fed, dict.fromkeys(names, pl.String()), orient="row")
    bare = rows.drop("mapping_cell", "mapping")
    joined = bare.join(cells, on=keys, how="left", maintain_order="left")
    return joined.with_columns(pl.col("mapping_cell", "mapping").fill_null(""))


def _line(row: MappingRow) -> str:
    """Say in one line what a row of the sheet does."""
    said = (row.submodule, row.source_column, row.transform, row.ai_type)
    return " · ".join(" ".join(text.split()) for text in said if text)
