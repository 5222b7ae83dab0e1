"""What one run needs of the asset graph: the step, its job, its resources. See `definitions`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import dagster as dg

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow.orchestration.assets import (
    DATASET_IO_MANAGER,
    ai_dataflow_job,
    build_assets,
    unheard,
)
from ai_dataflow.orchestration.io_managers import WorkstationIOManager
from ai_dataflow.orchestration.resources import ProjectResource
from ai_dataflow.runs.progress import Watcher
from ai_dataflow.runs.prospect import Prospect
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.tables.project import load_dictionary
from ai_dataflow.tables.single import load_teams
from ai_dataflow.tables.teams import ANY
from ai_dataflow.workstation.reports import RunReport


def definitions_of_run(
    config: str,
    watcher: Watcher | None,
    prospect: Prospect,
    reported: Callable[[RunReport], None],
) -> dg.Definitions:
    """Build what the run of a prospect needs, and not the sensors and other jobs, for a project.

    Args:
        config: as for `build_definitions`.
        watcher: hears of the run's progress.
        prospect: what the run is about.
        reported: hears the report of what it did.
    """
    return dg.Definitions(
        assets=[build_step(prospect.project.settings, watcher, prospect, reported)],
        jobs=[ai_dataflow_job],
        resources=resources_of(config),
        executor=dg.in_process_executor,
    )


def build_step(
    settings: Settings | None,
    watcher: Watcher | None,
    prospect: Prospect | None = None,
    reported: Callable[[RunReport], None] = unheard,
) -> dg.AssetsDefinition:
    """Build the step; without a prospect each run looks by itself."""
    return build_assets(_owners(settings), watcher, prospect, _rules(settings), reported)


def resources_of(config: str) -> dict[str, Any]:
    """Give the step's resources."""
    project = ProjectResource(config=config)
    return {"project": project, DATASET_IO_MANAGER: WorkstationIOManager(project=project)}


def settings_of(config: str) -> Settings | None:
    """Give a project's settings; None where they cannot be read."""
    try:
        return load_settings(config or None)
    except DataflowError:
        return None


def _rules(settings: Settings | None) -> Sequence[DictionaryRow]:
    """Give what the dictionary asks to be checked, as far as it can be read."""
    with suppress(DataflowError):
        return load_dictionary(settings) if settings else ()
    return ()


def _owners(settings: Settings | None) -> dict[str, Sequence[str]]:
    """Give each asset the teams whose concern it is, as far as Dagster accepts their names."""
    try:
        teams = load_teams(settings) if settings else ()
    except DataflowError:
        return {}
    concerns = {
        "adls_extract": ("source", ANY),
        "azure_sql_extract": ("source", ANY),
        "ai_dataset": ("mapping", "platform", ANY),
    }
    return {
        asset: list(dict.fromkeys(
            f"team:{team.name}"
            for team in teams
            if team.concern in wanted and re.fullmatch(r"[A-Za-z0-9_-]+", team.name)
        ))
        for asset, wanted in concerns.items()
    }  # fmt: skip
