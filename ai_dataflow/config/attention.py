"""Attention: what a thread works on now, told to whoever listens.

A process that dies of its input leaves no error behind. What it said last is what it died over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_thread = threading.local()


@contextmanager
def listening(listener: Callable[[object], None]) -> Iterator[None]:
    """Let a listener hear what this thread works on."""
    _thread.listener = listener
    try:
        yield
    finally:
        del _thread.listener


def working_on(what: object) -> None:
    """Say what this thread begins to work on; what is said can be pickled."""
    listener = getattr(_thread, "listener", None)
    if listener is not None:
        listener(what)
