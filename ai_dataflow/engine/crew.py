"""The crew: the worker processes of this process, hired and kept a while for the next calls."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.engine import forking
from ai_dataflow.engine.hand import Worker

_idle: list[Worker] = []
_lock = threading.Lock()
Heard = SimpleQueue[tuple[Worker, tuple[Any, ...]]]


def _forget() -> None:
    """Leave the workers to the process that this one was forked from."""
    global _lock  # noqa: PLW0603 - a thread that is not here may have held it
    _lock = threading.Lock()
    _idle.clear()


os.register_at_fork(after_in_child=_forget)


def hire(heard: Heard, threads: int) -> Worker:
    """Give a worker that has nothing in hand: one that is there, or a new one.

    Args:
        heard: gets what it says, with the worker.
        threads: how many threads compute in it.

    Raises:
        DataflowError: RUN-022: the machine starts no process.
    """
    with _lock:
        for worker in [worker for worker in _idle if worker.computes_in == threads]:
            _idle.remove(worker)
            if worker.is_there:
                worker.heard = heard
                return worker
            worker.end()
    try:
        return Worker(heard, threads)
    except OSError as error:
        raise no_worker("there is no room for one", redacted(error)) from None


def no_worker(reason: str, cause: str) -> DataflowError:
    """Tell that no worker process starts."""
    return DataflowError(
        Diagnostic(
            "RUN-022",
            f"no worker process starts: {reason}",
            fix="see that this machine has memory, processes and space in TMPDIR to spare",
            cause=cause,
        )
    )


@atexit.register
def _dismiss() -> None:
    """End those that rest; no process outlives the command."""
    while _idle:
        _idle.pop().end()
    forking.dismiss()


@contextmanager
def hired(count: int, heard: Heard, threads: int) -> Iterator[list[Worker]]:
    """Give so many workers, or what there is room for; the idle ones are kept, the others ended.

    Each computes in so many `threads`.
    """
    workers: list[Worker] = []
    try:
        for _ in range(count):
            add(workers, heard, threads)
        yield workers
    finally:
        for worker in workers:
            _release(worker)


def add(workers: list[Worker], heard: Heard, threads: int) -> None:
    """Hire one more, if there is room; one is enough to go on.

    Raises:
        DataflowError: RUN-022: there is none, and none starts.
    """
    try:
        workers.append(hire(heard, threads))
    except DataflowError:
        if not workers:
            raise


def _release(worker: Worker) -> None:
    if worker.in_hand or worker.is_gone:
        worker.end()
        return
    worker.rest()
    with _lock:
        _idle.append(worker)
