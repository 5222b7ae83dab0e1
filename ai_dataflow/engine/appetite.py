"""Appetite: a worker process ends itself before it takes more memory than it is allowed.

What a file unpacks to its size does not tell: ten kilobytes may be one long value, six thousand
times. So what a process takes is looked at while it works.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

OUTGROWN = 76  # the exit code of who took too much
_SECONDS = 0.02  # in which it may grow by some hundred megabytes
_LIBRARIES = 150_000_000  # bytes that a process takes for itself, when it begins to work
_STATM, _PAGE = Path("/proc/self/statm"), os.sysconf("SC_PAGE_SIZE")


class Working(Protocol):
    """What has calls in hand, and somebody to tell."""

    @property
    def allowed(self) -> int:
        """How many bytes these may take; 0 where there are none."""

    def say(self, kind: str, *words: object) -> None:
        """Send a message."""


def watch(work: Working) -> None:
    """Look again and again how much this process has taken since now; end it where it is too much.

    Where the system does not tell, nobody is ended.
    """
    with suppress(OSError):
        begun = _resident()
        while True:
            time.sleep(_SECONDS)
            allowed, taken = work.allowed, _resident() - begun
            if allowed and taken > allowed + _LIBRARIES:
                work.say("outgrown", taken)
                os._exit(OUTGROWN)


def _resident() -> int:
    """Give the memory that this process holds, in bytes: see proc_pid_statm(5)."""
    return int(_STATM.read_bytes().split()[1]) * _PAGE
