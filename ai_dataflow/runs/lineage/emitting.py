"""Sending what a run did to a catalogue of lineage, as OpenLineage is configured; else nothing.

OpenLineage's own variables and file say whether and where to. Data never fails for it: what could
not be sent is a warning of the run, and sending has a time limit.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ai_dataflow.config.diagnostics import Diagnostic, redacted
from ai_dataflow.config.extras import install_line, is_installed
from ai_dataflow.config.interrupts import asked
from ai_dataflow.runs.lineage.hearing import Ears, listening, with_ears

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

    from ai_dataflow.runs.lineage.traced import Traced

    # Gives the events of a run: lists, each of which is sent in its order.
    Events = Callable[[Traced], Iterator[list[RunEvent]]]

_PACKAGE = "openlineage.client"
_VARIABLES = "OPENLINEAGE__TRANSPORT"
_FILES = ("openlineage.yml", "~/.openlineage/openlineage.yml")
_SECONDS, _SECONDS_EACH = 30.0, 0.02  # for a run, and for each of its events
_SECONDS_ASKED = 3.0  # where somebody asked the run to end
_AT_ONCE = 8  # requests, where they are requests: each waits for an answer
_IN_A_ROW = 3  # so many failures and no success: nobody is there
_CORRECT = "correct what OpenLineage's variables or file say"


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
    from ai_dataflow.runs.lineage.run_events import events  # noqa: PLC0415 - it needs the package

    with listening() as ears:
        sending = Sending(ears)
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

    ears: Ears
    stop: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    errors: list[str] = field(default_factory=list)
    lacking: str = ""
    _in_a_row: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, events: Events, traced: Traced) -> None:
        """Send all events, until something says to stop."""
        try:
            client = _client(self.ears)
            left = events(traced)
            many = _AT_ONCE if client.transport.kind == "http" else 1
            work = [threading.Thread(target=self._work, args=(client, left), daemon=True)
                    for _ in range(many)]  # fmt: skip
            for thread in work:
                thread.start()
            for thread in work:
                thread.join()
            unheard = len(self.ears.undelivered)
            if client.close(_SECONDS) is False:
                self._fail(f"not all of it was taken within {_SECONDS:.0f} s")
            self.errors += self.ears.undelivered[unheard:]
        except Exception as error:  # of a library, of whatever the configuration names
            self.lacking = (isinstance(error, ModuleNotFoundError) and error.name) or ""
            self._fail(redacted(error))

    def _work(self, client: OpenLineageClient, left: Iterator[list[RunEvent]]) -> None:
        while not self.stop.is_set():
            try:
                with self._lock:
                    several = next(left, None)
                if several is None:
                    return
                unheard = len(self.ears.undelivered)
                _emit(client, several)
                undelivered = self.ears.undelivered[unheard:]
            except Exception as error:
                self._fail(redacted(error))
            else:
                if undelivered:
                    self._fail(undelivered[0])
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
        of = f"{wanted - self.sent:,} of {wanted:,} runs in it" if self.sent else "all of it"
        if self.sent == wanted:  # as it seemed; nobody says which of it was not delivered
            of = "a part of it, if not all"
        cause = self.errors[0] if self.errors else "it was too slow"
        if self.ears.trouble:
            cause += f"; {self.ears.trouble}"
        fix = install_line(self.lacking) if self.lacking else _CORRECT
        return _not_sent(f"{of}: {cause}", fix)


def _emit(client: OpenLineageClient, several: Sequence[RunEvent]) -> None:
    for event in several:
        client.emit(event)


def _client(ears: Ears) -> OpenLineageClient:
    """Give the client, as it is configured.

    Raises:
        ValueError: nothing says where to send to: the client would print it.
        ModuleNotFoundError: what its transport needs is not installed.
    """
    from openlineage.client import OpenLineageClient  # noqa: PLC0415 - it is an extra
    from openlineage.client.transport import get_default_factory  # noqa: PLC0415
    from openlineage.client.transport.noop import NoopConfig, NoopTransport  # noqa: PLC0415

    before = {*os.environ}
    try:
        client = OpenLineageClient(transport=NoopTransport(NoopConfig()))
        configured = client.config.transport or {}
        if configured.get("type"):
            client.transport = get_default_factory().create(with_ears(configured, ears))
        elif "OPENLINEAGE_URL" in os.environ:
            client = OpenLineageClient()
        else:
            raise ValueError("OpenLineage's file has no transport with a type")
    finally:
        for name in {*os.environ} - before:  # copies of what is set, a key among it
            if name.startswith(_VARIABLES):
                del os.environ[name]
    return client


def _not_sent(why: str, fix: str) -> Diagnostic:
    return Diagnostic(
        "RUN-040",
        f"OpenLineage was not told of this run: {why}; the data is as this report says",
        place="OpenLineage",
        fix=fix,
        severity="warning",
    )
