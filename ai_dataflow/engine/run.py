"""`run(job)`: one partition, from its sources to uncommitted files or classified failures."""

from __future__ import annotations

import time
import traceback
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.compile import CompiledSource, compile_source
from ai_dataflow.engine.extract import extract_sources, owned
from ai_dataflow.engine.job import (
    STAGES,
    Failure,
    PartitionJob,
    PartitionResult,
    ProductCounts,
    SourceJob,
    Stage,
)
from ai_dataflow.engine.lineage import origins
from ai_dataflow.engine.merge import Part, merge_product, union_products
from ai_dataflow.engine.read import Rows, read_rows
from ai_dataflow.engine.scratch import Scratch, scratch
from ai_dataflow.engine.transform import REASON, malformed_rejects, map_rows, split
from ai_dataflow.sources import adls, failures
from ai_dataflow.sources.adls import Files
from ai_dataflow.sources.storage import scan_parquet
from ai_dataflow.workstation import rejects
from ai_dataflow.workstation.files import DataFile, write_partition
from ai_dataflow.workstation.paths import PRODUCT_COLUMN, Workstation, open_workstation


def run(
    job: PartitionJob,
    settings: Settings,
    run_id: str,
    stages: Collection[Stage] = STAGES,
) -> PartitionResult:
    """Make one partition. Never raises: what goes wrong is in the result, classified.

    Nothing becomes visible: the files that the result names are there for a commit to publish.
    """
    started = time.perf_counter()
    result = PartitionResult(job)
    try:
        extracted = extract_sources(job, settings, stages)
        result.extracts, result.failures = extracted.extracts, extracted.failures
        if "ai_dataset" in stages and not result.failures:
            _make(result, settings, run_id)
    except DataflowError as error:
        result.failures += [Failure("ai_dataset", problem) for problem in error.diagnostics]
    except (PolarsError, PanicException) as error:
        result.failures.append(Failure("ai_dataset", _failed_on_data(error)))
    except Exception as error:
        result.failures.append(Failure("ai_dataset", unexpected(error)))
    result.seconds = time.perf_counter() - started
    return result


def unexpected(error: BaseException) -> Diagnostic:
    """Classify what nobody foresaw: where it happened, without the values it may quote."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return Diagnostic(
        "RUN-002",
        f"{type(error).__name__} in {where}",
        fix="this is a defect of ai_dataflow or of its surroundings; please report it",
        cause=redacted(error),
    )


def _failed_on_data(error: BaseException) -> Diagnostic:
    return Diagnostic(
        "DAT-003",
        f"computing the AI columns failed: {type(error).__name__}",
        fix="look for a transform that cannot handle every row",
        cause=redacted(error),
    )


def _make(result: PartitionResult, settings: Settings, run_id: str) -> None:
    job = result.job
    workstation = open_workstation(settings)
    extracts = {(e.product, e.submodule): e for e in result.extracts}
    opened = {
        (s.product, s.submodule): adls.opened(extracts[s.product, s.submodule], s.place, settings)
        for s in job.sources
    }
    left_out: list[pl.LazyFrame] = []
    merged: dict[str, pl.LazyFrame] = {}
    with scratch() as space:
        for product, sources in job.by_product().items():
            counts = result.counts[product] = ProductCounts()
            parts = [
                _map(s, opened[product, s.submodule], result, left_out, space) for s in sources
            ]
            done = merge_product(parts)
            counts.rows_merged, merged[product] = done.rows_merged, done.rows
        if not result.total("rows_read"):
            locations = [str(source.location) for source in job.sources]
            first = job.sources[0]
            raise owned(failures.no_rows_at_all(locations, first.place), first)
        result.data = write_partition(
            union_products(merged, job.columns), workstation.dataset(job.module), job.client
        )
        _balance(result, workstation)
        result.rejects = _write_rejects(result, left_out, workstation, run_id)


def _map(
    source: SourceJob,
    files: Files,
    result: PartitionResult,
    left_out: list[pl.LazyFrame],
    space: Scratch,
) -> Part:
    """Read and map one source; its rejects are added to `left_out`, its rows counted."""
    try:
        compiled, read, mapped = _read_and_map(source, files, space)
    except DataflowError as error:
        raise owned(error, source) from None
    counts = result.counts[source.product]
    for ai_column, origin in origins(source, compiled):
        result.origins.setdefault(ai_column, []).append(origin)
    good_and_bad = split(mapped, source, compiled)
    total, good = mapped.select(pl.len(), pl.col(REASON).null_count()).collect().row(0)
    counts.rows_read += total + len(read.malformed)
    counts.rows_rejected += total - good + len(read.malformed)
    left_out.append(good_and_bad.rejects)
    if read.malformed:
        left_out.append(malformed_rejects(read.malformed, source))
    return Part(source, source.key_columns, good_and_bad.good)


def _read_and_map(
    source: SourceJob, files: Files, space: Scratch
) -> tuple[CompiledSource, Rows, pl.LazyFrame]:
    with files.reading():
        compiled = compile_source(source, files.schema())
        read = read_rows(files, compiled.needed, space)
    try:
        mapped = space.hold(map_rows(read.rows, compiled), files.extract.size)
    except (PolarsError, OSError, PanicException) as error:
        # Reading and computing are one pass. If reading alone fails too, that is the cause.
        with files.reading():
            read.rows.select(pl.all().null_count()).collect(engine="streaming")
        raise DataflowError(replace(_failed_on_data(error), place=source.place)) from None
    files.check_unchanged()
    return compiled, read, mapped


def _balance(result: PartitionResult, workstation: Workstation) -> None:
    """Count each product's rows in the written file, and close the balance (P3).

    Raises:
        DataflowError: DAT-002 with both sides of every open balance.
    """
    if result.data is None:
        return
    table = workstation.dataset(result.job.module)
    written = scan_parquet(table, [result.data.path])
    counted = written.group_by(PRODUCT_COLUMN).agg(pl.len().alias("__rows"), pl.all().count())
    published = {row.pop(PRODUCT_COLUMN): row for row in counted.collect().iter_rows(named=True)}
    open_balances = []
    for product, counts in result.counts.items():
        counts.filled = published.get(product, {})
        counts.rows_published = counts.filled.pop("__rows", 0)
        accounted = counts.rows_rejected + counts.rows_merged + counts.rows_published
        if counts.rows_read != accounted:
            open_balances.append(_open_balance(product, counts))
    if open_balances:
        table.delete([result.data.path])
        result.data = None
        raise DataflowError(*open_balances)


def _open_balance(product: str, counts: ProductCounts) -> Diagnostic:
    return Diagnostic(
        "DAT-002",
        f"{product}: {counts.rows_read} rows were read, but {counts.rows_rejected} rejected + "
        f"{counts.rows_merged} merged + {counts.rows_published} written are "
        f"{counts.rows_rejected + counts.rows_merged + counts.rows_published}",
        fix="the partition was not published; please report this",
        product=product,
    )


def _write_rejects(
    result: PartitionResult, left_out: list[pl.LazyFrame], workstation: Workstation, run_id: str
) -> DataFile | None:
    if not result.total("rows_rejected"):
        return None
    job = result.job
    rows = pl.concat(left_out).select(
        pl.lit(run_id).alias("run_id"), pl.lit(job.module).alias("module_name"), pl.all()
    )
    return write_partition(rows.select(list(rejects.SCHEMA)), workstation.rejects(job.module),
                           job.client)  # fmt: skip
