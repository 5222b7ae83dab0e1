"""Sending what a run did to a catalogue of lineage, as OpenLineage is configured; else nothing.

OpenLineage's own variables and file say whether and where to. Data never fails for it: what could
not be sent is a warning of the run, and sending has a time limit.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ai_dataflow.config.diagnostics import Diagnostic, redacted
from ai_dataflow.config.extras import install_line, is_installed
from ai_dataflow.config.interrupts import asked

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

    from ai_dataflow.runs.traced import Traced

    # Gives the events of a run: lists, each of which is sent in its order.
    Events = Callable[[Traced], Iterator[list[RunEvent]]]

_PACKAGE = "openlineage.client"
_VARIABLES = "OPENLINEAGE__TRANSPORT"
_FILES = ("openlineage.yml", "~/.openlineage/openlineage.yml")
_SECONDS, _SECONDS_EACH = 30.0, 0.02  # for a run, and for each of its events
_SECONDS_ASKED = 3.0  # where somebody asked the run to end
_AT_ONCE = 8  # requests, where they are requests: each waits for an answer
_IN_A_ROW = 3  # so many failures and no success: nobody is there
_LOGGERS = ("openlineage", "urllib3.connectionpool")


def is_wanted() -> bool:
    """Tell whether OpenLineage is configured here; its package need not be there for that."""
    if os.environ.get("OPENLINEAGE_DISABLED", "").strip().casefold() == "true":
        return False
    if any(name in os.environ for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")):
        return True
    return any(name.startswith(_VARIABLES) for name in os.environ) or any(
        Path(file).expanduser().is_file() for file in _FILES
    )


def send_lineage(traced: Traced) -> Diagnostic | None:
    """Send what a run did; give what hindered it, if anything did. Nothing raises."""
    if not is_installed(_PACKAGE):
        return _not_sent(f"it needs the package {_PACKAGE}", install_line(_PACKAGE))
    if not traced.partitions:
        return None
    from ai_dataflow.runs.lineage_events import events  # noqa: PLC0415 - it needs the package

    sending = Sending()
    with _quiet():
        # Threads that nobody waits for at the end: a server that is silent holds nobody up.
        thread = threading.Thread(target=sending.run, args=(events, traced), daemon=True)
        thread.start()
        limit = _SECONDS + 2 * len(traced.partitions) * _SECONDS_EACH
        is_over = _waited(thread, limit)
        sending.stop.set()
    return sending.problem(len(traced.partitions) + 1, is_over=is_over)


def _waited(thread: threading.Thread, limit: float) -> bool:
    """Wait for a thread, but not long; tell whether it has ended."""
    end = time.monotonic() + limit
    soon = float("inf")
    while thread.is_alive() and time.monotonic() < min(end, soon):
        thread.join(0.05)
        if asked():
            soon = min(soon, time.monotonic() + _SECONDS_ASKED)
    return not thread.is_alive()


@dataclass
class Sending:
    """The sending of a run's events while it goes on."""

    stop: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    errors: list[str] = field(default_factory=list)
    _in_a_row: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, events: Events, traced: Traced) -> None:
        """Send all events, until something says to stop."""
        try:
            client = _client()
            left = events(traced)
            many = _AT_ONCE if client.transport.kind == "http" else 1
            work = [threading.Thread(target=self._work, args=(client, left), daemon=True)
                    for _ in range(many)]  # fmt: skip
            for thread in work:
                thread.start()
            for thread in work:
                thread.join()
            if client.close(_SECONDS) is False:
                self._fail("not all of it was taken")
        except Exception as error:  # of a library, of whatever the configuration names
            self._fail(redacted(error))

    def _work(self, client: OpenLineageClient, left: Iterator[list[RunEvent]]) -> None:
        while not self.stop.is_set():
            try:
                with self._lock:
                    several = next(left, None)
                if several is None:
                    return
                _emit(client, several)
            except Exception as error:
                self._fail(redacted(error))
            else:
                self.sent, self._in_a_row = self.sent + 1, 0

    def _fail(self, error: str) -> None:
        self.errors.append(error)
        self._in_a_row += 1
        if self._in_a_row >= _IN_A_ROW:
            self.stop.set()

    def problem(self, wanted: int, *, is_over: bool) -> Diagnostic | None:
        """Tell what was not sent; None where all was."""
        if is_over and not self.errors:
            return None
        cause = self.errors[0] if self.errors else "it was too slow"
        of = f"{wanted - self.sent:,} of {wanted:,} runs in it" if self.sent else "all of it"
        return _not_sent(f"{of}: {cause}", "correct what OpenLineage's variables or file say")


def _emit(client: OpenLineageClient, several: Sequence[RunEvent]) -> None:
    for event in several:
        client.emit(event)


def _client() -> OpenLineageClient:
    """Give the client, as it is configured.

    Raises:
        ValueError: nothing says where to send to: the client would print it.
    """
    from openlineage.client import OpenLineageClient  # noqa: PLC0415 - it is an extra

    before = {*os.environ}
    try:
        client = OpenLineageClient()
    finally:
        for name in {*os.environ} - before:  # copies of what is set, a key among it
            if name.startswith(_VARIABLES):
                del os.environ[name]
    if not (client.config.transport or {}).get("type") and "OPENLINEAGE_URL" not in os.environ:
        raise ValueError("OpenLineage's file has no transport with a type")
    return client


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the library says of each event from the terminal: we say it once."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    wanted = "OPENLINEAGE_CLIENT_LOGGING" in os.environ
    for logger in () if wanted else loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _not_sent(why: str, fix: str) -> Diagnostic:
    return Diagnostic(
        "RUN-040",
        f"OpenLineage was not told of this run: {why}; the data is as this report says",
        place="OpenLineage",
        fix=fix,
        severity="warning",
    )
