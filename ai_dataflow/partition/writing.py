"""Writing what a partition was made into: data, rejects, kept rows; counted as it was written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.conservation import Expectation, check_kept, close_balance, count_rejects
from ai_dataflow.partition.merge import Rows
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.scratch import bytes_per_row
from ai_dataflow.workstation.data_files import write_partition
from ai_dataflow.workstation.kept_rows import Kept, keep
from ai_dataflow.workstation.layout import Workstation
from ai_dataflow.workstation.reaching import reaching

# In memory; as Parquet with its compression that is a file of some 150 to 400 MB.
FILE_BYTES = 1 << 30
MANY_ROWS = 1_000_000


def keep_rows(
    result: PartitionResult, product: str, rows: Mapping[str, Rows], workstation: Workstation
) -> None:
    """Keep the rows of a product's submodules as long as readers see this publication."""
    job = result.job
    for submodule, own in rows.items():
        name = Kept(job.module, job.client, result.publication, product, submodule)
        check_kept(name, own.height, keep(own.frame, name, workstation).rows)


def write_rejects(result: PartitionResult, lost: pl.LazyFrame, workstation: Workstation) -> None:
    """Write the rows that a partition leaves out, and count the open ones in the file."""
    job = result.job
    table = workstation.rejects(job.module)
    with _nothing_stays(result, workstation):
        result.rejects = write_partition(lost, table, job.client, result.publication)
        count_rejects(result, workstation)


def write_balanced(
    result: PartitionResult,
    rows: pl.LazyFrame,
    expected: Expectation,
    workstation: Workstation,
) -> None:
    """Write the rows of a partition; where they do not add up, nothing stays.

    Raises:
        DataflowError: DAT-002, and what hinders writing.
    """
    with _nothing_stays(result, workstation):
        _write_data(result, rows, workstation)
        close_balance(result, expected, workstation)


@contextmanager
def _nothing_stays(result: PartitionResult, workstation: Workstation) -> Iterator[None]:
    """Remove what was written where something goes wrong."""
    try:
        yield
    except BaseException:
        _discard(result, workstation)
        raise


def _write_data(result: PartitionResult, rows: pl.LazyFrame, workstation: Workstation) -> None:
    """Write the rows of a partition, into files of equal, sensible size."""
    job = result.job
    height = result.total("rows_read") - result.total("rows_merged")
    result.data = write_partition(
        rows,
        workstation.dataset(job.module),
        job.client,
        result.publication,
        _rows_per_file(rows, height),
    )


def _rows_per_file(rows: pl.LazyFrame, height: int) -> int | None:
    """Give the rows of each file; None where one will do."""
    if height < MANY_ROWS:
        return None
    files = math.ceil(bytes_per_row(rows) * height / FILE_BYTES)
    return math.ceil(height / max(files, 1))


def _discard(result: PartitionResult, workstation: Workstation) -> None:
    """Remove the files of a partition that is not published; nobody has seen them."""
    for table, files in (
        (workstation.dataset(result.job.module), result.data),
        (workstation.rejects(result.job.module), result.rejects),
    ):
        with suppress(DataflowError), reaching(table):  # else `cleanup` finds them
            table.delete([file.path for file in files])
    result.data = result.rejects = ()
