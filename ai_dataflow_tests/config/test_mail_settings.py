"""`[mail]`: checked, told in the words of the file, and its password never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.mail_settings import MailSettings
from ai_dataflow.config.settings import load_settings
from ai_dataflow_tests.projects import text_file

LEAST = 'host = "smtp.example.org"\nfrom = "x@example.org"\n'


def _load(folder: Path, section: str) -> MailSettings:
    mail = load_settings(text_file(folder, "ai_dataflow.toml", f"[mail]\n{section}\n")).mail
    assert mail is not None
    return mail


def test_without_the_section_there_is_no_server(tmp_path: Path) -> None:
    assert load_settings(text_file(tmp_path, "ai_dataflow.toml", "")).mail is None


@pytest.mark.parametrize(
    ("more", "port"),
    [("", 587), ('tls = "none"', 25), ('tls = "smtps"', 465), ("port = 2525", 2525),
     ('port = "2526"', 2526)],
)  # fmt: skip
def test_the_port_follows_from_tls(tmp_path: Path, more: str, port: int) -> None:
    assert _load(tmp_path, LEAST + more).server == ("smtp.example.org", port)


def test_the_page_of_dagster_is_a_setting_of_its_own(tmp_path: Path) -> None:
    older = f'[mail]\n{LEAST}ui_url = "https://older.example.org/"\n'
    newer = '[dagster]\nurl = "https://newer.example.org/"\n'
    urls = [
        load_settings(text_file(tmp_path, "ai_dataflow.toml", text)).ui_url
        for text in ("", older, newer, older + newer)
    ]
    assert urls == [
        "", "https://older.example.org", "https://newer.example.org", "https://newer.example.org",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "setting", "said"),
    [
        ('from = "x@example.org"', "mail.host", "is missing"),
        ('host = "h"', "mail.from", "is missing"),
        ('host = "h"\nfrom = "X <x@example.org>"', "mail.from", "is no mail address"),
        ('host = "smtp://h"\nfrom = "x@example.org"', "mail.host", "is no server's name"),
        (LEAST + 'tls = "ssl"', "mail.tls", "'none', 'starttls' or 'smtps'"),
        (LEAST + "port = 70000", "mail.port", "from 0 to 65535"),
        (LEAST + "timeout = 0", "mail.timeout", "from 1 to 120"),
        (LEAST + 'user = "u"', "mail", "needs both user and password"),
        (LEAST + 'password = "hunter2"', "mail", "needs both user and password"),
        (LEAST + 'tls = "none"\nuser = "u"\npassword = "hunter2"', "mail", "in clear"),
        (LEAST + 'environment = "pro\\nd"', "mail.environment", "is no short name"),
        (LEAST + 'ui_url = "javascript:alert(1)"', "mail.ui_url", "is no http(s) URL"),
        (LEAST + 'ui_url = "https://u:hunter2@h/"', "mail.ui_url", "without user"),
        (LEAST + 'paswort = "hunter2"', "mail.paswort", "did you mean `password`?"),
    ],
)
def test_what_cannot_be_is_told_with_the_setting(
    tmp_path: Path, section: str, setting: str, said: str
) -> None:
    with pytest.raises(DataflowError) as caught:
        _load(tmp_path, section)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.place) == ("CFG-003", f"ai_dataflow.toml:{setting}")
    assert said in problem.message
    assert "hunter2" not in str(problem)


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    mail = _load(tmp_path, LEAST + 'user = "u"\npassword = "hunter2"')
    assert "hunter2" not in repr(mail) + str(mail.model_dump())
