"""Delivering what waits in the outbox: one sender at a time, with backoff and an end.

A mail is handed to the server first and noted as sent second. Who is killed in between leaves a
mail that is sent again, with the same Message-ID, and nothing else.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.faults import Fault
from ai_dataflow.notifications.mail_places import Places
from ai_dataflow.notifications.mime import to_mime
from ai_dataflow.notifications.outbox import Entry, Outbox, utc_now
from ai_dataflow.notifications.queueing import sender_of
from ai_dataflow.notifications.smtp import Outcome, connected
from ai_dataflow.workstation.lease import DEAD_SECONDS, Lease, LeaseError, lease

MAILS = "mails"
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_PATIENCE = DEAD_SECONDS + 5  # so long it takes to see that another sender is dead
_FAULTS = 3  # so many broken connections in a row, and the server is down


class Transport(Protocol):
    """Takes mails, one after the other."""

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Outcome:
        """Hand a mail over."""


Connect = Callable[[], AbstractContextManager[Transport]]


@dataclass
class Delivery:
    """What became of the letters that waited; `busy` tells that another sender is at work."""

    sent: list[Entry] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)
    given_up: list[Entry] = field(default_factory=list)
    busy: bool = False

    @property
    def is_well(self) -> bool:
        """Whether nothing went wrong."""
        return not self.given_up and not any(entry.last_error for entry in self.waiting)


@dataclass
class _Round:
    """One look at an outbox."""

    outbox: Outbox
    settings: Settings
    now: datetime
    end: float
    held: Lease
    done: Delivery


def deliver(
    places: Places, *, only_due: bool = False, seconds: float = 600, now: datetime | None = None
) -> Delivery:
    """Deliver what waits, what is in the local outbox too, and stop after so many seconds.

    Raises:
        DataflowError: an outbox cannot be used.
    """
    done = Delivery()
    end, moment = time.monotonic() + seconds, now or utc_now()
    if places.main and (places.spare.waiting() or places.spare.done()):
        with _alone(places.spare, done) as held:
            if held:
                places.main.adopt(places.spare)
    for outbox in places.outboxes:
        entries = outbox.waiting()
        chosen = [
            e for e in entries if not only_due or _is_due(e, moment) or _is_expired(e, moment)
        ]
        done.waiting += [entry for entry in entries if entry not in chosen]
        if not chosen:
            continue
        with _alone(outbox, done) as held:
            if held is None:
                done.waiting += chosen
                continue
            here = _Round(outbox, places.settings, moment, end, held, done)
            _deliver(here, [e.letter.key for e in chosen])
            outbox.tidy(moment)
    return done


@contextmanager
def _alone(outbox: Outbox, done: Delivery) -> Iterator[Lease | None]:
    """Be the only sender; None where another one is, who does the same."""
    name = f"mails-{uuid.uuid4()}"
    manager = lease(outbox.lease, "the mails", name, patience=_PATIENCE)
    try:
        held = manager.__enter__()
    except LeaseError:
        done.busy = True
        yield None
        return
    try:
        yield held
    finally:
        manager.__exit__(None, None, None)


def _deliver(here: _Round, keys: Sequence[str]) -> None:
    """Look again, now that nobody else sends; then hand over one letter after the other."""
    todo = [entry for entry in here.outbox.waiting() if entry.letter.key in set(keys)]
    todo = [entry for entry in todo if not _is_settled(here, entry)]
    faults = 0
    while todo and time.monotonic() < here.end:
        is_open = False
        try:
            with connect_to(here.settings)() as session:
                is_open = True
                _send_all(here, session, todo)
        except Fault as error:
            faults += 1
            # A letter that breaks the connection costs itself only, until it is clearly the server.
            hit = todo[:1] if is_open and faults < _FAULTS else list(todo)
            for entry in hit:
                _later(here, entry, f"{_server(here.settings)} cannot be used: {error}")
            del todo[: len(hit)]
    here.done.waiting += todo


def _send_all(here: _Round, session: Transport, todo: list[Entry]) -> None:
    while todo and time.monotonic() < here.end:
        here.held.check()
        entry = todo[0]
        try:
            outcome = session.send(to_mime(entry.letter, sender_of(here.settings)), entry.pending)
        except ValueError as error:  # a letter that is none costs itself only
            outcome = Outcome(
                later=dict.fromkeys(entry.pending, f"it is no mail: {redacted(error)}")
            )
        todo.pop(0)
        _note(here, entry, outcome)


def _is_settled(here: _Round, entry: Entry) -> bool:
    """Take out what was sent meanwhile, and give up what is too old."""
    if here.outbox.is_done(entry.letter.key):
        here.outbox.remove_waiting(entry.letter.key)
        return True
    if _is_expired(entry, here.now):
        entry.code = "NTF-003"
        entry.last_error = entry.last_error or "nobody tried to deliver it in time"
        entry.refused |= dict.fromkeys(entry.pending, entry.last_error)
        entry.pending = []
        _end(here, entry)
        return True
    return False


def _is_due(entry: Entry, now: datetime) -> bool:
    """Tell whether a letter is to be tried; none waits so long as one of a clock that is ahead."""
    return not timedelta(0) < entry.due - now <= _LONGEST_WAIT


def _is_expired(entry: Entry, now: datetime) -> bool:
    return entry.letter.expires <= now


def _note(here: _Round, entry: Entry, outcome: Outcome) -> None:
    """Record what the server said of each recipient."""
    entry.accepted += outcome.accepted
    entry.refused |= outcome.refused
    entry.pending = list(outcome.later)
    entry.last_error = next(iter((*outcome.later.values(), *outcome.refused.values())), "")
    entry.where = outcome.where
    if entry.pending:
        _later(here, entry, entry.last_error)
        return
    entry.attempts += 1
    entry.code = "" if entry.accepted else "NTF-002"
    _end(here, entry)


def _later(here: _Round, entry: Entry, reason: str) -> None:
    """Try again after a while, each time a longer one."""
    wait = min(_FIRST_WAIT * 2 ** min(entry.attempts, 10), _LONGEST_WAIT)
    entry.attempts += 1
    entry.last_error, entry.code = reason, "NTF-001"
    entry.due = here.now + wait
    here.outbox.update(entry)
    here.done.waiting.append(entry)


def _end(here: _Round, entry: Entry) -> None:
    entry.state = "sent" if entry.accepted else "given up"
    entry.ended = here.now
    here.outbox.update(entry)
    (here.done.sent if entry.accepted else here.done.given_up).append(entry)


def connect_to(settings: Settings) -> Connect:
    """Give the way mails go: to the server, or into files where there is none."""
    mail = settings.mail
    if mail is None:
        return lambda: _files(settings.folder / MAILS)
    return lambda: connected(mail)


def _server(settings: Settings) -> str:
    if settings.mail is None:
        return MAILS
    host, port = settings.mail.server
    return f"{host}:{port}"


@contextmanager
def _files(folder: Path) -> Iterator[Transport]:
    yield _FileSession(folder)


class _FileSession:
    """Writes each mail into a file; the same mail again is the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Outcome:
        _, team, kind = str(mail["X-Ai-Dataflow"]).rsplit(".", 2)
        file = self._folder / f"{mail['Date'].datetime:%Y%m%d-%H%M%S}.{team}.{kind}.eml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(".new")
            new.write_bytes(mail.as_bytes())
            new.replace(file)
        except OSError as error:
            raise Fault("unusable", error.strerror or "it cannot be written to") from None
        return Outcome(accepted=list(recipients), where=str(file))
