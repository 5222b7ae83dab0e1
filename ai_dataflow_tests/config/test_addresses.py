"""What is a mail address: nothing that a header or a mail library would make something else of."""

from __future__ import annotations

import pytest

from ai_dataflow.config.addresses import is_address

GOOD = ["a@example.org", "first.last+tag@sub.example.org", "müller@example.org", "x_y@a-b.example"]
BAD = [
    "", "a", "a@b", "a@@example.org", ".a@example.org", "a.@example.org", "a..b@example.org",
    "a@example..org", "a@example.org.", "a@.example.org", "=?utf-8?q?=0aBcc=3A_x?=@example.org",
    "a b@example.org", "a@example.org\n", "A <a@example.org>", "a,b@example.org",
    "x" * 251 + "@a.b",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_one(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_none(text: str) -> None:
    assert not is_address(text)
