"""Reading files that many clients share: once for all of those that are made together.

Each gets its own rows, by the text of a column. What is nobody's, a row without a client or a line
that is no row, fails all clients of the files, or is left out by one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.clients import CLIENT, Counts, nothing, occurrences
from ai_dataflow.partition.reading import CHUNK_ROWS, WHOLE_BYTES, Reading
from ai_dataflow.partition.scratch import Pile
from ai_dataflow.sources import client_rows
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.united import Wanted


@dataclass
class SharedReading(Reading):
    """The rows of clients in files that they share; `strays` are what one of them leaves out.

    `sources` are those of the clients, in their order; `schema` is of the columns of the files.
    """

    sources: Sequence[SourceJob] = ()
    schema: pl.Schema = field(default_factory=pl.Schema)
    strays: dict[int, Pile] = field(default_factory=dict)
    _heights: Counts = field(default_factory=lambda: nothing(0))
    _lines: dict[int, Mapping[str, list[str]]] = field(default_factory=dict)

    def chunks(self) -> Iterator[pl.DataFrame]:
        """Read the rows, each with its client where there are several; anew each time.

        Raises:
            DataflowError: what hinders reading, where there is but one client.
        """
        self._heights = nothing(len(self.files))
        if len(self.files) == 1:
            yield from (chunk.drop(CLIENT) for chunk in self._of_files([0]))
            return
        frames: list[pl.DataFrame] = []
        for clients in self._by_files():
            try:
                frames += list(self._of_files(clients))
            except DataflowError as error:
                self.faults.update(dict.fromkeys(clients, error))
        if frames:
            rows = pl.concat(frames).select(CLIENT, pl.exclude(CLIENT))
            yield rows.sort(CLIENT, maintain_order=True)

    def malformed(self, client: int) -> Mapping[str, list[str]]:
        """Give the raw lines that are no rows, where this client leaves out what is nobody's."""
        return {} if client in self.faults else self._lines.get(client, {})

    def counted_before(self, client: int) -> int | None:
        """Give how many rows a client has."""
        return int(self._heights[client])

    def by_file(self, client: int) -> Mapping[str, int]:
        """Give nothing: where a row is in its file is not known once others are left out."""
        return {}

    def _by_files(self) -> list[list[int]]:
        groups: dict[object, list[int]] = {}
        for client, files in enumerate(self.files):
            pinned = files.pinned
            same = pinned.folder, pinned.files, pinned.version, pinned.partition, pinned.sheet
            groups.setdefault(same, []).append(client)
        return list(groups.values())

    def _of_files(self, clients: Sequence[int]) -> Iterator[pl.DataFrame]:
        """Read files that some clients share."""
        files, source = self.files[clients[0]], self.sources[clients[0]]
        column, dtype = client_rows.client_column(
            source.location.client_column, self.schema, source.location, source.place
        )
        spelled = [self.sources[client].location.client for client in clients]
        columns = [*self.wanted.schema] or [column]
        others = {name: t for name, t in self.wanted.schema.items() if name != column}
        wanted = replace(self.wanted, schema=pl.Schema({**others, column: dtype}))
        number = client_rows.client_number(column, spelled).replace_strict(
            range(len(clients)), list(clients), return_dtype=pl.UInt32, default=None
        )
        nobodys, nulls = self.space.pile(), client_rows.nulls_of(source.location)
        with files.reading():
            for chunk in self._all(files, wanted, spelled):
                is_stray = client_rows.is_stray(column, dtype, nulls)
                nobodys.add(chunk.filter(is_stray))
                of_clients = pl.col(CLIENT).is_not_null() & ~is_stray
                rows = chunk.with_columns(number.alias(CLIENT)).filter(of_clients)
                self._heights = self._heights + occurrences(rows[CLIENT], len(self.files))
                yield rows.select(*map(named, columns), CLIENT)
        files.check_unchanged()
        self._conclude(clients, nobodys, column)

    def _all(self, files: Files, wanted: Wanted, spelled: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Read the rows of the clients, those of nobody, and maybe others."""
        if not files.is_scanned:
            yield from (rows for _, rows in files.rows_by_file(wanted))
            return
        column, dtype = [*wanted.schema.items()][-1]
        of_them = client_rows.is_of(column, dtype, spelled) | client_rows.is_stray(column, dtype)
        rows = files.rows(wanted).filter(of_them)
        if self.size < min(WHOLE_BYTES, self.space.spill_bytes):
            yield rows.collect()
        else:
            yield from rows.collect_batches(chunk_size=CHUNK_ROWS)

    def _conclude(self, clients: Sequence[int], nobodys: Pile, column: str) -> None:
        """Tell which clients have no row, and what becomes of what is nobody's."""
        lines = super().malformed(clients[0])
        count = nobodys.height + sum(map(len, lines.values()))
        for client in clients:
            source = self.sources[client]
            where, place = str(source.location), source.place
            if count and source.strays == "fail":
                self.faults[client] = file_failures.strays(
                    where, column, count, source.shared_at or place
                )
            elif not self._heights[client]:
                is_number = not client_rows.is_text(self.schema[column])
                self.faults[client] = file_failures.no_rows(
                    where, column, place, holds_numbers=is_number
                )
            elif source.strays == "reject":
                self.strays[client], self._lines[client] = nobodys, lines
