"""`make(jobs)`: partitions, from their sources to uncommitted files or classified failures.

Those of one shape (see `shapes`) are made together: one scan, one mapping, one join for all of
them, cut by client when they are written. A partition that is made alone goes the same way. What
ends them all is found by halves, until it is alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.attention import working_on
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.extracting import Extracted, extract_sources, owned
from ai_dataflow.extracts.stages import EXTRACTS, STAGES, Failure, Stage
from ai_dataflow.extracts.staging import Staging
from ai_dataflow.partition.alike import alike
from ai_dataflow.partition.classified import classified
from ai_dataflow.partition.column_checks import check_shares, product_checks
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.memory import peak_bytes, reserved
from ai_dataflow.partition.merge import are_joined, kept_rows, merge_product
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.scratch import Scratch, scratch
from ai_dataflow.partition.second_stage import origins, second_stage
from ai_dataflow.partition.shapes import is_copied
from ai_dataflow.partition.source_rows import OpenedSource, leave_out, map_source, open_source
from ai_dataflow.partition.steps import Steps
from ai_dataflow.partition.values import MergedProduct
from ai_dataflow.partition.writing import write
from ai_dataflow.sources.files import file_failures
from ai_dataflow.workstation.layout import Folders, open_workstation

_READ_AGAIN = 2


def run(
    job: PartitionJob,
    settings: Settings,
    run_id: str,
    stages: Collection[Stage] = STAGES,
) -> PartitionResult:
    """Make one partition; see `make`."""
    (result,) = make((job,), settings, run_id, stages)
    return result


def make(
    jobs: Sequence[PartitionJob],
    settings: Settings,
    run_id: str,
    stages: Collection[Stage] = STAGES,
) -> list[PartitionResult]:
    """Make partitions of one shape, and give the result of each.

    Never raises: what goes wrong is in the results, classified. Nothing becomes visible: the files
    that the results name are there for a commit to publish. A source that changes while it is read
    is read again, as it is by then.
    """
    results = _extracted_and_made(jobs, settings, run_id, stages)
    if set(EXTRACTS) & set(stages):
        return [_again(result, settings, run_id, stages) for result in results]
    return results


def copy_table(job: PartitionJob, settings: Settings) -> PartitionResult:
    """Copy a table that all clients share, the one source of a job. Never raises, as `make`."""
    extracted, problems = Extracted(), list[Diagnostic]()
    with classified(problems):
        (source,) = job.sources
        folder = open_workstation(settings).common(job.module, source.key)
        extracted = extract_sources(job.sources, Staging(folder, job.lease), settings, EXTRACTS)
    failures = tuple(Failure("azure_sql_extract", problem) for problem in problems)
    return PartitionResult(
        job, extracts=extracted.extracts, superseded=extracted.superseded,
        failures=(*extracted.failures, *failures),
    )  # fmt: skip


def _again(
    result: PartitionResult, settings: Settings, run_id: str, stages: Collection[Stage]
) -> PartitionResult:
    for _ in range(_READ_AGAIN):
        if not _changed_meanwhile(result):
            break
        afresh = tuple(replace(source, seen=None, schema=None) for source in result.job.sources)
        job = replace(result.job, sources=afresh, manifest=None)
        (again,) = _extracted_and_made((job,), settings, run_id, stages)
        result = replace(again, superseded=(*result.superseded, *again.superseded))
    return result


def _changed_meanwhile(result: PartitionResult) -> bool:
    kinds = {failure.diagnostic.meaning.kind for failure in result.failures}
    return kinds == {"changed_source"}


def _extracted_and_made(
    jobs: Sequence[PartitionJob], settings: Settings, run_id: str, stages: Collection[Stage]
) -> list[PartitionResult]:
    workstation = open_workstation(settings)
    extracted = _all_extracted(jobs, settings, stages, workstation)
    well = [i for i, one in enumerate(extracted) if not one.failures]
    made: dict[int, PartitionResult] = {}
    for some in alike(jobs, extracted, well, settings) if "ai_dataset" in stages else ():
        begun = [jobs[i] for i in some], [extracted[i] for i in some]
        made |= zip(some, _made(*begun, settings, run_id, workstation), strict=True)
    return [
        made[i] if i in made else Steps((job,), extracted=(extracted[i],)).results()[0]
        for i, job in enumerate(jobs)
    ]


def _all_extracted(
    jobs: Sequence[PartitionJob],
    settings: Settings,
    stages: Collection[Stage],
    workstation: Folders,
) -> list[Extracted]:
    """Extract the sources of partitions, as many at once as are worth their threads.

    Tables are copied one by one: as many batches of them are at work as databases may be asked.
    """
    requests = workstation.dataset(jobs[0].module).requests
    most = 1 if is_copied(jobs[0]) else min(settings.execution.workers, requests)

    def extract(job: PartitionJob) -> Extracted:
        return _extracted(job, settings, stages, workstation)

    return list(at_once(extract, jobs, most))


def _extracted(
    job: PartitionJob, settings: Settings, stages: Collection[Stage], workstation: Folders
) -> Extracted:
    problems: list[Diagnostic] = []
    with classified(problems):
        folder = workstation.staging(job.module, job.client)
        staging = Staging(folder, job.lease, job.manifest)
        return extract_sources(job.sources, staging, settings, stages, job.common)
    return Extracted(failures=tuple(Failure("ai_dataset", problem) for problem in problems))


def _made(
    jobs: Sequence[PartitionJob],
    extracted: Sequence[Extracted],
    settings: Settings,
    run_id: str,
    workstation: Folders,
) -> list[PartitionResult]:
    """Make partitions together; halve what fails as a whole, until it is alone."""
    steps, problems = Steps(jobs, extracted=extracted), list[Diagnostic]()
    with classified(problems):
        _make(steps, settings, run_id, workstation)
    if problems and len(jobs) > 1:
        half = len(jobs) // 2
        parts = slice(0, half), slice(half, None)
        return [
            result
            for part in parts
            for result in _made(jobs[part], extracted[part], settings, run_id, workstation)
        ]
    if problems:
        steps.fail(0, problems)
    return steps.results()


def _make(steps: Steps, settings: Settings, run_id: str, workstation: Folders) -> None:
    """Read, map, merge and write what was extracted."""
    jobs, memory = steps.jobs, settings.execution.memory
    extracts = [{each.key: each for each in of.extracts} for of in steps.extracted]
    opened = [
        open_source(
            sources,
            [of[source.key] for of, source in zip(extracts, sources, strict=True)],
            settings,
        )
        for sources in zip(*(job.in_order() for job in jobs), strict=True)
    ]
    with scratch(memory) as space:
        peak = peak_bytes((source.held for source in opened), space.spill_bytes)
        with reserved(peak, memory):
            for product in jobs[0].by_product():
                of_product = [source for source in opened if source.sources[0].product == product]
                merged = _merged(steps, of_product, space)
                if not steps.clients:
                    return
                steps.merged[product] = merged
            for client in steps.clients:
                if not steps.rows_read(client):
                    steps.fail(client, _no_rows(jobs[client]).diagnostics)
                elif steps.is_emptied(client):
                    steps.fail(client, _all_filtered(jobs[client], steps.rows_read(client)))
            limit = settings.module(jobs[0].module)
            write(steps, _rejects(steps, run_id), workstation, limit, limit.profile)


def _no_rows(job: PartitionJob) -> DataflowError:
    first = job.sources[0]
    locations = [str(source.location) for source in job.sources]
    return owned(file_failures.no_rows_at_all(locations, first.place), first)


def _all_filtered(job: PartitionJob, rows: int) -> list[Diagnostic]:
    """Tell of rules that take no row: as with files without rows, that is no empty success."""
    rules = dict.fromkeys(s.rule for s in job.sources if s.rule and s.rule.where)
    cells = [rule.place("where") for rule in rules]
    first = next(source for source in job.sources if source.rule and source.rule.where)
    message = f"{rows:,} rows were read, and none is left by {listing(cells, 3)}"
    fix = "correct the rule, or make the rows of the control table inactive"
    return [Diagnostic("DAT-020", message, place=cells[0], fix=fix, product=first.product)]


def _merged(steps: Steps, opened: Sequence[OpenedSource], space: Scratch) -> MergedProduct:
    """Map the sources of a product, and merge them; leave out what fails a check then."""
    parts, first = [], len(steps.mapped)
    sources = [source.sources[0] for source in opened]
    joined = are_joined(sources)
    for source in opened:
        with steps.work.timed("map"):
            mapped = map_source(replace(source, is_joined=joined), space)
        for client, error in mapped.faults.items():
            steps.fail(client, error.diagnostics)
        steps.mapped.append(mapped)
        parts += [mapped.part] if mapped.part else []
    working_on(None)
    columns = steps.jobs[0].columns
    second = second_stage(steps.jobs, sources[0].product)
    checks = product_checks(columns, sources, second)
    with steps.work.timed("merge"):
        done = merge_product(parts, checks, space, second=second)
    shares = check_shares(columns, sources[0].product, done.filled, done.height)
    for client, problem in (*done.broken.items(), *shares.items()):
        steps.fail(client, [problem])
    for i, left_out in enumerate(done.left_out, first):
        steps.mapped[i] = leave_out(opened[i - first], steps.mapped[i], left_out, checks, space)
    kept = kept_rows(parts, done) if joined else {}
    computed = tuple(origins(second, steps.mapped[first:])) if second else ()
    return MergedProduct(
        done.rows, done.rows_merged, done.filled, kept, further=done.further,
        not_found=done.not_found, origins=computed,
    )  # fmt: skip


def _rejects(steps: Steps, run_id: str) -> pl.LazyFrame | None:
    """Give the rows of the reject table; None where no row is left out."""
    left_out = [rows for source in steps.mapped for rows in source.left_out]
    if not left_out:
        return None
    return pl.concat(left_out).with_columns(
        run_id=pl.lit(run_id),
        rejected_at=pl.lit(datetime.now(UTC)),
        module_name=pl.lit(steps.jobs[0].module),
    )
