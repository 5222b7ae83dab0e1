"""Profiles on their way from where partitions are made to where they are published."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

import polars as pl

from ai_dataflow.workstation.profiles import SCHEMA


@dataclass(frozen=True)
class Profiled:
    """The profiles of partitions that were made together, packed; or what hindered making them.

    They have values of the rows, which are not shown. The first of the results has them for all.
    """

    content: bytes = field(default=b"", repr=False)
    problem: str = ""

    @classmethod
    def of(cls, rows: pl.DataFrame) -> Profiled:
        """Pack profiles."""
        target = BytesIO()
        rows.select(SCHEMA.names()).write_ipc(target, compression="lz4")
        return cls(target.getvalue())

    def rows(self) -> pl.DataFrame:
        """Unpack them; what only the run knows is null in them."""
        return pl.read_ipc(BytesIO(self.content)) if self.content else pl.DataFrame(schema=SCHEMA)


NOT_PROFILED = Profiled()
