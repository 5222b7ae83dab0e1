"""Days and times of workbooks: numbers of days since their epoch, in a format that shows a day."""

from __future__ import annotations

from functools import cache

from openpyxl.styles.numbers import is_datetime, is_timedelta_format

from ai_dataflow.sources.files.cells import MILLISECONDS, Cell, CellKind, flaw

_FROM_1900, _FROM_1904 = -25_569, -24_107  # the day 0 of a workbook, in days since 1970
_LAST = 2_932_896  # 9999-12-31
_LEAP = 60  # 29 February 1900, which spreadsheets have and the calendar has not


def dated(number: float, number_format: str, style: int, *, is_1904: bool) -> Cell | None:
    """Give the day, instant or time that a number is; None where its format shows a number."""
    shows = _shows(number_format)
    if not shows:
        return None
    ms = round(number * MILLISECONDS)
    if shows == "duration":
        return CellKind.DURATION, float(ms), None, style
    if shows == "time" and 0 <= ms < MILLISECONDS:
        return CellKind.TIME, float(ms), None, style
    day = ms // MILLISECONDS
    if not is_1904:
        if day < 1 or day == _LEAP:
            return flaw("it is no day of the calendar, though its format shows one")
        ms += MILLISECONDS if day < _LEAP else 0
    ms += (_FROM_1904 if is_1904 else _FROM_1900) * MILLISECONDS
    if day < 0 or ms >= (_LAST + 1) * MILLISECONDS:
        return flaw("it is no day of the calendar, though its format shows one")
    kind = CellKind.INSTANT if ms % MILLISECONDS else CellKind.DAY
    return kind, float(ms), None, style


@cache
def _shows(number_format: str) -> str:
    """Tell whether a format shows a day, a time or a duration; nothing for a number."""
    if is_timedelta_format(number_format):
        return "duration"
    return is_datetime(number_format) or ""
