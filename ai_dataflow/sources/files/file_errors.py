"""What goes wrong while files are looked at or read, as an error of their location."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from polars.exceptions import (
    ColumnNotFoundError,
    ComputeError,
    InvalidOperationError,
    NoDataError,
    SchemaError,
    SchemaFieldNotFoundError,
)

from ai_dataflow.config.diagnostics import DataflowError, redacted
from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.connections.account_errors import account_fault
from ai_dataflow.connections.accounts import Account
from ai_dataflow.connections.faults import Fault
from ai_dataflow.connections.foreign_errors import FOREIGN
from ai_dataflow.sources.files import file_failures

_UNREADABLE = (
    *FOREIGN, ColumnNotFoundError, ComputeError, InvalidOperationError, NoDataError, PanicError,
    SchemaError, SchemaFieldNotFoundError,
)  # fmt: skip


@contextmanager
def classified(location: str, place: str, account: Account | None) -> Iterator[None]:
    """Classify what goes wrong at a location.

    Raises:
        DataflowError: SRC-001, SRC-003, SRC-006 or SRC-010 to SRC-013.
    """
    try:
        with panics_as_errors():
            yield
    except _UNREADABLE as error:
        if fault := account_fault(error, account):
            raise file_failures.of_account(location, place, fault) from fault
        if isinstance(error, PermissionError):
            fault = Fault("denied", redacted(error))
            raise file_failures.denied(location, place, fault) from fault
        raise _of_file(location, place, error) from None


def _of_file(location: str, place: str, error: Exception) -> DataflowError:
    match error:
        case FileNotFoundError() | OSError(errno=errno.ENAMETOOLONG):  # no file can be called so
            return file_failures.missing(location, place)
        case SchemaError() | SchemaFieldNotFoundError() | ColumnNotFoundError():
            # Polars names the column, and what is called a name may be a value (P10).
            types = re.search("incoming: .*", str(error))
            what = f"of one column, {types[0]}" if types else "a column is not in all of them"
            return file_failures.differing(location, place, what)
        case _:
            return file_failures.unreadable(location, place, error)
