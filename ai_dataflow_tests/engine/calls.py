"""What the tests of the engine call in worker processes: it can be pickled there."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow.config.attention import working_on
from ai_dataflow.engine.workers import Batch
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow_tests.services.processes import wait_until

PATIENCE = 60.0
Function = Callable[[Sequence[str]], Sequence[Any]]


def batches(
    *groups: Sequence[str],
    function: Function | None = None,
    patience: float = PATIENCE,
    **more: int,
) -> list[Batch[str, Any]]:
    """Give batches of items; by default they are answered with themselves, in capitals."""
    return [Batch(function or answer, tuple(group), patience, **more) for group in groups]


def answer(items: Sequence[str]) -> list[str]:
    """Give the items in capitals; some are no names but what happens to the process."""
    for item in items:
        working_on(item)
        _happen(item)
    return [item.upper() for item in items]


def _happen(item: str) -> None:
    match item:
        case "SIGSEGV":
            ctypes.string_at(0)
        case "SIGABRT":
            os.abort()
        case "memory":
            pl.zeros(1 << 45, eager=True)
        case "panic":
            os.write(2, b"thread panicked at src/lib.rs: left: 4711\n")
        case "exit":
            os._exit(0)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(1)  # another thread may be the one to take it
        case "error":
            raise ValueError("'secret' is no number")
        case "nothing":
            os.read(os.pipe()[0], 1)


def die_once(folder: Path, items: Sequence[str]) -> list[str]:
    """Die in the first process that is given an item called `first`, as if killed from outside."""
    if "first" in items and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return list(items)


def leave_a_mark(folder: Path, items: Sequence[str]) -> list[str]:
    """Write down which process this is, then wait for as long as a test may take."""
    (folder / f"{os.getpid()}").touch()
    time.sleep(PATIENCE * 10)
    return list(items)


def limits(items: Sequence[str]) -> list[tuple[int, int, int]]:
    """Give what the process may allocate, its core dumps' size, and its score for the kernel."""
    import resource  # noqa: PLC0415

    score = int(Path("/proc/self/oom_score_adj").read_text())
    data, core = (resource.getrlimit(r)[0] for r in (resource.RLIMIT_DATA, resource.RLIMIT_CORE))
    return [(data, core, score) for _ in items]


def take_memory(items: Sequence[str]) -> list[int]:
    """Take memory, some at a time; give how many bytes."""
    sizes = {"MUCH": 8, "TOO MUCH": 80}
    return [sum(map(len, _taken(sizes.get(item, 0)))) for item in items]


def _taken(count: int) -> list[bytearray]:
    taken = []
    for _ in range(count):
        taken.append(bytearray(b"\x01" * 10**8))
        time.sleep(0.05)  # somebody looks on
    return taken


def surroundings(items: Sequence[str]) -> list[tuple[str, str, int]]:
    """Give the value of each variable there, the working folder, and the threads of Polars."""
    return [(os.environ.get(item, ""), str(Path.cwd()), pl.thread_pool_size()) for item in items]


def kill_the_template_once(folder: Path, items: Sequence[str]) -> list[str]:
    """End the process that this one is a copy of, and so all its copies."""
    template = os.getppid()
    try:
        (folder / "died").touch(exist_ok=False)  # once, though two come to it together
    except FileExistsError:
        return list(items)
    os.kill(template, signal.SIGKILL)
    time.sleep(PATIENCE)
    return list(items)


def meet(folder: Path, count: int, job: PartitionJob) -> PartitionResult:
    """Wait until so many are here."""
    (folder / job.client).touch()
    assert wait_until(lambda: len([*folder.iterdir()]) >= count, PATIENCE)
    return PartitionResult(job)


def wait_for(file: Path, job: PartitionJob) -> PartitionResult:
    """Wait for a file, unless it is the first job."""
    if job.client != "0":
        assert wait_until(file.exists, PATIENCE)
    return PartitionResult(job)


def crash(job: PartitionJob) -> PartitionResult:
    """Crash over the second job, with its source in hand."""
    if job.client == "1":
        working_on(job.sources[0])
        ctypes.string_at(0)
    return PartitionResult(job)


def do_nothing(job: PartitionJob) -> PartitionResult:
    """Do nothing for the second job, with its source in hand, for ever."""
    if job.client == "1":
        working_on(job.sources[0])
        _happen("nothing")
    return PartitionResult(job)
