"""A worker process: it makes calls for the command that started it, until that goes away.

What it is sent and what it answers is described in `workers`, how it starts in `forking`.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import shutil
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ai_dataflow.config.attention import listening
from ai_dataflow.engine.appetite import watch
from ai_dataflow.engine.intake import intake

BEAT_SECONDS = 1.0
RESTED = 75  # the exit code of who left since there was nothing to do
_REST_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1  # see prctl(2)
_MOST_THREADS = 256
# Where the kernel has to kill, it kills a worker, and neither the command nor somebody else's
# service: see proc_pid_oom_score_adj(5).
_OOM_SCORE = "800"


class _Work:
    """What a worker has in hand, and its end of the line."""

    def __init__(self, line: Connection) -> None:
        self._line, self._speaking = line, threading.Lock()
        self._calls: dict[int, int] = {}  # with the bytes that its process may take meanwhile
        self._loading = threading.Lock()
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="call")

    def say(self, kind: str, *words: object) -> None:
        """Send a message; from any thread."""
        with self._speaking:
            self._line.send((kind, *words))

    def beat(self) -> None:
        """Say how much was done, unless somebody speaks. Who listens for calls never waits."""
        if self._calls and self._speaking.acquire(blocking=False):
            try:
                # But for this thread's own: whoever only listens does nothing.
                seconds = time.process_time() - time.thread_time()
                self._line.send(("beat", seconds, intake()))
            finally:
                self._speaking.release()

    @property
    def allowed(self) -> int:
        """How many bytes the process may take for what it has in hand; 0 where it has nothing."""
        return max([*self._calls.values()], default=0)

    def take(self, number: int, is_trial: bool, memory: int, call: bytes) -> None:
        """Begin with a call."""
        self._calls[number] = memory
        self._pool.submit(self._answer, number, is_trial, call)

    def _answer(self, number: int, is_trial: bool, call: bytes) -> None:
        # Where all goes well nobody asks what a thread works on.
        listener = partial(self.say, "hand", number) if is_trial else _unheard
        try:
            with listening(listener):
                with self._loading:  # it imports what is called; two at once see halves of it
                    function, items = pickle.loads(call)  # noqa: S301 - the command's own
                answers: Any = function(items)
            self.say("answer", number, answers)
        except BaseException as error:  # a defect, or a panic nobody foresaw; the command tells
            self.say("raised", number, f"{type(error).__name__}: {error}")
        finally:
            self._calls.pop(number, None)


def _unheard(_: object) -> None:
    return None


def main(handle: int, memory: int, folder: str) -> None:
    """Make calls until the command hangs up, or has let it rest for a while.

    Args:
        handle: its end of a pair of sockets.
        memory: how many bytes it may allocate.
        folder: what it alone may write into.
    """
    _prepare(memory, folder)
    line = Connection(handle)
    work, code = _Work(line), 0
    threading.Thread(target=watch, args=(work,), name="appetite", daemon=True).start()
    with suppress(EOFError, OSError):  # the command is gone, however it went
        work.say("ready")
        _serve(line, work)
        code = RESTED
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(code)  # at once: threads may be amid a call that nobody waits for any more


def _serve(line: Connection, work: _Work) -> None:
    rested: float | None = None
    while rested is None or time.monotonic() - rested < _REST_SECONDS:
        if line.poll(BEAT_SECONDS):
            message = line.recv()
            rested = time.monotonic() if message is None else None
            if message is not None:
                work.take(*message)
        else:
            work.beat()


def _prepare(memory: int, folder: str) -> None:
    tempfile.tempdir = folder
    for number in (signal.SIGINT, signal.SIGTERM):  # for the command, which ends this
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, AttributeError):  # Linux: what never listens ends with the command too
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    with suppress(ValueError, OSError):  # less is allowed already
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump is full of row values
