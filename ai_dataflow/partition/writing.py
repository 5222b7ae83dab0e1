"""Writing what a partition was made into: data, rejects, kept rows; counted as it was written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.sections import ModuleSettings
from ai_dataflow.connections.stores import Folder
from ai_dataflow.partition.conservation import (
    check_balance,
    check_kept,
    check_rejected,
    count_rejects,
    count_rows,
)
from ai_dataflow.partition.merge import union_products
from ai_dataflow.partition.scratch import bytes_per_row
from ai_dataflow.partition.steps import Steps
from ai_dataflow.partition.values import WrittenRejects, WrittenRows
from ai_dataflow.workstation.data_files import DataFile, write_partition
from ai_dataflow.workstation.kept_rows import Kept, keep
from ai_dataflow.workstation.layout import Workstation
from ai_dataflow.workstation.reaching import reaching

# In memory; as Parquet with its compression that is a file of some 150 to 400 MB.
FILE_BYTES = 1 << 30
MANY_ROWS = 1_000_000


def write(
    steps: Steps,
    rejects: pl.LazyFrame | None,
    workstation: Workstation,
    limit: ModuleSettings | None = None,
) -> None:
    """Write what was merged, and what is left out; where it does not add up, nothing stays.

    Rejects of a partition that rejected too much stay: people will want to look at them.

    Args:
        steps: what was mapped and merged; it gets what was written.
        rejects: the reject table's rows; None where there are none.
        workstation: where.
        limit: how much may be rejected; None where that was decided before.

    Raises:
        DataflowError: DAT-002, DAT-004, and what hinders writing.
    """
    with steps.work.timed("write"):
        _keep_rows(steps, workstation)
        if rejects is not None:
            steps.rejects = _write_rejects(steps, rejects, workstation)
        if limit is not None:
            check_rejected(steps.result(), limit, workstation)
        try:
            steps.written = _write_rows(steps, workstation)
        except BaseException:
            if steps.rejects:
                _remove(workstation.rejects(steps.job.module), steps.rejects.files)
                steps.rejects = replace(steps.rejects, files=())
            raise


def _keep_rows(steps: Steps, workstation: Workstation) -> None:
    """Keep the rows of joined products that have rejects, for the replay of these."""
    job, expected = steps.job, steps.expected
    for product, merged in steps.merged.items():
        for submodule, rows in merged.kept.items() if expected.has_rejects(product) else ():
            name = Kept(job.module, job.client, steps.publication, product, submodule)
            check_kept(name, rows.height, keep(rows.frame, name, workstation).rows)


def _write_rejects(steps: Steps, rejects: pl.LazyFrame, workstation: Workstation) -> WrittenRejects:
    """Write the rows that a partition leaves out, and count the open ones in the file."""
    job = steps.job
    table = workstation.rejects(job.module)
    files = write_partition(rejects, table, job.client, steps.publication)
    with _nothing_stays(table, files):
        return WrittenRejects(files, count_rejects(job, files, workstation))


def _write_rows(steps: Steps, workstation: Workstation) -> WrittenRows:
    """Write the rows of a partition, into files of equal, sensible size; check that they add up."""
    job = steps.job
    rows = union_products({p: merged.rows for p, merged in steps.merged.items()}, job.columns)
    counts = steps.counts().values()
    height = sum(count.rows_read - count.rows_merged for count in counts)
    table = workstation.dataset(job.module)
    files = write_partition(
        rows, table, job.client, steps.publication, _rows_per_file(rows, height)
    )
    with _nothing_stays(table, files):
        counted = count_rows(job, files, workstation)
        written = WrittenRows(
            files,
            {product: height for product, (height, _) in counted.items()},
            {product: filled for product, (_, filled) in counted.items()},
        )
        check_balance(steps.counts(written), job.columns, steps.expected)
        return written


def _rows_per_file(rows: pl.LazyFrame, height: int) -> int | None:
    """Give the rows of each file; None where one will do."""
    if height < MANY_ROWS:
        return None
    files = math.ceil(bytes_per_row(rows) * height / FILE_BYTES)
    return math.ceil(height / max(files, 1))


@contextmanager
def _nothing_stays(table: Folder, files: Sequence[DataFile]) -> Iterator[None]:
    """Remove files of a partition that is not published; nobody has seen them."""
    try:
        yield
    except BaseException:
        _remove(table, files)
        raise


def _remove(table: Folder, files: Sequence[DataFile]) -> None:
    with suppress(DataflowError), reaching(table):  # else `cleanup` finds them
        table.delete([file.path for file in files])
