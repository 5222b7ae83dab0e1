"""What the steps of making a partition give, each to the next: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from ai_dataflow.compiler.mappings import CompiledSource
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.partition.clients import Counts, Filled
from ai_dataflow.partition.parts import BySource, Part, Rows
from ai_dataflow.partition.reading import Reading
from ai_dataflow.partition.result import Origin
from ai_dataflow.workstation.data_files import DataFile

# Rows that neither are published nor rejected nor merged, or that no source had; by client.
Term = Literal["filtered", "superseded", "unmatched", "produced"]
Further = Mapping[Term, Counts]


@dataclass(frozen=True)
class Taken:
    """How a source's rows were read and mapped: for those that have to be looked at once more.

    `bad` are the numbers of the rows that are not good; None where there are none. `total` are all
    rows that could be mapped, `read` the source rows that they were made of, by client.
    """

    reading: Reading
    compiled: CompiledSource
    bad: pl.LazyFrame | None
    total: Counts
    read: Counts


@dataclass(frozen=True)
class MappedSource:
    """A source's rows, mapped: the good ones, and those to be left out as rejects; by client.

    `part` are the good rows; None where no row could be mapped at all. `rows_left_out` counts the
    rejects; `rows_replayed` are good rows that were rejects before. `taken` is what it was mapped
    from, for those that a join leaves out later. `united` says of columns that files do not have
    alike how they were read; `further` counts rows that the source's rule filtered, superseded or
    produced. `faults` are the clients whose files could not be read, and why.
    """

    key: SourceKey
    part: Part | None
    rows_read: Counts
    rows_left_out: Counts
    left_out: tuple[pl.LazyFrame, ...] = ()
    origins: tuple[tuple[str, Origin], ...] = ()
    rows_replayed: int = 0
    taken: Taken | None = None
    united: Mapping[str, str] = field(default_factory=dict)
    further: Further = field(default_factory=dict)
    faults: Mapping[int, DataflowError] = field(default_factory=dict)


@dataclass(frozen=True)
class MergedProduct:
    """A product's rows, as they are to be published.

    `rows_before` counts published rows that they were made of, beside what was read; `kept` are the
    rows of each submodule that a later replay needs, where the product is joined. `left_out` has,
    for each part that came late, the rows that still lack a required value.
    `further` counts by source the rows that a join left unmatched, or produced; `not_found` the
    rows that found nothing in a lookup. `origins` are those of the columns that were computed of
    the rows.
    """

    rows: pl.LazyFrame
    rows_merged: Counts
    filled: Filled
    kept: Mapping[str, Rows] = field(default_factory=dict)
    rows_before: Counts | None = None
    left_out: tuple[pl.DataFrame, ...] = ()
    further: Mapping[SourceKey, Further] = field(default_factory=dict)
    not_found: BySource = field(default_factory=dict)
    origins: tuple[tuple[str, Origin], ...] = ()


@dataclass(frozen=True)
class WrittenRejects:
    """The reject files of a partition, and the open rejects in them by source and reason.

    `broken` counts, by product, those of each check of the dictionary.
    """

    files: tuple[DataFile, ...] = ()
    counts: Mapping[SourceKey, Mapping[str, int]] = field(default_factory=dict)
    broken: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class WrittenRows:
    """The data files of a partition, and for each product the rows and values in them.

    `broken` counts, by product, the rows that break each check of the dictionary that only tells.
    """

    files: tuple[DataFile, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    filled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    broken: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
