"""Patience with faults that may pass: the one retry. What the storage libraries do is theirs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from ai_dataflow.connections.faults import Fault

T = TypeVar("T")


def patiently(work: Callable[[], T], seconds: float) -> T:
    """Do the work; what may pass by itself is tried again, with growing pauses and jitter.

    Args:
        work: reads something, from its start.
        seconds: how long after the first failure a next attempt may still begin.

    Raises:
        Fault: what it is, with how often and how long it was tried.
    """
    started = time.monotonic()
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        stop=_Ceiling(seconds),
        wait=tenacity.wait_exponential_jitter(initial=1, max=30, jitter=1),
        reraise=True,
    )
    try:
        return retrying(work)
    except Fault as fault:
        fault.attempts = retrying.statistics.get("attempt_number", 1)
        fault.seconds = time.monotonic() - started
        raise


class _Ceiling(tenacity.stop.stop_base):
    """Stop when the next attempt would begin too long after the first failure.

    Not after the start: an extract may have run for an hour before its connection broke.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        return now - self._since + state.upcoming_sleep > self._seconds


def _may_pass(error: BaseException) -> bool:
    """Tell whether to try again; what was waited for in vain has had its time."""
    return isinstance(error, Fault) and error.is_transient and error.kind != "silent"
