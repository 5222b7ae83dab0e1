"""A real Dagster daemon on a project: its sensors queue and send as in production, sooner."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Self

from ai_dataflow.config.settings import load_settings
from ai_dataflow.notifications.mail_places import open_places
from ai_dataflow_tests.services.dagster_daemon import PATIENCE, quick_daemon
from ai_dataflow_tests.services.processes import Process, ServiceError, wait_until

_HOME = """\
telemetry:
  enabled: false
run_monitoring:
  enabled: true
  poll_interval_seconds: 1
"""


class Daemon:
    """`dagster-daemon run` on a project, with the project's own instance."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.home = project / ".dagster"
        self.home.mkdir(exist_ok=True)
        (self.home / "dagster.yaml").write_text(_HOME, encoding="utf-8")
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)

    def environment(self) -> dict[str, str]:
        """Give what processes need that share the project and the instance."""
        return {"DAGSTER_HOME": str(self.home), "AI_DATAFLOW_CONFIG": str(self.project)}

    def start(self) -> None:
        """Start it, and wait until the sender has looked at the outbox."""
        command = [sys.executable, "-c", quick_daemon(), "run", "-m", "ai_dataflow.definitions"]
        self._process = Process(command, self.project / "daemon.log", env=self.environment())
        outbox = open_places(load_settings(self.project)).outbox
        before = outbox.daemon_seen()
        if not wait_until(lambda: outbox.daemon_seen() not in (None, before), PATIENCE, pause=0.1):
            log = (self.project / "daemon.log").read_text(encoding="utf-8")[-3_000:]
            raise ServiceError(f"no daemon looks after the outbox:\n{log}")

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, and the code servers that it has started."""
        if self._process is None:
            return
        servers = self._process.children()
        self._process.end(number, 20)
        for pid in servers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process = None
