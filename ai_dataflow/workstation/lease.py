"""Leases: one run at a time makes a module's partitions, on one machine or on several.

A lease is a file, `<number>.json`, made only if it is not there yet: local folders and blob storage
can both do that. The highest number is in force until it is released or its holder is dead; whoever
wants it then makes the next number, and only one can. A holder shows that it lives by writing its
file anew every few seconds. That nothing was written for a while is measured by the waiting run's
own clock, so the clocks of two machines need not agree.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.reaching import reaching

BEAT_SECONDS = 5.0
DEAD_SECONDS = 30.0
WAIT_SECONDS = 300.0
_LOOK_SECONDS = 1.0
_SUFFIX = ".json"
_ENDED = ("Z", "X")

Watch = Callable[[str], None]


class Holder(BaseModel):
    """Who has a lease; `beat` grows with each sign of life.

    A pid means something only within its PID namespace, of which a machine has one per container,
    and only until another process gets it. Where /proc does not tell, these fields are empty.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    host: str = Field(default_factory=socket.gethostname)
    pid: int = Field(default_factory=os.getpid)
    boot_id: str = ""
    namespace: str = ""
    process_start: str = ""
    beat: int = 0
    released: bool = False

    @classmethod
    def here(cls, run_id: str) -> Self:
        """Give a run in this process."""
        boot_id, namespace = _pids_of()
        start = _start_of(os.getpid())
        return cls(run_id=run_id, boot_id=boot_id, namespace=namespace, process_start=start)

    @property
    def is_gone(self) -> bool:
        """Whether it has ended; known at once where we see its process, or that there is none."""
        return self.released or self.has_no_process

    @property
    def has_no_process(self) -> bool:
        """Whether we see that its process has ended: on this machine alone."""
        theirs = (self.host, self.boot_id, self.namespace)
        is_seen = all(theirs) and theirs == (socket.gethostname(), *_pids_of())
        return is_seen and _start_of(self.pid) != self.process_start


class LeaseError(DataflowError):
    """Another run has the lease, or took it over."""


@dataclass
class Lease:
    """A lease that this process holds."""

    folder: Folder
    name: str
    holder: Holder
    number: int
    _ended: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Make sure, before something is published, that nobody else has taken the lease.

        Raises:
            LeaseError: another run took this one for dead, and went on.
        """
        if _newest(self.folder) != self.number:
            raise LeaseError(_lost(self))

    def _live(self) -> None:
        """Show signs of life until the end; one that cannot be written is left out."""
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(DataflowError):
                self._write(self.holder.model_copy(update={"beat": self.holder.beat + 1}))

    def _write(self, holder: Holder) -> None:
        self.holder = holder
        with reaching(self.folder):
            self.folder.write(_file(self.number), holder.model_dump_json().encode())


@contextmanager
def lease(
    folder: Folder,
    name: str,
    run_id: str,
    watch: Watch = lambda _: None,
    patience: float | None = None,
) -> Iterator[Lease]:
    """Hold a lease for the time of the block; wait for another run's first.

    Args:
        folder: the folder of this lease's files.
        name: what it is for, as a message calls it.
        run_id: who wants it.
        watch: hears, once, whom it waits for.
        patience: how many seconds to wait for another run; by default `WAIT_SECONDS`.

    Raises:
        LeaseError: the other run goes on for too long.
        DataflowError: WST-001, WST-004, WST-005.
    """
    wait = WAIT_SECONDS if patience is None else patience
    held = _acquire(folder, name, Holder.here(run_id), watch, wait)
    living = threading.Thread(target=held._live, name=f"lease {name}", daemon=True)
    living.start()
    try:
        yield held
    finally:
        held._ended.set()
        living.join()
        with suppress(DataflowError):  # it will be found dead
            held._write(held.holder.model_copy(update={"released": True}))


def newest_leases(leases: Folder) -> dict[str, int]:
    """Give the number of the newest lease of each module; `leases` is the folder of all of them.

    Whoever plans notes it first: if the lease that a run then gets is not the next one, another has
    been there in between, and may have published from newer tables.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(leases):
        paths = [file.path.rpartition("/") for file in leases.files()]
    numbers = grouped(paths, lambda path: path[0])
    return {
        name: max(_number(file) for *_, file in files) for name, files in numbers.items() if name
    }


def _acquire(folder: Folder, name: str, wanted: Holder, watch: Watch, wait: float) -> Lease:
    end = time.monotonic() + wait
    seen: tuple[int, Holder | None] = (-1, None)
    silent_since = time.monotonic()
    while True:
        number = _newest(folder)
        other = _read(folder, number)
        if other == wanted:  # the answer to our own request was lost
            return Lease(folder, name, wanted, number)
        if (number, other) != seen:
            seen, silent_since = (number, other), time.monotonic()
        is_silent = time.monotonic() - silent_since > DEAD_SECONDS
        if other is None or other.is_gone or is_silent:
            if (taken := _take(folder, name, wanted, number + 1)) is not None:
                return taken
            continue  # somebody else was faster
        if time.monotonic() > end:
            raise LeaseError(_busy(name, other))
        watch(f"waiting for run {other.run_id}, which makes {name} on {other.host}")
        time.sleep(_LOOK_SECONDS)


def _take(folder: Folder, name: str, holder: Holder, number: int) -> Lease | None:
    with reaching(folder):
        if not folder.write_new(_file(number), holder.model_dump_json().encode()):
            return None
        numbers = {file.path: _number(file.path) for file in folder.files()}
        if max(numbers.values(), default=0) != number:
            return None  # long taken, given back and tidied away: others went on
        folder.delete([path for path, older in numbers.items() if older < number])
    return Lease(folder, name, holder, number)


def _newest(folder: Folder) -> int:
    """Give the number of the lease in force or the last one; 0 where there was none."""
    with reaching(folder):
        return max((_number(file.path) for file in folder.files()), default=0)


def _read(folder: Folder, number: int) -> Holder | None:
    """Give the holder of a lease; None where there is none, or nothing that can be read."""
    return _parsed(folder, _file(number)) if number else None


def _parsed(folder: Folder, path: str) -> Holder | None:
    content = b""
    with reaching(folder), suppress(FileNotFoundError):  # it may just have been tidied away
        content = folder.read(path)
    try:
        return Holder.model_validate_json(content)
    except ValidationError:
        return None


def _file(number: int) -> str:
    return f"{number:08}{_SUFFIX}"


def _number(path: str) -> int:
    name = path.removesuffix(_SUFFIX)
    return int(name) if name.isdigit() else 0


def _pids_of() -> tuple[str, str]:
    """Give what our pids are numbers of: the machine since it was started, the namespace."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return boot_id, str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return "", ""


def _start_of(pid: int) -> str:
    """Give when a process was started, in ticks since the machine was; empty without a process.

    One that has ended stays listed until its parent asks how; in a container that may be never.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *others = stat.rpartition(")")[2].split()  # the fields after the name, in brackets
    return "" if state in _ENDED else others[18]


def _busy(name: str, other: Holder) -> Diagnostic:
    return Diagnostic(
        "WST-006",
        f"run {other.run_id} on {other.host} (process {other.pid}) is making {name}, and went on "
        f"for more than {WAIT_SECONDS / 60:.0f} minutes",
        place=name,
        fix="wait for that run, or end it; then run these partitions again",
    )


def _lost(held: Lease) -> Diagnostic:
    return Diagnostic(
        "WST-006",
        f"another run took {held.name} over: this one showed no sign of life for "
        f"{DEAD_SECONDS:.0f} s or more, or was taken for dead",
        place=held.name,
        fix="run these partitions again when the other run has ended",
    )
