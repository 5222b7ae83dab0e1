"""Writing what a partition was made into: data, rejects, kept rows; counted as it was written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
import polars as pl

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.module_settings import ModuleSettings
from ai_dataflow.connections.stores import Folder
from ai_dataflow.partition.breaches import with_breaches
from ai_dataflow.partition.clients import CLIENT, heights
from ai_dataflow.partition.conservation import (
    check_balance,
    check_kept,
    check_left,
    check_rejected,
)
from ai_dataflow.partition.counting import count_rejects, count_rows
from ai_dataflow.partition.merge import union_products
from ai_dataflow.partition.profiled import NOT_PROFILED
from ai_dataflow.partition.profiling import Level, Profiler
from ai_dataflow.partition.scratch import bytes_per_row
from ai_dataflow.partition.steps import Steps
from ai_dataflow.partition.values import WrittenRejects, WrittenRows
from ai_dataflow.workstation.data_files import DataFile, Frame, write_partition
from ai_dataflow.workstation.kept_rows import Kept, keep
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.reject_tables import write_rejects

# In memory; as Parquet with its compression that is a file of some 150 to 400 MB.
FILE_BYTES = 1 << 30
MANY_ROWS = 1_000_000


def write(
    steps: Steps,
    rejects: pl.LazyFrame | None,
    workstation: Folders,
    limit: ModuleSettings | None = None,
    profile: Level = "off",
) -> None:
    """Write what was merged, and what is left out; where it does not add up, nothing stays.

    Rejects of a partition that rejected too much stay: people will want to look at them.

    Args:
        steps: what was mapped and merged; it gets what was written.
        rejects: the reject table's rows; None where there are none.
        workstation: where.
        limit: how much may be rejected; None where that was decided before.
        profile: what is kept of the columns.

    Raises:
        DataflowError: what hinders writing. DAT-002 and DAT-004 are in the steps.
    """
    with steps.work.timed("write"), _nothing_stays(steps, workstation):
        _keep_rows(steps, workstation)
        if rejects is not None:
            _write_rejects(steps, rejects, workstation)
        if limit is not None:
            _refuse_lost(steps, limit, workstation)
        _write_rows(steps, workstation, profile)


def _refuse_lost(steps: Steps, limit: ModuleSettings, workstation: Folders) -> None:
    """Fail the clients that lost too many rows, or all: to rejects, or to joins as well."""
    is_empty, has_rejects = steps.heights() == 0, steps.left_out() > 0
    is_unmatched = is_empty & (steps.unmatched() > 0)
    results = steps.results() if has_rejects.any() else []
    for client in steps.clients:
        with _failing(steps, client):
            if has_rejects[client]:
                read, is_lost = steps.rows_mapped(client), is_empty[client] & ~is_unmatched[client]
                check_rejected(results[client], read, limit, workstation, is_lost=bool(is_lost))
            if is_unmatched[client]:
                check_left(steps.jobs[client], steps.counts(client))


@contextmanager
def _failing(steps: Steps, client: int) -> Iterator[None]:
    try:
        yield
    except DataflowError as error:
        steps.fail(client, error.diagnostics)


def _keep_rows(steps: Steps, workstation: Folders) -> None:
    """Keep the rows of joined products that have rejects, for the replay of these."""
    for product, merged in steps.merged.items():
        clients = [c for c in steps.clients if steps.expected(c).has_rejects(product)]
        for submodule, rows in merged.kept.items() if clients else ():
            frames = _by_client(rows.frame, len(steps.jobs))
            for client in clients:
                job = steps.jobs[client]
                name = Kept(job.module, job.client, steps.publications[client], product, submodule)
                kept = keep(frames[client], name, workstation)
                check_kept(name, int(rows.height[client]), kept.rows)


def _write_rejects(steps: Steps, rejects: pl.LazyFrame, workstation: Folders) -> None:
    """Write the rows that partitions leave out, and count the open ones in the files."""
    table = workstation.rejects(steps.jobs[0].module)
    frames = _by_client(rejects, len(steps.jobs))
    # Of one client all are written, those too that a replay has let pass.
    several = len(steps.jobs) > 1
    left_out = [
        client
        for client in steps.clients
        if not several or any(steps.expected(client).rejected.values())
    ]

    def write_one(client: int) -> None:
        job, publication = steps.jobs[client], steps.publications[client]
        height = sum(steps.expected(client).rejected.values()) if several else None
        file = write_rejects(frames[client], table, job.client, publication, height)
        steps.rejects[client] = WrittenRejects((file,))

    list(at_once(write_one, left_out, table.requests))
    files_of = {client: steps.rejects[client].files for client in left_out}
    steps.rejects |= count_rejects(steps.jobs[0].module, files_of, workstation)


def _write_rows(steps: Steps, workstation: Folders, profile: Level) -> None:
    """Write the rows of partitions, into files of equal, sensible size; check that they add up."""
    job = steps.jobs[0]
    table = workstation.dataset(job.module)
    products = union_products({p: merged.rows for p, merged in steps.merged.items()}, job.columns)
    of_client = _cut(products, len(steps.jobs))
    heights = [*map(int, steps.heights())]

    def write_one(client: int) -> tuple[DataFile, ...]:
        client_code, height = steps.jobs[client].client, heights[client]
        rows = of_client(client)
        limit, name = _rows_per_file(rows.lazy(), height), steps.publications[client]
        read_back = height if limit is None else None
        written = write_partition(rows, table, client_code, name, limit, read_back)
        steps.written[client] = WrittenRows(written)
        return written

    clients = steps.clients
    files = dict(zip(clients, at_once(write_one, clients, table.requests), strict=True))
    named = [*zip((job.client for job in steps.jobs), steps.publications, strict=True)]
    profiler = Profiler(job.columns, named, profile, max(heights))
    see = None if profile == "off" else profiler.see
    counted = count_rows(job.module, files, workstation, see)
    breaches = with_breaches(job.module, job.columns, files, counted, workstation)
    for client, written in breaches.items():
        with _failing(steps, client):
            check_balance(steps.counts(client, written), job.columns, steps.expected(client))
            steps.written[client] = written
    steps.profiled = NOT_PROFILED if profile == "off" else profiler.packed(job)
    for client in files:
        if client in steps.problems:
            _remove(table, steps.written.pop(client).files)
            if rejects := steps.rejects.get(client):
                _remove(workstation.rejects(job.module), rejects.files)
                steps.rejects[client] = replace(rejects, files=())


def _by_client(rows: pl.LazyFrame, clients: int) -> Sequence[Frame]:
    """Give the rows of each client; those of several are in memory."""
    if clients == 1:
        return [rows]
    frame = rows.collect()
    cut = frame.partition_by(CLIENT, as_dict=True, include_key=False, maintain_order=True)
    nobody = frame.clear().drop(CLIENT)
    return [cut.get((client,), nobody) for client in range(clients)]


def _cut(products: Sequence[pl.LazyFrame], clients: int) -> Callable[[int], Frame]:
    """Give what gives a client's rows of all products, which are sorted by client.

    Those of several clients are in memory.
    """
    if clients == 1:
        return lambda _: pl.concat(products)
    frames = [product.collect() for product in products]
    numbers = [heights(frame, clients) for frame in frames]
    begins = [np.cumsum(number) - number for number in numbers]
    frames = [frame.drop(CLIENT) for frame in frames]

    def cut(client: int) -> pl.DataFrame:
        slices = [
            frame.slice(int(begin[client]), int(number[client]))
            for frame, begin, number in zip(frames, begins, numbers, strict=True)
        ]
        return pl.concat(slices)

    return cut


def _rows_per_file(rows: pl.LazyFrame, height: int) -> int | None:
    """Give the rows of each file; None where one will do."""
    if height < MANY_ROWS:
        return None
    files = math.ceil(bytes_per_row(rows) * height / FILE_BYTES)
    return math.ceil(height / max(files, 1))


@contextmanager
def _nothing_stays(steps: Steps, workstation: Folders) -> Iterator[None]:
    """Remove what was written if writing ends early; nobody has seen it."""
    try:
        yield
    except BaseException:
        module = steps.jobs[0].module
        for rows in steps.written.values():
            _remove(workstation.dataset(module), rows.files)
        for client, rejects in steps.rejects.items():
            _remove(workstation.rejects(module), rejects.files)
            steps.rejects[client] = replace(rejects, files=())
        steps.written.clear()
        raise


def _remove(table: Folder, files: Sequence[DataFile]) -> None:
    with suppress(DataflowError), reaching(table):  # else `cleanup` finds them
        table.delete([file.path for file in files])
