"""Names as they are shown: what nobody can see in them, or tell from something else, is spelled."""

from __future__ import annotations

import unicodedata
from functools import partial

# Letters of these look like Latin ones: beside such they are taken for them.
_ALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
_MARKS = frozenset({"Mn", "Me"})
_UNSEEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def visible(text: str) -> str:
    r"""Show a name so that none that differs from it looks the same.

    Example:
        >>> visible("am\u200bount")
        'am<U+200B>ount'
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
    return "".join(f"<U+{ord(letter):04X}>" for letter in letters)
