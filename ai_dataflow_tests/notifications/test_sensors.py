"""The sensors queue and never raise; a run without a report is told from what Dagster knows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ai_dataflow.config.settings import load_settings
from ai_dataflow.definitions import build_definitions
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.notifications.catching_up import catch_up
from ai_dataflow.notifications.delivery import deliver
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.outbox import utc_now
from ai_dataflow.orchestration.instance import open_instance
from ai_dataflow.orchestration.mail_sensors import mail_sender, mail_sensors
from ai_dataflow.orchestration.mailing import is_ours, look_after, queue_run
from ai_dataflow.orchestration.partitions import NAME
from ai_dataflow.orchestration.resources import ProjectResource
from ai_dataflow.tables.project import load_project
from ai_dataflow.tables.single import load_teams
from ai_dataflow.workstation.layout import spare_reports
from ai_dataflow.workstation.reports import write_report
from ai_dataflow_tests import projects
from ai_dataflow_tests.notifications.cases import MISSING, bad, ok, run
from ai_dataflow_tests.runs.runs import instance_of, run_project

BROKEN = projects.CONTROL.replace("data/claims.csv", "data/nowhere.csv")


def _places(folder: Path) -> Places:
    return open_places(load_settings(folder))


def _queue(folder: Path, instance: dg.DagsterInstance, run_id: str) -> str:
    dagster_run = instance.get_run_by_id(run_id)
    assert dagster_run is not None
    assert is_ours(dagster_run)
    return queue_run(instance, dagster_run, load_settings(folder))


def test_a_sensor_and_a_command_queue_the_same_once(tmp_path: Path) -> None:
    projects.project(tmp_path, control=BROKEN)
    report = run_project(tmp_path)
    with instance_of(tmp_path) as instance:
        assert _queue(tmp_path, instance, report.run_id) == "1 mail queued"
        assert _queue(tmp_path, instance, report.run_id) == "1 mail queued"
        assert look_after(instance, load_settings(tmp_path), is_daemon=False, seconds=60)[1] == []
    assert len(list((tmp_path / "mails").glob("*.eml"))) == 1


def test_a_run_that_its_tables_stopped_is_told_to_the_platform_team(tmp_path: Path) -> None:
    projects.project(tmp_path)
    (tmp_path / "ai_mapping.csv").unlink()
    job = build_definitions(str(tmp_path)).resolve_job_def("ai_dataflow_job")
    with open_instance(load_settings(tmp_path)) as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        _queue(tmp_path, instance, result.run_id)
    (entry,) = _places(tmp_path).outbox.waiting()
    assert entry.letter.to == ["ai-platform@example.org"]
    assert "the changed partitions: no report" in entry.letter.subject
    assert "CFG-005" in entry.letter.text
    assert "there is no table `ai_mapping.csv`" in entry.letter.text.replace("\n    ", " ")


def test_no_mail_problem_fails_a_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a folder without a project
    resource = {"project": ProjectResource(config=str(tmp_path / "nowhere"))}
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources=resource)
        skipped = mail_sender(context)
        assert isinstance(skipped, dg.SkipReason)
        assert "CFG-001" in (skipped.skip_message or "") or "settings" in str(skipped)


def test_the_sensors_are_on_and_do_not_send() -> None:
    assert [sensor.default_status for sensor in (*mail_sensors, mail_sender)] == (
        [dg.DefaultSensorStatus.RUNNING] * 4
    )


def test_what_no_sensor_saw_is_queued_and_what_is_older_than_the_outbox_is_not(
    tmp_path: Path,
) -> None:
    projects.project(tmp_path, teams="team,email,concern\nnorthwind-data,a@example.org,*\n")
    places = _places(tmp_path)
    assert places.main is not None
    now = utc_now()
    old, new = run(1, bad("sales|acme", MISSING)), run(2, bad("sales|acme", MISSING))
    new.started = new.finished = now + timedelta(seconds=1)
    for report in (old, new):
        write_report(places.workstation.reports(), report)
    teams = load_teams(places.settings)
    assert catch_up(places, lambda: teams, now, 0) == ["run-2"]
    assert catch_up(places, lambda: teams, now, 0) == []
    assert [e.letter.run_id for e in places.outbox.waiting()] == ["run-2"]


def test_a_report_beside_the_project_is_mailed_about(tmp_path: Path) -> None:
    projects.project(tmp_path)
    places = _places(tmp_path)
    report = run(2, ok("claims|acme"), bad("claims|borealis", MISSING))
    report.started = report.finished = utc_now() + timedelta(seconds=1)
    write_report(spare_reports(places.settings), report)
    teams = load_project(tmp_path).teams
    assert catch_up(places, lambda: teams, utc_now(), 0) == ["run-2"]
    (entry,) = places.outbox.waiting()
    assert ".cache/ai_dataflow/runs/run-2.json" in entry.letter.text


def test_a_digest_is_queued_once_a_day_of_the_day_before(tmp_path: Path) -> None:
    teams = "team,email,concern,notify\nnorthwind-data,a@example.org,*,digest\n"
    projects.project(tmp_path, teams=teams)
    places = _places(tmp_path)
    yesterday = utc_now() - timedelta(days=1)
    for number in (1, 2):
        report = run(number, ok("sales|acme"), bad("sales|coral", MISSING))
        report.started = report.finished = yesterday
        write_report(places.workstation.reports(), report)
    loaded = load_teams(places.settings)
    name = f"digest-{yesterday.date()}"
    assert catch_up(places, lambda: loaded, utc_now(), 0) == ["run-1", "run-2", name]
    assert catch_up(places, lambda: loaded, utc_now(), 0) == []
    (entry,) = places.outbox.waiting()
    assert entry.letter.kind == "digest"
    assert "1 partition failing" in entry.letter.subject
    assert len(deliver(places).sent) == 1


def test_a_range_as_in_a_backfill_is_mailed_about(tmp_path: Path) -> None:
    control = BROKEN + "    ORION,claims,claim,coral,data/claims.csv,Y\n"
    projects.project(tmp_path, control=control)
    keys = ["claims|acme", "claims|coral"]
    job = build_definitions(str(tmp_path)).resolve_implicit_global_asset_job_def()
    ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    with instance_of(tmp_path) as instance:
        instance.add_dynamic_partitions(NAME, keys)
        result = job.execute_in_process(
            instance=instance, tags=dict(zip(ends, keys, strict=True)), raise_on_error=False,
            asset_selection=[dg.AssetKey(asset) for asset in STAGES],
        )  # fmt: skip
        assert _queue(tmp_path, instance, result.run_id) == "1 mail queued"
    (entry,) = _places(tmp_path).outbox.waiting()
    assert "FAILED 1 delivery" in entry.letter.subject


def test_a_canceled_run_is_told_with_the_partitions_that_it_was_about(tmp_path: Path) -> None:
    projects.project(tmp_path)
    job = build_definitions(str(tmp_path)).resolve_job_def("ai_dataflow_job")
    with instance_of(tmp_path) as instance:
        made = instance.create_run_for_job(job, tags={"dagster/partition": "claims|acme"})
        instance.report_run_canceled(made)
        assert _queue(tmp_path, instance, made.run_id) == "1 mail queued"
    (entry,) = _places(tmp_path).outbox.waiting()
    assert "CANCELED 1 partition: no report · team ai-platform" in entry.letter.subject
    assert "ai-dataflow run -p 'claims|acme'" in entry.letter.text


def test_a_run_of_something_else_is_not_ours(tmp_path: Path) -> None:
    projects.project(tmp_path)
    job = build_definitions(str(tmp_path)).resolve_job_def("cleanup")
    with instance_of(tmp_path) as instance:
        assert not is_ours(instance.create_run_for_job(job))
