"""`run(job)`: one partition, from its sources to uncommitted files or classified failures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from ai_dataflow.config.attention import working_on
from ai_dataflow.config.sections import ModuleSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.extracting import extract_sources, owned
from ai_dataflow.extracts.stages import EXTRACTS, STAGES, Stage
from ai_dataflow.partition.classified import classified
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.memory import peak_bytes, reserved
from ai_dataflow.partition.merge import is_joined, kept_rows, merge_product
from ai_dataflow.partition.requiring import required
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.scratch import Scratch, scratch
from ai_dataflow.partition.source_rows import OpenedSource, leave_out, map_source, open_source
from ai_dataflow.partition.steps import Steps
from ai_dataflow.partition.values import MergedProduct
from ai_dataflow.partition.writing import write
from ai_dataflow.sources.files import file_failures
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
        again = _run(replace(job, sources=afresh), settings, run_id, stages)
        result = replace(again, superseded=(*result.superseded, *again.superseded))
    return result


def _changed_meanwhile(result: PartitionResult) -> bool:
    kinds = {failure.diagnostic.meaning.kind for failure in result.failures}
    return kinds == {"changed_source"}


def _run(
    job: PartitionJob, settings: Settings, run_id: str, stages: Collection[Stage]
) -> PartitionResult:
    steps, workstation = Steps(job), open_workstation(settings)
    with classified(steps.problems):
        with steps.work.timed("extract"):
            staging = workstation.staging(job.module, job.client)
            steps.extracted = extract_sources(job.sources, staging, settings, stages, job.lease)
        if "ai_dataset" in stages and not steps.extracted.failures:
            _make(steps, settings, run_id, workstation)
    return steps.result()


def _make(steps: Steps, settings: Settings, run_id: str, workstation: Workstation) -> None:
    """Read, map, merge and write what was extracted."""
    job, memory = steps.job, settings.execution.memory
    extracts = {extract.key: extract for extract in steps.extracted.extracts}
    opened = {s.key: open_source(s, extracts[s.key], settings) for s in job.sources}
    with scratch(memory) as space:
        peak = peak_bytes((source.held for source in opened.values()), space.spill_bytes)
        with reserved(peak, memory):
            for product, sources in job.by_product().items():
                of_product = [opened[source.key] for source in sources]
                steps.merged[product] = _merged(steps, of_product, space)
            if not steps.rows_read:
                locations = [str(source.location) for source in job.sources]
                first = job.sources[0]
                raise owned(file_failures.no_rows_at_all(locations, first.place), first)
            limit = settings.modules.get(job.module, ModuleSettings())
            write(steps, _rejects(steps, run_id), workstation, limit)


def _merged(steps: Steps, opened: Sequence[OpenedSource], space: Scratch) -> MergedProduct:
    """Map the sources of a product, and merge them; leave out what lacks a required value then."""
    parts, first = [], len(steps.mapped)
    for source in opened:
        with steps.work.timed("map"):
            mapped = map_source(source, space)
        steps.mapped.append(mapped)
        parts += [mapped.part] if mapped.part else []
    working_on(None)
    needed = required([source.source for source in opened])
    with steps.work.timed("merge"):
        done = merge_product(parts, list(needed), space)
    for i, left_out in enumerate(done.left_out, first):
        steps.mapped[i] = leave_out(opened[i - first], steps.mapped[i], left_out, needed, space)
    kept = kept_rows(parts, done) if is_joined(parts) else {}
    return MergedProduct(done.rows, done.rows_merged, done.filled, kept)


def _rejects(steps: Steps, run_id: str) -> pl.LazyFrame | None:
    """Give the rows of the reject table; None where no row is left out."""
    left_out = [rows for source in steps.mapped for rows in source.left_out]
    if not left_out:
        return None
    return pl.concat(left_out).with_columns(
        run_id=pl.lit(run_id),
        rejected_at=pl.lit(datetime.now(UTC)),
        module_name=pl.lit(steps.job.module),
    )
