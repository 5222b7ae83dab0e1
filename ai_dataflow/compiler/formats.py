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
# What PostgreSQL and Oracle read in a pattern, and strptime cannot say.
_ORACLE_ONLY = (
    "SSSSS", "SSSS", "J", "W", "WW", "CC", "D", "ID", "IDDD", "IYY", "IY", "I", "Y,YYY", "YYY", "Y",
    "RM", "RR", "RRRR", "TZ", "TZH", "TZM", "OF", "AD", "BC", "A.D.", "B.C.", "A.M.", "P.M.", "TH",
    "ST", "ND", "RD", "SP", "TS", "DL", "DS", "X", "TM", "FX", "FM", "FF1", "FF2", "FF4", "FF5",
)  # fmt: skip
_UNPADDED = {"%d": "%-d", "%m": "%-m", "%H": "%-H", "%I": "%-I", "%M": "%-M", "%S": "%-S",
             "%j": "%-j"}  # fmt: skip
_ORACLE_WORDS = re.compile(
    r'"([^"]*)"|(FM)?({})|(.)'.format(
        "|".join(sorted(map(re.escape, [*_ORACLE, *_ORACLE_ONLY]), key=len, reverse=True))
    ),
    re.IGNORECASE | re.DOTALL,
)
_BESIDE_TIME = "T"  # of ISO 8601: 2024-01-31T10:00
TIMES = ("", " %H:%M:%S%.f", " %H:%M")
_SECONDS = re.compile("%(?:-?S|([TX]))")
_PARTS = re.compile(r"%(?:[-.:#]|\d)?([a-zA-Z%])|(\s+|[^%\s]+)")
_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "e": 2, "H": 2, "I": 2, "k": 2, "l": 2, "M": 2, "j": 3}
_WORDS = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|([A-Za-z])\1*|.""", re.DOTALL)


def strptime_of(pattern: str, dialect: str) -> str:
    """Give a pattern as strptime's: of Java, of .NET, or of PostgreSQL and Oracle.

    What has a `%` is strptime's already. Nothing where a part is not known: its letters would be
    written as they are.
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
        elif word[0].isascii() and word.isalpha() and word not in (*_JAVA, _BESIDE_TIME):
            return ""
        else:
            made += _JAVA.get(word, word)
    # A fraction after a point is read with it: %.3f.
    return re.sub(r"\.%(\d?)f", r"%.\1f", made).replace("T%-H", "T%H")


def _oracle(pattern: str) -> str:
    made = ""
    for match in _ORACLE_WORDS.finditer(pattern):
        text, bare, word, sign = match.groups()
        if word is not None:
            form = _ORACLE.get(word.upper(), "")
            if not form:
                return ""
            made += _UNPADDED.get(form, form) if bare else form
        elif sign is not None and sign.isascii() and sign.isalpha() and sign != _BESIDE_TIME:
            return ""
        else:
            made += text or sign or ""
    return re.sub(r"\.%(\d?)f", r"%.\1f", made)


def style_format(style: int) -> str:
    """Give the format of a T-SQL style; nothing for one that is ISO 8601 or is not known."""
    if style == 23:  # noqa: PLR2004 - T-SQL's number for it
        return "%Y-%m-%d"
    return _DAYS.get(style - 100, "") or _DAYS.get(style, "").replace("%Y", "%y")


def iso_style(style: int) -> str:
    """Give the time's format of a style that is ISO 8601 by and large."""
    return _ISO_STYLES.get(style % 100 if style >= 100 else style, "")  # noqa: PLR2004


def with_second_60(form: str) -> str:
    """Give a pattern of the texts that have 60 where a format has seconds; nothing if it has none.

    Polars takes it, whatever the minute, for the first second of the next one.
    """
    seconds = _SECONDS.search(form)
    if seconds is None:
        return ""
    before = form[: seconds.start()]
    like = [_like(part, before[part.end() :]) for part in _PARTS.finditer(before)]
    return f"^{''.join(like)}{'[^:]+:[^:]+:' if seconds[1] else ''}60"


def _like(part: re.Match[str], then: str) -> str:
    """Give a pattern of what a part of a format takes; of digits before others, all that it has."""
    name, text = part.groups()
    if text:
        return r"\s+" if text.isspace() else re.escape(text)
    digits = _DIGITS.get(name)
    if digits is None:
        return ".*?"
    is_whole = then.startswith("%") or not then
    return f"[0-9]{{{digits}}}" if is_whole else f"[ +-]?[0-9]{{1,{digits}}}"


def is_format(form: str) -> bool:
    """Tell whether a format can be read and written by."""
    try:
        pl.Series(["2024"]).str.to_datetime(form, strict=False)
        pl.select(pl.datetime(2024, 1, 1).dt.strftime(form))
    except (PolarsError, pl.exceptions.PanicException):
        return False
    return True
