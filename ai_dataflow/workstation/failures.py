"""What can go wrong where things are published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted


def unwritable(url: str, cause: object) -> DataflowError:
    """A place of the workstation that cannot be written."""
    return _failed("WST-001", url, "check that the folder exists, has space and may be written",
                   cause)  # fmt: skip


def overtaken(url: str, cause: object) -> DataflowError:
    """A table that another run committed to at the same time."""
    return _failed("WST-003", url, "run the failed partitions again", cause)


@contextmanager
def writing(url: str) -> Iterator[None]:
    """Classify what goes wrong while something is written.

    Raises:
        DataflowError: WST-001.
    """
    try:
        yield
    except (OSError, BaseError) as error:
        raise unwritable(url, error) from None


def _failed(code: str, url: str, fix: str, cause: object) -> DataflowError:
    message = f"{url} cannot be written"
    return DataflowError(Diagnostic(code, message, place=url, fix=fix, cause=redacted(cause)))
