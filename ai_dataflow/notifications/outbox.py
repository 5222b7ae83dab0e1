"""The outbox: a message is queued once, whoever queues it, and what became of it is kept.

waiting/<key>.json     to be delivered; made only if it is not there
done/<key>.json        sent or given up, for a while
queued/<run>.json      the messages of this run are queued
told/<team>.json       when the team last heard of each error
lease/                 who is delivering now
daemon.json            when a Dagster daemon last looked here

It is in the workstation; where that cannot be reached, in a local folder beside the project.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from ai_dataflow.config.at_once import at_once
from ai_dataflow.connections.stores import Folder
from ai_dataflow.notifications.mime import Letter
from ai_dataflow.workstation.reaching import reaching

State = Literal["waiting", "sent", "given up"]
KEPT = timedelta(days=30)  # how long what is done is shown
_FORGET = timedelta(days=90)  # an error that was told so long ago is not remembered
_BEGAN = "began.json"
_DAEMON = "daemon.json"
M = TypeVar("M", bound=BaseModel)


class Entry(BaseModel):
    """A letter in the outbox, and what became of it so far.

    `pending` are the recipients that did not get it yet, `refused` those that never will, with the
    server's reason. `where` is the file, where there is no mail server.
    """

    letter: Letter
    state: State = "waiting"
    pending: list[str]
    accepted: list[str] = []
    refused: dict[str, str] = {}
    attempts: int = 0
    due: datetime
    last_error: str = ""
    code: str = ""
    ended: datetime | None = None
    where: str = ""

    @classmethod
    def of(cls, letter: Letter) -> Entry:
        """Make the entry of a new letter, which is due at once."""
        pending = list(dict.fromkeys([*letter.to, *letter.cc]))
        return cls(letter=letter, pending=pending, due=letter.created)


class Queued(BaseModel):
    """That a run's messages are queued: which, and what nobody could be told.

    Of a digest, and of the outbox's beginning, `last` is the number of the newest report by then;
    older versions of this program did not note it.
    """

    at: datetime
    last: int | None = None
    keys: list[str] = []
    problems: list[str] = []


class _Heard(BaseModel):
    team: str
    errors: dict[str, datetime] = {}


@dataclass(frozen=True)
class Outbox:
    """The outbox in a folder."""

    folder: Folder

    @property
    def lease(self) -> Folder:
        """The folder of the lease: one sender at a time."""
        return self.folder.folder("lease")

    def put(self, letter: Letter) -> bool:
        """Queue a letter unless it was queued before; tell whether it is new.

        A letter that was sent a moment ago may be queued again here; who delivers looks once more.
        """
        name, content = _file(letter.key), Entry.of(letter).model_dump_json(indent=1).encode()
        with reaching(self.folder):
            if self._done.stat(name):
                return False
            return self._waiting.write_new(name, content)

    def waiting(self) -> list[Entry]:
        """Give the letters that wait, oldest first."""
        return sorted(
            _read_all(self._waiting, Entry), key=lambda e: (e.letter.created, e.letter.key)
        )

    def done(self) -> list[Entry]:
        """Give the letters that were sent or given up, oldest first."""
        return sorted(_read_all(self._done, Entry), key=lambda e: (e.ended or e.due, e.letter.key))

    def is_done(self, key: str) -> bool:
        """Tell whether a letter was sent or given up."""
        with reaching(self.folder):
            return self._done.stat(_file(key)) is not None

    def update(self, entry: Entry) -> None:
        """Note what became of a letter: first where it is now, then no longer where it was."""
        name, content = _file(entry.letter.key), entry.model_dump_json(indent=1).encode()
        with reaching(self.folder):
            if entry.state == "waiting":
                self._waiting.write(name, content)
                return
            self._done.write(name, content)
            self._waiting.delete([name])

    def remove_waiting(self, key: str) -> None:
        """Take a letter out that is elsewhere already."""
        with reaching(self.folder):
            self._waiting.delete([_file(key)])

    def adopt(self, other: Outbox) -> None:
        """Take over what another outbox has: one that was used while this could not be reached."""
        for entry in (*other.done(), *other.waiting()):
            self._add(entry)
            other.remove(entry.letter.key)
        for name in other.queued_names() - {_BEGAN.removesuffix(".json")}:
            if (queued := other.queued(name)) is not None:
                self.mark_queued(name, queued)
            with reaching(other.folder):
                other._queued.delete([_file(name)])

    def _add(self, entry: Entry) -> None:
        name = _file(entry.letter.key)
        target = self._waiting if entry.state == "waiting" else self._done
        with reaching(self.folder):
            if not self._done.stat(name):
                target.write_new(name, entry.model_dump_json(indent=1).encode())

    def remove(self, key: str) -> None:
        """Remove an entry that is elsewhere."""
        with reaching(self.folder):
            self._waiting.delete([_file(key)])
            self._done.delete([_file(key)])

    def tidy(self, now: datetime) -> None:
        """Remove what was done long ago."""
        with reaching(self.folder):
            if not self._done.exists():
                return
            old = [f.path for f, changed in self._done.aged_files() if now - changed > KEPT]
            self._done.delete(old)

    def began(self, now: datetime, newest: Callable[[], int] = lambda: 0) -> Queued:
        """Give when this was first used: runs that were reported before are not mailed about.

        `newest` gives the number of the newest report.
        """
        with reaching(self.folder):
            content = self._queued.read_if_any(_BEGAN)
            if content is None:
                first = Queued(at=now, last=newest())
                self._queued.write_new(_BEGAN, first.model_dump_json().encode())
                content = self._queued.read(_BEGAN)
            return Queued.model_validate_json(content)

    def note_daemon(self, now: datetime) -> None:
        """Note that a Dagster daemon looks after this outbox."""
        with reaching(self.folder):
            self.folder.write(_DAEMON, Queued(at=now).model_dump_json().encode())

    def daemon_seen(self) -> datetime | None:
        """Give when a Dagster daemon last looked after this outbox."""
        seen = _read(self.folder, _DAEMON, Queued)
        return seen.at if seen else None

    def queued(self, name: str) -> Queued | None:
        """Give what was queued for a run or a day; None where nothing was."""
        return _read(self._queued, _file(name), Queued)

    def queued_names(self) -> set[str]:
        """Give the runs and days whose messages are queued."""
        with reaching(self.folder):
            return {file.path.removesuffix(".json") for file in self._queued.files()}

    def mark_queued(self, name: str, queued: Queued) -> None:
        """Note that the messages of a run or a day are queued."""
        with reaching(self.folder):
            self._queued.write_new(_file(name), queued.model_dump_json(indent=1).encode())

    def heard(self, team: str) -> dict[str, datetime]:
        """Give when a team last heard of which error."""
        note = _read(self._heard, _file(_slug(team)), _Heard)
        return note.errors if note else {}

    def tell(self, team: str, errors: Iterable[str], healed: Iterable[str], now: datetime) -> None:
        """Note what a team hears of now, and what is over."""
        over = set(healed)
        kept = {
            key: at
            for key, at in self.heard(team).items()
            if key not in over and now - at < _FORGET
        }
        note = _Heard(team=team, errors=kept | dict.fromkeys(errors, now))
        with reaching(self.folder):
            self._heard.write(_file(_slug(team)), note.model_dump_json(indent=1).encode())

    @property
    def _waiting(self) -> Folder:
        return self.folder.folder("waiting")

    @property
    def _done(self) -> Folder:
        return self.folder.folder("done")

    @property
    def _queued(self) -> Folder:
        return self.folder.folder("queued")

    @property
    def _heard(self) -> Folder:
        return self.folder.folder("told")


def utc_now() -> datetime:
    """Give the present moment."""
    return datetime.now(UTC)


def _file(name: str) -> str:
    return f"{name}.json"


def _slug(team: str) -> str:
    return hashlib.sha256(team.encode()).hexdigest()[:24]


def _read(folder: Folder, name: str, model: type[M]) -> M | None:
    """Read a file; None where there is none, or one that somebody spoiled."""
    try:
        with reaching(folder):
            content = folder.read_if_any(name)
        return None if content is None else model.model_validate_json(content)
    except ValidationError:
        return None


def _read_all(folder: Folder, model: type[M]) -> Iterator[M]:
    with reaching(folder):
        names = [file.path for file in folder.files() if file.path.endswith(".json")]
    entries = at_once(lambda name: _read(folder, name, model), names, folder.requests)
    yield from (entry for entry in entries if entry is not None)
