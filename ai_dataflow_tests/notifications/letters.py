"""Letters, outboxes and projects with a mail server, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ai_dataflow.config.mail_settings import MailSettings
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.mime import Letter
from ai_dataflow_tests import projects
from ai_dataflow_tests.services.processes import HOST
from ai_dataflow_tests.services.smtp import MailServer

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LASTS = timedelta(days=3)
SENDER = "ai-dataflow@example.org"


def letter(number: int = 1, **changes: Any) -> Letter:
    """Give a letter to a team."""
    given = {
        "key": f"run-{number}.team-x.failure", "run_id": f"run-{number}", "team": "x",
        "kind": "failure", "message_id": f"<{number}@example.org>", "thread_id": "<x@example.org>",
        "subject": f"[ai_dataflow] FAILED {number}", "to": ["x@example.org"], "html": "<p>hi</p>",
        "text": "hi", "created": NOW, "expires": NOW + LASTS,
    }  # fmt: skip
    return Letter.model_validate(given | changes)


def mail_toml(server: MailServer, more: str = 'tls = "none"') -> str:
    """Give settings with a mail server."""
    return f"""
[workstation]
url = "workstation"
[mail]
host = "{HOST}"
port = {server.port}
from = "{SENDER}"
{more}
"""


def mail_project(folder: Path, server: MailServer, **tables: str) -> Path:
    """Write a project with a mail server."""
    return projects.project(folder, toml=mail_toml(server), **tables)


def settings_for(folder: Path, server: MailServer, **mail: Any) -> Settings:
    """Give the settings of a folder without tables; the mail server gets changed settings."""
    projects.text_file(folder, "ai_dataflow.toml", mail_toml(server))
    settings = load_settings(folder)
    assert isinstance(settings.mail, MailSettings)
    return settings.model_copy(update={"mail": settings.mail.model_copy(update=mail)})


def places_for(folder: Path, server: MailServer, **mail: Any) -> Places:
    """Open the outboxes of such a folder."""
    return open_places(settings_for(folder, server, **mail))
