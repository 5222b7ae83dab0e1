"""The mails of a run of the command line, sent by a process of their own, or by the daemon."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from dagster import DagsterInstance

from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.config.interrupts import Interrupted
from ai_dataflow.notifications.catching_up import due_digest
from ai_dataflow.notifications.delivery import MAILS
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.wording import counted
from ai_dataflow.orchestration.mailing import bury, is_looked_after
from ai_dataflow.tables.project import Project
from ai_dataflow.workstation.reports import RunReport

_SEND_SECONDS = 30
_WAIT_SECONDS = 60
_CLI = "from ai_dataflow.cli import main; main()"
_SEND = ("notify", "after-run")  # without Dagster
_LOOK = "see `ai-dataflow notify status`"


def mail_after(instance: DagsterInstance, project: Project, report: RunReport) -> str:
    """See to the mails of a run; say in a line what became of them. It never fails."""
    try:
        places = open_places(project.settings)
        if is_looked_after(instance, places):
            return "left to the Dagster daemon, which delivers them"
        # This process has Dagster, which the sender does not import.
        if not (bury(instance, places) or _may_have_some(places, project, report)):
            return "none: nobody asked for one"
        return _send(project, report.run_id)
    except Interrupted:
        return f"still being sent; {_LOOK}"
    except Exception as error:
        return f"not sent: {redacted(error)}; {_LOOK}"


def _may_have_some(places: Places, project: Project, report: RunReport) -> bool:
    """Tell whether it is worth a process: something failed, is wanted, or was told before."""
    wants = any(team.notify not in ("", "failures") for team in project.teams)
    if report.exit_code or wants or places.main is None:
        return True
    began = places.main.began(report.finished).at
    yesterday = due_digest(places, report.finished, digest_hour=0)
    if yesterday and began.date() <= yesterday.date():
        return True
    return bool(places.main.folder.folder("told").files() or places.main.waiting())


def _send(project: Project, run_id: str) -> str:
    """Start the sender and wait for it, but not for ever: it goes on without us."""
    given = ["--config", str(project.settings.file), "--run", run_id, "--json"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", _CLI, *_SEND, *given, "--seconds", str(_SEND_SECONDS)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    try:
        answer, _ = process.communicate(timeout=_WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"still being sent; {_LOOK}"
    return _summary(json.loads(answer), project)


def _summary(answer: dict[str, Any], project: Project) -> str:
    if "items" in answer:  # an error, not what became of the mails
        return f"not sent: {answer['items'][0]['message']}; {_LOOK}"
    sent, waiting, lost = answer["sent"], answer["waiting"], answer["given_up"]
    verb = (
        "sent" if project.settings.mail else f"written into {MAILS}/ (there is no [mail] section)"
    )
    parts = [f"{counted(len(sent), 'mail')} {verb}"] if sent else []
    if waiting:
        reason = waiting[0]["last_error"] or "not due yet"
        parts.append(f"{counted(len(waiting), 'mail')} waiting: {reason}; {_LOOK}")
    if lost:
        parts.append(f"{counted(len(lost), 'mail')} given up: {lost[0]['last_error']}; {_LOOK}")
    parts += answer["problems"]
    parts += ["another process is sending"] if answer["busy"] else []
    return "; ".join(parts) or "none to send"
