"""How days and times are spelled: patterns of the dialects, and T-SQL's styles, as strptime's."""

from __future__ import annotations

import re

import polars as pl
from polars.exceptions import PolarsError

_JAVA = {
    "yyyy": "%Y", "yyy": "%Y", "y": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m",
    "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I",
    "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSSSSS": "%6f", "SSS": "%3f", "S": "%f",
    "a": "%p", "tt": "%p", "EEEE": "%A", "EEE": "%a", "E": "%a", "DDD": "%j", "Q": "%q",
    "dddd": "%A", "ddd": "%a", "fff": "%3f", "ffffff": "%6f", "XXX": "%:z", "Z": "%z", "u": "%Y",
    "uuuu": "%Y",
}  # fmt: skip
_ORACLE = {
    "YYYY": "%Y", "YY": "%y", "MM": "%m", "MONTH": "%B", "MON": "%b", "DD": "%d", "HH24": "%H",
    "HH12": "%I", "HH": "%I", "MI": "%M", "SS": "%S", "US": "%6f", "MS": "%3f", "FF3": "%3f",
    "FF6": "%6f", "FF": "%f", "AM": "%p", "PM": "%p", "DAY": "%A", "DY": "%a", "DDD": "%j",
    "Q": "%q", "IW": "%V", "IYYY": "%G", "TZH:TZM": "%:z",
}  # fmt: skip
_DAYS = {
    1: "%m/%d/%Y", 2: "%Y.%m.%d", 3: "%d/%m/%Y", 4: "%d.%m.%Y", 5: "%d-%m-%Y", 6: "%d %b %Y",
    7: "%b %d, %Y", 10: "%m-%d-%Y", 11: "%Y/%m/%d", 12: "%Y%m%d",
}  # fmt: skip
_ISO_STYLES = {20: " %H:%M:%S", 21: " %H:%M:%S%.3f", 25: " %H:%M:%S%.3f", 26: "T%H:%M:%S%.f",
               27: "T%H:%M:%S%.fZ"}  # fmt: skip
TIMES = ("", " %H:%M:%S%.f", " %H:%M")
_WORDS = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|([A-Za-z])\1*|.""", re.DOTALL)


def strptime_of(pattern: str, dialect: str) -> str:
    """Give a pattern as strptime's: of Java, of .NET, or of PostgreSQL and Oracle.

    What has a `%` is strptime's already.
    """
    if "%" in pattern:
        return pattern
    upper = dialect == "postgres" or ("YY" in pattern and "yy" not in pattern)
    return _oracle(pattern) if upper else _java(pattern)


def _java(pattern: str) -> str:
    made = ""
    for match in _WORDS.finditer(pattern):
        word = match[0]
        if word[0] in "'\"" and len(word) > 1:
            made += word[1:-1].replace("''", "'") or "'"
        else:
            made += _JAVA.get(word, word) if word.isalpha() else word
    # A fraction after a point is read with it: %.3f.
    return re.sub(r"\.%(\d?)f", r"%.\1f", made).replace("T%-H", "T%H")


def _oracle(pattern: str) -> str:
    words = "|".join(sorted(map(re.escape, _ORACLE), key=len, reverse=True))
    made = re.sub(rf'(?i)"([^"]*)"|({words})',
                  lambda match: match[1] or _ORACLE[match[2].upper()] if match[2] else match[1],
                  pattern)  # fmt: skip
    return re.sub(r"\.%(\d?)f", r"%.\1f", made)


def style_format(style: int) -> str:
    """Give the format of a T-SQL style; nothing for one that is ISO 8601 or is not known."""
    if style == 23:  # noqa: PLR2004 - T-SQL's number for it
        return "%Y-%m-%d"
    return _DAYS.get(style - 100, "") or _DAYS.get(style, "").replace("%Y", "%y")


def iso_style(style: int) -> str:
    """Give the time's format of a style that is ISO 8601 by and large."""
    return _ISO_STYLES.get(style % 100 if style >= 100 else style, "")  # noqa: PLR2004


def is_format(form: str) -> bool:
    """Tell whether a format can be read and written by."""
    try:
        pl.Series(["2024"]).str.to_datetime(form, strict=False)
        pl.select(pl.datetime(2024, 1, 1).dt.strftime(form))
    except (PolarsError, pl.exceptions.PanicException):
        return False
    return True
