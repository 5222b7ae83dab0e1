"""Arrivals: when the content of each source changed last, and how often it usually does.

One small file per module, `_arrivals/<module>.json`, written by the run that has the module's
lease, beside its records. It has moments and lengths of time alone, so that to judge a thousand
partitions is to compare as many numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reaching import reaching

FORMAT = 1
ENOUGH = 4  # intervals: with fewer nothing is usual yet
_KEPT = 7
_TOGETHER = 3600  # seconds: what changes again so soon is still the same delivery
_TIMES_USUAL, _TIMES_LONGEST = 3, 1.5
Sources = Mapping[str, tuple[str, int]]  # of a client: content and moment, by source


@dataclass(frozen=True)
class Arrivals:
    """Of one source: a digest of its content, when that came, and the intervals before, last first.

    All times are seconds, the moment's since 1970.
    """

    content: str
    last: int
    intervals: tuple[int, ...] = ()

    @property
    def usual(self) -> int:
        """The usual interval; 0 while nothing is usual."""
        return int(median(self.intervals)) if len(self.intervals) >= ENOUGH else 0

    @property
    def limit(self) -> int:
        """After how long something is overdue; 0 while nothing is usual.

        Weekends and holidays are long intervals too: of the last ones the longest counts.
        """
        if not self.usual:
            return 0
        return int(max(_TIMES_USUAL * self.usual, _TIMES_LONGEST * max(self.intervals)))

    def then(self, content: str, moment: int) -> Arrivals:
        """Give what is known after the source was seen again; `moment` is when it had changed."""
        if content == self.content:
            return self
        interval = moment - self.last
        if interval < _TOGETHER:
            return Arrivals(content, max(moment, self.last), self.intervals)
        return Arrivals(content, moment, (interval, *self.intervals)[:_KEPT])


@dataclass(frozen=True)
class Overdue:
    """A source of a partition of which nothing new came for too long."""

    partition: PartitionKey
    source: str
    last: int
    usual: int
    limit: int


def note_arrivals(workstation: Folders, module: str, seen: Mapping[str, Sources]) -> None:
    """Note what was seen at the sources of a module's clients, by whoever has its lease.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder, name = workstation.arrivals(), f"{module}.json"
    stored = _stored(folder, name)
    before = json.dumps(stored)
    for client, sources in seen.items():
        of_client = stored.setdefault(client, {})
        for source, (content, moment) in sources.items():
            last = _read(of_client[source]) if source in of_client else Arrivals("", moment)
            of_client[source] = _written(last.then(content, moment))
    if (now := json.dumps(stored)) != before:
        with reaching(folder):
            folder.write(name, f'{{"format": {FORMAT}, "clients": {now}}}'.encode())


def overdue(workstation: Folders, modules: Iterable[str], now: int) -> Iterator[Overdue]:
    """Give the sources of which nothing new came for longer than is usual.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder = workstation.arrivals()
    with reaching(folder):
        names = {file.path for file in folder.files()}
    for module in modules:
        name = f"{module}.json"
        clients = _stored(folder, name) if name in names else {}
        for client, sources in clients.items():
            for source, (_, last, usual, limit, *_) in sources.items():
                if limit and now - last > limit:
                    key = PartitionKey.of(module, client)
                    yield Overdue(key, source, last, usual, limit)


def _stored(folder: Folder, name: str) -> dict[str, dict[str, list[Any]]]:
    """Give what is stored of a module, if anything; what is no longer understood says nothing."""
    with reaching(folder):
        content = folder.read_if_any(name) or b""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        stored = json.loads(content)
        if stored["format"] == FORMAT:
            clients: dict[str, dict[str, list[Any]]] = stored["clients"]
            return clients
    return {}


def _read(row: list[Any]) -> Arrivals:
    content, last, _, _, *intervals = row
    return Arrivals(content, last, tuple(intervals))


def _written(arrivals: Arrivals) -> list[Any]:
    """Give it as it is stored: with what it is judged by, which need not be computed again."""
    return [arrivals.content, arrivals.last, arrivals.usual, arrivals.limit, *arrivals.intervals]
