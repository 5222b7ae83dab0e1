"""Worker processes: whatever ends one costs what it had in hand, and no more (P13)."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from ai_dataflow.config.sections import machine_memory
from ai_dataflow.engine import crew, worker
from ai_dataflow.engine.hand import Crash, Worker
from ai_dataflow.engine.workers import spread
from ai_dataflow_tests.engine.calls import (
    PATIENCE,
    batches,
    die_once,
    leave_a_mark,
    limits,
    take_memory,
)
from ai_dataflow_tests.services.processes import wait_until


@pytest.mark.parametrize(("processes", "at_once"), [(1, 1), (2, 4), (4, 1)])
def test_every_item_has_its_answer(processes: int, at_once: int) -> None:
    groups = ["ab", "c", "def", *"ghijk"]
    answers = dict(spread(batches(*groups), processes, at_once))
    assert answers == {name: name.upper() for name in "abcdefghijk"}


def test_nothing_to_do_starts_nothing() -> None:
    assert list(spread([], 0, 1)) == []


@pytest.mark.parametrize("ending", ["SIGSEGV", "SIGABRT"])
def test_a_crash_costs_what_causes_it(ending: str) -> None:
    made = dict(spread(batches("a", [ending], ["b"], ["c", "d"]), 2, 3))
    crash = made.pop(ending)
    assert isinstance(crash, Crash)
    assert (crash.ending, crash.over, crash.is_silent) == (ending, ending, False)
    assert made == {name: name.upper() for name in "abcd"}


def test_the_cause_is_found_among_many() -> None:
    items = [f"item {number}" for number in range(20)]
    items[13] = "SIGSEGV"
    made = dict(spread(batches(items), 2, 1))
    assert {item for item, told in made.items() if isinstance(told, Crash)} == {"SIGSEGV"}
    assert len(made) == len(items)


def test_want_of_memory_costs_what_wants_it() -> None:
    made = dict(spread(batches(["memory"], "a"), 1, 2))
    assert made["a"] == "A"
    crash = made["memory"]
    assert isinstance(crash, Crash)
    assert crash.ending == "SIGABRT"
    assert crash.last_words.startswith("memory allocation of")


@pytest.mark.slow
def test_who_takes_more_memory_than_is_allowed_is_ended_and_tried_alone() -> None:
    groups = ["a", "MUCH"], ["b"], ["TOO MUCH"]
    made = dict(spread(batches(*groups, function=take_memory, most=1_000_000_000, sharers=2), 2, 1))
    assert {item: made[item] for item in ("a", "b", "MUCH")} == {"a": 0, "b": 0, "MUCH": 8 * 10**8}
    crash = made["TOO MUCH"]
    assert isinstance(crash, Crash)
    assert crash.outgrew > 1_000_000_000


def test_an_error_nobody_expected_is_told_without_what_it_quotes() -> None:
    made = dict(spread(batches(["error"], "a"), 1, 2))
    assert made["error"] == Crash("an error", last_words="ValueError: '…' is no number")
    assert made["a"] == "A"


def test_what_was_killed_once_is_made(tmp_path: Path) -> None:
    function = partial(die_once, tmp_path)
    groups = [["first", "second"], ["third"], ["fourth"]]
    made = dict(spread(batches(*groups, function=function), 2, 2))
    assert made == {name: name for name in ("first", "second", "third", "fourth")}


def test_what_gives_nothing_ends() -> None:
    made = dict(spread(batches(["nothing"], "ab", patience=1.5), 1, 2))
    crash = made.pop("nothing")
    assert isinstance(crash, Crash)
    assert (crash.is_silent, crash.over) == (True, "nothing")
    assert made == {"a": "A", "b": "B"}


@pytest.mark.slow
def test_who_works_is_not_taken_for_idle() -> None:
    made = dict(spread(batches(["a"], function=_busy, patience=6.0), 1, 1))
    assert made == {"a": "a"}


def test_who_cannot_have_been_heard_yet_is_not_idle() -> None:
    a_while = partial(_busy, seconds=1.5)
    made = dict(spread(batches(["a"], function=a_while, patience=0.5), 1, 1))
    assert made == {"a": "a"}


def test_what_goes_on_in_the_background_is_no_work() -> None:
    made = dict(spread(batches(["nothing"], function=_waits_in_vain, patience=4.0), 1, 1))
    crash = made["nothing"]
    assert isinstance(crash, Crash)
    assert crash.is_silent


def _waits_in_vain(items: Sequence[str]) -> list[str]:
    """Wait for ever, while another thread does a little each time that it looks up."""

    def look_up() -> None:
        while True:
            end = time.thread_time() + 0.0025
            while time.thread_time() < end:
                pass
            time.sleep(0.1)

    threading.Thread(target=look_up, daemon=True).start()
    threading.Event().wait()
    return list(items)


@pytest.mark.slow
def test_a_source_that_gives_a_little_now_and_then_is_not_idle() -> None:
    made = dict(spread(batches(["abcdefgh"], function=_trickle, patience=4.0), 1, 1))
    assert made == {"abcdefgh": "abcdefgh"}


def _trickle(items: Sequence[str]) -> list[str]:
    """Give each item as a server on this machine sends it, a byte a second."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in items[0].encode():
                    time.sleep(1)
                    connection.send(bytes([byte]))

        threading.Thread(target=send, daemon=True).start()
        with socket.create_connection(server.getsockname()) as reader:
            received = b"".join(iter(lambda: reader.recv(1), b""))
    return [received.decode()]


def _busy(items: Sequence[str], seconds: float = 10) -> list[str]:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return list(items)


def test_nobody_works_on_for_a_command_that_stopped_asking(tmp_path: Path) -> None:
    groups = [["a"], ["b"]]
    answers = spread(batches(*groups, function=partial(leave_a_mark, tmp_path)), 2, 1)
    with pytest.raises(TimeoutError):
        _first_of(answers, tmp_path)
    pids = [int(mark.name) for mark in tmp_path.iterdir()]
    assert pids
    assert not any(map(_is_there, pids))


def _first_of(answers: Any, folder: Path) -> None:
    """Ask for an answer that never comes, and be interrupted once the workers are at it."""

    def interrupt(_: int, __: Any) -> None:
        if len([*folder.iterdir()]) == 2:
            signal.setitimer(signal.ITIMER_REAL, 0)  # once
            raise TimeoutError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        next(answers)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


_COMMAND = """
import sys
from functools import partial
from pathlib import Path
from ai_dataflow.engine.workers import Batch, spread
from ai_dataflow_tests.engine.calls import leave_a_mark
call = partial(leave_a_mark, Path(sys.argv[1]))
list(spread([Batch(call, ("a",), 60.0), Batch(call, ("b",), 60.0)], 2, 1))
"""


def test_workers_of_a_killed_command_end(tmp_path: Path) -> None:
    command = subprocess.Popen([sys.executable, "-c", _COMMAND, str(tmp_path)])
    assert wait_until(lambda: len([*tmp_path.iterdir()]) == 2, PATIENCE)
    pids = [int(mark.name) for mark in tmp_path.iterdir()]
    command.kill()
    command.wait()
    assert wait_until(lambda: not any(map(_is_there, pids)), PATIENCE)


def test_a_worker_removes_its_folder_and_nothing_else(tmp_path: Path) -> None:
    one = Worker(SimpleQueue(), 1)
    folder = Path(one.folder)
    (tmp_path / "kept").touch()
    (folder / "spilled").touch()
    one.hang_up()  # as if the command were gone
    one._process.wait(PATIENCE)
    assert not folder.exists()
    assert folder.parent.is_dir()
    assert (tmp_path / "kept").exists()
    one.end()


def test_who_is_gone_leaves_no_thread() -> None:
    one = Worker(SimpleQueue(), 1)
    assert [thread for thread in threading.enumerate() if thread in one.threads]
    one.hang_up()
    one.end()
    assert wait_until(lambda: not any(t.is_alive() for t in one.threads), PATIENCE)


def test_workers_have_limits() -> None:
    [(_, (memory, core, score))] = spread(batches("a", function=limits), 1, 1)
    assert memory == 8 * machine_memory()
    assert core == 0
    assert score > int(Path("/proc/self/oom_score_adj").read_text())


@pytest.mark.slow
def test_a_worker_is_used_again_and_leaves_when_it_rests() -> None:
    list(spread(batches("a"), 1, 1))
    kept = crew._idle[-1]
    list(spread(batches("b"), 1, 1))
    assert crew._idle[-1] is kept
    kept._process.wait(worker._REST_SECONDS + PATIENCE)
    assert dict(spread(batches("c"), 1, 1)) == {"c": "C"}
    assert kept not in crew._idle


def test_what_a_library_says_before_is_no_last_word() -> None:
    """A panic's message quotes values, another partition's among them (P10)."""
    made = dict(spread(batches(["panic"], ["SIGSEGV"]), 1, 1))
    crash = made["SIGSEGV"]
    assert isinstance(crash, Crash)
    assert (crash.last_words, crash.over) == ("", "SIGSEGV")


def test_who_leaves_amid_a_call_is_no_worker_that_rests() -> None:
    made = dict(spread(batches(["exit"], "a"), 2, 1))
    crash = made["exit"]
    assert isinstance(crash, Crash)
    assert crash.ending == "exit code 0"
    assert made["a"] == "A"


def test_a_large_call_to_a_process_that_stands_still_keeps_nobody() -> None:
    groups = [["stop"], ["b" * 2_000_000], ["c" * 2_000_000]]
    made = dict(spread(batches(*groups, patience=4.0), 1, 3))
    crash = made.pop("stop")
    assert isinstance(crash, Crash)
    assert crash.is_silent
    assert not any(isinstance(answer, Crash) for answer in made.values())


def _is_there(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it may go while it is looked at
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
