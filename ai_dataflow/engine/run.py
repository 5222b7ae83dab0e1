"""`run(job)`: one partition, from its sources to uncommitted files or classified failures."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
from deltalake.exceptions import DeltaError
from polars.exceptions import PanicException, PolarsError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.compile import CompiledSource, compile_source
from ai_dataflow.engine.conservation import Expectation, check_reading, close_balance
from ai_dataflow.engine.extract import extract_sources, owned
from ai_dataflow.engine.job import (
    STAGES,
    Failure,
    PartitionJob,
    PartitionResult,
    ProductCounts,
    SourceCounts,
    SourceJob,
    Stage,
)
from ai_dataflow.engine.lineage import origins
from ai_dataflow.engine.merge import Part, merge_product, union_products
from ai_dataflow.engine.read import Rows, read_rows
from ai_dataflow.engine.scratch import Scratch, bytes_per_row, scratch
from ai_dataflow.engine.transform import count, malformed_rejects, map_rows, split
from ai_dataflow.sources import adls, failures
from ai_dataflow.sources.adls import Files
from ai_dataflow.workstation import rejects
from ai_dataflow.workstation.failures import reaching
from ai_dataflow.workstation.files import write_partition
from ai_dataflow.workstation.paths import Workstation, open_workstation

# In memory; as Parquet with its compression that is a file of some 150 to 400 MB.
FILE_BYTES = 1 << 30
_MANY_ROWS = 1_000_000


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
    merged: dict[str, pl.LazyFrame] = {}
    with scratch() as space:
        beside = _Beside(space)
        for product, sources in job.by_product().items():
            result.counts[product] = ProductCounts()
            parts = [_map(s, opened[product, s.submodule], result, beside) for s in sources]
            done = merge_product(parts, space)
            result.counts[product].rows_merged = done.rows_merged
            merged[product], beside.expected.filled[product] = done.rows, done.filled
        if not result.total("rows_read"):
            locations = [str(source.location) for source in job.sources]
            first = job.sources[0]
            raise owned(failures.no_rows_at_all(locations, first.place), first)
        _write(result, union_products(merged, job.columns), beside, workstation, run_id)
    try:
        close_balance(result, beside.expected, workstation)
    except DataflowError:
        _discard(result, workstation)
        raise


@dataclass
class _Beside:
    """What mapping one source after the other needs and leaves, beside the rows to merge."""

    space: Scratch
    left_out: list[pl.LazyFrame] = field(default_factory=list)
    expected: Expectation = field(default_factory=Expectation)


def _map(source: SourceJob, files: Files, result: PartitionResult, beside: _Beside) -> Part:
    """Read and map one source; count its rows, put its rejects aside."""
    try:
        compiled, read, mapped = _read_and_map(source, files, beside.space)
        counted = count(mapped, compiled)
        check_reading(source, counted.total, read.height)
    except DataflowError as error:
        raise owned(error, source) from None
    for ai_column, origin in origins(source, compiled):
        result.origins.setdefault(ai_column, []).append(origin)
    good_and_bad = split(mapped, source, compiled)
    lines = len(read.malformed)
    counts = result.counts[source.product]
    counts.sources[source.submodule] = SourceCounts(counted.total + lines)
    counts.rows_read += counted.total + lines
    lost = counted.total - counted.good + lines
    beside.expected.rejected[source.product, source.submodule] = lost
    beside.left_out.append(good_and_bad.rejects)
    if lines:
        beside.left_out.append(malformed_rejects(read.malformed, source))
    return Part(source, source.key_columns, good_and_bad.good, counted.good, counted.filled)


def _read_and_map(
    source: SourceJob, files: Files, space: Scratch
) -> tuple[CompiledSource, Rows, pl.LazyFrame]:
    with files.reading():
        compiled = compile_source(source, files.schema())
        read = read_rows(files, compiled.needed, space)
    try:
        mapped = space.hold(map_rows(read.rows, compiled), files.extract.size)
    except (PolarsError, OSError, PanicException, DeltaError) as error:
        # Reading and computing are one pass. If reading alone fails too, that is the cause.
        with files.reading():
            read.rows.select(pl.all().null_count()).collect(engine="streaming")
        raise DataflowError(replace(_failed_on_data(error), place=source.place)) from None
    files.check_unchanged()
    return compiled, read, mapped


def _write(
    result: PartitionResult,
    rows: pl.LazyFrame,
    beside: _Beside,
    workstation: Workstation,
    run_id: str,
) -> None:
    job = result.job
    result.data = write_partition(
        rows, workstation.dataset(job.module), job.client, _rows_per_file(rows, result)
    )
    added = [pl.lit(run_id).alias("run_id"), pl.lit(job.module).alias("module_name")]
    lost = pl.concat(beside.left_out).select(*added, pl.all()).select(list(rejects.SCHEMA))
    if any(beside.expected.rejected.values()):
        result.rejects = write_partition(lost, workstation.rejects(job.module), job.client)


def _rows_per_file(rows: pl.LazyFrame, result: PartitionResult) -> int | None:
    """Give the rows of files of equal, sensible size; None where one will do."""
    height = result.total("rows_read") - result.total("rows_merged")
    if height < _MANY_ROWS:
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
