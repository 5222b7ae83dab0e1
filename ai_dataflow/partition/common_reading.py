"""Reading files that are all clients': once for those that are made together.

Each gets all rows; but what is only looked up stays as it is, once. What is wrong with the files is
wrong for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.clients import Counts, of_each
from ai_dataflow.partition.parts import Part
from ai_dataflow.partition.reading import Reading
from ai_dataflow.partition.values import MappedSource
from ai_dataflow.sources.files.open_files import Files


def are_common(files: Sequence[Files]) -> bool:
    """Tell whether several clients have the very same files."""
    first, *others = files
    return bool(others) and all(_content(each) == _content(first) for each in others)


def _content(files: Files) -> object:
    pinned = files.pinned
    return pinned.folder, pinned.files, pinned.version, pinned.partition, pinned.sheet


@dataclass
class CommonReading(Reading):
    """The rows of files that several clients have, for each of them."""

    _once: Reading = field(init=False)

    def __post_init__(self) -> None:
        """Read for the first of the clients alone."""
        self._once = Reading(self.files[:1], self.wanted, self.space, self.size)

    def chunks(self) -> Iterator[pl.DataFrame]:
        """Read the rows, and give them to each client; anew each time."""
        clients = len(self.files)
        try:
            rows = pl.concat(self._once.chunks())
        except DataflowError as error:
            self.faults.update(dict.fromkeys(range(clients), error))
            return
        yield of_each(rows.lazy(), clients).collect()

    def malformed(self, client: int) -> Mapping[str, list[str]]:
        """Give the raw lines of the files that are no rows."""
        return {} if client in self.faults else self._once.malformed(0)

    def counted_before(self, client: int) -> int | None:
        """Give how many rows the files have, where somebody else has counted them."""
        return None if client in self.faults else self._once.counted_before(0)

    def by_file(self, client: int) -> Mapping[str, int]:
        """Count the rows of each of several files."""
        return {} if client in self.faults else self._once.by_file(0)


def of_all_clients(mapped: MappedSource, clients: int) -> MappedSource:
    """Give a lookup that was mapped once as that of each client; its good rows stay there once."""

    def each(count: Counts) -> Counts:
        return np.repeat(count, clients)

    def common(part: Part) -> Part:
        filled = {name: each(count) for name, count in part.filled.items()}
        return replace(part, height=each(part.height), filled=filled, is_common=True)

    errors = [*mapped.faults.values()]
    return replace(
        mapped,
        part=common(mapped.part) if mapped.part else None,
        rows_read=each(mapped.rows_read),
        rows_left_out=each(mapped.rows_left_out),
        left_out=tuple(of_each(rows, clients) for rows in mapped.left_out),
        taken=None,  # what is only looked up is not left out by checks of joined rows
        further={term: each(count) for term, count in mapped.further.items()},
        faults=dict.fromkeys(range(clients), errors[0]) if errors else {},
    )
