"""The most memory that each process of this one's descendants took, looked at while they run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SECONDS = 0.1


@contextmanager
def watched() -> Iterator[dict[int, tuple[int, float]]]:
    """Give, by process, how far below this one it was and its peak memory in MB so far (Linux)."""
    peaks: dict[int, tuple[int, float]] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_SECONDS):
            for process, below in _descendants("self", 1):
                with suppress(OSError, ValueError):  # it ended meanwhile
                    # Whoever outlives its parent comes nearer.
                    peaks[process] = max(below, peaks.get(process, (0, 0.0))[0]), _peak(process)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def _descendants(process: str | int, below: int) -> Iterator[tuple[int, int]]:
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                yield int(child), below
                yield from _descendants(int(child), below + 1)


def _peak(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
