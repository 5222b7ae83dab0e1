"""Rows of a dataset as PyTorch's DataLoader takes them. PyTorch is imported when they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import polars as pl

from ai_dataflow.workstation.row_streams import RowStream


class TorchRows:
    """Batches of rows: by column a tensor, or a list of what is no number.

    What `torch_rows` makes is an `IterableDataset`, too. Each worker of a `DataLoader` reads some
    of the clients.
    """

    def __init__(self, stream: RowStream) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Read the rows that are this worker's."""
        import torch  # noqa: PLC0415 - for those alone who have it

        worker = torch.utils.data.get_worker_info()
        mine = self.stream.share(worker.id, worker.num_workers) if worker else None
        for frame in self.stream.frames(mine):
            yield {column.name: _values(column) for column in frame}

    def __reduce__(self) -> tuple[Callable[[RowStream], TorchRows], tuple[RowStream]]:
        """Tell how another process makes it."""
        return torch_rows, (self.stream,)


def torch_rows(stream: RowStream) -> TorchRows:
    """Give the rows of a stream as an `IterableDataset`."""
    made: TorchRows = _kind()(stream)
    return made


@lru_cache(maxsize=1)
def _kind() -> Any:
    from torch.utils.data import IterableDataset  # noqa: PLC0415 - for those alone who have it

    return type("TorchRows", (TorchRows, IterableDataset), {})


def _values(column: pl.Series) -> Any:
    """Give a column's values: numbers, booleans, days and moments as a tensor, others as a list."""
    import torch  # noqa: PLC0415 - for those alone who have it

    numbers = _numbers(column)
    if numbers is None:
        return column.to_list()
    if numbers.null_count() and not numbers.dtype.is_float():  # those become NaN
        raise ValueError(
            f"`{column.name}` is {column.dtype} and has nulls, which a tensor cannot have: fill or "
            "drop them in `transform`, or cast it to a float there"
        )
    return torch.from_numpy(numbers.to_numpy(writable=True))


def _numbers(column: pl.Series) -> pl.Series | None:
    """Give a column as numbers; None where it is of others.

    Days are days and moments microseconds since 1970; categories are their numbers.
    """
    dtype = column.dtype
    if dtype.is_decimal():
        return column.cast(pl.Float64)
    if dtype.is_temporal() or isinstance(dtype, pl.Enum | pl.Categorical):
        column = column.to_physical()
    is_plain = column.dtype.is_signed_integer() or column.dtype.is_float() or dtype == pl.Boolean
    if is_plain:
        return column
    return column.cast(pl.Int64) if column.dtype.is_unsigned_integer() else None
