"""What a dataset's rows can be had as: frames of other libraries, batches, training sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from ai_dataflow.config.extras import install_line, is_installed
from ai_dataflow.workstation.layout import PARTITION_COLUMN
from ai_dataflow.workstation.readers import names_of
from ai_dataflow.workstation.row_streams import RowStream, Transform
from ai_dataflow.workstation.splits import split_clients
from ai_dataflow.workstation.torch_rows import TorchRows, torch_rows

if TYPE_CHECKING:
    import datasets
    import duckdb
    import pandas as pd
    import pyarrow as pa

BATCH_ROWS = 65_536
_TRAINING_ROWS = 1024
_SHARDS = 64
_EXTENSIONS = "spark.sql.extensions"
_DELTA = "io.delta"


class Outputs:
    """The formats of what `scan` reads; all take its parameters."""

    def scan(self, *args: Any, **options: Any) -> pl.LazyFrame:
        """Read the rows lazily."""
        raise NotImplementedError

    def clients(self, version: int | None = None) -> list[str]:
        """Give the clients that have rows."""
        raise NotImplementedError

    def pinned(self, options: Mapping[str, Any]) -> int:
        """Give the number of the version that `scan` would read with these options now."""
        raise NotImplementedError

    @property
    def uri(self) -> str:
        """Where the Delta table is, as other programs name it."""
        raise NotImplementedError

    def arrow(self, *args: Any, **options: Any) -> pa.Table:
        """Read it as an Arrow table; parameters as `scan`."""
        return self.scan(*args, **options).collect().to_arrow()

    def pandas(self, *args: Any, **options: Any) -> pd.DataFrame:
        """Read it as a pandas frame; parameters as `scan`."""
        return self.scan(*args, **options).collect().to_pandas()

    def duckdb(self, *args: Any, **options: Any) -> duckdb.DuckDBPyRelation:
        """Read it as a relation of DuckDB, which must be installed; parameters as `scan`."""
        if not is_installed("duckdb"):
            raise ImportError("duckdb is not installed: pip install duckdb")
        import duckdb  # noqa: PLC0415 - for those alone who have it

        return duckdb.from_arrow(self.arrow(*args, **options))

    def spark(
        self,
        session: Any,
        client: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        **options: Any,
    ) -> Any:
        """Read it as a frame of Spark; parameters as `scan`, after your session.

        A session with Delta Lake's extension reads the table itself, with credentials of its own;
        the version is the one of now. Any other gets the rows through Arrow, and so does `as_of`:
        they pass through this process.
        """
        rows = self.scan(client, columns, **options)
        has_delta = _DELTA in (session.conf.get(_EXTENSIONS, "") or "")
        if not has_delta or options.get("as_of") is not None:
            return session.createDataFrame(
                rows.collect().to_arrow(compat_level=pl.CompatLevel.oldest())
            )
        reader = session.read.format("delta").option("versionAsOf", self.pinned(options))
        frame = reader.load(self.uri)
        if (clients := names_of(client)) is not None:
            frame = frame.where(frame[PARTITION_COLUMN].isin(clients))
        return frame if columns is None else frame.select(*columns)

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

    def split(
        self, shares: Mapping[str, float], seed: int = 0, *, version: int | None = None
    ) -> dict[str, list[str]]:
        """Divide the clients into parts such as train, valid and test; none is in two.

        The seed and the client's code decide: a client that is added moves no other, and the same
        seed divides all modules alike. What comes is taken by `scan`, `to_torch` and the others as
        `client`. The shares are of clients, so they are met the better the more there are.

        Args:
            shares: the share of each part, by its name; together they are 1.
            seed: another seed is another split.
            version: the number of a version; None for the newest.

        Raises:
            ValueError: the shares are not together 1.
            DatasetNotFoundError: nothing is published under that name, or in that version.
            DataflowError: the workstation does not let us in.

        Example:
            >>> parts = workstation["sales"].split({"train": 0.8, "valid": 0.2}, seed=1)
            >>> workstation["sales"].scan(client=parts["train"])
        """
        return split_clients(self.clients(version), shares, seed)

    def to_torch(
        self,
        client: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        *,
        rows: int = _TRAINING_ROWS,
        transform: Transform | None = None,
        **options: Any,
    ) -> TorchRows:
        """Give it as an `IterableDataset` of PyTorch (extra `torch`), which reads while you train.

        It gives batches: by column a tensor of numbers, booleans, days or microseconds, or a list
        of texts and others. So a `DataLoader` takes `batch_size=None`. Its workers share the
        clients; with any, it needs `multiprocessing_context="forkserver"` or `"spawn"`. All epochs
        read the version that is the newest when this is called, unless you name one.

        Args:
            client: one client's code, several, or None for all.
            columns: the columns to give, in this order; None for all.
            rows: how many a batch has at most.
            transform: what makes of each batch, a Polars frame, the one that is given: it fills
                nulls, say, which integers, booleans and moments must not have.
            options: what else `scan` takes.

        Raises:
            ImportError: torch is not installed.
            DatasetNotFoundError: as `scan`, and so on.
        """
        _need("torch")
        return torch_rows(self._stream(client, columns, rows, transform, options))

    def to_datasets(
        self,
        client: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        *,
        rows: int = _TRAINING_ROWS,
        transform: Transform | None = None,
        **options: Any,
    ) -> datasets.IterableDataset:
        """Give it as an `IterableDataset` of Hugging Face (extra `datasets`): row by row.

        Its shards are groups of clients. Parameters and version as for `to_torch`; `rows` is how
        many are read at a time.

        Raises:
            ImportError: datasets is not installed.
            DatasetNotFoundError: as `scan`, and so on.
        """
        _need("datasets")
        import datasets  # noqa: PLC0415 - for those alone who have it

        stream = self._stream(client, columns, rows, transform, options)
        count = min(_SHARDS, len(stream.clients)) or 1
        shards = [stream.share(number, count) for number in range(count)]
        features = datasets.Features.from_arrow_schema(stream.empty().to_arrow().schema)
        return datasets.IterableDataset.from_generator(
            _rows, features=features, gen_kwargs={"stream": stream, "shards": shards}
        )

    def _stream(
        self,
        client: str | Sequence[str] | None,
        columns: Sequence[str] | None,
        rows: int,
        transform: Transform | None,
        options: Mapping[str, Any],
    ) -> RowStream:
        fixed = {name: value for name, value in options.items() if name not in ("snapshot", "at")}
        fixed |= {"columns": columns, "version": self.pinned(options)}
        self.scan(client, **fixed)  # so that what is not there is told now
        names = names_of(client)
        clients = self.clients(fixed["version"]) if names is None else names
        return RowStream(self.scan, clients, fixed, rows, transform)


def _rows(stream: RowStream, shards: Sequence[Sequence[str]]) -> Iterator[dict[str, Any]]:
    for clients in shards:
        for frame in stream.frames(clients):
            yield from frame.iter_rows(named=True)


def _need(package: str) -> None:
    if not is_installed(package):
        raise ImportError(f"{package} is not installed: {install_line(package)}")
