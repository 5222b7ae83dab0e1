"""Delivery to a real SMTP server: TLS, login, refusals, faults; once, or given up with a reason."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ai_dataflow.config.settings import load_settings
from ai_dataflow.notifications.delivery import Delivery, deliver
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.outbox import Entry
from ai_dataflow.workstation.lease import lease
from ai_dataflow_tests import projects
from ai_dataflow_tests.notifications.letters import (
    LASTS,
    NOW,
    letter,
    places_for,
)
from ai_dataflow_tests.services.ports import SilentPort
from ai_dataflow_tests.services.smtp import FAULTS, Fault, MailServer, Tls
from ai_dataflow_tests.services.tls import make_certificates

LOGIN = ("robot", "s3cret-hunter2")


def _send(places: Places, number: int = 1, **changes: Any) -> Delivery:
    places.outbox.put(letter(number, **changes))
    return deliver(places, now=NOW)


def test_a_mail_arrives_once_with_both_bodies(tmp_path: Path, mail_server: MailServer) -> None:
    places = places_for(tmp_path, mail_server)
    assert len(_send(places, cc=["boss@example.org"]).sent) == 1
    (received,) = mail_server.inbox
    assert received.recipients == ("x@example.org", "boss@example.org")
    assert received.message["Subject"] == "[ai_dataflow] FAILED 1"
    assert received.message["Message-ID"] == "<1@example.org>"
    assert received.message["References"] == "<x@example.org>"
    assert (received.body("plain").strip(), received.body("html").strip()) == ("hi", "<p>hi</p>")
    assert _send(places) == Delivery()
    assert len(mail_server.inbox) == 1


@pytest.mark.parametrize("tls", ["starttls", "smtps"])
@pytest.mark.parametrize("login", [LOGIN, None])
def test_tls_and_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: Tls, login: tuple[str, str] | None
) -> None:
    certificates = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with MailServer(tls, certificates, login) as server:
        user = {"user": LOGIN[0], "password": SecretStr(LOGIN[1])} if login else {}
        assert _send(places_for(tmp_path, server, tls=tls, **user)).sent
        assert len(server.inbox) == 1


@pytest.mark.parametrize(
    ("tls", "mail", "reason"),
    [
        ("starttls", {"tls": "starttls"}, "certificate is not trusted"),
        ("starttls", {"tls": "none"}, "530"),
        ("none", {"tls": "starttls"}, "it lacks STARTTLS"),
        ("none", {"tls": "smtps"}, "TLS fails"),
    ],
)
def test_tls_that_does_not_fit_is_told_and_the_mail_waits(
    tmp_path: Path, tls: Tls, mail: dict[str, Any], reason: str
) -> None:
    with MailServer(tls, make_certificates(tmp_path)) as server:
        (entry,) = _send(places_for(tmp_path, server, timeout=3, **mail)).waiting
    assert reason in entry.last_error
    assert (entry.code, entry.attempts) == ("NTF-001", 1)


@pytest.mark.proves(
    "mail", "denied", "a refused login waits and is tried again; `notify status` says why"
)
def test_a_wrong_password_is_told_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with MailServer("starttls", certificates, LOGIN) as server:
        wrong = SecretStr("hunter2-wr0ng")
        places = places_for(tmp_path, server, tls="starttls", user="robot", password=wrong)
        (entry,) = _send(places).waiting
    assert "it refuses user and password: 535" in entry.last_error
    assert "hunter2" not in entry.model_dump_json()


@pytest.mark.parametrize("fault", ["sender-4xx", "rcpt-4xx", "data-4xx", "drop", "slow"])
def test_what_passes_is_tried_again_later(
    tmp_path: Path, mail_server: MailServer, fault: Fault
) -> None:
    places = places_for(tmp_path, mail_server, timeout=0.3)
    mail_server.faults.append(fault)
    (entry,) = _send(places).waiting
    assert (entry.due - NOW, entry.attempts) == (timedelta(minutes=1), 1)
    assert deliver(places, only_due=True, now=NOW).sent == []
    assert not mail_server.inbox
    assert len(deliver(places, only_due=True, now=entry.due).sent) == 1
    assert len(mail_server.inbox) == 1


@pytest.mark.proves(
    "mail", "denied", "NTF-002: refused for good; it is given up with the server's reason"
)
@pytest.mark.parametrize("fault", ["rcpt-5xx", "data-5xx"])
def test_what_is_refused_for_good_is_given_up_at_once(
    tmp_path: Path, mail_server: MailServer, fault: Fault
) -> None:
    places = places_for(tmp_path, mail_server)
    mail_server.faults.append(fault)
    (entry,) = _send(places).given_up
    assert entry.code == "NTF-002"
    assert entry.last_error.startswith("55")
    assert places.outbox.waiting() == []
    assert [e.state for e in places.outbox.done()] == ["given up"]


def test_a_recipient_that_is_refused_costs_only_itself(
    tmp_path: Path, mail_server: MailServer
) -> None:
    places = places_for(tmp_path, mail_server)
    mail_server.unknown.add("gone@example.org")
    (entry,) = _send(places, cc=["gone@example.org"]).sent
    assert (entry.accepted, list(entry.refused)) == (["x@example.org"], ["gone@example.org"])
    assert entry.refused["gone@example.org"].startswith("550")


def test_who_must_wait_gets_it_later_and_nobody_twice(
    tmp_path: Path, mail_server: MailServer
) -> None:
    places = places_for(tmp_path, mail_server)
    mail_server.faults.append("rcpt-4xx")  # for the first recipient
    (entry,) = _send(places, cc=["boss@example.org"]).waiting
    assert (entry.accepted, entry.pending) == (["boss@example.org"], ["x@example.org"])
    assert deliver(places, now=entry.due).sent
    assert [m.recipients for m in mail_server.inbox] == [("boss@example.org",), ("x@example.org",)]


def test_a_server_that_is_down_keeps_nobody_and_loses_nothing(tmp_path: Path) -> None:
    server = MailServer()
    places = places_for(tmp_path, server)
    for number in range(3):
        places.outbox.put(letter(number))
    moments, now = [], NOW
    for _ in range(9):
        waiting = deliver(places, now=now).waiting
        assert "connection refused" in waiting[0].last_error
        moments.append(waiting[0].due - now)
        now = waiting[0].due
    assert moments[:4] == [timedelta(minutes=m) for m in (1, 2, 4, 8)]
    assert moments[-1] == timedelta(hours=1)
    with server:
        assert len(deliver(places, now=now).sent) == 3
    assert len({m.id for m in server.inbox}) == len(server.inbox) == 3


@pytest.mark.proves(
    "mail", "slow", "a server that says nothing costs a timeout; the mail is tried again"
)
def test_a_server_that_says_nothing_costs_a_timeout(tmp_path: Path) -> None:
    with SilentPort() as silent:
        server = MailServer()
        server.port = silent.port
        places = places_for(tmp_path, server, timeout=0.3)
        (entry,) = _send(places).waiting
    assert "does not answer in time" in entry.last_error


def test_what_expires_is_given_up_with_the_last_reason(tmp_path: Path) -> None:
    places = places_for(tmp_path, MailServer())
    _send(places)
    (entry,) = deliver(places, now=NOW + LASTS).given_up
    assert (entry.code, entry.state) == ("NTF-003", "given up")
    assert "connection refused" in entry.last_error


@pytest.mark.proves(
    "mail", "corrupt", "a mail that breaks the connection costs itself alone; the others are sent"
)
def test_a_mail_that_breaks_the_server_does_not_stop_the_others(
    tmp_path: Path, mail_server: MailServer
) -> None:
    places = places_for(tmp_path, mail_server)
    for number in range(3):
        places.outbox.put(letter(number))
    mail_server.faults.append("drop")
    done = deliver(places, now=NOW)
    assert (len(done.sent), len(done.waiting)) == (2, 1)


@pytest.mark.proves("mail", "concurrent", "one sender at a time; nobody gets a mail twice")
def test_only_one_sender_at_a_time(
    tmp_path: Path, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ai_dataflow.notifications.delivery._PATIENCE", 0.0)
    places = places_for(tmp_path, mail_server)
    with lease(places.outbox.lease, "the mails", "another"):
        done = _send(places)
    assert (done.busy, len(done.waiting), mail_server.inbox) == (True, 1, [])
    assert deliver(places, now=NOW).sent


def test_a_letter_that_is_queued_again_while_it_is_sent_is_sent_once(
    tmp_path: Path, mail_server: MailServer
) -> None:
    places = places_for(tmp_path, mail_server)
    mail_server.accepted = lambda: None
    _send(places)
    name = f"{letter().key}.json"
    done = (Path(places.outbox.folder.url) / "done" / name).read_bytes()
    waiting = done.replace(b'"sent"', b'"waiting"')
    (Path(places.outbox.folder.url) / "waiting" / name).write_bytes(waiting)
    assert deliver(places, now=NOW) == Delivery()
    assert (len(mail_server.inbox), places.outbox.waiting()) == (1, [])


def test_what_was_queued_beside_the_project_is_delivered_too(
    tmp_path: Path, mail_server: MailServer
) -> None:
    places = places_for(tmp_path, mail_server)
    places.spare.put(letter(1))
    places.outbox.put(letter(1))
    places.spare.put(letter(2))
    assert len(deliver(places, now=NOW).sent) == 2
    assert len(mail_server.inbox) == 2
    assert (places.spare.waiting(), places.spare.done()) == ([], [])


@pytest.mark.proves(
    "mail",
    "full",
    "a workstation that takes no outbox; mails are queued and sent from beside the project",
)
def test_where_the_workstation_is_away_mails_are_sent_from_beside_the_project(
    tmp_path: Path, mail_server: MailServer
) -> None:
    whole = places_for(tmp_path, mail_server)
    away = Places(whole.settings, whole.workstation, None, whole.spare)
    assert len(_send(away).sent) == 1
    assert len(_send(whole).sent) == 0  # queued again when it is back, and known
    assert len(mail_server.inbox) == 1
    assert [e.state for e in whole.outbox.done()] == ["sent"]


def test_without_a_server_mails_are_files(tmp_path: Path) -> None:
    places = open_places(load_settings(projects.project(tmp_path)))
    (entry,) = _send(places).sent
    assert Path(entry.where).parent == tmp_path / "mails"
    assert b"Subject: [ai_dataflow] FAILED 1" in Path(entry.where).read_bytes()


_KILLED = """
import os, signal, sys
from datetime import datetime
from ai_dataflow.config.settings import load_settings
from ai_dataflow.notifications import outbox
from ai_dataflow.notifications.delivery import deliver
from ai_dataflow.notifications.mail_places import open_places
outbox.Outbox.update = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
deliver(open_places(load_settings(sys.argv[1])), now=datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.proves(
    "mail",
    "killed",
    "a sender killed before it noted sends again; the duplicate has the same Message-ID",
)
def test_a_sender_killed_before_it_noted_leaves_a_duplicate_that_can_be_told(
    tmp_path: Path, mail_server: MailServer
) -> None:
    places = places_for(tmp_path, mail_server)
    places.outbox.put(letter(1))
    places.outbox.put(letter(2))
    command = [sys.executable, "-c", _KILLED, str(tmp_path), NOW.isoformat()]
    killed = subprocess.run(command, env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Counter(m.id for m in mail_server.inbox) == {"<1@example.org>": 1}
    assert len(deliver(places, now=NOW).sent) == 2
    assert Counter(m.id for m in mail_server.inbox) == {"<1@example.org>": 2, "<2@example.org>": 1}
    assert deliver(places, now=NOW) == Delivery()


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_whatever_goes_wrong_each_mail_arrives_once_or_is_given_up(
    tmp_path: Path, block: int
) -> None:
    """Play a hundred schedules of faults, in four blocks: each seed has its own."""
    ends: Counter[str] = Counter()
    with MailServer() as server:
        for seed in range(block * 25, block * 25 + 25):
            ends += _play(tmp_path / str(seed), server, random.Random(seed))  # noqa: S311
    assert ends["sent"] > ends["given up"] > 0


def _play(folder: Path, server: MailServer, rng: random.Random) -> Counter[str]:
    server.inbox.clear()
    server.faults.clear()
    places = places_for(folder, server, timeout=1)
    numbers = range(rng.randint(1, 4))
    now = NOW
    while now < NOW + LASTS + timedelta(hours=2):
        for number in numbers:  # queued again and again, as by sensors and commands
            if rng.random() < 0.7:
                places.outbox.put(letter(number))
        if rng.random() < 0.5:
            weights = [{"slow": 0.3}.get(f, 4 if f.endswith("4xx") else 1) for f in FAULTS]
            server.faults.extend(rng.choices(FAULTS, weights, k=rng.randint(1, 3)))
        is_down = rng.random() < 0.3
        if is_down:
            server.stop()
        deliver(places, only_due=rng.random() < 0.7, now=now)
        if is_down:
            server.start()
        now += timedelta(hours=rng.choice([0.02, 1, 30]))
    deliver(places, now=now)
    assert places.outbox.waiting() == []
    arrived = Counter(m.id for m in server.inbox)
    entries = places.outbox.done()
    for entry in entries:
        wanted = 1 if entry.state == "sent" else 0
        assert arrived[entry.letter.message_id] == wanted, entry
        assert entry.state == "sent" or (entry.code and entry.last_error)
    assert sum(arrived.values()) == sum(entry.state == "sent" for entry in entries)
    return Counter(entry.state for entry in entries)


def test_an_address_that_no_mail_can_have_costs_its_letter_only(
    tmp_path: Path, mail_server: MailServer
) -> None:
    """The teams table refuses such an address; an outbox may hold one from before."""
    places = places_for(tmp_path, mail_server)
    places.outbox.put(letter(1, to=["=?utf-8?q?=0aBcc=3A_x?=@example.org"]))
    places.outbox.put(letter(2))
    done = deliver(places, now=NOW)
    assert [entry.letter.key for entry in done.sent] == ["run-2.team-x.failure"]
    (bad,) = done.waiting
    assert "it is no mail" in bad.last_error
    assert len(mail_server.inbox) == 1


def test_a_password_that_no_login_can_have_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with MailServer("starttls", certificates, LOGIN) as server:
        odd = SecretStr("pässwörd")
        places = places_for(tmp_path, server, tls="starttls", user="robot", password=odd)
        (entry,) = _send(places).waiting
    assert "password have letters" in entry.last_error
    assert "pässwörd" not in entry.model_dump_json()


def test_who_had_to_wait_until_it_was_too_late_is_named(tmp_path: Path) -> None:
    places = places_for(tmp_path, MailServer())
    entry = Entry.of(letter(1, cc=["late@example.org"]))
    entry.accepted, entry.pending, entry.last_error = ["x@example.org"], ["late@example.org"], "450"
    places.outbox.put(entry.letter)
    places.outbox.update(entry)
    (sent,) = deliver(places, now=NOW + LASTS).sent
    assert (sent.refused, sent.pending) == ({"late@example.org": "450"}, [])
