"""The three assets, made by one step.

One step, because two separate assets in a ranged run cannot succeed in part. The step logs a
materialization for each finished partition and, where any failed, ends in one `Failure`. Dagster
then shows exactly those partitions as failed that were planned and not materialized. A ranged run
plans all its keys by itself; for keys given in the config the step plans the failed ones.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

from ai_dataflow.config.project import Project
from ai_dataflow.engine.job import STAGES, Stage
from ai_dataflow.orchestration.partitions import add_partitions, module_client_partitions
from ai_dataflow.orchestration.recorder import DagsterRecorder, end
from ai_dataflow.orchestration.resources import ProjectResource, as_failure
from ai_dataflow.orchestration.run import Watcher, execute
from ai_dataflow.planning.plan import make_plan
from ai_dataflow.workstation.reports import RunReport

STEP = "ai_dataflow"
AI_DATASET = dg.AssetKey("ai_dataset")
COVERAGE_CHECK = dg.AssetCheckSpec(
    "coverage",
    asset=AI_DATASET,
    description="Every module's products map as much as `min_coverage` asks for.",
)
DATASET_IO_MANAGER = "workstation"


class RunConfig(dg.Config):
    """Which partitions to run, where neither a partition nor a range is chosen.

    None named: those whose inputs changed, or, with `full`, all.
    """

    partition_keys: list[str] = []  # noqa: RUF012 - Dagster copies it
    full: bool = False


def asset_specs(owners: dict[str, Sequence[str]] | None = None) -> list[dg.AssetSpec]:
    """Describe the three assets. `owners` are the teams of each asset, by its name."""
    owned = owners or {}
    shared: dict[str, Any] = {
        "partitions_def": module_client_partitions,
        "group_name": "ai_dataflow",
        "skippable": True,
    }
    return [
        dg.AssetSpec(
            "adls_extract",
            description="Files of the semantic models, pinned: path, size and ETag, or version.",
            kinds={"azure", "file"},
            owners=list(owned.get("adls_extract", ())),
            **shared,
        ),
        dg.AssetSpec(
            "azure_sql_extract",
            description="SQL tables of the semantic models: a copy of their mapped columns.",
            kinds={"azure", "sql"},
            owners=list(owned.get("azure_sql_extract", ())),
            **shared,
        ),
        dg.AssetSpec(
            AI_DATASET,
            deps=["adls_extract", "azure_sql_extract"],
            description="One Delta table per module, the products merged, split by client.",
            kinds={"polars", "deltalake"},
            owners=list(owned.get("ai_dataset", ())),
            **shared,
        ).with_io_manager_key(DATASET_IO_MANAGER),
    ]


def build_assets(
    owners: dict[str, Sequence[str]] | None = None, watcher: Watcher | None = None
) -> dg.AssetsDefinition:
    """Build the step over the three assets. `watcher` hears of its progress."""

    @dg.multi_asset(
        name=STEP,
        specs=asset_specs(owners),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[COVERAGE_CHECK],
    )
    def step(
        context: dg.AssetExecutionContext, config: RunConfig, project: ProjectResource
    ) -> Iterator[dg.AssetCheckResult]:
        loaded = project.load()
        keys, planned_by_dagster = _keys(context, config, loaded)
        recorder = DagsterRecorder(context, loaded)
        with as_failure():
            report = execute(
                loaded, keys, _stages(context), context.run.run_id, recorder,
                watcher or recorder.log,
            )  # fmt: skip
        if not planned_by_dagster:
            _plan_failed(context, report)
        # What is materialized has been told by now; the check is all that the step yields.
        if COVERAGE_CHECK.key in context.selected_asset_check_keys:
            yield _coverage(report)
        end(context, report)

    return step


def _keys(
    context: dg.AssetExecutionContext, config: RunConfig, project: Project
) -> tuple[list[str] | None, bool]:
    """Give the partitions to run, and whether Dagster has planned them by itself.

    None are those that changed: the run finds out which.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys), True
    keys = list(dict.fromkeys(config.partition_keys))
    every = keys or make_plan(project).partitions
    add_partitions(context.instance, every)
    return keys or (every if config.full else None), False


def _stages(context: dg.AssetExecutionContext) -> list[Stage]:
    selected = {key.to_user_string() for key in context.selected_asset_keys}
    return [stage for stage in STAGES if stage in selected]


def _coverage(report: RunReport) -> dg.AssetCheckResult:
    """Tell which modules are below their threshold, with the matrix of each."""
    below = [d["message"] for d in report.diagnostics if d["code"] == "COV-001"]
    matrices = {
        f"coverage of {module}": dg.MetadataValue.md(matrix["markdown"])
        for module, matrix in report.coverage.items()
    }
    return dg.AssetCheckResult(
        check_name=COVERAGE_CHECK.name,
        asset_key=AI_DATASET,
        passed=not below,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(below) or "all modules are covered as asked for",
        metadata=matrices,
    )


def _plan_failed(context: dg.AssetExecutionContext, report: RunReport) -> None:
    """Log, for keys that Dagster did not plan, that the failed ones were to be materialized."""
    for partition in report.failed:
        for stage in partition.failed_stages:
            planned = AssetMaterializationPlannedData(
                dg.AssetKey(stage), partition=partition.partition
            )
            context.instance.report_dagster_event(
                DagsterEvent.build_asset_materialization_planned_event(
                    context.run.job_name, STEP, planned
                ),
                context.run.run_id,
            )
