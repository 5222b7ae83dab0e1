"""What can go wrong where things are published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.connections.account_errors import OF_STORES, account_fault
from ai_dataflow.connections.faults import Fault, Telling, diagnostic
from ai_dataflow.connections.stores import Folder

_FIX = "check that the folder exists, has space and may be read and written"
_AGAIN = "then run the failed partitions again"
_RESTORE = "look for a file in it that was cut off or overwritten, and restore that"
_SPACE = f"make space there, {_AGAIN}"
_AWAY = (
    "WST-004", "{url} cannot be reached: {reason}",
    "run the failed partitions again when the account answers",
)  # fmt: skip
_BARRED = (
    "WST-005", "{url} may not be used: {reason}",
    "correct the account's section under [storage], or give its identity the right",
)  # fmt: skip
_UNFIT = ("WST-001", "{url} cannot be used: {reason}", "check that the container exists")
# A storage account that does not let us publish, is not there, or does not answer.
FAULTS: Telling = {
    "missing": _UNFIT,
    "denied": _BARRED,
    "login": _BARRED,
    "unusable": _BARRED,
    "unreachable": _AWAY,
    "unknown_host": _AWAY,
    "slow": _UNFIT,
    "silent": _AWAY,
    "refused": _UNFIT,
}
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
    return next((trouble for said, trouble in (_FULL | _CLOSED).items() if said in text), None)


def unreached(folder: Folder, error: Exception) -> DataflowError:
    """A place of the workstation that cannot be written or read, and why."""
    if fault := account_fault(error, folder.account):
        return DataflowError(diagnostic(fault, FAULTS, folder.url, url=folder.url))
    if folder.account is None and (trouble := _disk_fault(error)):
        why, fix = trouble
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
        with panics_as_errors():
            yield
    except Exception as error:
        if not _is_foreign(error) or _is_of_rows(error, folder):
            raise
        raise unreached(folder, error) from None


@contextmanager
def reading_back(folder: Folder) -> Iterator[None]:
    """Classify as `reaching`, where what is read is ours and nothing else: it may be damaged.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    try:
        with reaching(folder):
            yield
    except Exception as error:
        if not (isinstance(error, PanicError) or _is_of_polars(error)):
            raise
        why = "cannot be read: a file in it is damaged"
        raise _failed("WST-001", folder.url, why, _RESTORE, redacted(error)) from None


def _is_foreign(error: Exception) -> bool:
    """Tell whether a library raised it; those that are large are imported where one may have."""
    if isinstance(error, (DataflowError, *OF_STORES)):
        return not isinstance(error, DataflowError)
    from ai_dataflow.connections.foreign_errors import FOREIGN  # noqa: PLC0415 - for deltalake

    return isinstance(error, FOREIGN) or _is_of_polars(error)


def _is_of_polars(error: Exception) -> bool:
    from polars.exceptions import PolarsError  # noqa: PLC0415 - as above

    return isinstance(error, PolarsError)


def _is_of_rows(error: Exception, folder: Folder) -> bool:
    """Tell whether the rows that are written failed, rather than the account or the disk.

    They come from a database, or Polars computes them on the way.
    """
    if isinstance(error, Fault):
        return not error.account
    if isinstance(error, OF_STORES):
        return False
    is_of_disk = folder.account is None and _disk_fault(error)
    is_of_folder = is_of_disk or account_fault(error, folder.account)
    return _is_of_polars(error) and not is_of_folder


def _failed(code: str, url: str, what: str, fix: str, cause: str = "") -> DataflowError:
    return DataflowError(Diagnostic(code, f"{url} {what}", place=url, fix=fix, cause=cause))
