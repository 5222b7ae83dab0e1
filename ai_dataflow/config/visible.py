"""Names as they are shown: what nobody can see in them is spelled out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# Letters that stand on top of others, what formats text and is not seen, blanks but the usual one.
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def visible(text: str) -> str:
    r"""Show a text so that no two texts that differ look the same for what cannot be seen in them.

    Example:
        >>> visible("am\u200bount")
        'am<U+200B>ount'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(letter: str) -> str:
    is_seen = letter == " " or unicodedata.category(letter) not in _UNSEEN
    return letter if is_seen else spelled(letter)


def spelled(letters: Iterable[str]) -> str:
    """Spell letters by their numbers."""
    return "".join(f"<U+{ord(letter):04X}>" for letter in letters)
