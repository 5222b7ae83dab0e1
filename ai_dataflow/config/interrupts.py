"""Requests to end: Ctrl-C, a scheduler's SIGTERM, a run that is canceled in Dagster.

While a run makes partitions (`heeding`), a request is noted, and `check` raises it where work may
be left: what is done is still published and reported. Elsewhere it raises at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

CTRL_C = "Ctrl-C"
BY_SIGNAL: Mapping[int, str] = {signal.SIGINT: CTRL_C, signal.SIGTERM: "SIGTERM"}


class Interrupted(BaseException):
    """Somebody asked this process to end. Nobody may take it for an error: it is no `Exception`."""


@dataclass
class _Request:
    """The signal that came, 0 where none did; what to call it; whether it is heeded, or was."""

    number: int = 0
    name: str = ""
    heeded: int = 0
    was_heeded: bool = False


_request = _Request()


def _nothing() -> None:
    return None


def asked() -> str:
    """Tell by what this process was asked to end; empty where it was not."""
    return _request.name


def has_begun() -> bool:
    """Tell whether this process has begun with what a request may leave unfinished."""
    return _request.was_heeded


def exit_code() -> int:
    """Give the exit code of who ends for the signal that came, as shells have it."""
    return 128 + _request.number


def check() -> None:
    """End what goes on here, if somebody asked for it.

    Raises:
        Interrupted: somebody did.
    """
    if _request.name:
        raise Interrupted(_request.name)


@contextmanager
def heeding() -> Iterator[None]:
    """Note a request that comes in the block, instead of raising it there."""
    _request.heeded += 1
    _request.was_heeded = True
    try:
        yield
    finally:
        _request.heeded -= 1


@contextmanager
def taking_signals(
    names: Mapping[int, str] = BY_SIGNAL,
    noted: Callable[[], None] = _nothing,
    again: Callable[[], None] = _nothing,
) -> Iterator[None]:
    """Take signals as requests to end; in a thread, or where that is done already, do nothing.

    Args:
        names: the signals, and what to call a request by each. One that is ignored stays so.
        noted: hears of the first request, where it is heeded.
        again: hears of those that follow.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in names} if is_main else {}
    if any(isinstance(getattr(handler, "__self__", None), _Taking) for handler in before.values()):
        before = {}
    taking = _Taking(names, noted, again)
    if before:
        _forget()  # what went on here before this block had no one to ask it to end
    for number in [n for n, handler in before.items() if handler is not signal.SIG_IGN]:
        signal.signal(number, taking.take)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if before:
            _forget()


def _forget() -> None:
    _request.number, _request.name, _request.was_heeded = 0, "", False


@dataclass(frozen=True)
class _Taking:
    names: Mapping[int, str]
    noted: Callable[[], None]
    again: Callable[[], None]

    def take(self, number: int, _: FrameType | None) -> None:
        """Handle a signal; Python does so in the main thread."""
        is_first = not _request.name
        if is_first:
            _request.number, _request.name = number, self.names[number]
        if not _request.heeded:
            raise Interrupted(_request.name)
        (self.noted if is_first else self.again)()


def end_at_once() -> None:
    """End this process; whatever it started ends with it."""
    os._exit(exit_code())
