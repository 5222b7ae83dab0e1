"""Names as they are shown: two that differ never look the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ai_dataflow.config.visible import printable, visible

# What people, exports and copying from web pages put into names.
LETTERS = st.sampled_from(
    "aAe1_ -'\"\u00e9\u0301\u00a0\u200b\u200d\ufeff\u00ad\u2019\u201c\u2013\u0410\uff21\u0391"
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("am\u200bount", "am\\u200bount"),
        ("amount\u00a0", "amount\\xa0"),
        (" amount", "\\x20amount"),
        ("two words", "two words"),
        ("caf\u00e9", "caf\u00e9"),
        ("cafe\u0301", "cafe\\u0301"),
        ("Betrag \u20ac", "Betrag \u20ac"),
        ("\u0410mount", "\\u0410mount"),
        ("\u0421\u0443\u043c\u043c\u0430", "\u0421\u0443\u043c\u043c\u0430"),
        ("\u91d1\u984d", "\u91d1\u984d"),
        ("\u0930\u093e\u0936\u093f", "\u0930\u093e\u0936\u093f"),
        ("client\u2019s", "client\\u2019s"),
        ("\uff21mount", "\\uff21mount"),
        ("a\tb", "a\\x09b"),
        ("\udcff", "\\udcff"),
        ("", ""),
    ],
    ids=ascii,
)
def test_what_is_hard_to_see_is_spelled(name: str, shown: str) -> None:
    assert visible(name) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\x9bb\x7f", "a\\x9bb\\x7f"),
        ("txt.\u202eexe", "txt.\\u202eexe"),
        ("two\nlines", "two\\x0alines"),
        ("\U000e0041", "\\U000e0041"),
        ("caf\u00e9 \u91d1\u984d \u20ac", "caf\u00e9 \u91d1\u984d \u20ac"),
    ],
    ids=ascii,
)
def test_what_a_screen_would_act_upon_is_spelled(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_line_breaks_of_our_own_stay() -> None:
    assert printable("a\nb\r", "\n") == "a\nb\\x0d"


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
