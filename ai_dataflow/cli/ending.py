"""How a command ends that somebody asked to: Ctrl-C (130), SIGTERM (143)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import typer

from ai_dataflow.cli.app import err
from ai_dataflow.config.codes import INTERRUPTED
from ai_dataflow.config.interrupts import (
    CTRL_C,
    Interrupted,
    asked,
    end_at_once,
    exit_code,
    has_begun,
    taking_signals,
)

if TYPE_CHECKING:
    from ai_dataflow.workstation.reports import RunReport

_MAKING = ("run", "retry", "replay", "accept")
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it


def interruptible(command: Callable[[], None]) -> None:
    """Call a command; whoever asks for its end gets a line and an exit code, no traceback."""
    with taking_signals(noted=_note, again=_end):
        try:
            command()
        except Interrupted:
            makes = any(word in _MAKING for word in sys.argv[1:])
            left = " No partition was begun." if makes and not has_begun() else ""
            print(f"Interrupted.{left}", file=sys.stderr)
            sys.exit(exit_code())


def end_after(report: RunReport) -> NoReturn:
    """End a command with what its run came to; where somebody asked for its end, say how far."""
    if asked():
        err.print(summary(report), style="bold", soft_wrap=True)
        raise typer.Exit(exit_code())
    raise typer.Exit(report.exit_code)


def summary(report: RunReport) -> str:
    """Say how far a run came that somebody asked to end."""
    left = sum(p.error is not None and p.error.kind == INTERRUPTED for p in report.failed)
    published, failed = report.statuses()["ok"], len(report.failed) - left
    parts = [
        f"{published:,} {'partition' if published == 1 else 'partitions'} published",
        *([f"{failed:,} failed"] if failed else []),
        f"{left:,} not made",
    ]
    on = " To go on: ai-dataflow retry" if left else ""
    return f"Interrupted. {', '.join(parts)}.{on}"


def _note() -> None:
    again = "Ctrl-C again" if asked() == CTRL_C else "a second signal"
    print(f"Publishing what is done; {again} ends at once.", file=sys.stderr)


def _end() -> None:
    print("Ended at once. What was not published is left to the next run.", file=sys.stderr)
    if sys.__stderr__ is not None and sys.__stderr__.isatty():
        print(_SHOW_CURSOR, end="", file=sys.__stderr__, flush=True)
    end_at_once()
