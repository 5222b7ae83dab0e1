"""Reading files that are all clients': once for those that are made together.

Each gets all rows. What is wrong with the files is wrong for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.reading import Reading
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
        clients = range(len(self.files))
        try:
            rows = pl.concat(self._once.chunks())
        except DataflowError as error:
            self.faults.update(dict.fromkeys(clients, error))
            return
        numbers = (pl.lit(client, pl.UInt32()).alias(CLIENT) for client in clients)
        yield pl.concat(rows.select(number, pl.all()) for number in numbers)

    def malformed(self, client: int) -> Mapping[str, list[str]]:
        """Give the raw lines of the files that are no rows."""
        return {} if client in self.faults else self._once.malformed(0)

    def counted_before(self, client: int) -> int | None:
        """Give how many rows the files have, where somebody else has counted them."""
        return None if client in self.faults else self._once.counted_before(0)

    def by_file(self, client: int) -> Mapping[str, int]:
        """Count the rows of each of several files."""
        return {} if client in self.faults else self._once.by_file(0)
