"""Forking: how a command gets worker processes that have imported what they need.

To import it takes half a second and more; to copy a process that has takes a few milliseconds. The
command's own process is not copied: it has threads, and a copy would lack them. So there is a
process for it, the *template*: a copy of the command, made before it had threads, or one that is
started when a worker is needed first.

Messages, pickled, on a pair of sockets. To the template: `fork`, a number and a `Birth`, followed
by two handles, the worker's end of its line and its standard error; or `kill` and a number. From
it: the number of a worker that ended, and its exit code, negative for a signal.
"""

from __future__ import annotations

import gc
import itertools
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import NoReturn

from ai_dataflow.config.allocator import allocator_settings

_END_SECONDS, _LOOK_SECONDS = 5.0, 0.01
_COLLECTED = gc.get_threshold()  # of the garbage collector, as Python has it
REST_SECONDS = 15.0  # that a template stays for; longer than a worker


@dataclass(frozen=True)
class Birth:
    """What a worker has of its own: see `worker` for `memory` and `folder`."""

    memory: int
    folder: str
    environment: Mapping[str, str]
    path: list[str] = field(default_factory=lambda: [*map(os.path.abspath, sys.path)])
    working_folder: str = field(default_factory=os.getcwd)


class Forked:
    """A worker process, much as `subprocess.Popen` would give it."""

    def __init__(self, template: _Template, number: int) -> None:
        self._template, self._number = template, number
        self._ended = threading.Event()
        self.returncode: int | None = None

    def end(self, code: int | None) -> None:
        """Note that it ended."""
        self.returncode = code
        self._ended.set()

    @property
    def what_ended(self) -> object:
        """What ended: it alone; or the template, and so all copies of that."""
        return self if self._template.is_there else self._template

    @property
    def is_there(self) -> bool:
        """Whether it runs: no copy outlives the template, whether its end was heard of or not."""
        return not self._ended.is_set() and self._template.is_there

    def wait(self, timeout: float) -> None:
        """Wait until it ended.

        Raises:
            TimeoutExpired: it did not.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("worker", timeout)

    def kill(self) -> None:
        """End it at once."""
        with suppress(OSError):  # the template is gone, and with it all workers
            self._template.say("kill", self._number)


class _Copy:
    """A copy of this process, as `subprocess.Popen` would give it."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        self._waiting = threading.Lock()
        self._code: int | None = None
        self.pid = os.fork()
        if not self.pid:
            try:
                _serve(ours, theirs)
            finally:
                os._exit(1)

    def poll(self) -> int | None:
        with self._waiting:
            if self._code is None:
                pid, status = self.pid, 0
                with suppress(ChildProcessError):  # somebody waits for all children
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                self._code = os.waitstatus_to_exitcode(status) if pid else None
            return self._code

    def wait(self, timeout: float = math.inf) -> int:
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("template", timeout)
            time.sleep(_LOOK_SECONDS)
        return code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _serve(ours: socket.socket, theirs: socket.socket) -> NoReturn:
    """Be the template: this is a copy already."""
    from ai_dataflow.engine import template  # noqa: PLC0415 - it is not for who starts it

    ours.close()  # else it would not see the command go
    gc.set_threshold(*_COLLECTED)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):  # whoever reads the command's output waits for its end
        os.dup2(silence, stream)
    template.main(theirs.detach())
    os._exit(0)


def _started(ours: socket.socket, theirs: socket.socket) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    return subprocess.Popen(  # noqa: S603 - this package, by this Python
        # -P: no module of the folder that the command is called in takes another's place.
        [sys.executable, "-P", "-m", "ai_dataflow.engine.template", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
        env={**os.environ, **allocator_settings(), "PYTHONPATH": path},
    )


_Start = Callable[[socket.socket, socket.socket], _Copy | subprocess.Popen[bytes]]


class _Template:
    """The process that workers are copies of, and the workers that run."""

    def __init__(self, start: _Start) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = start(ours, theirs)
        self.line = Connection(ours.detach())
        self._speaking = threading.Lock()
        self._numbers, self._has_hung_up = itertools.count(), False
        self._workers: dict[int, Forked] = {}
        threading.Thread(target=self._hear, name="template", daemon=True).start()

    def say(self, wish: str, *words: object, handles: tuple[int, ...] = ()) -> None:
        """Send a wish.

        Raises:
            OSError: the template is gone.
        """
        with self._speaking:
            self.line.send((wish, *words))
            for handle in handles:
                send_handle(self.line, handle, self.process.pid)

    def fork(self, birth: Birth, line: int, errors: int) -> Forked:
        """Start a worker; where the template is gone, one that has ended as it did."""
        number = next(self._numbers)
        forked = self._workers[number] = Forked(self, number)
        try:
            self.say("fork", number, birth, handles=(line, errors))
        except OSError:
            forked.end(self.process.wait())
        return forked

    def _hear(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                number, code = self.line.recv()
                self._workers.pop(number).end(code)
        self._has_hung_up = True
        code = self.process.wait()
        for forked in [*self._workers.values()]:
            forked.end(code)

    @property
    def is_there(self) -> bool:
        # While another thread waits for its end, `poll` knows nothing.
        return not self._has_hung_up and self.process.poll() is None


_template: _Template | None = None
_starting = threading.Lock()


def copy_this_process() -> None:
    """Let workers be copies of this process, as it is now: what it has imported, they need not.

    For who has computed nothing yet: of Polars' threads a copy has none. Who has threads is not
    copied.
    """
    global _template  # noqa: PLW0603 - one for the process
    if threading.active_count() > 1:
        return
    with _starting:
        _template = _Template(_Copy)


def fork(birth: Birth, line: int, errors: int) -> Forked:
    """Start a worker process.

    Args:
        birth: what it has of its own.
        line: the handle of its end of the line to this process.
        errors: the handle of the file that is its standard error.

    Raises:
        OSError: the machine has no room for one.
    """
    global _template  # noqa: PLW0603 - one for the process
    with _starting:
        if _template is None or not _template.is_there:
            _template = _Template(_started)
        return _template.fork(birth, line, errors)


def dismiss() -> None:
    """End the template, and with it all workers."""
    global _template
    template, _template = _template, None
    if template is not None:
        with suppress(OSError):
            socket.socket(fileno=os.dup(template.line.fileno())).shutdown(socket.SHUT_RDWR)
        try:
            template.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            template.process.kill()


def _forget() -> None:
    """Leave the template to the process that this one was forked from."""
    global _template, _starting  # noqa: PLW0603
    _starting = threading.Lock()
    if _template is not None:
        with suppress(OSError):
            os.close(_template.line.fileno())  # else it would not see the command go
        _template = None


os.register_at_fork(after_in_child=_forget)
