"""What can go wrong where things are published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from polars.exceptions import PolarsError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.connections.account_faults import FOREIGN, Fault, fault_of
from ai_dataflow.connections.stores import Folder

_FIX = "check that the folder exists, has space and may be read and written"
_AGAIN = "then run the failed partitions again"
_SPACE = f"make space there, {_AGAIN}"
# What the operating system says of a disk, whichever library passes it on, and what to do.
_FULL = {
    "No space left on device": ("no space is left on its disk", _SPACE),
    "Disk quota exceeded": ("the quota of its disk is used up", _SPACE),
}
_CLOSED = {
    "Read-only file system": ("its file system is read-only", f"make it writable, {_AGAIN}"),
    "Permission denied": ("this user may not", f"give who runs this the right, {_AGAIN}"),
}


def is_full(error: BaseException) -> bool:
    """Tell whether a disk is full; Polars and deltalake say so somewhere in a longer text."""
    return any(said in str(error) for said in _FULL)


def _disk_fault(error: BaseException) -> tuple[str, str] | None:
    """Give what is the matter with the disk, and what to do; None where it is something else."""
    text = str(error)
    return next((told for said, told in (_FULL | _CLOSED).items() if said in text), None)


def unreached(folder: Folder, error: Exception) -> DataflowError:
    """A place of the workstation that cannot be written or read, and why."""
    if fault := fault_of(error, folder.account):
        return _of_account(folder.url, fault)
    if folder.account is None and (told := _disk_fault(error)):
        why, fix = told
        return _failed("WST-001", folder.url, f"cannot be used: {why}", fix, redacted(error))
    return _failed("WST-001", folder.url, "cannot be used", _FIX, redacted(error))


def overtaken(folder: Folder, error: object) -> DataflowError:
    """A table that another run committed to at the same time."""
    fix = "run the failed partitions again"
    return _failed("WST-003", folder.url, "cannot be written", fix, redacted(error))


@contextmanager
def reaching(folder: Folder) -> Iterator[None]:
    """Classify what goes wrong while something is written or read back.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    try:
        yield
    except FOREIGN as error:
        raise unreached(folder, error) from None
    except PolarsError as error:  # of what is written, unless it speaks of the account or the disk
        if fault_of(error, folder.account) is None and (folder.account or not _disk_fault(error)):
            raise
        raise unreached(folder, error) from None


def _of_account(url: str, fault: Fault) -> DataflowError:
    match fault.kind:
        case "transient":
            fix = "run the failed partitions again when the account answers"
            return _failed("WST-004", url, f"cannot be reached: {fault.reason}", fix)
        case "credential" | "permission":
            fix = "correct the account's section under [storage], or give its identity the right"
            return _failed("WST-005", url, f"may not be used: {fault.reason}", fix)
        case _:
            fix = "check that the container exists"
            return _failed("WST-001", url, f"cannot be used: {fault.reason}", fix)


def _failed(code: str, url: str, what: str, fix: str, cause: str = "") -> DataflowError:
    return DataflowError(Diagnostic(code, f"{url} {what}", place=url, fix=fix, cause=cause))
