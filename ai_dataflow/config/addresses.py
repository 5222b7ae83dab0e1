"""Addresses of mail and of pages: what is one, so that nothing else reaches a header or a link."""

from __future__ import annotations

import re

_ATOM = r"[^@\s<>()\[\]\\,;:\".]+"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_ATOM}(\.{_ATOM})+")
_ENCODED = "=?"  # begins an encoded word, which a mail library would decode into something else
_MOST = 254  # RFC 5321
_URL = re.compile(r"https?://[^\s/?#@\"'<>]+(/[^\s?#@\"'<>]*)?")
_BETWEEN = re.compile(r"[;,\s]+")


def is_address(text: str) -> bool:
    """Tell whether a text is one mail address, without a name or brackets."""
    is_plain = text.isprintable() and _ENCODED not in text and len(text) <= _MOST
    return is_plain and bool(_ADDRESS.fullmatch(text))


def page_url(text: str) -> str:
    """Give the URL under which pages answer, without a slash at its end; empty stays empty.

    Raises:
        ValueError: it is none.
    """
    if text and not _URL.fullmatch(text):
        raise ValueError("is no http(s) URL without user, query or fragment")
    return text.rstrip("/")


def several(text: str) -> list[str]:
    """Take apart a cell with several addresses: between them is `;`, `,` or a blank."""
    return [part for part in _BETWEEN.split(text) if part]
