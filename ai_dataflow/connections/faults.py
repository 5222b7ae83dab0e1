"""Faults of storage accounts and databases: what went wrong, and for how long that is remembered.

A failure is a `Fault` where it happens. Whoever tells of it has a table from kind to code, and
`diagnostic` fills it in. How the errors of the libraries are read is in `account_errors` and
`database_errors`, how one waits for what may pass in `retrying`.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.extras import not_installed
from ai_dataflow.config.settings import FILE_NAME

Kind = Literal[
    "missing",  # what was asked for is not there
    "denied",  # who we are is known, and may not do this
    "login",  # we are not let in
    "unreachable",  # no answer, or none for now
    "unknown_host",  # its name cannot be resolved
    "slow",  # it took longer than it may
    "silent",  # what is answered soon was not; it is not asked again
    "unusable",  # as the settings have it, it cannot even be tried
    "refused",  # it answered, and did not do what was asked
]
# The code, the message and the fix of each kind, for those that hear of it. The texts name what
# they are filled with: `{reason}`, `{persistence}`, `{instead}` and the words
# of who tells.
Telling = Mapping[Kind, tuple[str, str, str]]


@dataclass(eq=False)
class Fault(Exception):  # noqa: N818 - it is no error yet: that depends on who asks
    """What went wrong. The reason may be shown: no URL, no statement, no secret, no value.

    `account` is the storage account that it is about, if it is about one; `package` is what is not
    installed and would be needed; `is_connecting` tells that a database did not let us in,
    `attempts` and `seconds` how long it was tried. `instead` ends a sentence about what is missing:
    what may be meant.
    """

    kind: Kind
    reason: str
    account: str = ""
    package: str = ""
    is_connecting: bool = False
    attempts: int = 1
    seconds: float = 0.0
    instead: str = ""

    @property
    def is_transient(self) -> bool:
        """Tell whether it may pass by itself; a name that cannot be resolved may."""
        return self.kind in ("unreachable", "unknown_host", "silent")

    @property
    def persistence(self) -> str:
        """Say how long it was tried: `after 3 attempts over 41 s`."""
        times = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return f"after {times} over {self.seconds:.0f} s"

    def __str__(self) -> str:
        """Give the reason."""
        return self.reason


class Breaker:
    """Remembers for some seconds what exhausted our patience.

    So that a thousand sources of one place do not each find it out. Made once per process, as a
    constant of its module: accounts and settings, which are sent elsewhere, have no part of it.
    Threads share it without a lock: each method does one thing to a dict.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._faults: dict[Hashable, tuple[float, Fault]] = {}

    def check(self, place: Hashable) -> None:
        """Make sure that a place may be asked.

        Raises:
            Fault: that of a moment ago.
        """
        since, fault = self._faults.get(place, (0.0, None))
        if fault and time.monotonic() - since < self.seconds:
            raise fault.with_traceback(None)

    def trip(self, place: Hashable, fault: Fault) -> None:
        """Remember that asking a place was in vain."""
        self._faults[place] = (time.monotonic(), fault)

    def reset(self, place: Hashable) -> None:
        """Forget what a place did: it is well."""
        self._faults.pop(place, None)

    def clear(self) -> None:
        """Forget everything, as a new process has."""
        self._faults.clear()


def diagnostic(fault: Fault, telling: Telling, place: str, **words: object) -> Diagnostic:
    """Tell of a fault in the words of those who hear of it.

    Args:
        fault: what went wrong; its reason is the cause, unless the message says it.
        telling: their code, message and fix for each kind.
        place: where they look.
        words: what the texts are filled with, beside the fault's own; `connection` is a name under
            `[sql]`.
    """
    if fault.package:
        name = fault.account or words["connection"]
        needed_by = f"storage account {name}" if fault.account else f"connection `{name}`"
        section = "storage" if fault.account else "sql"
        return not_installed(fault.package, needed_by, f"{FILE_NAME}:{section}.{name}")
    code, message, fix = telling[fault.kind]
    words |= {"reason": fault.reason, "persistence": fault.persistence, "instead": fault.instead}
    is_said = "{reason}" in message or fault.kind == "missing"
    return Diagnostic(
        code,
        message.format(**words),
        place=place,
        fix=fix.format(**words),
        cause="" if is_said else fault.reason,
    )
