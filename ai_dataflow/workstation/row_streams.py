"""Rows of one version of a dataset as a stream of batches, which workers can share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

Transform = Callable[[pl.DataFrame], pl.DataFrame]


class RowStream:
    """Batches of rows of some clients, in a version that is fixed when the stream is made.

    Each iteration reads anew, and a batch at a time. It can be sent to other processes, which read
    for themselves; a process that is a copy of another one (a *fork*) cannot read.
    """

    def __init__(
        self,
        scan: Callable[..., pl.LazyFrame],
        clients: Sequence[str],
        options: Mapping[str, Any],
        rows: int,
        transform: Transform | None = None,
    ) -> None:
        self.clients = tuple(clients)
        self._scan, self._options = scan, dict(options)
        self._rows, self._transform = rows, transform
        self._process = os.getpid()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what another process has sent."""
        vars(self).update(state)
        self._process = os.getpid()

    def frames(self, clients: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Read the rows of some of its clients, or of all, in batches of at most so many rows.

        Raises:
            RuntimeError: this process is a copy of the one that made the stream.
        """
        if os.getpid() != self._process:
            raise RuntimeError(
                "Polars cannot read in a copy of a process that has used it: give the DataLoader "
                'multiprocessing_context="forkserver" (or "spawn")'
            )
        chosen = self.clients if clients is None else tuple(clients)
        if not chosen:
            return
        rows = self._scan(chosen, **self._options)
        for frame in rows.collect_batches(chunk_size=self._rows, maintain_order=True):
            if frame.height:
                yield from self._made(frame)

    def _made(self, frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
        for part in frame.iter_slices(self._rows):
            yield self._transform(part) if self._transform else part

    def empty(self) -> pl.DataFrame:
        """Give a batch without rows, to see the columns and their types."""
        frame = self._scan([], **self._options).collect()
        return self._transform(frame) if self._transform else frame

    def share(self, worker: int, workers: int) -> tuple[str, ...]:
        """Give the clients of one of several workers."""
        return self.clients[worker::workers]
