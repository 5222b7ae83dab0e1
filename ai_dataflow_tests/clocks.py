"""Clocks that are wrong: of a machine that is a day ahead, or behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

DAY = timedelta(days=1)
WRONG = (DAY, timedelta(0), -DAY)


@contextmanager
def clock(shift: timedelta, folder: Path) -> Iterator[None]:
    """Let this machine's clock be wrong; it dates the files in a folder that are written meanwhile.

    In each of our modules `datetime` is another one meanwhile, which only tells the time.
    """

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + shift

    before = set(_states(folder))
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("ai_dataflow.") and getattr(module, "datetime", None) is datetime:
                patch.setattr(module, "datetime", Wrong)
        yield
    for file, changed in set(_states(folder)) - before:
        moment = changed / 1e9 + shift.total_seconds()
        os.utime(file, (moment, moment))


def _states(folder: Path) -> Iterator[tuple[Path, int]]:
    yield from ((file, file.stat().st_mtime_ns) for file in folder.rglob("*") if file.is_file())
