"""Names as they are shown: two that differ never look the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ai_dataflow.config.visible import visible

# What people, exports and copying from web pages put into names.
LETTERS = st.sampled_from(
    "aAe1_ -'\"\u00e9\u0301\u00a0\u200b\u200d\ufeff\u00ad\u2019\u201c\u2013\u0410\uff21\u0391"
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("am\u200bount", "am<U+200B>ount"),
        ("amount\u00a0", "amount<U+00A0>"),
        (" amount", "<U+0020>amount"),
        ("two words", "two words"),
        ("caf\u00e9", "caf\u00e9"),
        ("cafe\u0301", "cafe<U+0301>"),
        ("Betrag \u20ac", "Betrag \u20ac"),
        ("\u0410mount", "<U+0410>mount"),
        ("\u0421\u0443\u043c\u043c\u0430", "\u0421\u0443\u043c\u043c\u0430"),
        ("\u91d1\u984d", "\u91d1\u984d"),
        ("\u0930\u093e\u0936\u093f", "\u0930\u093e\u0936\u093f"),
        ("client\u2019s", "client<U+2019>s"),
        ("\uff21mount", "<U+FF21>mount"),
        ("a\tb", "a<U+0009>b"),
        ("\udcff", "<U+DCFF>"),
        ("", ""),
    ],
    ids=ascii,
)
def test_what_is_hard_to_see_is_spelled(name: str, shown: str) -> None:
    assert visible(name) == shown


def _look(text: str) -> str:
    """Give what a reader sees: no invisible letters, composed ones, blanks and quotes alike."""
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc"))
    plain = unicodedata.normalize("NFKC", kept.strip())
    return plain.translate(str.maketrans("\u2019\u201c\u2013\u0410\u0391", "'\"-AA"))


@given(st.text(LETTERS, max_size=8), st.text(LETTERS, max_size=8))
def test_names_that_differ_do_not_look_the_same(one: str, other: str) -> None:
    assume(one != other)
    for text in (one, other):  # letters of one script alone are names of people who read it
        assume(not any(c in text for c in "\u0410\u0391") or any(c in text for c in "aAe"))
    assert _look(visible(one)) != _look(visible(other))
