"""The crew: the worker processes of this process, hired and kept a while for the next calls."""

from __future__ import annotations

import atexit
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.sections import machine_memory
from ai_dataflow.partition.scratch import PREFIX

if TYPE_CHECKING:
    from ai_dataflow.engine.workers import Batch

_LEAST_PROGRESS = 0.02  # processor seconds; a process that waits needs less, however long
_END_SECONDS = 5.0
# Below what a container has: who allocates more ends, before the kernel ends somebody.
_MEMORY_SHARE = 0.9
# What allocators and threads reserve and never touch counts for the limit too; measured: 1.3 GB.
_UNTOUCHED = 1_300_000_000

_idle: list[Worker] = []
_lock = threading.Lock()
os.register_at_fork(after_in_child=_idle.clear)


@dataclass(frozen=True)
class Crash:
    """How the process ended that a call was tried in alone.

    `ending` is in the words of a message. `is_silent`: it did nothing for too long, and was ended.
    `is_rest`: it was not needed, and left.
    `last_words` may be told. `over` is what it worked on, as far as it said.
    """

    ending: str
    is_silent: bool = False
    is_rest: bool = False
    last_words: str = ""
    over: Any = None


class Worker:
    """A worker process, seen from the command: what it has in hand, and its end of the line."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._folder = tempfile.mkdtemp(prefix=PREFIX)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        with theirs:
            self._process = self._started(theirs.fileno())
        self.line = Connection(ours.detach())
        self.in_hand: dict[int, Batch[Any, Any]] = {}
        self.is_ready = self.is_gone = False
        self._is_silent, self._over = False, None
        self._seconds, self._progress = 0.0, time.monotonic()

    def _started(self, handle: int) -> subprocess.Popen[bytes]:
        memory = int(machine_memory() * _MEMORY_SHARE) + _UNTOUCHED
        given = [str(handle), str(memory), self._folder]
        path = os.pathsep.join(str(Path(part).absolute()) for part in sys.path)
        try:
            return subprocess.Popen(  # noqa: S603 - this package, by this Python
                [sys.executable, "-m", "ai_dataflow.engine.worker", *given],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,  # a panic tells values
                pass_fds=[handle],
                env={**os.environ, "PYTHONPATH": path, "RUST_BACKTRACE": "0"},
            )
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def send(self, number: int, batch: Batch[Any, Any]) -> None:
        """Give it a batch. A worker that is gone has it in hand too, as `messages` will tell."""
        if not self.in_hand:
            self._progress = time.monotonic()
        self.in_hand[number] = batch
        call = pickle.dumps((batch.function, batch.items))
        with suppress(OSError):
            self.line.send((number, batch.is_suspect, call))

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """Give what it said since; note when it is gone."""
        try:
            while not self.is_gone and self.line.poll():
                match message := self.line.recv():
                    case ("beat", seconds):
                        if seconds - self._seconds > _LEAST_PROGRESS:
                            self._seconds, self._progress = seconds, time.monotonic()
                    case ("hand", _, over):
                        self._over = over
                    case ("ready",):
                        self.is_ready = True
                    case _:
                        self._progress = time.monotonic()
                        yield message
        except (EOFError, OSError, pickle.UnpicklingError):
            self.is_gone = True

    def check_patience(self) -> None:
        """Give it up if it did nothing for longer than what it has in hand allows."""
        patience = max((batch.patience for batch in self.in_hand.values()), default=None)
        if patience is not None and time.monotonic() - self._progress > patience:
            self._is_silent = self.is_gone = True

    def rest(self) -> None:
        """Let it wait for another call, and leave if there is none for a while."""
        with suppress(OSError):
            self.line.send(None)

    def end(self) -> Crash:
        """End it, and tell how it went, if it went by itself."""
        self.line.close()
        if self._is_silent or (self.in_hand and not self.is_gone):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):  # no kill ends what hangs in the kernel
            self._process.wait(_END_SECONDS)
        self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        code, words = self._process.returncode, self._last_words()
        return Crash(_ending(code), self._is_silent, code == 0, words, self._over)

    def _last_words(self) -> str:
        with self._errors as errors:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").splitlines()
        # What Rust notes on its errors says nothing of them.
        words = [line for line in lines if line.strip() and not line.startswith("note:")]
        return redacted(words[-1]) if words else ""

    @property
    def is_there(self) -> bool:
        """Whether it still waits for a call."""
        return self._process.poll() is None


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name


def hire() -> Worker:
    """Give a worker that has nothing in hand: one that is there, or a new one.

    Raises:
        DataflowError: RUN-022: the machine starts no process.
    """
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.is_there:
                return worker
            worker.end()
    try:
        return Worker()
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


@contextmanager
def hired(count: int) -> Iterator[list[Worker]]:
    """Give so many workers; those with nothing in hand are kept at the end, the others ended."""
    workers = [hire() for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            _release(worker)


def _release(worker: Worker) -> None:
    if worker.in_hand or worker.is_gone:
        worker.end()
        return
    worker.rest()
    with _lock:
        _idle.append(worker)
