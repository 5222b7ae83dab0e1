"""Mail addresses: what is one, so that nothing else ever reaches a header or an envelope."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^@\s<>()\[\]\\,;:\"]+@[^@\s<>()\[\]\\,;:\"]+\.[^@\s<>()\[\]\\,;:\"]+")
_MOST = 254  # RFC 5321
_BETWEEN = re.compile(r"[;,\s]+")


def is_address(text: str) -> bool:
    """Tell whether a text is one mail address, without a name or brackets."""
    return bool(_ADDRESS.fullmatch(text)) and text.isprintable() and len(text) <= _MOST


def several(text: str) -> list[str]:
    """Take apart a cell with several addresses: between them is `;`, `,` or a blank."""
    return [part for part in _BETWEEN.split(text) if part]
