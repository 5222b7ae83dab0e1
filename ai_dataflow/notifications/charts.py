"""Small charts without images: tables of coloured cells in HTML, block characters in text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ai_dataflow.notifications.model import Bar, Bars, Tone

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WIDTH = 24
_SHOWN = 8


def bars(
    title: str, values: Sequence[tuple[str, float]], shown: Callable[[float], str], tone: Tone = ""
) -> Bars:
    """Make a chart of the last few values, oldest first; the last one, this run, has the tone."""
    last = values[-_SHOWN:]
    longest = max((value for _, value in last), default=0) or 1
    return Bars(
        title,
        tuple(
            Bar(label, value / longest, shown(value), tone if i == len(last) - 1 else "dim")
            for i, (label, value) in enumerate(last)
        ),
    )


def bar_text(share: float, width: int = _WIDTH) -> str:
    """Draw a bar of block characters, exact to an eighth; what is there is seen."""
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + _EIGHTHS[rest].strip()
