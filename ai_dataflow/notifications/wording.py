"""How mails and terminals write numbers, times, sizes and names that are not ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from ai_dataflow.config.visible import printable as printable  # noqa: PLC0414

_SHOWN = 5
_BLANKS = re.compile(r"\s+")


def one_line(text: str) -> str:
    """Give a text that no header, no terminal and no reader is led astray by."""
    return printable(_BLANKS.sub(" ", text).strip())


def counted(number: int, name: str, names: str = "") -> str:
    """Count things by name: `1 row`, `2,000 rows`; `names` where an s does not make it several."""
    return f"{number} {name}" if number == 1 else f"{number:,} {names or f'{name}s'}"


def day(moment: datetime) -> str:
    """Give the day of a moment, as in `19 Nov 2025`."""
    return f"{moment.day} {moment:%b %Y}"


def when(moment: datetime) -> str:
    """Give a moment to the minute; mails are read in many places, so it is UTC."""
    return f"{moment.day} {moment:%b %H:%M} UTC"


def local(moment: datetime | None) -> str:
    """Give a moment in local time, for a terminal; nothing where there is none."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def seconds(value: float) -> str:
    """Give a duration as people say it."""
    if value < 60:  # noqa: PLR2004
        return f"{value:.1f} s"
    parts = str(timedelta(seconds=round(value))).split(":")
    hours, minutes, rest = parts[0], parts[1], parts[2]
    return f"{hours} h {minutes} min" if hours != "0" else f"{int(minutes)} min {rest} s"


def size(value: float) -> str:
    """Give a number of bytes as people say it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def change(now: float, before: float) -> str:
    """Give a change as a person reads it: `+120 (+4%)`, `none`."""
    if now == before:
        return "none"
    share = f" ({(now - before) / before:+.0%})" if before else ""
    return f"{now - before:+,.0f}{share}"


def some(names: Sequence[str]) -> str:
    """Name the first few, and count the rest."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
