"""The sensors and the schedule: what a tick does, what it says, and that it asks once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ai_dataflow import load
from ai_dataflow.config.settings import load_settings
from ai_dataflow.orchestration import watching
from ai_dataflow.orchestration.dagster_names import JOB
from ai_dataflow.orchestration.partitions import NAME
from ai_dataflow.orchestration.resources import ProjectResource
from ai_dataflow.orchestration.watching import (
    WHY_TAG,
    changes_sensor,
    control_table_sensor,
    nightly_schedule,
)
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import instance_of

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,claim,borealis,data/borealis.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,No,claim_id,int64
"""
KEYS = {"claims|acme", "claims|borealis"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a project that has never run."""
    made = project(tmp_path, control=CONTROL, mapping=MAPPING)
    for client in ("acme", "borealis"):
        text_file(made, f"data/{client}.csv", "No\n1\n")
    return made


@pytest.fixture
def instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Give the project's Dagster instance."""
    with instance_of(folder) as opened:
        yield opened


def resources(folder: Path) -> dict[str, object]:
    """Give the project as a resource."""
    return {"project": ProjectResource(config=str(folder))}


def tables(folder: Path, instance: dg.DagsterInstance) -> str:
    """Tick the sensor of the control table; give what it says."""
    with dg.build_sensor_context(instance, resources=resources(folder)) as context:
        said = control_table_sensor(context)
    assert isinstance(said, dg.SkipReason)
    return str(said.skip_message)


def tick(
    folder: Path, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[dg.RunRequest | None, str]:
    """Tick the sensor of changes; give the run that it asks for, and its cursor or words."""
    own = resources(folder)
    with dg.build_sensor_context(instance, cursor=cursor, resources=own) as context:
        said = changes_sensor(context)
    if isinstance(said, dg.SkipReason):
        return None, str(said.skip_message)
    assert isinstance(said, dg.SensorResult)
    (request,) = said.run_requests or ()
    return request, str(said.cursor)


def night(folder: Path, instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    """Tick the schedule."""
    schedule = nightly_schedule(load_settings(folder))
    with dg.build_schedule_context(instance, resources=resources(folder)) as context:
        found = schedule(context)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def edit(folder: Path, name: str, old: str, new: str) -> None:
    """Edit a file of the project."""
    file = folder / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_partitions_are_in_step_with_the_control_table(
    folder: Path, instance: dg.DagsterInstance
) -> None:
    assert tables(folder, instance).startswith("2 new partitions: ")
    assert set(instance.get_dynamic_partitions(NAME)) == KEYS
    assert tables(folder, instance) == "2 partitions in the control table, none new"


def test_a_deactivated_partition_is_marked_and_its_data_stays(
    folder: Path, instance: dg.DagsterInstance
) -> None:
    spine.run_changed(folder)
    tables(folder, instance)
    edit(folder, "control_table.csv", "borealis.csv,Y", "borealis.csv,N")
    assert tables(folder, instance) == "1 deactivated, their data stays: claims|borealis"
    assert set(instance.get_dynamic_partitions(NAME)) == {"claims|acme"}
    (mark,) = instance.fetch_observations(dg.AssetKey("ai_dataset"), limit=10).records
    assert mark.partition_key == "claims|borealis"
    assert "Deactivated" in str(mark.asset_observation and mark.asset_observation.description)
    assert load("claims", "borealis", config=folder).collect().height == 1
    assert tables(folder, instance) == "1 partition in the control table, none new"
    report = spine.run_changed(folder)
    assert (report.removed, report.statuses()) == (["claims|borealis"], {"unchanged": 1})
    edit(folder, "control_table.csv", "borealis.csv,N", "borealis.csv,Y")
    assert "1 new" in tables(folder, instance)
    assert spine.run_changed(folder).statuses() == {"unchanged": 2}  # nothing to do for it


def test_an_error_in_a_row_fails_the_tick_and_is_mailed_once_and_the_others_run(
    folder: Path, instance: dg.DagsterInstance
) -> None:
    tables(folder, instance)
    edit(folder, "control_table.csv", "data/borealis.csv,Y", "/mnt/nowhere/borealis.csv,Y")
    for _ in range(2):
        with pytest.raises(dg.Failure, match=r"CTL-007(.|\n)*control_table.csv:3"):
            tables(folder, instance)
    assert set(instance.get_dynamic_partitions(NAME)) == KEYS
    queued = sorted((folder / "workstation/_outbox/waiting").glob("tables-*"))
    assert len(queued) == 1, queued
    assert "CTL-007" in queued[0].read_text()
    request, _ = tick(folder, instance)
    assert request is not None
    report = spine.run_changed(folder)
    assert report.statuses() == {"ok": 1, "held": 1}


def test_a_table_that_cannot_be_read_fails_the_tick_and_is_mailed_once(
    folder: Path, instance: dg.DagsterInstance
) -> None:
    edit(folder, "ai_mapping.csv", "ai_type", "ai_typ")
    for _ in range(2):
        with pytest.raises(dg.Failure, match="MAP-00"):
            tables(folder, instance)
    assert len(list((folder / "workstation/_outbox/waiting").glob("tables-*"))) == 1
    for look in (tick, night):
        with pytest.raises(dg.Failure, match="MAP-00"):
            look(folder, instance)


def test_a_run_is_asked_for_once_over_all_that_changed(
    folder: Path, instance: dg.DagsterInstance
) -> None:
    request, cursor = tick(folder, instance)
    assert request is not None
    assert (request.run_key, request.tags[WHY_TAG]) == (cursor, "2 to run (2 new), 0 unchanged")
    # The daemon dies before it keeps the cursor, and another evaluates the tick again.
    again, _ = tick(folder, instance)
    assert again is not None
    assert again.run_key == request.run_key
    nothing, said = tick(folder, instance, cursor)
    assert nothing is None
    assert "asked for once" in said
    spine.run_changed(folder)
    assert tick(folder, instance, cursor) == (None, "0 to run, 2 unchanged")
    edit(folder, "data/acme.csv", "1", "2")
    other, _ = tick(folder, instance, cursor)
    assert other is not None
    assert other.run_key != cursor
    assert other.tags[WHY_TAG] == "1 to run (1 source changed), 1 unchanged"


def test_what_failed_waits_for_a_change_or_for_the_schedule(
    folder: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    text_file(folder, "data/acme.csv", "No\n1")  # cut off
    spine.run_changed(folder)
    nothing, said = tick(folder, instance)
    assert nothing is None
    assert "1 failed with these very inputs: `ai-dataflow retry`" in said
    found = night(folder, instance)
    assert isinstance(found, dg.RunRequest)
    assert found.tags[WHY_TAG] == "1 to run (1 failed before), 1 unchanged"
    text_file(folder, "data/acme.csv", "No\n1\n")
    assert tick(folder, instance) == (
        None,
        "1 to run (1 failed before), 1 unchanged; 1 failed in the last 10 minutes, and changed",
    )
    monkeypatch.setattr(watching, "_PAUSE", timedelta(0))  # they are over
    request, _ = tick(folder, instance)
    assert request is not None


def test_a_file_that_is_missing_is_waited_for(
    folder: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    spine.run_changed(folder)
    monkeypatch.setattr(watching, "_PAUSE", timedelta(0))
    (folder / "data/acme.csv").unlink()
    request, _ = tick(folder, instance)
    assert request is not None
    spine.run_changed(folder)
    nothing, said = tick(folder, instance)
    assert nothing is None
    assert said.startswith("1 to run (1 source changed), 1 unchanged; 1 failed with these very")
    text_file(folder, "data/acme.csv", "No\n2\n")
    request, _ = tick(folder, instance)
    assert request is not None


def test_nothing_is_asked_for_while_a_run_is_under_way(
    folder: Path, instance: dg.DagsterInstance
) -> None:
    run = instance.create_run_for_job(
        dg.job(name=JOB)(lambda: None), status=dg.DagsterRunStatus.STARTED
    )
    assert tick(folder, instance) == (None, f"run {run.run_id} is under way")


def test_the_schedule_runs_what_changed_at_its_times(
    folder: Path, instance: dg.DagsterInstance
) -> None:
    with (folder / "ai_dataflow.toml").open("a") as toml:
        toml.write('[schedule]\ncron = "30 4 * * *"\ntimezone = "Europe/Zurich"\n')
    schedule = nightly_schedule(load_settings(folder))
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * *", "Europe/Zurich")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert isinstance(night(folder, instance), dg.RunRequest)
    spine.run_changed(folder)
    found = night(folder, instance)
    assert isinstance(found, dg.SkipReason)
    assert found.skip_message == "0 to run, 2 unchanged"
    assert load_project(folder).settings.schedule is not None


def test_without_its_section_the_schedule_is_off() -> None:
    assert nightly_schedule(None).default_status == dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(
    ("schedule", "wrong"),
    [('cron = "0 25 * * *"', "cron"), ('cron = "nightly"', "cron"),
     ('cron = "0 2 * * *"\ntimezone = "Mars/Base"', "timezone"), ("", "cron")],
)  # fmt: skip
def test_a_schedule_that_is_none_is_an_error_of_the_settings(
    folder: Path, schedule: str, wrong: str
) -> None:
    with (folder / "ai_dataflow.toml").open("a") as toml:
        toml.write(f"[schedule]\n{schedule}\n")
    with pytest.raises(Exception, match=f"schedule.{wrong}") as error:
        load_settings(folder)
    with contextlib.suppress(AttributeError):
        assert {p.code for p in error.value.diagnostics} == {"CFG-003"}  # type: ignore[attr-defined]
