"""The three assets, made by one step.

One step, because two separate assets in a ranged run cannot succeed in part. The step logs a
materialization for each finished partition and, where any failed, ends in one `Failure`. Dagster
then shows exactly those partitions as failed that were planned and not materialized. A ranged run
plans all its keys by itself; for keys given in the config the step plans the failed ones.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from ai_dataflow.extracts.stages import STAGES, Stage
from ai_dataflow.orchestration.events import planned, store
from ai_dataflow.orchestration.partitions import add_partitions, module_client_partitions
from ai_dataflow.orchestration.recorder import DagsterRecorder, end, explain
from ai_dataflow.orchestration.resources import ProjectResource, as_failure
from ai_dataflow.planning.plan import active_partitions
from ai_dataflow.runs.run import Watcher, execute
from ai_dataflow.tables.project import Project
from ai_dataflow.workstation.reports import RunReport

STEP = "ai_dataflow"
AI_DATASET = dg.AssetKey("ai_dataset")
COVERAGE_CHECK = dg.AssetCheckSpec(
    "coverage",
    asset=AI_DATASET,
    description="Every module's products map as much as `min_coverage` asks for.",
)
DATASET_IO_MANAGER = "workstation"
# Dagster shows the last partition's columns and metadata as if they were the asset's.
_PAGE = (
    "This page shows the metadata of the partition that was materialized last; the tab Partitions "
    "shows those of each. Why a partition failed is in the tab Events."
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
            description=(
                "Files of the semantic models, pinned: path, size and ETag, or version.\n\n"
                f"A partition is `module|client`; one without files has 0 sources. {_PAGE}"
            ),
            kinds={"azure", "file"},
            owners=list(owned.get("adls_extract", ())),
            **shared,
        ),
        dg.AssetSpec(
            "azure_sql_extract",
            description=(
                "SQL tables of the semantic models: a copy of their mapped columns.\n\n"
                f"A partition is `module|client`; one without SQL tables has 0 sources. {_PAGE}"
            ),
            kinds={"azure", "sql"},
            owners=list(owned.get("azure_sql_extract", ())),
            **shared,
        ),
        dg.AssetSpec(
            AI_DATASET,
            deps=["adls_extract", "azure_sql_extract"],
            description=(
                "One Delta table per module, the products merged, split by client.\n\n"
                f"A partition is `module|client`; each module has columns of its own. {_PAGE}"
            ),
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
        explain(context, report)
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
    every = keys or active_partitions(project)
    add_partitions(context.instance, every)
    return keys or (every if config.full else None), False


def _stages(context: dg.AssetExecutionContext) -> list[Stage]:
    selected = {key.to_user_string() for key in context.selected_asset_keys}
    return [stage for stage in STAGES if stage in selected]


def _coverage(report: RunReport) -> dg.AssetCheckResult:
    """Tell how much of each module is mapped, and which are below their threshold.

    The shares are numbers: Dagster plots them over the runs.
    """
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
        metadata=metadata,
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
