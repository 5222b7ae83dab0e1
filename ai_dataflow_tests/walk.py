"""A partition's walk through the rooms: which room calls which, seen while one is made.

Run as a program it prints the drawing of docs/architecture.md:
    python -m ai_dataflow_tests.walk
"""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper, cached_property
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeVar

import pytest

import ai_dataflow.partition.making  # noqa: F401 - else its import would be a part of the walk
from ai_dataflow.cli.starter import write_project
from ai_dataflow.config.grouped import grouped
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.outcome import NOBODY
from ai_dataflow.runs.prospect import look_at
from ai_dataflow.runs.run import execute
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.engine.in_process import keep_here
from ai_dataflow_tests.rooms import FLOORS, PACKAGE, room_of

T = TypeVar("T")
_SUBMIT = ThreadPoolExecutor.submit


@dataclass
class Stay:
    """A stay in a room: by which function it was entered, and the stays in others meanwhile."""

    room: str
    function: str
    inside: list[Stay] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many stays are in it, itself too."""
        return 1 + sum(stay.size for stay in self.inside)

    def steps(self) -> Iterator[tuple[Stay, Stay]]:
        """Give each step from a room into another, in the order in which they were taken."""
        for stay in self.inside:
            yield self, stay
            yield from stay.steps()


class _Watch:
    """Notes, in each thread, which room calls which: what `sys.setprofile` wants."""

    def __init__(self) -> None:
        self.walk = Stay("", "")
        self._threads = threading.local()
        self._rooms: dict[CodeType, str] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event not in ("call", "return") or not (room := self._room(frame)):
            return
        if event == "call":
            self._stack.append(self._entered(self._stack[-1], room, frame.f_code.co_qualname))
        elif len(self._stack) > 1:
            self._stack.pop()

    @property
    def _stack(self) -> list[Stay]:
        stack: list[Stay] = self._threads.__dict__.setdefault("stack", [self.walk])
        return stack

    def submit(self, pool: ThreadPoolExecutor, work: Callable[..., T], *given: Any) -> Future[T]:
        """Give work to another thread, where the walk goes on."""
        top = self._stack[-1]

        def go_on(*given: Any) -> T:
            self._threads.stack = [top]
            return work(*given)

        return _SUBMIT(pool, go_on, *given)

    @staticmethod
    def _entered(top: Stay, room: str, function: str) -> Stay:
        if top.room == room:
            return top
        top.inside.append(Stay(room, function))
        return top.inside[-1]

    def _room(self, frame: FrameType) -> str:
        code = frame.f_code
        if code not in self._rooms:
            file = Path(code.co_filename)
            is_ours = file.is_relative_to(PACKAGE) and file.parent != PACKAGE
            room = room_of(file) if is_ours and _is_work(frame) else ""
            # The ground is what every room uses: no work on a partition is done there.
            self._rooms[code] = "" if room in FLOORS[0] else room
        return self._rooms[code]


def _is_work(frame: FrameType) -> bool:
    """Tell a function that does something from a fact of a value: a property, a dunder."""
    found: Any = sys.modules[frame.f_globals["__name__"]]
    for name in frame.f_code.co_qualname.split("."):
        found = getattr(found, name, None)
    is_fact = isinstance(found, property | cached_property)
    return not (is_fact or frame.f_code.co_name.startswith(("__", "<")))


def watched(work: Callable[[], T]) -> tuple[T, Stay]:
    """Do some work, its threads' too; give what it gives, and its walk.

    What was computed before is forgotten: who remembers does not call.
    """
    gc.unfreeze()  # a command that ran in this process has put what it imported out of sight
    for function in gc.get_objects():
        if isinstance(function, _lru_cache_wrapper) and function.__module__.startswith(
            PACKAGE.name
        ):
            function.cache_clear()
    watch = _Watch()
    threading.setprofile(watch)
    sys.setprofile(watch)

    def submit(*given: Any) -> Future[Any]:
        return watch.submit(*given)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ThreadPoolExecutor, "submit", submit)
            keep_here(patch)
            return work(), watch.walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def partition_walk(folder: Path) -> Stay:
    """Make one partition of the starter project; give the walk of its job."""
    write_project(folder)
    draft = make_draft(load_project(folder))
    prospect = look_at(draft, draft.plan.partitions[:1])
    report, walk = watched(lambda: execute(prospect, STAGES, "walk", NOBODY))
    assert report.exit_code == 0, report
    return walk


def drawing(walk: Stay) -> str:
    """Draw a walk as Mermaid: each way from a room into another, numbered as first taken."""
    steps = [(stay, into) for stay, into in walk.steps() if stay.room]
    ways = grouped(steps, lambda step: (step[0].room, step[1].room))
    lines = []
    for number, ((room, other), own) in enumerate(ways.items(), start=1):
        longest = max((into for _, into in own), key=lambda stay: stay.size)
        lines.append(f"    {room} -->|{number}. {longest.function}| {other}")
    return "\n".join(["```mermaid", "graph TD", *lines, "```"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print(drawing(partition_walk(Path(made) / "project")))
