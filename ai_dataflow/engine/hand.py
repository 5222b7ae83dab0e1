"""A worker process, seen from the command that started it: what it has in hand, what became of it.

The command never waits for a worker: one thread speaks to it and one hears it, and either may be
stuck while the process stands still.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ai_dataflow.config.sections import machine_memory
from ai_dataflow.engine.forking import Birth, Forked, fork
from ai_dataflow.engine.worker import BEAT_SECONDS, RESTED
from ai_dataflow.partition.scratch import PREFIX

if TYPE_CHECKING:
    from ai_dataflow.engine.crew import Heard
    from ai_dataflow.engine.workers import Batch

GONE = ("gone",)
_NO_MORE = object()
# Processor seconds, but for those of listening; and their share of the time since there were so
# many. Who only waits needs some too (measured): a driver looks up ten times a second, 0.0005
# (psycopg); a store's client goes on for minutes with what nobody waits for any more, 0.023.
_LEAST_PROGRESS, _LEAST_SHARE = 0.05, 0.05
# What it did is heard a beat later, and on a loaded machine the beat itself is late.
_HEARD_LATE = 2 * BEAT_SECONDS
_END_SECONDS = 5.0
# No process has so many machines' memory; who asks for it ends. Allocators reserve much that they
# never touch: to read compressed JSON, twenty times what is taken (measured). See `appetite`.
_MACHINES = 8
# What a dying process says of itself. All else may quote values, a panic's message for one.
_LAST_WORDS = re.compile(
    r"memory allocation of \d+ bytes failed|fatal runtime error: stack overflow"
    r"|thread '[^']*' (?:\(\d+\) )?has overflowed its stack"
)
_LAST_BYTES = 1 << 16


@dataclass(frozen=True)
class Crash:
    """How the process ended that a call was tried in alone.

    `ending` is in the words of a message. `is_silent`: it did nothing for too long, and was ended.
    `is_rest`: it was not needed, and left. `last_words` may be told. `over` is what it worked on,
    as far as it said. `outgrew` is how many bytes it had taken, where these were too many.
    """

    ending: str
    is_silent: bool = False
    is_rest: bool = False
    last_words: str = ""
    over: Any = None
    outgrew: int = 0


class Worker:
    """A worker process: what it has in hand, and both directions of the line to it."""

    def __init__(self, heard: Heard, threads: int) -> None:
        """Start it; it computes in so many threads.

        Raises:
            OSError: the machine has no room for one.
        """
        self.computes_in = threads
        ours, theirs = socket.socketpair()
        self.folder = tempfile.mkdtemp(prefix=PREFIX)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        with theirs:
            self._process = self._started(theirs.fileno())
        self._line = Connection(ours.detach())
        self.heard = heard
        self.in_hand: dict[int, Batch[Any, Any]] = {}
        self.is_ready = self.is_gone = self._is_silent = False
        self._over: Any = None
        self._told_before = self._outgrew = 0
        self._seconds, self._intake, self._progress = 0.0, 0, time.monotonic()
        self._to_say: SimpleQueue[Any] = SimpleQueue()
        self.threads = [
            threading.Thread(target=work, name="worker", daemon=True)
            for work in (self._speak, self._hear)
        ]
        for thread in self.threads:
            thread.start()

    def _started(self, handle: int) -> Forked:
        memory = machine_memory() * _MACHINES
        threads = {"RUST_BACKTRACE": "0", "POLARS_MAX_THREADS": str(self.computes_in)}
        birth = Birth(memory, self.folder, {**os.environ, **threads})
        try:
            return fork(birth, handle, self._errors.fileno())
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _speak(self) -> None:
        with suppress(OSError, ValueError):  # it is gone, as `_hear` tells
            while (message := self._to_say.get()) is not _NO_MORE:
                self._line.send(message)

    def _hear(self) -> None:
        try:
            while True:
                message = self._line.recv()
                self.heard.put((self, message))
        except Exception:  # it is gone, or says what nobody can take in
            self.heard.put((self, GONE))

    def send(self, number: int, batch: Batch[Any, Any]) -> None:
        """Give it a batch. One that is gone has it in hand too: `GONE` is heard of it."""
        if not self.in_hand:
            self._over, self._told_before = None, os.fstat(self._errors.fileno()).st_size
            self.restart_clock()
        self.in_hand[number] = batch
        call = pickle.dumps((batch.function, batch.items))
        self._to_say.put((number, batch.is_suspect, batch.memory, call))

    def note(self, message: tuple[Any, ...]) -> None:
        """Note what a message says of the process itself."""
        match message:
            case ("beat", seconds, intake):
                since = time.monotonic() - self._progress
                has_worked = seconds - self._seconds > max(_LEAST_PROGRESS, _LEAST_SHARE * since)
                if has_worked or intake != self._intake:
                    self._seconds, self._intake = seconds, intake
                    self.restart_clock()
            case ("hand", _, over):
                self._over = over
            case ("outgrown", taken):
                self._outgrew = taken
            case ("gone",):
                self.is_gone = True
            case ("ready",):
                self.is_ready = True
            case _:
                self.restart_clock()

    def restart_clock(self) -> None:
        """Begin anew to be patient."""
        self._progress = time.monotonic()

    def check_patience(self) -> None:
        """Give it up if it did nothing for longer than what it has in hand allows."""
        patience = max((batch.patience for batch in self.in_hand.values()), default=None)
        if patience is not None and time.monotonic() - self._progress > patience + _HEARD_LATE:
            self._is_silent = self.is_gone = True

    @property
    def what_ended(self) -> object:
        """What ended with it; see `Forked`."""
        return self._process.what_ended

    def rest(self) -> None:
        """Let it wait for another call, and leave if there is none for a while."""
        self._to_say.put(None)

    def hang_up(self) -> None:
        """Say nothing more; it leaves."""
        with suppress(OSError):
            socket.socket(fileno=os.dup(self._line.fileno())).shutdown(socket.SHUT_RDWR)

    def end(self) -> Crash:
        """End it, and tell how it went, if it went by itself."""
        if self._is_silent or (self.in_hand and not self.is_gone):
            self._process.kill()
        self._to_say.put(_NO_MORE)
        self.hang_up()
        for _ in range(2):
            with suppress(subprocess.TimeoutExpired):  # no kill ends what hangs in the kernel
                self._process.wait(_END_SECONDS)
                break
            self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        code, words = self._process.returncode, self._last_words()
        is_rest = code == RESTED
        return Crash(_ending(code), self._is_silent, is_rest, words, self._over, self._outgrew)

    def _last_words(self) -> str:
        with self._errors as errors:
            size = errors.seek(0, os.SEEK_END)
            errors.seek(max(self._told_before, size - _LAST_BYTES))
            said = errors.read().decode(errors="replace")
        words = _LAST_WORDS.findall(said)
        return words[-1] if words else ""

    @property
    def is_there(self) -> bool:
        """Whether it still waits for a call."""
        return self._process.is_there


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # one that has no name, for use in real time
        return f"signal {-code}"
