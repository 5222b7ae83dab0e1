"""What waits in the outbox, what was sent, what was given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ai_dataflow.notifications.wording import counted, local, printable

if TYPE_CHECKING:
    from ai_dataflow.notifications.delivery import Delivery
    from ai_dataflow.notifications.outbox import Entry

_STYLES = {"sent": "green", "waiting": "yellow", "given up": "red"}


def show_outbox(console: Console, entries: Sequence[Entry], places: Sequence[str]) -> None:
    """Show each letter: its state, since when, and what the server said."""
    if not entries:
        console.print(Text(printable(f"The outbox is empty: {', '.join(places)}")), soft_wrap=True)
        return
    for entry in entries:
        moment = local(entry.ended or entry.letter.created)
        line = Text(f"{entry.state:<10}", _STYLES[entry.state]).append(f"{moment}  ", "default")
        line.append(printable(entry.letter.subject), "default")
        console.print(line, soft_wrap=True)
        if entry.where:
            console.print(Text(f"{'':<10}{printable(_near(entry.where))}", "dim"), soft_wrap=True)
    for entry in entries:
        _show_reasons(console, entry)
    counts = Counter(entry.state for entry in entries)
    console.print("\n" + " · ".join(f"{count} {state}" for state, count in sorted(counts.items())))


def show_delivery(console: Console, done: Delivery, problems: Sequence[str]) -> None:
    """Show what a sender did."""
    entries = (*done.sent, *done.waiting, *done.given_up)
    for entry in entries:
        where = f" → {_near(entry.where)}" if entry.where and entry.state == "sent" else ""
        line = f"{entry.state:<10} {entry.letter.subject}{where}"
        console.print(Text(printable(line)), soft_wrap=True)
    for entry in entries:
        _show_reasons(console, entry)
    for problem in problems:
        console.print(Text(f"\n{printable(problem)}"), soft_wrap=True)
    if done.busy:
        console.print("Another process is sending.")
    if not entries:
        console.print(f"{counted(0, 'mail')} to deliver")


def _near(path: str) -> str:
    """Give a path as seen from here, if it is below."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _show_reasons(console: Console, entry: Entry) -> None:
    """Show why a letter waits, was given up, or did not reach everybody."""
    if entry.state != "sent" and entry.last_error:
        code = f"[{entry.code}]" if entry.code else ""
        head = Text(f"\n{entry.state}{code}", f"bold {_STYLES[entry.state]}")
        console.print(head.append(f": {printable(entry.letter.subject)}", "bold"), soft_wrap=True)
        console.print(Text("  " + printable(entry.last_error)), soft_wrap=True)
        if entry.state == "waiting":
            console.print(f"  tried {counted(entry.attempts, 'time')}, next {local(entry.due)}")
    for recipient, reason in entry.refused.items():
        console.print(Text("  " + printable(f"{recipient}: {reason}"), "red"), soft_wrap=True)
