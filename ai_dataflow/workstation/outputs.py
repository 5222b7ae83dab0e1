"""What a dataset's rows can be had as: frames of other libraries, batches, training sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

BATCH_ROWS = 65_536


class Outputs:
    """The formats of what `scan` reads; all take its parameters."""

    def scan(self, *args: Any, **options: Any) -> pl.LazyFrame:
        """Read the rows lazily."""
        raise NotImplementedError

    def arrow(self, *args: Any, **options: Any) -> pa.Table:
        """Read it as an Arrow table; parameters as `scan`."""
        return self.scan(*args, **options).collect().to_arrow()

    def pandas(self, *args: Any, **options: Any) -> pd.DataFrame:
        """Read it as a pandas frame; parameters as `scan`."""
        return self.scan(*args, **options).collect().to_pandas()

    def duckdb(self, *args: Any, **options: Any) -> duckdb.DuckDBPyRelation:
        """Read it as a relation of DuckDB, which must be installed; parameters as `scan`."""
        import duckdb  # noqa: PLC0415 - for those alone who have it

        return duckdb.from_arrow(self.arrow(*args, **options))

    def batches(
        self, *args: Any, rows: int = BATCH_ROWS, **options: Any
    ) -> Iterator[pa.RecordBatch]:
        """Read it in batches of so many rows, for what does not fit in memory; as `scan`.

        The order of the batches is that of the rows.
        """
        for frame in self.scan(*args, **options).collect_batches(
            chunk_size=rows, maintain_order=True
        ):
            yield from frame.to_arrow().to_batches()
