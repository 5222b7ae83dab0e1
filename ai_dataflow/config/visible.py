r"""Texts that are not ours, as they are shown: what acts on a screen or is unseen is spelled.

`printable` is for any text, `visible` for names, where no two may look the same. Both spell a
letter as Python does: `\x1b`, `\u202e`.
"""

from __future__ import annotations

import unicodedata
from functools import partial

# Letters of these look like Latin ones: beside such they are taken for them.
_ALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
_LAST_BYTE, _LAST_SHORT = 0xFF, 0xFFFF
_MARKS = frozenset({"Mn", "Me"})
_UNSEEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def printable(text: str, keep: str = "") -> str:
    r"""Spell what a screen would act upon or not show: controls, marks that turn text around.

    Args:
        text: what is to be shown.
        keep: of those, what is meant: line breaks of our own.

    Example:
        >>> printable("acme\x1b[31m\u202e")
        'acme\\x1b[31m\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escape(c) for c in text)


def visible(text: str) -> str:
    r"""Show a name so that none that differs from it looks the same.

    Example:
        >>> visible("am\u200bount")
        'am\\u200bount'
    """
    if text.isascii() and text.isprintable() and text == text.strip():
        return text
    is_latin = any(letter.isascii() and letter.isalpha() for letter in text)
    is_composed = unicodedata.is_normalized("NFC", text)
    shown = partial(_shown, is_latin=is_latin, is_composed=is_composed)
    middle = text.strip(" ")
    at = text.index(middle) if middle else len(text)
    return _spelled(text[:at]) + "".join(map(shown, middle)) + _spelled(text[at + len(middle) :])


def _shown(letter: str, *, is_latin: bool, is_composed: bool) -> str:
    if letter.isascii():
        return letter if letter.isprintable() else _spelled(letter)
    kind = unicodedata.category(letter)
    looks_alike = (
        kind in _UNSEEN
        or kind[0] == "P"
        or (kind in _MARKS and not is_composed)
        or (kind[0] == "L" and unicodedata.normalize("NFKC", letter).isascii())
        or (is_latin and unicodedata.name(letter, "").startswith(_ALIKE))
    )
    return _spelled(letter) if looks_alike else letter


def _spelled(letters: str) -> str:
    return "".join(map(_escape, letters))


def _escape(letter: str) -> str:
    code = ord(letter)
    if code <= _LAST_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LAST_SHORT else f"\\U{code:08x}"
