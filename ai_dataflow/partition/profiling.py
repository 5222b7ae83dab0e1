"""Profiling: what the columns of files are like, by client and product, as the files are read back.

What is small is looked at as a whole, many clients at once. What is large comes in pieces; each has
a finer profile, and these are merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl

from ai_dataflow.config.panics import panics_as_errors
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.partition.profile_columns import Described, Fineness, Lists, describe
from ai_dataflow.partition.profile_groups import Groups
from ai_dataflow.partition.profiled import Profiled
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN
from ai_dataflow.workstation.profile_merging import merge_profiles
from ai_dataflow.workstation.profiles import FREQUENT, HASHES, POINTS, SCHEMA

Level = Literal["off", "counts", "full"]
COARSE = Fineness(POINTS, FREQUENT, HASHES)
_GROUP, _PLACE = "\ue000group", "\ue000place"


class Profiler:
    """Sees rows of partitions that are made together, and gives their profiles.

    Whatever goes wrong is noted, and ends only the profiles.
    """

    def __init__(self, columns: Sequence[AiColumn], *, is_full: bool) -> None:
        self._columns = columns
        self._fineness = COARSE if is_full else None
        self._parts: list[pl.DataFrame] = []
        self._problem = ""

    def see(self, rows: pl.DataFrame) -> None:
        """See rows, with the number of their client as `CLIENT`."""
        if self._problem:
            return
        try:
            with panics_as_errors():
                self._parts.append(profiles_of(rows, self._columns, self._fineness))
        except Exception as error:
            self._problem = type(error).__name__

    def packed(self, jobs: Sequence[PartitionJob], publications: Sequence[str]) -> Profiled:
        """Give what was seen, of partitions by their numbers."""
        if self._problem or not self._parts:
            return Profiled(problem=self._problem)
        try:
            with panics_as_errors():
                return Profiled.of(self._rows(jobs, publications))
        except Exception as error:
            return Profiled(problem=type(error).__name__)

    def _rows(self, jobs: Sequence[PartitionJob], publications: Sequence[str]) -> pl.DataFrame:
        clients = pl.Series([job.client for job in jobs], dtype=pl.String())
        named = pl.Series([*publications], dtype=pl.String())
        rows = pl.concat(self._parts).with_columns(
            pl.lit(clients).gather(pl.col(CLIENT)).alias(PARTITION_COLUMN),
            pl.lit(named).gather(pl.col(CLIENT)).alias("publication"),
        )
        if len(self._parts) > 1:
            keys = (PARTITION_COLUMN, PRODUCT_COLUMN, "ai_column")
            rows = merge_profiles(rows.select(SCHEMA.names()), keys)
        return _with_mapping(rows, jobs[0])


def profiler_of(columns: Sequence[AiColumn], level: Level) -> Profiler | None:
    """Give who profiles columns so far; None where nobody is to."""
    return None if level == "off" else Profiler(columns, is_full=level == "full")


def profiles_of(
    rows: pl.DataFrame, columns: Sequence[AiColumn], fineness: Fineness | None
) -> pl.DataFrame:
    """Give the profiles of rows that are sorted by client, a number, and by product.

    Args:
        rows: the rows, with `CLIENT` and the product.
        columns: those that are profiled.
        fineness: how much is kept; None for counts and ends alone.
    """
    keys = (CLIENT, PRODUCT_COLUMN)
    by = rows.select(keys).with_columns(pl.struct(keys).rle_id().alias(_GROUP))
    runs = by.group_by(_GROUP, maintain_order=True).agg(pl.col(keys).first(), pl.len())
    groups = Groups(runs["len"].to_numpy().astype(np.int64))
    labels = runs.select(*keys, pl.col("len").cast(pl.Int64).alias("rows"))
    done = [Described({"nulls": pl.zeros(runs.height, pl.Int64, eager=True)})]
    done += [describe(rows[column.name], groups, fineness) for column in columns]
    named = [("", ""), *((column.name, column.ai_type) for column in columns)]
    parts = [
        pl.DataFrame([*labels.get_columns(), *(v.alias(n) for n, v in each.values.items())])
        for each in done
    ]
    names, types = zip(*named, strict=True)
    of = {"ai_column": np.repeat(names, runs.height), "ai_type": np.repeat(types, runs.height)}
    rows = pl.concat(parts, how="diagonal").with_columns(
        pl.Series(name, texts.tolist(), pl.String()) for name, texts in of.items()
    )
    return _together(rows, done, runs.height)


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
