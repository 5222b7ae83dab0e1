"""What a spreadsheet shows of a cell, from its value and its number format.

Only formats that show the same text in every country: where a thousands separator, a month's name
or the order of a short date depends on who looks, nothing is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

GENERAL = "General"
_GENERAL_WIDTH = 11  # characters; what has more is shown rounded, or with an exponent
_EXACT_DIGITS = 15  # that a spreadsheet keeps of a number
# A text in quotes, an escaped character, the room of one (`_)`), a filler (`* `), a colour, a
# bracket of another meaning, or one character.
_TOKEN = re.compile(r'"(?P<text>[^"]*)"|\\(?P<sign>.)|_(?P<room>.)|\*(?P<filler>.)'
                    r"|\[(?P<bracket>[^\]]*)\]|(?P<char>.)", re.DOTALL)  # fmt: skip
_COLOURS = re.compile(r"(?i:black|blue|cyan|green|magenta|red|white|yellow|color ?\d+)")
_PLAIN = frozenset("-+() :$!&'~{}<>=^")  # shown as they stand, without quotes
_DAY_PART = r"(?i:(?<!y)yyyy(?!y)|(?<!m)mm(?!m)|(?<!d)dd(?!d)|[-. ])"  # no name of a month
_DAY = re.compile(rf'(?:{_DAY_PART}|\\[-. ]|"[-. ]*")+')
_DAY_PARTS = {"yyyy": "%Y", "mm": "%m", "dd": "%d"}


def shown(value: object, number_format: str = GENERAL) -> str | None:
    """Give what is shown of a value; None where that cannot be known, or shows less than it is."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case str():
            return value if _text_section(number_format) == "@" else None
        case date():
            return _day(value, number_format)
        case int() | float() | Decimal():
            return _number(Decimal(str(value)), number_format)
        case _:
            return None


@cache
def _sections(number_format: str) -> tuple[tuple[tuple[str, str], ...], ...] | None:
    """Split a format into its sections, of tokens: their kind, what they show. None: not known."""
    sections: list[list[tuple[str, str]]] = [[]]
    for match in _TOKEN.finditer(number_format):
        kind, text = str(match.lastgroup), match[str(match.lastgroup)]
        if kind == "char" and text == ";":
            sections.append([])
        elif _is_obscure(kind, text):
            return None
        elif kind != "bracket":
            sections[-1].append(_token(kind, text))
    return tuple(map(tuple, sections))


def _is_obscure(kind: str, text: str) -> bool:
    if kind == "bracket":
        return not _COLOURS.fullmatch(text)
    return kind == "filler" and text != " "


def _token(kind: str, text: str) -> tuple[str, str]:
    """Give what is shown as it stands as a `text`."""
    if kind in ("room", "filler"):
        return "text", " "
    if kind in ("text", "sign") or text in _PLAIN:
        return "text", text
    return "char", text


def _spelled(section: tuple[tuple[str, str], ...]) -> str:
    return "".join(text for _, text in section)


def _text_section(number_format: str) -> str:
    """Give the section for texts, blanks around it off: `@` shows them as they are."""
    sections = _sections(number_format)
    if sections is None:  # a condition on numbers, or a country
        return "" if "@" in number_format or number_format.count(";") > 2 else "@"  # noqa: PLR2004
    last = _spelled(sections[-1])
    is_for_texts = len(sections) > 3 or ("char", "@") in sections[-1]  # noqa: PLR2004
    return last.strip() if is_for_texts else "@"


def _day(value: date, number_format: str) -> str | None:
    """Show a day by a format of year, month and day in digits."""
    has_time = isinstance(value, datetime) and value.time() != time()
    if has_time or not _DAY.fullmatch(number_format):
        return None
    parts = re.findall(_DAY_PART, number_format)
    return "".join(value.strftime(_DAY_PARTS.get(p.lower(), p)) for p in parts).strip()


def _number(value: Decimal, number_format: str) -> str | None:
    sections = _sections(number_format)
    if sections is None or not value.is_finite():
        return None
    numeric = [s for s in sections[:3] if ("char", "@") not in s]
    if not numeric:
        return _general(value)
    chosen = 1 if value < 0 and len(numeric) > 1 else 2 if not value and len(numeric) > 2 else 0  # noqa: PLR2004
    section = numeric[chosen]
    sign = "-" if value < 0 and not chosen else ""
    if _spelled(section) == GENERAL:
        return _general(abs(value) if chosen else value)
    text = _by_places(abs(value), section)
    if text is None or (sign and not re.search("[^0.]", text)):  # some programs show -0 as 0
        return None
    return f"{sign}{text}".strip()


def _general(value: Decimal) -> str | None:
    """Show a number without a format: as it is, if it has the room."""
    if value == value.to_integral_value():
        text = str(int(value))
    else:
        text = format(float(value), f".{_EXACT_DIGITS}g")
    return text if len(text.lstrip("-")) <= _GENERAL_WIDTH and "e" not in text else None


def _by_places(value: Decimal, section: tuple[tuple[str, str], ...]) -> str | None:
    """Show a number in the places for its digits, `0` and `#`, and the texts between them."""
    signs = [text for kind, text in section if kind == "char"]
    if not set(signs) & set("0#"):  # without a digit it shows a word, or hides the number
        word = _spelled(section).strip()
        # LibreOffice keeps truth values so: "TRUE";"TRUE";"FALSE"
        return word if not signs and word.isalpha() and value in (0, 1) else None
    if set(signs) - set("0#.") or signs.count(".") > 1:
        return None
    point = signs.index(".") if "." in signs else len(signs)
    places = signs[point + 1 :]
    rounded = value.quantize(Decimal(1).scaleb(-len(places)), ROUND_HALF_UP)
    whole, _, fraction = format(rounded, "f").partition(".")
    if len(whole) > _EXACT_DIGITS or "#" in places or (not point and int(whole)):
        return None
    before = _placed(whole if int(whole) else "", signs[:point])
    digits = iter([*before, *(["."] if point < len(signs) else []), *fraction])
    return "".join(text if kind == "text" else next(digits) for kind, text in section)


def _placed(whole: str, places: list[str]) -> Iterator[str]:
    """Give the digits for each place; what does not fit stands in the first."""
    if not places:
        yield from ()
        return
    more = max(len(whole) - len(places), 0)
    padded = whole[more:].rjust(len(places))
    for i, (place, digit) in enumerate(zip(places, padded, strict=True)):
        shown_digit = digit if digit != " " else ("0" if place == "0" else "")
        yield (whole[:more] if i == 0 else "") + shown_digit
