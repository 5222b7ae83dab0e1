"""Dagster's daemon with short pauses: what waits 5 to 30 seconds in production waits one here.

All else is as in production. `python -c <quick_daemon()> run ...` is `dagster-daemon run ...`.
"""

from __future__ import annotations

# Seconds. On two busy cores a daemon may start for a minute, and so may each run that it asks for.
PATIENCE = 400.0
# The pauses of Dagster's loops are constants of its modules, which no setting reaches.
_QUICK = """\
from dagster._core.remote_representation.external import RemoteSensor
from dagster._daemon import controller, sensor
from dagster._daemon.cli import main
from dagster._daemon.daemon import IntervalDaemon

controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 1  # backfills
sensor.MIN_INTERVAL_LOOP_TIME = 1
controller.THREAD_CHECK_INTERVAL = 1
# Queued runs, and the monitoring of runs.
IntervalDaemon.interval_seconds = property(lambda self: 1, lambda self, seconds: None)
"""
_QUICK_SENSORS = "RemoteSensor.min_interval_seconds = property(lambda self: 1)\n"


def quick_daemon(*, sensors: bool = True) -> str:
    """Give the code of the daemon, for `python -c`; with `sensors` all sensors tick each second."""
    return f"{_QUICK}{_QUICK_SENSORS if sensors else ''}main()\n"
