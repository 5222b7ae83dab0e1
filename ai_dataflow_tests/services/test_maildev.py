"""The inbox page: a project's mails arrive there as they were sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.settings import load_settings
from ai_dataflow.notifications.delivery import deliver
from ai_dataflow.notifications.mail_places import open_places
from ai_dataflow_tests.notifications.letters import letter
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.services.maildev import Maildev
from ai_dataflow_tests.services.processes import HOST


@pytest.mark.slow
def test_a_mail_is_on_the_inbox_page(tmp_path: Path) -> None:
    with Maildev() as inbox:
        mail = f'[mail]\nhost = "{HOST}"\nport = {inbox.port}\ntls = "none"\n'
        text_file(tmp_path, "ai_dataflow.toml", f'{mail}from = "x@example.org"\n')
        places = open_places(load_settings(tmp_path))
        places.outbox.put(letter())
        assert len(deliver(places, now=letter().created).sent) == 1
        (shown,) = inbox.mails()
    assert shown["subject"] == "[ai_dataflow] FAILED 1"
