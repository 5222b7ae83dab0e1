"""The three assets, made by one step.

One step, because two separate assets in a ranged run cannot succeed in part. The step logs a
materialization for each finished partition and, where any failed, ends in one `Failure`. Dagster
then shows exactly those partitions as failed that were planned and not materialized. A ranged run
plans all its keys by itself; for keys given in the config the step plans the failed ones.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from ai_dataflow.config.interrupts import Interrupted
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.extracts.stages import EXTRACTS, STAGES, Stage
from ai_dataflow.orchestration.asset_checks import (
    check_results,
    check_specs,
    freshness_result,
    freshness_spec,
)
from ai_dataflow.orchestration.dagster_names import JOB, STEP
from ai_dataflow.orchestration.events import planned, store
from ai_dataflow.orchestration.fill_tables import fill_metadata
from ai_dataflow.orchestration.partitions import add_partitions, module_client_partitions
from ai_dataflow.orchestration.recorder import DagsterRecorder, end, explain
from ai_dataflow.orchestration.resources import ProjectResource, as_failure, ended_in_order
from ai_dataflow.planning.draft import Draft
from ai_dataflow.runs.progress import Watcher
from ai_dataflow.runs.prospect import Prospect, look_ahead, look_at
from ai_dataflow.runs.run import execute
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.workstation.reports import RunReport

AI_DATASET = dg.AssetKey("ai_dataset")
COVERAGE_CHECK = dg.AssetCheckSpec(
    "coverage",
    asset=AI_DATASET,
    description="Every module's products map as much as `min_coverage` asks for.",
)
FRESHNESS_CHECK = freshness_spec(AI_DATASET)
DATASET_IO_MANAGER = "workstation"
# Dagster shows the last partition's columns and metadata as if they were the asset's.
_PAGE = (
    "This page shows the metadata of the partition that was materialized last; the tab Partitions "
    "shows those of each. Why one failed is there, or under *View all historical events*."
)


class RunConfig(dg.Config):
    """Which partitions to run, where neither a partition nor a range is chosen.

    None named: those whose inputs changed, or, with `full`, all.
    """

    partition_keys: list[str] = Field(
        default=[],
        description="Partitions, as `module|client`; none: what changed. Only for runs without a "
        "partition.",
    )
    full: bool = Field(default=False, description="Run all partitions, changed or not.")


ai_dataflow_job = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(*STAGES),
    description="What changed, in one run; with `full` all, with `partition_keys` those.",
)

# What each asset is, and what Dagster's pages mark it with.
_ASSETS = {
    "adls_extract": (
        "Files of the semantic models, pinned: path, size and ETag, or version.\n\n"
        "A partition is `module|client`; one without files has 0 sources.",
        {"azure", "file"},
    ),
    "azure_sql_extract": (
        "SQL tables of the semantic models: a copy of their mapped columns.\n\n"
        "A partition is `module|client`; one without SQL tables has 0 sources.",
        {"azure", "sql"},
    ),
    "ai_dataset": (
        "One Delta table per module, the products merged, split by client.\n\n"
        "A partition is `module|client`; each module has columns of its own.",
        {"polars", "deltalake"},
    ),
}


def asset_specs(owners: dict[str, Sequence[str]] | None = None) -> list[dg.AssetSpec]:
    """Describe the three assets. `owners` are the teams of each asset, by its name."""
    *extracts, dataset = (
        dg.AssetSpec(
            name,
            deps=EXTRACTS if name == "ai_dataset" else (),
            description=f"{description} {_PAGE}",
            kinds=kinds,
            owners=list((owners or {}).get(name, ())),
            partitions_def=module_client_partitions,
            group_name="ai_dataflow",
            skippable=True,
        )
        for name, (description, kinds) in _ASSETS.items()
    )
    return [*extracts, dataset.with_io_manager_key(DATASET_IO_MANAGER)]


def unheard(_: RunReport) -> None:
    """Hear a report, and do nothing: who is in another process reads it where it is stored."""


def build_assets(
    owners: dict[str, Sequence[str]] | None = None,
    watcher: Watcher | None = None,
    prospect: Prospect | None = None,
    rules: Iterable[DictionaryRow] = (),
    reported: Callable[[RunReport], None] = unheard,
) -> dg.AssetsDefinition:
    """Build the step over the three assets.

    Args:
        owners: the teams of each asset, by its name.
        watcher: hears of its progress.
        prospect: what to run, where somebody in this process has looked; else the step looks.
        rules: the rows of the dictionary, for what they ask to be checked.
        reported: hears the report of what it did.
    """
    of_dictionary = check_specs(rules, AI_DATASET)

    @dg.multi_asset(
        name=STEP,
        specs=asset_specs(owners),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[COVERAGE_CHECK, FRESHNESS_CHECK, *of_dictionary.values()],
    )
    def step(
        context: dg.AssetExecutionContext, config: RunConfig, project: ProjectResource
    ) -> Iterator[dg.AssetCheckResult]:
        stages = _stages(context)
        with ended_in_order():
            ahead = prospect or _look(context, config, project.draft(), stages)
            recorder = DagsterRecorder(context, ahead.project)
            watch, run_id = watcher or recorder.log, context.run.run_id
            with as_failure():
                report = execute(ahead, stages, run_id, recorder, watch)
        reported(report)
        if not _planned_by_dagster(context):
            _plan_failed(context, report)
        # What is materialized has been told by now; checks are all that the step yields.
        if COVERAGE_CHECK.key in context.selected_asset_check_keys:
            yield _coverage(report)
        if FRESHNESS_CHECK.key in context.selected_asset_check_keys:
            yield freshness_result(FRESHNESS_CHECK, report)
        yield from check_results(context, of_dictionary, report)
        explain(context, report)
        end(context, report)

    return step


def _look(
    context: dg.AssetExecutionContext, config: RunConfig, draft: Draft, stages: Sequence[Stage]
) -> Prospect:
    """Look at what is to be run: what was chosen in Dagster, or named in the config, or changed."""
    named = context.partition_keys if _planned_by_dagster(context) else config.partition_keys
    keys = list(dict.fromkeys(named))
    chosen = draft.plan.partitions if config.full and not keys else keys
    with as_failure():
        if not _planned_by_dagster(context):
            add_partitions(context.instance, keys or draft.plan.partitions)
        try:
            if keys or config.full:
                return look_at(draft, chosen, stages)
            return look_ahead(draft)
        except Interrupted:  # then the run has only to tell what it does not make
            return Prospect(draft.project, draft.plan, tuple(map(PartitionKey, chosen)))


def _planned_by_dagster(context: dg.AssetExecutionContext) -> bool:
    """Tell whether a partition or a range was chosen, all of which Dagster plans by itself."""
    return bool(context.has_partition_key or context.has_partition_key_range)


def _stages(context: dg.AssetExecutionContext) -> list[Stage]:
    selected = {key.to_user_string() for key in context.selected_asset_keys}
    return [stage for stage in STAGES if stage in selected]


def _coverage(report: RunReport) -> dg.AssetCheckResult:
    """Tell how much of each module is mapped, and which are below their threshold.

    The shares are numbers: Dagster plots them over the runs.
    """
    # A report is JSON, whose contract the code is: others of its kind are no failed check.
    below = [d for d in report.diagnostics if d["code"] == "COV-001"]
    metadata: dict[str, Any] = {}
    for module, matrix in report.coverage.items():
        metadata[f"mapped share of {module}"] = matrix["ratio"]
        metadata[f"coverage of {module}"] = dg.MetadataValue.md(matrix["markdown"])
    return dg.AssetCheckResult(
        check_name=COVERAGE_CHECK.name,
        asset_key=AI_DATASET,
        passed=not below,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{d['place']}: {d['message']}" for d in below) or _mapped(report),
        metadata=metadata | fill_metadata(report),
    )


def _mapped(report: RunReport) -> str:
    """Tell how much of the AI columns the products map, where that is enough."""
    shares = [f"{module} {matrix['ratio']:.0%}" for module, matrix in report.coverage.items()]
    return f"All modules map as much as asked for: {', '.join(shares)}"


def _plan_failed(context: dg.AssetExecutionContext, report: RunReport) -> None:
    """Log, for keys that Dagster did not plan, that the failed ones were to be materialized."""
    events = (
        planned(context, STEP, stage, partition.partition)
        for partition in report.failed
        for stage in partition.failed_stages
    )
    store(context.instance, events)
