"""What is stopped and killed: a run, a retry, a replay, an acceptance, a cleanup; in processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import pytest

from ai_dataflow.config.settings import load_settings
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.workstation import lease
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.chaos.children import SPAWNING
from ai_dataflow_tests.engine.in_process import keep_here
from ai_dataflow_tests.paused import scene
from ai_dataflow_tests.paused.gates import Asking, Gate
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.services.processes import wait_until

Act = Literal["first run", "run", "retry", "replay", "accept", "cleanup", "beat"]
DEAD_SECONDS, LOOK_SECONDS = 0.3, 0.05
_NEVER = 1_000.0
# What was written within this second too: a storage account tells no less.
_AGE = timedelta(seconds=-1)


@dataclass(frozen=True)
class Done:
    """How an act ended: a run's report, or what hindered a cleanup."""

    report: RunReport | None = None
    problems: tuple[str, ...] = ()


def _run(folder: Path) -> Done:
    return Done(spine.run_changed(folder))


def _retry(folder: Path) -> Done:
    return Done(spine.run(folder, scene.PARTITIONS))


def _replay(folder: Path) -> Done:
    return Done(spine.replay(folder))


def _accept(folder: Path) -> Done:
    return Done(spine.accept(folder, *scene.PARTITIONS))


def cleaned(folder: Path) -> Done:
    """Clean up whatever is left over, however young."""
    workstation = open_workstation(load_settings(folder))
    found = clean(workstation, f"cleanup-{uuid.uuid4().hex}", _AGE)
    return Done(problems=tuple(p.code for module in found.values() for p in module.problems))


_ACTS: dict[Act, Callable[[Path], Done]] = {
    "first run": _run, "run": _run, "retry": _retry, "replay": _replay, "accept": _accept,
    "cleanup": cleaned, "beat": _run,
}  # fmt: skip


class Actor:
    """An act in a process of its own, all of whose calls pass a gate."""

    def __init__(self, act: Act, folder: Path, gate: Gate, endpoint: str) -> None:
        self._gate = gate
        self._ours, theirs = multiprocessing.Pipe()
        self._process = SPAWNING.Process(
            target=_child, args=(theirs, act, folder, endpoint), daemon=True
        )
        self._process.start()
        theirs.close()
        self._done: Done | None = None
        self._hears = threading.Thread(target=self._hear, daemon=True)
        self._hears.start()

    def stands_still(self) -> bool:
        """Wait until it has come to the gate; false where it has ended."""
        wait_until(lambda: self._gate.reached.is_set() or not self._hears.is_alive(), 60, 0.005)
        return self._gate.reached.is_set()

    def stop(self) -> None:
        """Stop it, and whatever it has started."""
        os.killpg(self._pid, signal.SIGSTOP)
        assert wait_until(self._is_stopped, 10)

    def go_on(self) -> Done:
        """Let it go on to its end."""
        os.killpg(self._pid, signal.SIGCONT)
        self._gate.open()
        return self.end()

    def end(self) -> Done:
        """Wait for its end."""
        self._hears.join(60)
        self._process.join(10)
        code = self._process.exitcode
        assert self._done is not None, f"it ended with {code} and said nothing"
        assert code == 0, f"it ended with {code}"
        return self._done

    def kill(self) -> None:
        """Kill it, and whatever it has started."""
        with suppress(ProcessLookupError):  # it has no group yet, or is gone
            os.killpg(self._pid, signal.SIGKILL)
        self._process.kill()
        self._process.join(10)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process.is_alive():
            self.kill()
        self._gate.open()
        self._hears.join(10)

    @property
    def _pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def _is_stopped(self) -> bool:
        stat = Path(f"/proc/{self._pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0] == "T"

    def _hear(self) -> None:
        try:
            while self._done is None:
                kind, said = self._ours.recv()
                if kind == "call":
                    self._gate.arrive(said)
                    self._ours.send("pass")
                elif kind == "done":
                    report, problems = json.loads(said)
                    made = RunReport.model_validate_json(report) if report else None
                    self._done = Done(made, tuple(problems))
        except (EOFError, OSError):
            return


def _child(told: Connection, act: Act, folder: Path, endpoint: str) -> None:
    os.setsid()
    os.environ.pop("DAGSTER_HOME", None)
    # Signs of life come at any time: they are no call of the act, unless it is about them.
    lease.BEAT_SECONDS = LOOK_SECONDS if act == "beat" else _NEVER
    lease._LOOK_SECONDS, lease.DEAD_SECONDS = LOOK_SECONDS, DEAD_SECONDS
    keep_here(pytest.MonkeyPatch())  # what is laid over calls is laid over those of this process
    if endpoint:
        scene.behind(endpoint)
    else:
        Asking(str(folder / "workstation"), told).install()
    done = _ACTS[act](folder)
    report = done.report.model_dump_json() if done.report else ""
    told.send(("done", json.dumps([report, done.problems])))
