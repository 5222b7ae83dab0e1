"""Footers: what a data file tells of its rows, group by group, without reading them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.layout import PRODUCT_COLUMN

if TYPE_CHECKING:
    from pyarrow.parquet import RowGroupMetaData, Statistics

_END = 8  # bytes: the length of the footer, and `PAR1`


@dataclass(frozen=True)
class RowGroup:
    """Rows of a file, from the row `begin`, and how many values each column has in them.

    `product` is theirs; None where they are of several, or where the footer leaves something open.
    `ends` are the least and the greatest value of columns, or what is below and above them: long
    texts may be cut off. Of floats they are those beside NaNs.
    """

    begin: int
    rows: int
    product: str | None
    values: Mapping[str, int]
    ends: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def row_groups(table: Folder, file: DataFile) -> list[RowGroup]:
    """Read the footer of a data file.

    Two requests. What is raised is for `reaching`.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - its import is for what is large

    length = int.from_bytes(table.read_range(file.path, file.size - _END, 4), "little") + _END
    footer = pq.read_metadata(BytesIO(table.read_range(file.path, file.size - length, length)))
    groups: list[RowGroup] = []
    for number in range(footer.num_row_groups):
        begin = groups[-1].begin + groups[-1].rows if groups else 0
        groups.append(_row_group(footer.row_group(number), begin))
    return groups


def _row_group(group: RowGroupMetaData, begin: int) -> RowGroup:
    columns = [group.column(number) for number in range(group.num_columns)]
    statistics = {column.path_in_schema: column.statistics for column in columns}
    if not all(column and column.has_null_count for column in statistics.values()):
        return RowGroup(begin, group.num_rows, None, {})
    values = {name: group.num_rows - column.null_count for name, column in statistics.items()}
    # They are limits at least; of long texts, which are cut off, they differ.
    product = statistics[PRODUCT_COLUMN]
    is_one = product.has_min_max and product.min == product.max and not product.null_count
    if not is_one:
        return RowGroup(begin, group.num_rows, None, values)
    ends = {name: both for name, column in statistics.items() if (both := _ends(column))}
    return RowGroup(begin, group.num_rows, product.min, values, ends)


def _ends(column: Statistics) -> tuple[Any, Any] | None:
    try:
        return (column.min, column.max) if column.has_min_max else None
    except (ValueError, OverflowError):  # a year that Python does not have
        return None
