"""What is done once for all partitions of a run, before they are made.

Tables of SQL that all clients share are copied, and the last extracts are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ai_dataflow.config.keys import SourceKey
from ai_dataflow.engine.choice import Engine
from ai_dataflow.extracts.staging import drop_copies, last_manifest, manifests_in
from ai_dataflow.partition.common_tables import Copying, copying_jobs, with_copies
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task
from ai_dataflow.partition.tasks import Making
from ai_dataflow.runs.outcome import Run
from ai_dataflow.workstation.data_files import LIST_FROM
from ai_dataflow.workstation.layout import Folders

Pair = tuple[PartitionJob, Task]


def copied_first(tasks: Sequence[Pair], engine: Engine) -> tuple[list[Pair], list[PartitionResult]]:
    """Have the tables copied that all clients share; give the tasks with what that came to, and it.

    A run that merges the last extracts copies nothing, nor does a replay.

    Args:
        tasks: what makes partitions.
        engine: what carries tasks out.

    Raises:
        DataflowError: as the engine.
    """
    making = [task for _, task in tasks if isinstance(task, Making)]
    if not making or "azure_sql_extract" not in making[0].stages:
        return [*tasks], []
    settings, jobs = making[0].settings, copying_jobs(task.job for task in making)
    if not jobs:
        return [*tasks], []
    copied = list(engine([(job, Copying(job, settings)) for job in jobs]))
    given = [replace(task, job=with_copies(task.job, copied)) for task in making]
    return [(task.job, task) for task in given], copied


def with_manifests(jobs: Sequence[PartitionJob], workstation: Folders) -> list[PartitionJob]:
    """Tell the jobs of a module, under its lease, where their last extracts are named.

    Many jobs of an account are spared a request each by one listing. Others look themselves.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    if workstation.root.account is None or len(jobs) < LIST_FROM:
        return [*jobs]
    manifests = manifests_in(workstation.staging(jobs[0].module))
    return [replace(job, manifest=manifests.get(job.client, "")) for job in jobs]


def drop_replaced(run: Run, copied: PartitionResult, results: Sequence[PartitionResult]) -> None:
    """Remove the copy that a newer one replaces, unless somebody's last extracts may name it.

    These may be merged again. Where a partition that uses the table was not extracted anew, that is
    not looked into: what nobody needs is found by `cleanup`.

    Args:
        run: the run that made the newer one.
        copied: what came of copying the table.
        results: the partitions that were made.

    Raises:
        DataflowError: the workstation does not tell.
    """
    module, key = copied.job.module, copied.job.sources[0].key
    made = {result.job.client: result for result in results}
    staged = run.workstation.staged_clients(module)
    others = [client for client in staged if not _is_fresh(made.get(client), key)]
    using = {
        job.client for job in run.plan.jobs.values() if job.module == module and _uses(job, key)
    }
    gone = {path for path in copied.superseded if path.endswith(".json")}
    if not using.intersection(others):
        manifests = (last_manifest(run.workstation.staging(module, each)) for each in others)
        named = {path for manifest in manifests for path in manifest.common_files}
        gone |= {*copied.superseded} - named
    drop_copies(run.workstation.common(module, key), sorted(gone))


def _uses(job: PartitionJob, key: SourceKey) -> bool:
    return any(source.of_every and source.key == key for source in job.sources)


def _is_fresh(result: PartitionResult | None, key: SourceKey) -> bool:
    """Tell whether a partition's last extracts do not name what was copied before the run."""
    if result is None or not result.extracts:
        return False
    return not _uses(result.job, key) or key in {extract.key for extract in result.extracts}
