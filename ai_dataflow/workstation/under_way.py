"""Runs under way: each has a file from before its first module until its report is stored.

So whoever finds the file of a run that neither lives nor left a report knows that it was cut off,
between two modules as well as amid one. It shows that it lives by writing the file anew.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.lease import DEAD_SECONDS, Holder
from ai_dataflow.workstation.reaching import reaching

_BEAT_SECONDS = 30.0
# After so long without a sign of life a run of another machine is told of. Its clock may be off.
_SILENT = timedelta(seconds=4 * DEAD_SECONDS)
_SUFFIX = ".json"


class Begun(Holder):
    """A run that began, and the modules that it is to make."""

    modules: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignOfLife:
    """What a run left that has not ended in order, and when it wrote that last."""

    run: Begun
    path: str
    at: datetime

    @property
    def is_dead(self) -> bool:
        """Whether its process is gone; of another machine's, whether it fell silent."""
        return self.run.has_no_process or datetime.now(UTC) - self.at > _SILENT


@contextmanager
def under_way(workstation: Folders, run_id: str, modules: Collection[str]) -> Iterator[None]:
    """Show that a run is under way for the time of the block; one that ends early leaves that.

    What hinders it hinders no run: it will be told of when data is written.
    """
    folder, begun = workstation.under_way(), Begun.here(run_id)
    begun = begun.model_copy(update={"modules": tuple(sorted(modules))})
    ended = threading.Event()
    _write(folder, begun)
    living = threading.Thread(
        target=_live, args=(folder, begun, ended), name=f"run {run_id}", daemon=True
    )
    living.start()
    try:
        yield
    finally:
        ended.set()
        living.join()
    with suppress(DataflowError), reaching(folder):  # it has its report
        folder.delete([_file(run_id)])


def _live(folder: Folder, begun: Begun, ended: threading.Event) -> None:
    while not ended.wait(_BEAT_SECONDS):
        begun = begun.model_copy(update={"beat": begun.beat + 1})
        _write(folder, begun)


def _write(folder: Folder, begun: Begun) -> None:
    with suppress(DataflowError), reaching(folder):
        folder.write(_file(begun.run_id), begun.model_dump_json().encode())


def dead_runs(workstation: Folders) -> list[SignOfLife]:
    """Give the runs that began, and neither ended in order nor live.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder = workstation.under_way()
    with reaching(folder):
        files = folder.files()
    signs = at_once(lambda file: _parsed(folder, file), files, folder.requests)
    return [sign for sign in signs if sign and sign.is_dead]


def forget_dead_runs(workstation: Folders, modules: Collection[str]) -> None:
    """Forget those of whose modules none is left that nobody has looked at since.

    What hinders it hinders nobody: they are told of a little longer.
    """
    folder = workstation.under_way()
    with suppress(DataflowError):
        paths = [s.path for s in dead_runs(workstation) if {*s.run.modules} <= {*modules}]
        with reaching(folder):
            folder.delete(paths)


def _parsed(folder: Folder, file: StoredFile) -> SignOfLife | None:
    content = b""
    with reaching(folder), suppress(FileNotFoundError):  # it may just have ended
        content = folder.read(file.path)
    try:
        begun = Begun.model_validate_json(content)
    except ValidationError:
        return None
    return SignOfLife(begun, file.path, file.changed or datetime.now(UTC))


def _file(run_id: str) -> str:
    return f"{run_id}{_SUFFIX}"
