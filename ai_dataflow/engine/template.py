"""The template: a process that has imported what workers need, and whose copies they are.

`python -m ai_dataflow.engine.template HANDLE`: HANDLE is its end of a pair of sockets. What it is
sent, and what it answers, is described in `forking`. It starts no thread and computes nothing, so
that a copy lacks nothing.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle
from typing import NoReturn

import polars as pl

from ai_dataflow.engine import worker
from ai_dataflow.engine.forking import REST_SECONDS, Birth

_END_SECONDS = 2.0


@dataclass
class _Server:
    """The line to the command, a pipe that tells of children that ended, and the children."""

    line: Connection
    wakes: tuple[int, int] = field(default_factory=os.pipe)
    numbers: dict[int, int] = field(default_factory=dict)  # by process id

    def serve(self) -> None:
        """Fork as the command wishes, until it hangs up or wishes nothing for a while."""
        for end in self.wakes:
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wakes[1])
        while ready := wait([self.line, self.wakes[0]], None if self.numbers else REST_SECONDS):
            self._reap()
            if self.line in ready:
                self._do(*self.line.recv())

    def _do(self, wish: str, number: int, birth: Birth | None = None) -> None:
        if wish == "kill":
            for pid in [pid for pid, other in self.numbers.items() if other == number]:
                os.kill(pid, signal.SIGKILL)
        elif birth is not None:
            _load()
            line, errors = recv_handle(self.line), recv_handle(self.line)
            if pid := os.fork():
                self.numbers[pid] = number
                os.close(line)
                os.close(errors)
            else:
                self._become(birth, line, errors)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self.wakes[0], 1 << 16)
        while self.numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            self.line.send((self.numbers.pop(pid), os.waitstatus_to_exitcode(status)))

    def _become(self, birth: Birth, line: int, errors: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.line.close()
            for end in self.wakes:
                os.close(end)
            os.dup2(errors, sys.stderr.fileno())
            os.close(errors)
            os.environ.clear()
            os.environ.update(birth.environment)
            pl.Config.load("{}")  # Polars reads its variables where it is imported, and here
            sys.path[:] = birth.path
            os.chdir(birth.working_folder)
            worker.main(line, birth.memory, birth.folder)
        except BaseException:  # no copy goes on with what the template does
            traceback.print_exc()
        os._exit(1)

    def leave(self) -> None:
        """Let the children end by themselves, since the command is gone; who does not is ended."""
        until = time.monotonic() + _END_SECONDS
        while self.numbers and time.monotonic() < until:
            with suppress(OSError):  # nobody listens
                self._reap()
            time.sleep(0.01)


def _load() -> None:
    """Import what workers are asked for; the first time, it takes a while."""
    # Nobody here uses NumPy's linear algebra. It would start a thread for each core, which looks
    # for work for a while, and which a copy lacks.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import ai_dataflow.engine.sight  # noqa: PLC0415
    import ai_dataflow.partition.making  # noqa: F401, PLC0415

    gc.freeze()  # else a copy's collector touches, and so copies, all that was imported


def main(handle: int) -> None:
    """Serve the command."""
    for number in (signal.SIGINT, signal.SIGTERM):  # for the command, which ends this
        signal.signal(number, signal.SIG_IGN)
    server = _Server(Connection(handle))
    with suppress(EOFError, OSError):
        server.serve()
    server.leave()


if __name__ == "__main__":
    main(int(sys.argv[1]))
