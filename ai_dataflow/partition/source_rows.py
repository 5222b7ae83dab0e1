"""One source of partitions that are made together: opened, read and mapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from ai_dataflow.compiler.mappings import CompiledSource, compile_source
from ai_dataflow.config.attention import working_on
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.extracts.extracting import owned
from ai_dataflow.partition.classified import failed_on_data
from ai_dataflow.partition.clients import CLIENT, Counts, by_client, filled, heights, nothing
from ai_dataflow.partition.common_reading import CommonReading, are_common, of_all_clients
from ai_dataflow.partition.conservation import check_reading
from ai_dataflow.partition.lineage import origins
from ai_dataflow.partition.mapping import (
    POSITION,
    map_numbered,
    with_source_rows,
)
from ai_dataflow.partition.memory import held_bytes
from ai_dataflow.partition.parts import Part, counted
from ai_dataflow.partition.reading import Reading
from ai_dataflow.partition.reshaped_rows import Reshaper
from ai_dataflow.partition.row_checks import RowCheck
from ai_dataflow.partition.scratch import Pile, Scratch
from ai_dataflow.partition.shared_reading import SharedReading
from ai_dataflow.partition.source_rejects import (
    lacking,
    lacking_rejects,
    left_out,
    malformed_rejects,
    stray_rejects,
    unlisted_rejects,
)
from ai_dataflow.partition.taking import Taking
from ai_dataflow.partition.values import Further, MappedSource, Taken
from ai_dataflow.sources.files import file_failures, open_files
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.workstation.list_elements import counted_names

T = TypeVar("T")
_REJECT_BYTES = 500  # that a reject takes in memory, about


@dataclass(frozen=True)
class OpenedSource:
    """A source's extracts, opened, one for each client; about what its mapped rows take, in bytes.

    `sources` differ in their locations alone. `is_joined` tells whether the rows will be joined by
    their keys, if they have some.
    """

    sources: Sequence[SourceJob]
    files: Sequence[Files]
    held: int
    is_joined: bool = False

    @property
    def names(self) -> list[str]:
        """What the locations are called, by client."""
        return [str(source.location) for source in self.sources]

    @property
    def is_common_lookup(self) -> bool:
        """Whether all clients look up in the very same rows."""
        (first, *others), is_lookup = self.sources, self.sources[0].join_kind == "lookup"
        alike = all((s.location, s.place) == (first.location, first.place) for s in others)
        return is_lookup and alike and are_common(self.files)


def open_source(
    sources: Sequence[SourceJob], extracts: Sequence[Extract], settings: Settings
) -> OpenedSource:
    """Open a source's extracts, one for each client, and estimate their size.

    Raises:
        DataflowError: SRC codes, as `Files.reading`.
    """
    files = []
    for source, extract in zip(sources, extracts, strict=True):
        working_on(source)
        files.append(open_files.opened(extract, source.place, settings))
    opened = OpenedSource(sources, files, 0)
    return replace(opened, held=sum(_held(opened)))


def _held(opened: OpenedSource) -> Iterator[int]:
    """Estimate what the mapped rows of each file take; what clients share is read once."""
    shared = set[object]()
    several = 1 if opened.is_common_lookup else None
    for source, files in zip(opened.sources[:several], opened.files[:several], strict=True):
        pinned = files.pinned
        of_many = source.location.client_column and (pinned.folder, pinned.files, pinned.sheet)
        if of_many in shared:
            continue
        shared |= {of_many} if of_many else set()
        working_on(source)
        try:
            with files.reading():
                yield held_bytes(source, files)
        except DataflowError as error:
            raise owned(error, source) from None


def map_source(opened: OpenedSource, space: Scratch) -> MappedSource:
    """Read and map a source; count its rows, put its rejects aside.

    What hinders reading is among the `faults` of the value, where there are several clients.

    Raises:
        DataflowError: what hinders reading or mapping; DAT-002 where rows got lost on the way.
    """
    source = opened.sources[0]
    working_on(source)
    if opened.is_common_lookup:
        return _common(opened, space)
    try:
        with opened.files[0].reading():
            compiled = compile_source(source, _schema(opened))
        return _mapped(opened, compiled, _reading(opened, compiled, space), space)
    except DataflowError as error:
        raise owned(error, source) from None


def _common(opened: OpenedSource, space: Scratch) -> MappedSource:
    """Map a lookup once that is all clients'; what is wrong with it is wrong for each of them."""
    clients = len(opened.files)
    once = replace(opened, sources=opened.sources[:1], files=opened.files[:1])
    try:
        return of_all_clients(map_source(once, space), clients)
    except DataflowError as error:
        return MappedSource(opened.sources[0].key, None, nothing(clients), nothing(clients),
                            faults=dict.fromkeys(range(clients), error))  # fmt: skip


def _schema(opened: OpenedSource) -> pl.Schema:
    """Give the columns that planning found; what nobody has looked at, or changed, is opened."""
    return opened.sources[0].schema or opened.files[0].schema()


def _reading(opened: OpenedSource, compiled: CompiledSource, space: Scratch) -> Reading:
    of_source = opened.files, compiled.wanted, space, opened.held
    location = opened.sources[0].location
    if isinstance(location, SqlLocation) or not location.client_column:
        kind = CommonReading if are_common(opened.files) else Reading
        return kind(*of_source)
    return SharedReading(*of_source, sources=opened.sources, schema=_schema(opened))


def _mapped(
    opened: OpenedSource, compiled: CompiledSource, reading: Reading, space: Scratch
) -> MappedSource:
    clients = len(opened.files)
    done = _Mapping(compiled, opened.sources, space)
    taking = Taking(compiled, clients, space, done.bad)
    schema = _ai_schema(compiled, clients)
    rows = taking.taken(done.numbered(reading.chunks()))
    in_one = opened.is_joined and bool(opened.sources[0].key_columns)
    good = space.hold_batches(done.good(rows), schema, in_one=in_one)
    for client, source in enumerate(opened.sources):
        if client not in reading.faults:
            check_reading(source, int(done.read[client]), reading.counted_before(client))
    bad = done.bad.rows() if done.bad.height else None
    lines = [reading.malformed(client) for client in range(clients)]
    malformed = np.array([sum(map(len, of_client.values())) for of_client in lines])
    rejects = [_malformed_rejects(opened, client, path, rows)
               for client, files in enumerate(lines) for path, rows in files.items()]  # fmt: skip
    if bad is not None or done.unlisted.height:
        with opened.files[0].reading():  # several files are counted in their footers
            starts = reading.starts(done.read, opened.names)
    if done.unlisted.height:
        unlisted, read = done.unlisted.rows(), compiled.wanted.schema
        rejects.insert(0, unlisted_rejects(unlisted, opened.sources[0], read, starts))
    if bad is not None:
        rejects.insert(0, left_out(bad, opened.sources[0], compiled, starts))
    if isinstance(reading, SharedReading):
        strays = {c: pile for c, pile in reading.strays.items() if c not in reading.faults}
        rejects += [_stray_rejects(opened, client, pile) for client, pile in strays.items()]
        for client, pile in strays.items():
            malformed[client] += pile.height
    faults = {**taking.faults, **done.faults, **reading.faults}
    return MappedSource(
        opened.sources[0].key,
        Part(opened.sources[0], opened.sources[0].key_columns, good, done.height, done.filled),
        done.read + malformed,
        done.total - done.height - taking.left_out + done.rows_unlisted + malformed,
        tuple(rejects),
        tuple(origins(opened.sources[0], compiled)),
        taken=Taken(reading, compiled, _not_good(done.bad, taking.gone), done.total, done.read),
        united=compiled.united,
        further={**done.further, **taking.further},
        faults={c: owned(error, opened.sources[c]) for c, error in faults.items()},
    )


def _not_good(*piles: Pile) -> pl.LazyFrame | None:
    """Give the numbers of the rows that do not go on; None where all do."""
    frames = [pile.rows().select(POSITION) for pile in piles if pile.height]
    return pl.concat(frames) if frames else None


class _Mapping:
    """Maps chunk by chunk, counts by client what went through, and piles up what is left out.

    `read` are the source rows, `total` those that are mapped, `height` the good ones of them.
    `unlisted` are source rows that cannot become any.
    """

    def __init__(
        self, compiled: CompiledSource, sources: Sequence[SourceJob], space: Scratch
    ) -> None:
        clients, how = len(sources), compiled.reshaped
        self._compiled, self._by = compiled, by_client(clients)
        self.bad, self.unlisted = space.pile(), space.pile()
        self._reshaper = Reshaper(how, sources, self.unlisted) if how else None
        names = counted_names(_ai_schema(compiled, 1))
        self.read, self.total, self.height = (nothing(clients) for _ in range(3))
        self.filled: dict[str, Counts] = dict.fromkeys(names, nothing(clients))

    def numbered(self, chunks: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Count the rows of each chunk, make several of each where the rule says so, number them.

        Raises:
            DataflowError: DAT-003: that cannot be computed.
        """
        for chunk in chunks:
            self.read = self.read + heights(chunk, len(self.read))
            several = self._reshaper.of(chunk) if self._reshaper else iter((chunk,))
            while (rows := _on_data(partial(next, several, None))) is not None:
                first = int(self.total.sum())
                self.total = self.total + heights(rows, len(self.total))
                yield rows.with_row_index(POSITION, offset=first)

    def good(self, chunks: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Give the good rows of each chunk of numbered rows.

        Raises:
            DataflowError: DAT-003: the AI columns cannot be computed.
        """
        for chunk in chunks:
            good, bad = _on_data(partial(map_numbered, chunk, self._compiled, self._by))
            if bad is not None:
                self.bad.add(with_source_rows(bad, chunk))
            height = heights(good, len(self.height))
            self.height = self.height + height
            for name, count in filled(good, height).items():
                self.filled[name] = self.filled[name] + count
            yield good

    @property
    def rows_unlisted(self) -> Counts:
        """How many source rows of each client cannot become any."""
        return self._reshaper.rows_unlisted if self._reshaper else nothing(len(self.read))

    @property
    def further(self) -> Further:
        """How many rows were made beside those that were read."""
        if self._reshaper is None:
            return {}
        return {"produced": self.total + self.rows_unlisted - self.read}

    @property
    def faults(self) -> Mapping[int, DataflowError]:
        """The clients whose lists lack what is mapped, and why."""
        return self._reshaper.faults if self._reshaper else {}


def _on_data(call: Callable[[], T]) -> T:
    """Compute something of a source's rows.

    Raises:
        DataflowError: DAT-003: it cannot be computed.
    """
    try:
        with panics_as_errors():
            return call()
    except (PolarsError, PanicError) as error:
        raise DataflowError(failed_on_data(error)) from None


def _ai_schema(compiled: CompiledSource, clients: int) -> pl.Schema:
    columns = [(name, pl.UInt32()) for name in by_client(clients)]
    rows = (column.mapping for column in compiled.columns)
    return pl.Schema([*columns, *((r.ai_column, ai_types.to_polars(r.ai_type)) for r in rows)])


def leave_out(
    opened: OpenedSource,
    mapped: MappedSource,
    left_out: pl.DataFrame,
    checks: Sequence[RowCheck],
    space: Scratch,
) -> MappedSource:
    """Put the rows of a source aside whose joined rows fail a check.

    Args:
        opened: the source.
        mapped: its rows, mapped.
        left_out: which of its good rows, and which check they fail (see `row_checks`).
        checks: what must hold.
        space: where they are kept until they are written.

    Raises:
        DataflowError: SRC codes, as `Files.reading`; SRC-005 where the source is another by now.
    """
    taken = mapped.taken
    if taken is None or not left_out.height:
        return mapped
    source, clients = opened.sources[0], len(opened.files)
    rows = _again(taken, opened, space)  # what was mapped is not the row itself
    if (counted(rows, clients).height != taken.total).any():
        raise owned(file_failures.changed(opened.names[0], source.place), source)
    with opened.files[0].reading():
        files = taken.reading.starts(taken.read, opened.names)
        bad = pl.LazyFrame(schema={POSITION: pl.UInt32()}) if taken.bad is None else taken.bad
        lost = lacking(rows, bad, left_out)
        rejects = lacking_rejects(lost, checks, source, taken.compiled, files)
        rejects = space.hold(rejects, left_out.height * _REJECT_BYTES)
    return replace(
        mapped,
        rows_left_out=mapped.rows_left_out + heights(left_out, len(opened.files)),
        left_out=(*mapped.left_out, rejects),
    )


def _again(taken: Taken, opened: OpenedSource, space: Scratch) -> pl.LazyFrame:
    """Read the rows once more, and make several of each where that was done."""
    if (how := taken.compiled.reshaped) is None:
        return taken.reading.again()
    rows, reshaper = space.pile(), Reshaper(how, opened.sources, space.pile())
    for chunk in taken.reading.chunks():
        for several in reshaper.of(chunk):
            rows.add(several)
    return rows.rows()


def _stray_rejects(opened: OpenedSource, client: int, strays: Pile) -> pl.LazyFrame:
    return stray_rejects(strays.rows(), opened.sources[client], _number(opened, client))


def _number(opened: OpenedSource, client: int) -> list[pl.Expr]:
    """Give the column of the clients for rows that are all of one; none where it is alone."""
    return [pl.lit(client, pl.UInt32()).alias(CLIENT)] if len(opened.files) > 1 else []


def _malformed_rejects(
    opened: OpenedSource, client: int, path: str, lines: Sequence[str]
) -> pl.LazyFrame:
    several = len(opened.files[client].pinned.files) > 1
    number = _number(opened, client)
    return malformed_rejects(lines, opened.sources[client], path if several else "", number)
