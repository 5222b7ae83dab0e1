"""Whole commands, with all the processes that they start: seconds, processor seconds, memory.

`python -m bench.peers.measuring FILE FOLDER COMMAND…` runs a command and writes its figures. It
takes in the processes that the command leaves behind, such as a fork server, so that none is
forgotten (Linux).
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench.racing import Took, as_users

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_PATIENCE = 20.0  # seconds, for what a command leaves behind
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ran:
    """What a command took, its exit code, and the end of what it said."""

    took: Took
    code: int
    said: str


def measured(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Ran:
    """Run a command in a folder; `mb` is the memory of its largest process."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        wrapper = [sys.executable, "-m", "bench.peers.measuring", file.name, str(cwd), *command]
        ran = subprocess.run(
            wrapper, cwd=_ROOT, env=env, capture_output=True, text=True, check=False
        )
        if ran.returncode:
            raise SystemExit(f"{command}: {ran.stderr[-4_000:]}")
        found = json.loads(Path(file.name).read_text(encoding="utf-8"))
    took = Took(found["seconds"], found["mb"], cpu=found["cpu"])
    return Ran(took, found["code"], f"{ran.stdout[-2_000:]}\n{ran.stderr[-2_000:]}")


def child(target: str, *arguments: object, cwd: Path, **variables: str) -> Took:
    """Run `module:function`, or the CLI, in a process of its own (see `bench.child`).

    Its seconds begin with that process; memory and processor seconds are those of all processes
    that it starts, as of a command.
    """
    told, whole = told_and_whole(target, *arguments, cwd=cwd, **variables)
    return replace(told, mb=whole.mb, cpu=whole.cpu)


def told_and_whole(
    target: str, *arguments: object, cwd: Path, **variables: str
) -> tuple[Took, Took]:
    """Run as `child` does; give what that process tells of itself, and what all of them took."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "bench.child", file.name, target, *map(str, arguments)]
        ran = measured(command, cwd, as_users() | variables | {"PYTHONPATH": str(_ROOT)})
        if ran.code:
            raise SystemExit(f"{target}: {ran.said}")
        return Took(**json.loads(Path(file.name).read_text(encoding="utf-8"))), ran.took


def main(file: str, cwd: str, *command: str) -> None:
    """Run a command, wait for all that it started, write the figures."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    os.chdir(cwd)
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    usages = [usage, *_left_behind()]
    figures = {
        "seconds": seconds,
        "cpu": sum(one.ru_utime + one.ru_stime for one in usages),
        "mb": max(one.ru_maxrss for one in usages) / 1024,
        "code": os.waitstatus_to_exitcode(status),
    }
    Path(file).write_text(json.dumps(figures), encoding="utf-8")


def _left_behind() -> list[os.struct_rusage]:  # type: ignore[name-defined]
    """Wait for processes that became ours when their parent ended; end those that stay."""
    usages, deadline = [], time.monotonic() + _PATIENCE
    with suppress(ChildProcessError):
        while True:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
            if pid:
                usages.append(usage)
            elif time.monotonic() < deadline:
                time.sleep(0.02)
            else:
                for child in _children():
                    os.kill(child, signal.SIGKILL)
                deadline += _PATIENCE
    return usages


def _children() -> list[int]:
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def run_whole(folder: Path) -> Took:
    """Run a project whole, in processor seconds of all its processes."""
    command = [sys.executable, "-c", "from ai_dataflow.cli import main; main()", "run", "--full"]
    ran = measured(command, folder, as_users())
    if ran.code:
        raise SystemExit(f"the run ended with {ran.code}: {ran.said}")
    return ran.took


if __name__ == "__main__":
    main(*sys.argv[1:])
