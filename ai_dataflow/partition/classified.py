"""What ends a step, told in the words of diagnostics, whatever library it comes from."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polars.exceptions import PolarsError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.panics import PanicError, panics_as_errors


@contextmanager
def classified(problems: list[Diagnostic]) -> Iterator[None]:
    """Take steps; what ends them is classified and joins the problems."""
    try:
        with panics_as_errors():
            yield
    except DataflowError as error:
        problems += error.diagnostics
    except (PolarsError, PanicError) as error:
        problems.append(failed_on_data(error))
    except Exception as error:
        problems.append(_unexpected(error))


def failed_on_data(error: BaseException) -> Diagnostic:
    """Tell of a computation that ended over a value."""
    return Diagnostic(
        "DAT-003",
        f"computing the AI columns failed: {type(error).__name__}",
        fix="look for a transform that cannot handle every row",
        cause=redacted(error),
    )


def _unexpected(error: BaseException) -> Diagnostic:
    """Classify what nobody foresaw: where it happened, without the values it may quote."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return Diagnostic(
        "RUN-002",
        f"{type(error).__name__} in {where}",
        fix="this is a defect of ai_dataflow or of its surroundings; please report it",
        cause=redacted(error),
    )
