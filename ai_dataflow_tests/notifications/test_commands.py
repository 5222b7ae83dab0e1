"""The mails of the command line: at the end of a run, and `ai-dataflow notify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ai_dataflow.cli import app
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow_tests import projects
from ai_dataflow_tests.notifications.letters import mail_project, mail_toml
from ai_dataflow_tests.runs.runs import cli
from ai_dataflow_tests.services.ports import ClosedPort
from ai_dataflow_tests.services.smtp import MailServer

MISSING = projects.CONTROL.replace("data/claims.csv", "data/nowhere.csv")


def _notify(folder: Path, *arguments: str) -> Result:
    """Call `ai-dataflow notify` in this process: only runs need one of their own."""
    own = ("--config", str(folder))
    group = [*own, *arguments] if arguments[0].startswith("-") else [*arguments, *own]
    return CliRunner().invoke(app, ["notify", *group])


def _codes(result: Result) -> list[str]:
    assert isinstance(result.exception, DataflowError)
    return [problem.code for problem in result.exception.diagnostics]


def _mails_line(stdout: str) -> str:
    return next(line for line in stdout.splitlines() if line.startswith("mails ")).split(None, 1)[1]


@pytest.mark.proves("mail", "missing", "without a mail server mails are files; the summary says so")
@pytest.mark.slow
def test_without_a_mail_section_mails_are_files_and_the_summary_says_so(tmp_path: Path) -> None:
    projects.project(tmp_path, control=MISSING)
    ran = cli(tmp_path, "run")
    assert ran.returncode == 1
    assert _mails_line(ran.stdout) == "1 mail written into mails/ (there is no [mail] section)"
    (file,) = (tmp_path / "mails").glob("*.eml")
    assert b"orion-data@example.org" in file.read_bytes()
    shown = _notify(tmp_path, "status")
    assert shown.exit_code == 0
    assert "FAILED 1 delivery · team orion-data" in shown.stdout


@pytest.mark.slow
def test_a_run_is_told_once_then_recovers(tmp_path: Path, mail_server: MailServer) -> None:
    mail_project(tmp_path, mail_server, control=MISSING)
    assert _mails_line(cli(tmp_path, "run").stdout) == "1 mail sent"
    assert _mails_line(cli(tmp_path, "run").stdout) == "none to send"  # a day has not passed
    (tmp_path / "data/nowhere.csv").write_text("ClaimNo,Amount\n1,2\n")
    again = cli(tmp_path, "retry", "--owner", "orion-data")
    assert (again.returncode, _mails_line(again.stdout)) == (0, "1 mail sent")
    subjects = [str(mail.message["Subject"]) for mail in mail_server.inbox]
    assert subjects == [
        "[ai_dataflow] FAILED 1 delivery · team orion-data",
        "[ai_dataflow] RECOVERED 1 partition · team orion-data",
    ]
    assert len({str(mail.message["References"]) for mail in mail_server.inbox}) == 1
    nothing = cli(tmp_path, "retry")
    assert (nothing.returncode, "nothing to run again" in nothing.stderr) == (0, True)


@pytest.mark.slow
def test_a_mail_server_that_is_down_changes_no_exit_code_and_loses_nothing(
    tmp_path: Path,
) -> None:
    server = MailServer()
    with ClosedPort() as nobody:
        server.port = nobody.port
        mail_project(tmp_path, server, teams=projects.TEAMS.replace("concern,", "concern,notify,")
                     .replace("source,", "source,both,").replace("mapping,", "mapping,,")
                     .replace("platform@example.org,*,", "platform@example.org,*,,"))  # fmt: skip
        ran = cli(tmp_path, "run")
    assert ran.returncode == 0, ran.stderr
    assert "1 mail waiting: 127.0.0.1:" in _mails_line(ran.stdout)
    assert "connection refused" in _mails_line(ran.stdout)
    shown = _notify(tmp_path, "status", "--json")
    (entry,) = json.loads(shown.stdout)["items"]
    assert (shown.exit_code, entry["state"], entry["attempts"]) == (1, "waiting", 1)
    assert "html" not in entry
    with MailServer() as up:
        projects.text_file(
            tmp_path, "ai_dataflow.toml",
            "".join(f'{t} = "{t}.csv"\n' for t in projects.SHEETS) + mail_toml(up),
        )  # fmt: skip
        sent = _notify(tmp_path, "send")
        assert sent.exit_code == 0, sent.output
        assert len(up.inbox) == 1
    assert _notify(tmp_path, "status").exit_code == 0


@pytest.mark.slow
def test_dry_run_renders_to_files_and_sends_nothing(
    tmp_path: Path, mail_server: MailServer
) -> None:
    mail_project(tmp_path, mail_server, control=MISSING)
    run_id = json.loads(cli(tmp_path, "run", "--json").stdout)["run_id"]
    before = len(mail_server.inbox)
    made = _notify(tmp_path, "--dry-run", "--run", run_id)
    assert (made.exit_code, len(mail_server.inbox)) == (0, before)
    suffixes = {file.suffix for file in (tmp_path / "mails/preview").iterdir()}
    assert suffixes == {".html", ".txt", ".eml"}
    elsewhere = _notify(tmp_path, "preview", "--out", str(tmp_path / "x"), "--json")
    (found,) = json.loads(elsewhere.stdout)["items"]
    assert (found["team"], len(found["files"])) == ("orion-data", 3)
    unknown = _notify(tmp_path, "--dry-run", "--run", "nosuch")
    assert _codes(unknown) == ["NTF-005"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--test", "nobody"), "there is no team `nobody`; there are orion-data, "),
        (("--test", "mute"), "team `mute` has no address in the teams table"),
        (("--dry-run", "--run", "nosuch"), "there is no report of a run `nosuch`"),
        (("--dry-run",), "no run has left a report yet"),
    ],
)
def test_a_team_or_a_run_that_is_not_there_is_told_as_it_is(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    teams = projects.TEAMS + "mute,mute at example.org,mapping,*,*\n"
    projects.project(tmp_path, teams=teams)
    result = _notify(tmp_path, *arguments)
    assert _codes(result) == ["NTF-005"]
    assert says in str(result.exception)


def test_a_test_mail(tmp_path: Path, mail_server: MailServer) -> None:
    mail_project(tmp_path, mail_server)
    sent = _notify(tmp_path, "--test", "orion-data")
    assert (sent.exit_code, "sent to orion-data@example.org" in sent.stdout) == (0, True)
    assert mail_server.inbox[0].message["Subject"] == (
        "[ai_dataflow] TEST of the mails · team orion-data"
    )
    unknown = _notify(tmp_path, "--test", "orion-dat")
    assert _codes(unknown) == ["NTF-005"]
    assert "did you mean `orion-data`?" in str(unknown.exception)
    mail_server.unknown.add("orion-data@example.org")
    refused = _notify(tmp_path, "--test", "orion-data")
    assert (refused.exit_code, "NTF-002" in refused.stderr) == (1, True)
    mail_server.stop()
    down = _notify(tmp_path, "--test", "orion-data")
    assert (down.exit_code, "NTF-001" in down.stderr) == (1, True)


@pytest.mark.parametrize("command", ["send", "status", "preview"])
def test_every_notify_command_has_help_with_an_example(command: str) -> None:
    told = CliRunner().invoke(app, ["notify", command, "--help"])
    assert told.exit_code == 0
    assert "Example" in told.stdout


@pytest.mark.slow
def test_no_row_value_and_no_secret_is_in_a_mail(tmp_path: Path, mail_server: MailServer) -> None:
    projects.project(
        tmp_path,
        control=projects.CONTROL
        + "    ORION,policies,policy,acme,sql://db/t?client_column=c,Y\n",
        mapping=projects.MAPPING + "    policies,ORION,policy,No,policy_no,int64\n",
        teams=projects.TEAMS.replace("concern,", "concern,notify,")
        .replace("source,", "source,both,").replace("mapping,", "mapping,,")
        .replace("platform@example.org,*,", "platform@example.org,*,both,"),
        toml=mail_toml(mail_server)
        + '[sql.db]\nurl = "postgresql+psycopg://reader:hunter2@127.0.0.1:1/policy"\n'
        + "[execution]\nretry_seconds = 0\n",
    )  # fmt: skip
    (tmp_path / "data/claims.csv").write_text("ClaimNo,Amount\n1,2\nJane Doe,SW1A 1AA\n")
    assert cli(tmp_path, "run").returncode == 1
    assert len(mail_server.inbox) == 2
    for mail in mail_server.inbox:
        text = mail.message.as_string() + mail.body("plain") + mail.body("html")
        assert not [word for word in ("hunter2", "Jane", "SW1A") if word in text]
