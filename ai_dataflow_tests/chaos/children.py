"""Runs in child processes that can be killed: forked from a server that has imported everything.

The server has used neither Polars nor obstore, whose threads would not survive a fork; a run in a
child costs what the run costs.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import pytest

import ai_dataflow.definitions  # noqa: F401 - for the command, which imports it late
import ai_dataflow_tests.quick_instances  # noqa: F401 - in children too
from ai_dataflow.cli import main
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.acceptance import Accepted, execute_acceptance
from ai_dataflow.runs.outcome import NOBODY
from ai_dataflow.runs.prospect import look_ahead, look_at, read_draft
from ai_dataflow.runs.run import execute
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation import lease
from ai_dataflow_tests.chaos.boundaries import Boundaries, Kill
from ai_dataflow_tests.chaos.world import PARTITIONS, World
from ai_dataflow_tests.engine.in_process import keep_here

Way = Literal["execute", "cli", "changed", "accept"]
PATIENCE = 60.0
SPAWNING = multiprocessing.get_context("forkserver")
# What runs import late, all children would import again each time.
_LATE = (
    "ai_dataflow.extracts.appending",
    "ai_dataflow.extracts.copies",
    "ai_dataflow.partition.making",
    "ai_dataflow.sources.sql.change_marks",
    "ai_dataflow.sources.sql.queries",
    "ai_dataflow.sources.sql.rows",
    "ai_dataflow_tests.chaos.batches",
    "ai_dataflow_tests.paused.acts",
    "numpy.ma",
    "polars._utils.parquet",
    "polars._utils.udfs",
    "pyarrow.csv",
    "pyarrow.parquet",
    "sqlalchemy.dialects.sqlite",
)
SPAWNING.set_forkserver_preload(["__main__", __name__, *_LATE])


@dataclass
class Told:
    """What a child told: the writes that it began, whom it waited for, and how it ended.

    And what of the product it had to import, which its server should have.
    """

    writes: list[tuple[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    exit_code: int | None = None
    seconds: float = 0.0
    imported: list[str] = field(default_factory=list)

    @property
    def last_write(self) -> str:
        """The write that it had begun when it ended."""
        return self.writes[-1][0] if self.writes else "nothing"


class Child:
    """A run in a process of its own."""

    def __init__(self, world: World, run_id: str, kill: Kill | None, way: Way) -> None:
        self._told, theirs = SPAWNING.Pipe(duplex=False)
        self._process = SPAWNING.Process(
            target=_child, args=(theirs, _WORK[way], world.folder, run_id, kill), daemon=True
        )
        self._process.start()
        theirs.close()
        self._begun = self._told.recv()  # the process is there, its run begins

    def kill(self) -> None:
        """Kill it; one that has ended is left alone."""
        if self._process.is_alive():
            self._process.kill()

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, so long at most; tell whether it came."""
        self._process.join(seconds)
        return not self._process.is_alive()

    def end(self) -> tuple[bool, Told]:
        """Wait for its end; tell whether it was killed, and what it told."""
        told = Told()
        for kind, content in self._messages():
            if kind == "write":
                told.writes.append(content)
            elif kind == "note":
                told.notes.append(content)
            else:
                told.exit_code, told.problems, told.seconds, told.imported = content
        self._process.join(PATIENCE)
        code = self._process.exitcode
        self._process.close()
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"a run ended with {code}: {told}")
        return code == -signal.SIGKILL, told

    def _messages(self) -> Iterator[tuple[str, Any]]:
        while True:
            try:
                if not self._told.poll(PATIENCE):
                    self.kill()
                    raise AssertionError("a run says nothing any more")
                yield self._told.recv()
            except EOFError:
                self._told.close()
                return


@contextmanager
def started(
    world: World, run_id: str, kill: Kill | None = None, way: Way = "execute"
) -> Iterator[Child]:
    """Start a run; whatever happens in the block, it does not outlive it."""
    child = Child(world, run_id, kill, way)
    try:
        yield child
    except BaseException:
        child.kill()
        raise


def run(
    world: World, run_id: str, kill: Kill | None = None, way: Way = "execute"
) -> tuple[bool, Told]:
    """Run to the end, or to the kill; tell whether it was killed, and what it told."""
    with started(world, run_id, kill, way) as child:
        return child.end()


def _child(tell: Connection, work: Any, folder: Path, run_id: str, kill: Kill | None) -> None:
    """Make one run, in a forked process; tell what happens as it happens."""
    begun, there = time.perf_counter(), {*sys.modules}
    tell.send(begun)
    Boundaries(
        lambda label: tell.send(("write", (label, time.perf_counter() - begun))), kill
    ).install()
    if work is not _by_command:  # the writes of workers are then this process's, and are counted
        keep_here(pytest.MonkeyPatch())
    os.environ.pop("DAGSTER_HOME", None)
    # Nobody is taken for dead because it was silent: whoever was killed has to be known at once.
    lease._LOOK_SECONDS, lease.DEAD_SECONDS, lease.WAIT_SECONDS = 0.05, math.inf, 120.0
    code, problems = work(folder, run_id, lambda note: tell.send(("note", note)))
    late = [name for name in sys.modules if name not in there and name.startswith("ai_dataflow.")]
    tell.send(("end", (code, problems, time.perf_counter() - begun, late)))


def _directly(folder: Path, run_id: str, note: Any) -> tuple[int, list[str]]:
    """Run as the Dagster step does, without Dagster."""
    report = execute(
        look_at(make_draft(load_project(folder)), PARTITIONS),
        STAGES,
        run_id,
        NOBODY,
        lambda progress: note(progress.note) if progress.note else None,
    )
    errors = [f"{e.code} {e.message}" for p in report.failed for e in p.errors]
    return report.exit_code, errors + report.unreported


def _what_changed(folder: Path, run_id: str, _: Any) -> tuple[int, list[str]]:
    """Run what changed of any project."""
    report = execute(look_ahead(read_draft(folder)), STAGES, run_id, NOBODY)
    return report.exit_code, report.unreported


def _what_waits(folder: Path, run_id: str, _: Any) -> tuple[int, list[str]]:
    """Accept what waits of the module `claims`."""
    accepted = Accepted(modules=("claims",))
    report = execute_acceptance(read_draft(folder), accepted, run_id, NOBODY)
    return report.exit_code, report.unreported


def _by_command(folder: Path, _: str, __: Any) -> tuple[int, list[str]]:
    """Run as a person does: the command, with Dagster and its events."""
    log = folder / "command.log"
    with log.open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.chdir(folder)
    sys.argv = ["ai-dataflow", "run", "--json"]
    try:
        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    else:
        code = 0
    return code, [log.read_text()[-2000:]] if code else []


_WORK = {
    "execute": _directly, "cli": _by_command, "changed": _what_changed, "accept": _what_waits
}  # fmt: skip
