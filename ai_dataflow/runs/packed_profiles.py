"""The profiles of a module while it is made: packed, of very many clients in a file.

Of ten thousand clients they would take more memory than all else that a run holds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from ai_dataflow.partition.profiled import NOT_PROFILED, Profiled
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.workstation.profiles import SCHEMA

_BYTES = 1 << 24  # packed, in memory; what is more goes into a file
_ROWS = 10_000  # that are unpacked at once: some 20 MB


class PackedProfiles:
    """The profiles that came with results of a module; `problems` say which are not here, and why.

    They have row values: where they go into a file, it has no name that others could open.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_BYTES)  # noqa: SIM115 - as long as this
        self._sizes: list[int] = []
        self.problems: list[str] = []

    def taken_from(self, result: PartitionResult) -> PartitionResult:
        """Take the profiles that came with a result; give the result without them."""
        profiled = result.profiled
        if not (profiled.content or profiled.problem):
            return result
        if profiled.problem:
            self.problems.append(f"computing them failed: {profiled.problem}")
        if profiled.content:
            self._put(profiled.content)
        return replace(result, profiled=NOT_PROFILED)

    def _put(self, content: bytes) -> None:
        try:
            self._file.seek(sum(self._sizes))
            self._file.write(content)
        except OSError as error:
            self.problems.append(f"TMPDIR cannot take them: {type(error).__name__}")
        else:
            self._sizes.append(len(content))

    def frames(self, publications: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Unpack the profiles of some publications, so many rows at a time; none are no frame."""
        is_wanted = pl.col("publication").is_in(publications)
        some = pl.DataFrame(schema=SCHEMA)
        self._file.seek(0)
        for size in self._sizes:
            rows = Profiled(self._file.read(size)).rows()
            some = pl.concat([some, rows.filter(is_wanted)])
            if some.height >= _ROWS:
                yield some
                some = some.clear()
        if some.height:
            yield some
