"""The whole asset graph on one page: what `dagster dev` and `dg dev` load.

Loading reads the settings, the teams and the dictionary, for the schedule, the assets' owners and
checks. A project with errors, or none at all, still loads, and its errors are told by the runs.
"""

from __future__ import annotations

import dagster as dg

from ai_dataflow.orchestration.assets import ai_dataflow_job
from ai_dataflow.orchestration.jobs import (
    build_accept_job,
    build_replay_job,
    cleanup,
    weekly_cleanup,
)
from ai_dataflow.orchestration.mail_sensors import mail_sender, mail_sensors
from ai_dataflow.orchestration.one_run import build_step, resources_of, settings_of
from ai_dataflow.orchestration.watching import (
    changes_sensor,
    control_table_sensor,
    nightly_schedule,
)
from ai_dataflow.runs.progress import Watcher


def build_definitions(config: str = "", watcher: Watcher | None = None) -> dg.Definitions:
    """Build the definitions for a project.

    Args:
        config: the settings file or its folder; see `ProjectResource`.
        watcher: hears of the progress of runs.
    """
    settings = settings_of(config)
    return dg.Definitions(
        assets=[build_step(settings, watcher)],
        jobs=[ai_dataflow_job, build_replay_job(watcher), build_accept_job(watcher), cleanup],
        schedules=[nightly_schedule(settings), weekly_cleanup],
        sensors=[control_table_sensor, changes_sensor, *mail_sensors, mail_sender],
        resources=resources_of(config),
        executor=dg.in_process_executor,  # one step: a process of its own would cost a second
    )


defs = build_definitions()
