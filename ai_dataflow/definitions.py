"""The whole asset graph on one page: what `dagster dev`, `dg dev` and the CLI load.

Loading reads the settings, the teams and the dictionary, for the schedule, the assets' owners and
checks. A project with errors, or none at all, still loads, and its errors are told by the runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

import dagster as dg

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow.orchestration.assets import DATASET_IO_MANAGER, build_assets
from ai_dataflow.orchestration.io_managers import WorkstationIOManager
from ai_dataflow.orchestration.jobs import (
    ai_dataflow_job,
    build_accept_job,
    build_replay_job,
    cleanup,
    weekly_cleanup,
)
from ai_dataflow.orchestration.mail_sensors import mail_sender, mail_sensors
from ai_dataflow.orchestration.resources import ProjectResource
from ai_dataflow.orchestration.watching import (
    changes_sensor,
    control_table_sensor,
    nightly_schedule,
)
from ai_dataflow.runs.progress import Watcher
from ai_dataflow.runs.prospect import Prospect
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.tables.project import load_dictionary
from ai_dataflow.tables.single import load_teams
from ai_dataflow.tables.teams import ANY


def build_definitions(
    config: str = "", watcher: Watcher | None = None, prospect: Prospect | None = None
) -> dg.Definitions:
    """Build the definitions for a project.

    Args:
        config: the settings file or its folder; see `ProjectResource`.
        watcher: hears of the progress of runs.
        prospect: what the one run of these definitions is about; else each run looks by itself.
    """
    project, settings = ProjectResource(config=config), _settings(config)
    step = build_assets(_owners(settings), watcher, prospect, _rules(settings))
    return dg.Definitions(
        assets=[step],
        jobs=[ai_dataflow_job, build_replay_job(watcher), build_accept_job(watcher), cleanup],
        schedules=[nightly_schedule(settings), weekly_cleanup],
        sensors=[control_table_sensor, changes_sensor, *mail_sensors, mail_sender],
        resources={
            "project": project,
            DATASET_IO_MANAGER: WorkstationIOManager(project=project),
        },
        executor=dg.in_process_executor,  # one step: a process of its own would cost a second
    )


def _settings(config: str) -> Settings | None:
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


defs = build_definitions()
