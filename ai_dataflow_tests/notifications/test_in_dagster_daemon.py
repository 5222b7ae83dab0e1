"""A real Dagster daemon: it mails about its runs, those of the CLI, and those that died."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from ai_dataflow.config.settings import load_settings
from ai_dataflow.notifications.mail_places import open_places
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.lease import lease
from ai_dataflow_tests import projects
from ai_dataflow_tests.notifications.daemons import Daemon
from ai_dataflow_tests.notifications.letters import mail_project
from ai_dataflow_tests.runs.runs import cli
from ai_dataflow_tests.services.dagster_daemon import PATIENCE
from ai_dataflow_tests.services.processes import wait_until
from ai_dataflow_tests.services.smtp import MailServer

MISSING = projects.CONTROL.replace("data/claims.csv", "data/nowhere.csv")
_LAUNCH = "from dagster._cli import main; main()"
_ALL = '{"ops": {"ai_dataflow": {"config": {"full": true}}}}'
_CLI = "from ai_dataflow.cli import main; main()"


def _launch(daemon: Daemon) -> None:
    """Queue a run of the job, as the UI does; the daemon starts it."""
    command = [sys.executable, "-c", _LAUNCH, "job", "launch", "-m", "ai_dataflow.definitions"]
    subprocess.run(
        [*command, "-j", "ai_dataflow_job", "--config-json", _ALL], check=True, capture_output=True,
        env=os.environ | daemon.environment(), cwd=daemon.project,
    )  # fmt: skip


def _subjects(server: MailServer) -> list[str]:
    return [str(mail.message["Subject"]) for mail in server.inbox]


def _arrived(server: MailServer, count: int) -> bool:
    return wait_until(lambda: len(server.inbox) >= count, 150)


def _worker(instance: dg.DagsterInstance) -> int:
    """Wait for the newest run's process; give its id."""
    found: list[int] = []

    def look() -> bool:
        runs = instance.get_runs(limit=1)
        logs = instance.all_logs(runs[0].run_id) if runs else []
        text = " ".join(entry.user_message or "" for entry in logs)
        pids = re.findall(r"\(pid: (\d+)\)", text)
        found.extend(map(int, pids))
        return bool(pids) and "waiting for run" in text

    assert wait_until(look, PATIENCE, pause=0.1)
    return found[0]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_daemon_mails_about_runs_of_dagster_and_of_the_cli_and_about_those_that_died(
    tmp_path: Path, mail_server: MailServer
) -> None:
    mail_project(tmp_path, mail_server, control=MISSING)
    modules = open_workstation(load_settings(tmp_path)).leases("claims")
    with Daemon(tmp_path) as daemon:
        # A run that Dagster launches, which fails: its team hears of it.
        _launch(daemon)
        assert _arrived(mail_server, 1), (tmp_path / "daemon.log").read_text()[-3000:]
        assert _subjects(mail_server) == ["[ai_dataflow] FAILED 1 delivery · team orion-data"]

        # A run of the CLI is left to the daemon, and told once.
        (tmp_path / "data/nowhere.csv").write_text("ClaimNo,Amount\n1,2\n")
        ran = cli(tmp_path, "run")
        assert (ran.returncode, "left to the Dagster daemon" in ran.stdout) == (0, True)
        assert _arrived(mail_server, 2)
        assert "RECOVERED 1 partition" in _subjects(mail_server)[1]

        # A run whose process is killed while it works: the platform team hears of it.
        with dg.DagsterInstance.from_config(str(daemon.home)) as instance:
            with lease(modules, "claims", "test"):
                _launch(daemon)
                os.kill(_worker(instance), signal.SIGKILL)
            assert _arrived(mail_server, 3), (tmp_path / "daemon.log").read_text()[-3000:]
            assert _subjects(mail_server)[2] == (
                "[ai_dataflow] FAILED all partitions: no report · team ai-platform"
            )

            # And one of the CLI, which no run monitoring of Dagster's would find.
            with lease(modules, "claims", "test"):
                process = subprocess.Popen(
                    [sys.executable, "-c", _CLI, "run", "--full"], cwd=tmp_path,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                started = [dg.DagsterRunStatus.STARTED]
                filters = dg.RunsFilter(statuses=started)
                assert wait_until(lambda: bool(instance.get_runs(filters)), PATIENCE, pause=0.1)
                time.sleep(1)
                process.kill()
                process.wait()
            assert _arrived(mail_server, 4)
        assert "FAILED 1 partition: no report" in _subjects(mail_server)[3]
        body = mail_server.inbox[3].body("plain")
        assert "The process of this run is gone." in body
        assert "claims|acme" in body
    time.sleep(1)
    assert len({mail.id for mail in mail_server.inbox}) == len(mail_server.inbox) == 4


@pytest.mark.proves(
    "mail", "killed", "what waited while the daemon was dead is sent; when it is back"
)
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_ran_and_waited_while_the_daemon_was_dead_is_sent_when_it_is_back(
    tmp_path: Path, mail_server: MailServer
) -> None:
    mail_project(tmp_path, mail_server, control=MISSING)
    mail_server.stop()
    assert cli(tmp_path, "run").returncode == 1  # the server is down: it waits
    outbox = open_places(load_settings(tmp_path)).outbox
    (entry,) = outbox.waiting()
    entry.due = entry.letter.created
    outbox.update(entry)
    mail_server.start()
    with Daemon(tmp_path) as daemon:
        assert _arrived(mail_server, 1)
        assert wait_until(
            lambda: not outbox.waiting(), PATIENCE, pause=0.1
        )  # it is noted that it was sent
        daemon.stop()  # killed
        daemon.start()
        time.sleep(2)
    assert len(mail_server.inbox) == 1, _subjects(mail_server)
