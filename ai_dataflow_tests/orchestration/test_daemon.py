"""A real Dagster daemon: partitions appear, a run is asked for once, whatever is killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import RunsFilter

from ai_dataflow.orchestration.dagster_names import JOB
from ai_dataflow.orchestration.partitions import NAME
from ai_dataflow.orchestration.watching import WHY_TAG
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import read_reports
from ai_dataflow_tests.orchestration.test_watching import CONTROL, MAPPING
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.services import processes
from ai_dataflow_tests.services.dagster_daemon import PATIENCE, quick_daemon
from ai_dataflow_tests.services.processes import Process

pytestmark = pytest.mark.slow
wait_until = partial(processes.wait_until, seconds=PATIENCE, pause=0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a project whose sensors tick every second, and are both on."""
    made = project(tmp_path / "project", control=CONTROL, mapping=MAPPING)
    for client in ("acme", "borealis", "cirrus"):
        text_file(made, f"data/{client}.csv", "No\n1\n")
    return made


@pytest.fixture
def home(folder: Path) -> Path:
    """Give the home of a Dagster instance of its own."""
    home = folder.parent / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump({"telemetry": {"enabled": False}}))
    return home


# The project's definitions as they are, but that both sensors are on and tick every second; a tick
# that looks for changes waits as long as there is a file `hold`, and says so in a file `looking`.
_CODE = """
import time
from pathlib import Path
import dagster as dg
from ai_dataflow.orchestration import watching
from ai_dataflow import definitions
here, look_ahead = Path({home!r}), watching.look_ahead
def slowly(draft):
    found = look_ahead(draft)
    while (here / "hold").exists():
        (here / "looking").touch()
        time.sleep(0.05)
    return found
watching.look_ahead = slowly
def build():
    made = definitions.build_definitions({config!r})
    sensors = [s for s in made.sensors if s.name in ("control_table", "changes")]
    for sensor in sensors:
        sensor._default_status = dg.DefaultSensorStatus.RUNNING
    return dg.Definitions(assets=made.assets, jobs=made.jobs, sensors=sensors,
                          resources=made.resources, executor=made.executor)
defs = build()
"""


@contextmanager
def daemon(folder: Path, home: Path) -> Iterator[Process]:
    """Run a daemon over the project; it is killed in the end."""
    code, workspace = home / "located.py", home / "workspace.yaml"
    code.write_text(_CODE.format(home=str(home), config=str(folder)))
    workspace.write_text(yaml.safe_dump({"load_from": [{"python_file": str(code)}]}))
    process = Process(
        [sys.executable, "-c", quick_daemon(), "run", "-w", workspace],
        home / f"daemon-{time.monotonic_ns()}.log",
        env={"DAGSTER_HOME": str(home), "AI_DATAFLOW_CONFIG": str(folder)},
    )
    try:
        yield process
    finally:
        for pid in (process.pid, *process.children()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def finished(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Give the job's runs that have ended."""
    return [run for run in instance.get_runs(RunsFilter(job_name=JOB)) if run.is_finished]


@pytest.mark.timeout(1800)  # it starts three daemons, and waits for each
def test_a_daemon_keeps_up_and_asks_once_even_if_it_is_killed_amid_a_tick(
    folder: Path, home: Path
) -> None:
    hold, looking = home / "hold", home / "looking"
    with dg.DagsterInstance.from_config(str(home)) as instance:
        hold.touch()
        with daemon(folder, home):
            assert wait_until(looking.exists)  # amid a tick
            keys = {"claims|acme", "claims|borealis"}
            assert wait_until(lambda: set(instance.get_dynamic_partitions(NAME)) == keys)
        assert instance.get_runs_count() == 0
        hold.unlink()
        with daemon(folder, home):
            assert wait_until(lambda: instance.get_runs_count() > 0)
            # The run is there, and the tick that asked for it may not be over.
        with daemon(folder, home):
            assert wait_until(lambda: len(finished(instance)) == 1)
            (run,) = instance.get_runs(RunsFilter(job_name=JOB))
            assert run.status == dg.DagsterRunStatus.SUCCESS
            assert run.tags[WHY_TAG] == "2 to run (2 new), 0 unchanged"

            with (folder / "control_table.csv").open("a") as table:
                table.write("ORION,claims,claim,cirrus,data/cirrus.csv,Y\n")
            new = "claims|cirrus"
            assert wait_until(lambda: instance.has_dynamic_partition(NAME, new))
            assert wait_until(lambda: len(finished(instance)) == 2)
            last = instance.get_runs(RunsFilter(job_name=JOB), limit=1)[0]
            assert last.tags[WHY_TAG] == "1 to run (1 new), 2 unchanged"
            ticks = _ticks(instance)
            assert wait_until(lambda: _ticks(instance) > ticks + 2)
            assert instance.get_runs_count(RunsFilter(job_name=JOB)) == 2
    report = read_reports(open_workstation(load_project(folder).settings).reports())
    assert next(report).statuses() == {"ok": 1, "unchanged": 2}


def _ticks(instance: dg.DagsterInstance) -> int:
    """Count the ticks of the sensor of changes that are over."""
    states = {state.instigator_name: state for state in instance.all_instigator_state()}
    own = states["changes"]
    return len(instance.get_ticks(own.instigator_origin_id, own.selector_id))
