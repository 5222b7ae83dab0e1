"""`dagster dev` on a project: web server, daemon and code server, as `make ui` starts them."""

from __future__ import annotations

import http.client
import os
import signal
import sys
from pathlib import Path
from typing import Self

from ai_dataflow_tests.services.dagster_daemon import quick_daemon
from ai_dataflow_tests.services.processes import HOST, Process, ServiceError, free_port, wait_until

# It may have been started by a shell in the background, which ignores SIGINT: its children then do
# too, and `dagster dev` treats SIGTERM as it treats SIGINT. Its daemon is one with short waits; the
# sensors keep their intervals, which the pages show.
_CODE = f"""\
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from dagster._cli import dev, main

open_process = dev.open_ipc_subprocess
def open_quick(command, **options):
    if command[1:3] == ["-m", "dagster._daemon"]:
        command = [command[0], "-c", {quick_daemon(sensors=False)!r}, *command[3:]]
    return open_process(command, **options)
dev.open_ipc_subprocess = open_quick
main()
"""
_START_SECONDS = 240  # about 15 on an idle machine
_STOP_SECONDS = 60


class DagsterDev:
    """`dagster dev` in a `with` block, on the project's own instance."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.port = free_port()
        self._log = project / "dagster-dev.log"
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """The address of its pages, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        target = ["-m", "ai_dataflow.definitions", "-h", HOST, "-p", str(self.port)]
        self._process = Process(
            [sys.executable, "-c", _CODE, "dev", *target],
            self._log,
            env={
                "DAGSTER_HOME": str(self.project / ".dagster"),
                "AI_DATAFLOW_CONFIG": str(self.project),
            },
        )
        running = self._process
        wait_until(lambda: not running.is_alive() or self._answers(), _START_SECONDS)
        if not self._answers():
            self._stop()
            log = self._log.read_text(encoding="utf-8", errors="replace")[-3_000:]
            raise ServiceError(f"dagster dev does not answer:\n{log}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request("GET", "/server_info")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _stop(self) -> None:
        """End it; what it has started and did not end is killed."""
        if self._process is None:
            return
        started = _descendants(self._process.pid)
        self._process.end(signal.SIGTERM, _STOP_SECONDS)
        self._process = None
        wait_until(lambda: not any(map(_is_alive, started)), 5)
        for pid in filter(_is_alive, started):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Give the ids of the processes that a process has started, and those of theirs."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    children = [int(child) for child in text.split()]
    return children + [one for child in children for one in _descendants(child)]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
