"""The events of OpenLineage that tell of a run: of the run itself, and of each of its partitions.

A partition's run has the whole run as its parent. Ids are made of the run's id, so that sending
the same run again tells nothing new.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    InputDatasetFacet,
    JobFacet,
    RunFacet,
    data_quality_assertions_dataset,
    error_message_run,
    job_type_job,
    ownership_job,
    parent_run,
    processing_engine_run,
)

from ai_dataflow import __version__
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.runs.lineage.dataset_names import name_of_url
from ai_dataflow.runs.lineage.facets import PRODUCER, facet, published, read
from ai_dataflow.runs.lineage.traced import JOB, Traced
from ai_dataflow.tables.teams import ANY
from ai_dataflow.workstation.reports import CheckReport, PartitionReport


def events(traced: Traced) -> Iterator[list[RunEvent]]:
    """Give the events of a run: in each list a start and an end, which are sent in that order."""
    yield _of_run(traced)
    for partition in traced.partitions:
        yield _of_partition(traced, partition)


def _of_run(traced: Traced) -> list[RunEvent]:
    report, engine = traced.report, processing_engine_run.ProcessingEngineRunFacet
    facets: dict[str, RunFacet] = {
        "processing_engine": facet(
            engine, version=pl.__version__, name="polars", openlineageAdapterVersion=__version__
        )
    }
    state = RunState.ABORT if report.interrupted else RunState.COMPLETE
    if report.exit_code and not report.interrupted:
        state = RunState.FAIL
        counts = ", ".join(f"{n} {status}" for status, n in sorted(report.statuses().items()))
        facets["errorMessage"] = _error(counts)
    run, job = Run(traced.run_id, facets), Job(traced.namespace, JOB, _job_facets("RUN"))
    start = Run(traced.run_id, {"processing_engine": facets["processing_engine"]})
    return [
        _event(RunState.START, report.started, start, job),
        _event(state, report.finished, run, job, _checked(traced)),
    ]


def _of_partition(traced: Traced, report: PartitionReport) -> list[RunEvent]:
    key = PartitionKey(report.partition)
    result, ended = traced.made.get(key, (None, traced.report.finished))
    run_id = str(uuid.uuid5(uuid.UUID(traced.run_id), key))
    parent = facet(
        parent_run.ParentRunFacet,
        run=parent_run.Run(traced.run_id),
        job=parent_run.Job(traced.namespace, JOB),
    )
    facets: dict[str, RunFacet] = {"parent": parent}
    if report.error:
        facets["errorMessage"] = _error(f"{report.error.code} {report.error.message}")
    name, settings = f"{JOB}.{key}", traced.project.settings
    job = Job(traced.namespace, name, _job_facets("PARTITION") | _owned(traced, key, result))
    began = max(traced.report.started, ended - timedelta(seconds=report.seconds))
    outputs = published(
        traced.place, key, traced.columns.get(key.module, ()), report, result, settings
    )
    inputs = read(result, settings) if result else []
    return [
        _event(RunState.START, began, Run(run_id, {"parent": parent}), Job(job.namespace, name)),
        _event(_state(report), ended, Run(run_id, facets), job, inputs, [*outputs]),
    ]


def _state(report: PartitionReport) -> RunState:
    """Give how a partition's run ended; one that waits or was left did not fail."""
    if report.status == "ok":
        return RunState.COMPLETE
    is_left = report.error is not None and report.error.kind == "interrupted"
    return RunState.ABORT if report.status == "waiting" or is_left else RunState.FAIL


def _event(
    state: RunState,
    at: datetime,
    run: Run,
    job: Job,
    inputs: Iterable[InputDataset] = (),
    outputs: Iterable[OutputDataset] = (),
) -> RunEvent:
    return RunEvent(
        eventType=state,
        eventTime=at.isoformat(),
        run=run,
        job=job,
        inputs=[*inputs],
        outputs=[*outputs],
        producer=PRODUCER,
    )


def _error(message: str) -> RunFacet:
    kind = error_message_run.ErrorMessageRunFacet
    return facet(kind, message=message, programmingLanguage="python")


def _job_facets(kind: str) -> dict[str, JobFacet]:
    of_job = facet(
        job_type_job.JobTypeJobFacet,
        processingType="BATCH", integration="AI_DATAFLOW", jobType=kind,
    )  # fmt: skip
    return {"jobType": of_job}


def _owned(
    traced: Traced, key: PartitionKey, result: PartitionResult | None
) -> dict[str, JobFacet]:
    """Give the teams that something of a partition is the concern of; their names alone."""
    products = {ANY, *(source.product for source in result.job.sources)} if result else {ANY}
    owners: dict[tuple[str, str], Any] = {}
    for team in traced.project.teams:
        if team.module in (ANY, key.module) and team.product in products:
            concern = None if team.concern == ANY else team.concern
            owner = ownership_job.Owner(f"team:{team.name}", concern)
            owners.setdefault((team.name, team.concern), owner)
    if not owners:
        return {}
    return {"ownership": facet(ownership_job.OwnershipJobFacet, owners=[*owners.values()])}


def _checked(traced: Traced) -> Iterator[InputDataset]:
    """Give the datasets that the run looked at afterwards, with what held of the dictionary."""
    checks = grouped(traced.report.checks, lambda check: check.module)
    for module, of_module in checks.items():
        name = name_of_url(traced.place.dataset(module).url)
        assertions = facet(
            data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
            assertions=[_assertion(check) for check in of_module],
        )
        kept: dict[str, InputDatasetFacet] = {"dataQualityAssertions": assertions}
        yield InputDataset(name.namespace, name.name, inputFacets=kept)


def _assertion(check: CheckReport) -> data_quality_assertions_dataset.Assertion:
    """Give a check of a column: how many rows break it, of how many."""
    return data_quality_assertions_dataset.Assertion(
        assertion=check.kind,
        success=check.passed,
        column=check.column,
        severity=check.severity,
        description=f"{check.asks} ({check.place})",
        actual=f"{check.number} of {check.rows} rows break it",
    )
