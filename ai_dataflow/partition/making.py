"""`run(job)`: one partition, from its sources to uncommitted files or classified failures."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake.exceptions import DeltaError
from polars.exceptions import PanicException, PolarsError

from ai_dataflow.compiler.mappings import CompiledSource, compile_source
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.sections import ModuleSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.extracts.extracting import extract_sources, owned
from ai_dataflow.extracts.stages import EXTRACTS, STAGES, Failure, Stage
from ai_dataflow.partition.conservation import (
    Expectation,
    check_reading,
    check_rejected,
)
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.lineage import origins
from ai_dataflow.partition.mapping import (
    count,
    good_rows,
    left_out,
    located,
    malformed_rejects,
    map_rows,
)
from ai_dataflow.partition.memory import held_bytes, peak_bytes, reserved
from ai_dataflow.partition.merge import Part, is_joined, merge_product, union_products
from ai_dataflow.partition.reading import Read, read_rows
from ai_dataflow.partition.result import PartitionResult, ProductCounts, SourceCounts
from ai_dataflow.partition.scratch import Scratch, scratch
from ai_dataflow.partition.writing import keep_rows, write_balanced, write_rejects
from ai_dataflow.sources.files import file_failures, open_files
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.workstation.layout import Workstation, open_workstation

_READ_AGAIN = 2


def run(
    job: PartitionJob,
    settings: Settings,
    run_id: str,
    stages: Collection[Stage] = STAGES,
) -> PartitionResult:
    """Make one partition. Never raises: what goes wrong is in the result, classified.

    Nothing becomes visible: the files that the result names are there for a commit to publish. A
    source that changes while it is read is read again, as it is by then.
    """
    result = _run(job, settings, run_id, stages)
    for _ in range(_READ_AGAIN if set(EXTRACTS) & set(stages) else 0):
        if not _changed_meanwhile(result):
            break
        afresh = tuple(replace(source, seen=None) for source in job.sources)
        before = result.superseded
        result = _run(replace(job, sources=afresh), settings, run_id, stages)
        result.superseded = (*before, *result.superseded)
    return result


def _changed_meanwhile(result: PartitionResult) -> bool:
    codes = {failure.diagnostic.code for failure in result.failures}
    return codes == {"SRC-005"}


def _run(
    job: PartitionJob, settings: Settings, run_id: str, stages: Collection[Stage]
) -> PartitionResult:
    def make(result: PartitionResult) -> None:
        with result.timed("extract"):
            staging = open_workstation(settings).staging(job.module, job.client)
            extracted = extract_sources(job.sources, staging, settings, stages)
        result.extracts, result.failures = extracted.extracts, extracted.failures
        result.superseded = extracted.superseded
        if "ai_dataset" in stages and not result.failures:
            _make(result, settings, run_id)

    return classified(job, make)


def classified(job: PartitionJob, make: Callable[[PartitionResult], None]) -> PartitionResult:
    """Let somebody fill in a partition's result; what goes wrong is classified and joins it."""
    started = time.perf_counter()
    result = PartitionResult(job)
    try:
        make(result)
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
        (s.product, s.submodule): _open(s, extracts[s.product, s.submodule], settings)
        for s in job.sources
    }
    memory = settings.execution.memory
    with scratch(memory) as space, reserved(_peak(opened.values(), space), memory):
        merged: dict[str, pl.LazyFrame] = {}
        beside = _Beside(space)
        for product, sources in job.by_product().items():
            result.counts[product] = ProductCounts()
            with result.timed("map"):
                parts = [_map(s, opened[product, s.submodule], result, beside) for s in sources]
            with result.timed("merge"):
                done = merge_product(parts, space)
            result.counts[product].rows_merged = done.rows_merged
            merged[product], beside.expected.filled[product] = done.rows, done.filled
            with result.timed("write"):
                _keep(result, product, parts, beside.expected, workstation)
        if not result.total("rows_read"):
            locations = [str(source.location) for source in job.sources]
            first = job.sources[0]
            raise owned(file_failures.no_rows_at_all(locations, first.place), first)
        with result.timed("write"):
            _write_rejects(result, beside, workstation, run_id)
            check_rejected(result, settings.modules.get(job.module, ModuleSettings()), workstation)
            rows = union_products(merged, job.columns)
            write_balanced(result, rows, beside.expected, workstation)


@dataclass(frozen=True)
class _Opened:
    """A source's extract, opened, and about what its mapped rows take in memory, in bytes."""

    files: Files
    held: int


def _open(source: SourceJob, extract: Extract, settings: Settings) -> _Opened:
    files = open_files.opened(extract, source.place, settings)
    try:
        with files.reading():
            return _Opened(files, held_bytes(source, files))
    except DataflowError as error:
        raise owned(error, source) from None


def _peak(opened: Iterable[_Opened], space: Scratch) -> int:
    return peak_bytes((own.held for own in opened), space.spill_bytes)


@dataclass
class _Beside:
    """What mapping one source after the other needs and leaves, beside the rows to merge."""

    space: Scratch
    left_out: list[pl.LazyFrame] = field(default_factory=list)
    expected: Expectation = field(default_factory=Expectation)


def _map(source: SourceJob, opened: _Opened, result: PartitionResult, beside: _Beside) -> Part:
    """Read and map one source; count its rows, put its rejects aside."""
    try:
        compiled, read, mapped = _read_and_map(source, opened, beside.space)
        counted = count(mapped, compiled)
        check_reading(source, counted.total, read.height)
    except DataflowError as error:
        raise owned(error, source) from None
    for ai_column, origin in origins(source, compiled):
        result.origins.setdefault(ai_column, []).append(origin)
    lines = sum(map(len, read.malformed.values()))
    counts = result.counts[source.product]
    counts.sources[source.submodule] = SourceCounts(counted.total + lines)
    counts.rows_read += counted.total + lines
    lost = counted.total - counted.good + lines
    beside.expected.rejected[source.product, source.submodule] = lost
    if counted.total > counted.good:
        bad = left_out(mapped, source, compiled)
        with opened.files.reading():
            beside.left_out.append(located(bad, source, read.heights()))
        opened.files.check_unchanged()
    several = len(opened.files.pinned.files) > 1
    beside.left_out += [
        malformed_rejects(own, source, path if several else "")
        for path, own in read.malformed.items()
    ]
    good = good_rows(mapped, compiled, counted)
    return Part(source, source.key_columns, good, counted.good, counted.filled)


def _read_and_map(
    source: SourceJob, opened: _Opened, space: Scratch
) -> tuple[CompiledSource, Read, pl.LazyFrame]:
    files = opened.files
    with files.reading():
        compiled = compile_source(source, files.schema())
        read = read_rows(files, compiled.needed, space, opened.held)
    try:
        # A copy of a database's rows is sorted: their numbers would say nothing of the source.
        numbered = not files.pinned.staged
        mapped = space.hold(map_rows(read.rows, compiled, numbered=numbered), opened.held)
    except (PolarsError, OSError, PanicException, DeltaError) as error:
        # Reading and computing are one pass. If reading alone fails too, that is the cause.
        with files.reading():
            read.rows.select(pl.all().null_count()).collect(engine="streaming")
        files.check_unchanged()
        raise DataflowError(replace(_failed_on_data(error), place=source.place)) from None
    files.check_unchanged()
    return compiled, read, mapped


def _keep(
    result: PartitionResult,
    product: str,
    parts: list[Part],
    expected: Expectation,
    workstation: Workstation,
) -> None:
    """Keep the rows of a joined product that has rejects, for their replay."""
    if expected.has_rejects(product) and is_joined(parts):
        rows = {part.source.submodule: part.good for part in parts}
        keep_rows(result, product, rows, workstation)


def _write_rejects(
    result: PartitionResult, beside: _Beside, workstation: Workstation, run_id: str
) -> None:
    if not any(beside.expected.rejected.values()):
        return
    lost = pl.concat(beside.left_out).with_columns(
        run_id=pl.lit(run_id),
        rejected_at=pl.lit(datetime.now(UTC)),
        module_name=pl.lit(result.job.module),
    )
    write_rejects(result, lost, workstation)
