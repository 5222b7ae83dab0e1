"""What the servers have in common: free ports, own folders, processes known by their id."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

HOST = "127.0.0.1"
NODE_MODULES = Path(__file__).parents[2] / ".services" / "node_modules"
# Below the ports that the system gives to outgoing connections: a server that was stopped finds
# its port free when it comes back.
_PORTS = (20_000, 32_000)
_PATIENCE = 30.0


class ServiceError(Exception):
    """A server is not installed, does not start or does not stop."""

    @classmethod
    def not_installed(cls, what: str) -> ServiceError:
        """What a server needs is not on this machine."""
        return cls(f"{what} is not installed: run `make services-setup`")


def unique(prefix: str = "t") -> str:
    """Give a name for a container, a database or a folder that nothing else has."""
    return f"{prefix}{secrets.token_hex(6)}"


def free_port() -> int:
    """Give a port of the loopback address that nobody has."""
    while True:
        port = _PORTS[0] + secrets.randbelow(_PORTS[1] - _PORTS[0])
        if _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def own_folder(name: str) -> Path:
    """Make a folder for a server's data, with a short path: socket names have a limit."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-"))


def remove_folder(folder: Path) -> None:
    """Remove a server's data; what is already gone is no error."""
    shutil.rmtree(folder, ignore_errors=True)


def listens(port: int) -> bool:
    """Tell whether a server accepts connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def wait_until(
    condition: Callable[[], bool], seconds: float = _PATIENCE, pause: float = 0.01
) -> bool:
    """Wait for a condition; tell whether it came. A `pause` is for what is dear to ask."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


class Process:
    """A server's process. It has its own session: a Ctrl-C for the tests is not for it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """Start it; what it writes goes to `log`, at the end. `user` is for root to give."""
        self._command = command
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=log.parent,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )

    @property
    def pid(self) -> int:
        """The id of the server's own process."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Tell whether the process runs (or is paused)."""
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; to a process that is gone it is no error."""
        self._process.send_signal(number)

    def children(self) -> list[int]:
        """Give the ids of the processes that it has started."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(child) for child in listed.read_text().split()] if listed.exists() else []

    def succeed(self) -> None:
        """Wait for a process that has an end.

        Raises:
            ServiceError: it failed; with the end of its log.
        """
        if self._process.wait():
            raise self._failed()

    def wait_until_ready(self, ready: Callable[[], bool], seconds: float = _PATIENCE) -> None:
        """Wait for a server to answer.

        Raises:
            ServiceError: it ended, or took too long; with the end of its log.
        """
        wait_until(lambda: not self.is_alive() or ready(), seconds)
        if not self.is_alive() or not ready():
            self.end(signal.SIGKILL)
            raise self._failed()

    def end(self, number: signal.Signals, seconds: float = 10) -> None:
        """End the process with a signal; one that does not heed it in time is killed."""
        self.send(number)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _failed(self) -> ServiceError:
        log = self._log.read_text(encoding="utf-8", errors="replace")[-2_000:]
        return ServiceError(f"{Path(str(self._command[0])).name} failed:\n{log}")
