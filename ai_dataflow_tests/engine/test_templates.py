"""Worker processes are copies of a template: what becomes of them when it ends, and before."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections import deque
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ai_dataflow import cli
from ai_dataflow.config.cores import cores
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.engine import crew, forking, hand, workers
from ai_dataflow.engine.hand import Worker
from ai_dataflow.engine.workers import spread
from ai_dataflow_tests.engine.calls import PATIENCE, batches, kill_the_template_once, surroundings
from ai_dataflow_tests.services.processes import wait_until


def test_a_worker_has_the_surroundings_that_the_command_has_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a copy of a process that was started before."""
    list(spread(batches("a"), 1, 1))
    monkeypatch.setattr(crew, "_idle", [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAID_LATE", "yes")
    made = dict(spread(batches(["SAID_LATE"], function=surroundings), 1, 1, threads=3))
    assert made == {"SAID_LATE": ("yes", str(tmp_path), 3)}


def test_who_is_copied_starts_no_thread_of_numpys() -> None:
    """A copy would lack it; its name is that of the process."""
    code = """
import os
from pathlib import Path
from ai_dataflow.engine import template
template._load()
name = Path("/proc/self/comm").read_text()
threads = Path("/proc/self/task").iterdir()
print(sum((thread / "comm").read_text() == name for thread in threads))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) == 1


def test_who_is_copied_keeps_freed_memory_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever computes takes large pieces again and again; a user may say otherwise."""
    monkeypatch.setattr(forking, "_template", None)
    monkeypatch.setattr(crew, "_idle", [])
    monkeypatch.setenv("_RJEM_MALLOC_CONF", "narenas:3")
    list(spread(batches("a"), 1, 1))
    template = forking._template
    assert template is not None
    process = template.process
    variables = Path(f"/proc/{process.pid}/environ").read_text().split("\0")
    ours = f"oversize_threshold:0,narenas:{cores()}"
    assert f"_RJEM_MALLOC_CONF={ours},narenas:3" in variables
    process.kill()
    process.wait(PATIENCE)


def test_who_is_copied_may_end(tmp_path: Path) -> None:
    """Its copies end with it; what they had in hand is made by others."""
    function = partial(kill_the_template_once, tmp_path)
    made = dict(spread(batches("a", "b", "c", function=function), 2, 1))
    assert made == {name: name for name in "abc"}


def test_nothing_suspect_is_tried_in_a_copy_that_has_ended_unheard() -> None:
    """It would be taken for what ended the copy, since it was alone there."""
    suspect = replace(batches("a")[0], is_suspect=True)
    todo, made = workers._ToDo(deque(), 1, deque([suspect])), list[object]()
    with crew.hired(2, todo.heard, 1) as hired:
        first, second = hired
        template = forking._template
        assert template is not None
        template.process.kill()
        template.process.wait(PATIENCE)
        assert wait_until(lambda: not second.is_there, PATIENCE)
        made += todo.lost(first, hired)
        while todo.hand_out(hired, 1):
            assert not second.in_hand
            made += todo.listen(hired)
            for worker in [worker for worker in hired if worker.is_gone]:
                made += todo.lost(worker, hired)
    assert made == [("a", "A")]


def test_no_copy_of_who_ended_is_hired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They rest, and have ended with it; nobody need have heard of that."""
    monkeypatch.setattr(hand, "_END_SECONDS", 0.1)  # that the end of each is waited for
    list(spread(batches(*"abcd"), 4, 1))
    rests = [*crew._idle]
    assert rests
    template = forking._template
    assert template is not None
    template.process.kill()
    template.process.wait(PATIENCE)
    for rested in rests:
        rested._process._ended = threading.Event()
        assert not rested.is_there
    function = partial(kill_the_template_once, tmp_path)
    made = dict(spread(batches(*"abcd", function=function), 4, 1))
    assert made == {name: name for name in "abcd"}


def test_who_is_copied_may_end_before_its_copies_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are, it is one failure, and another one is copied."""
    begin, begun = forking._started, list[int]()

    def start(ours: socket.socket, theirs: socket.socket) -> subprocess.Popen[bytes]:
        begun.append(theirs.fileno())
        if len(begun) > 1:
            return begin(ours, theirs)
        silent = [sys.executable, "-c", "import time; time.sleep(1)"]
        return subprocess.Popen(silent, pass_fds=begun)

    monkeypatch.setattr(crew, "_idle", [])
    monkeypatch.setattr(forking, "_template", None)
    monkeypatch.setattr(forking, "_started", start)
    assert dict(spread(batches(*"abcd"), 4, 1)) == {name: name.upper() for name in "abcd"}
    assert len(begun) > 1


@pytest.mark.slow
def test_who_is_copied_leaves_when_nobody_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_idle", [])
    monkeypatch.setattr(forking, "_template", None)
    list(spread(batches("a"), 1, 1))
    template = forking._template
    assert template is not None
    crew._idle.pop().end()
    template.process.wait(forking.REST_SECONDS + PATIENCE)
    assert dict(spread(batches("b"), 1, 1)) == {"b": "B"}


def test_no_module_of_the_folder_takes_anothers_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(crew, "_idle", [])
    monkeypatch.setattr(forking, "_template", None)
    assert dict(spread(batches("a"), 1, 1)) == {"a": "A"}


def test_a_machine_with_room_for_one_process_goes_on_with_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = []

    def start(self: Worker, handle: int) -> forking.Forked:
        if started:
            raise OSError("no more")
        started.append(handle)
        return begin(self, handle)

    begin = Worker._started
    monkeypatch.setattr(crew, "_idle", [])
    monkeypatch.setattr(Worker, "_started", start)
    assert dict(spread(batches(*"abcd"), 4, 1)) == {name: name.upper() for name in "abcd"}


def test_a_machine_that_starts_no_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_idle", [])
    monkeypatch.setattr(forking, "_template", None)
    monkeypatch.setattr(sys, "executable", "/usr/bin/false")
    with pytest.raises(DataflowError) as told:
        list(spread(batches("a", "b"), 2, 1))
    (problem,) = told.value.diagnostics
    assert (problem.code, problem.message) == (
        "RUN-022", "no worker process starts: exit code 1",
    )  # fmt: skip


def test_a_program_that_has_computed_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its Polars a copy would have no threads, and wait for them for ever."""
    monkeypatch.setattr(forking, "_template", None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ai-dataflow", "plan"])
    with pytest.raises(SystemExit):
        cli.main()
    assert forking._template is None
