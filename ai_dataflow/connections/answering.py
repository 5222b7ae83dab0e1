"""Waiting for an answer that may never come: who asks a database goes on without it.

Nothing ends the wait of a driver for a server that stands still: libpq has no limit of its own, and
those of ODBC that have one wait for the server once more, to hear that it has stopped. So the
thread that asks is left behind; it ends with its process, or when the server goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from ai_dataflow.connections.faults import Fault

T = TypeVar("T")


def within(seconds: float, ask: Callable[[], T]) -> T:
    """Ask, in a thread of its own, and wait so long for the answer.

    Raises:
        Fault: `silent`: there is none by then. What asking raises is raised here.
    """
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    # A thread of a pool would be waited for when the process ends.
    threading.Thread(target=work, name="asked", daemon=True).start()
    wait([answer], seconds)
    if not answer.done():
        raise Fault("silent", f"nothing came within {seconds:.0f} s")
    return answer.result()
