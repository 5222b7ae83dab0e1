"""What a command is doing, and how far it is: a bar on a terminal, else a line a minute."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:  # its import is for those who do something
    from ai_dataflow.runs import progress

_LINE_SECONDS = 60.0


@contextmanager
def watching(console: Console, begin: str = "reading the tables") -> Iterator[progress.Watcher]:
    """Show what is being done as long as the block goes on; on a terminal nothing stays behind."""
    with _bar(console, begin) if console.is_terminal else _lines(console, begin) as watcher:
        yield watcher


@contextmanager
def _bar(console: Console, begin: str) -> Iterator[progress.Watcher]:
    what = TextColumn("{task.description}", markup=False)
    columns = (what, BarColumn(), TextColumn("{task.fields[far]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(begin, total=None, far="")

        def show(now: progress.Progress) -> None:
            total = now.total or None
            said = now.note or now.doing
            bar.update(task, completed=now.done, total=total, description=said, far=_far(now))

        yield show


@contextmanager
def _lines(console: Console, begin: str) -> Iterator[progress.Watcher]:
    said, ended = [begin], threading.Event()

    def show(now: progress.Progress) -> None:
        said[0] = " ".join(filter(None, (now.doing, _far(now), now.note and f"({now.note})")))

    def tell() -> None:
        while not ended.wait(_LINE_SECONDS):
            line = f"{datetime.now():%H:%M} {said[0]}"
            console.print(line, soft_wrap=True, markup=False)

    telling = threading.Thread(target=tell, name="progress", daemon=True)
    telling.start()
    try:
        yield show
    finally:
        ended.set()
        telling.join()


def _far(now: progress.Progress) -> str:
    return f"{now.done:,} of {now.total:,}" if now.total else ""
