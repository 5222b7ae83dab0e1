"""Rows of CSV that are damaged at a quote are left out, all others pass byte for byte."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ai_dataflow.sources.files import quotes
from ai_dataflow.sources.files.quotes import SoundRows

PIECES = st.sampled_from(["a", "a", ",", ",", '"', '"', '""', "\n", "\n", "\r\n", "\\", ' "', "é"])
TEXTS = st.lists(PIECES, max_size=24).map("".join)


def rows_of(text: str) -> Iterator[tuple[str, bool]]:
    """Give each row and whether it is damaged, letter by letter: a slow second opinion."""
    row, state, is_damaged = "", "start", False
    for letter in re.findall(r"\r\n|.", text, re.DOTALL):
        row += letter
        if state == "quoted":
            state = "quote" if letter == '"' else "quoted"
        elif letter in ("\n", "\r\n"):
            yield row, is_damaged
            row, state, is_damaged = "", "start", False
        elif letter == ",":
            state = "start"
        elif letter == '"' and state in ("start", "quote"):
            state = "quoted"
        elif state == "quote":
            state, is_damaged = "bare", True
        elif state == "start":
            state = "bare"
    yield row, False  # it does not end


class Chunks(io.BytesIO):
    """Bytes that come in small chunks, however many are asked for."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(self._size, size or 0) if size and size > 0 else self._size)


@settings(max_examples=1000, deadline=None)
@example('"\n","a\n', 1, "")
@example('"\n","a\n"\n', 3, "")
@given(TEXTS, st.integers(1, 40), st.sampled_from(["", "\ufeff"]))
def test_damaged_rows_are_left_out_and_no_others(text: str, size: int, mark: str) -> None:
    stream = SoundRows(Chunks((mark + text).encode(), size))
    passed = io.BufferedReader(stream).read().decode()
    rows = list(rows_of(text))
    assert passed == mark + "".join(row for row, is_damaged in rows if not is_damaged)
    assert stream.damaged == [row.rstrip("\r\n") for row, is_damaged in rows if is_damaged]
    assert (stream.quotes, stream.last) == (passed.count('"'), (mark + text).encode()[-1:])


@pytest.mark.parametrize(
    "row", ['a,"b"', 'a,"b, ""c"""', '"a\nb",c', 'a,5" pipe', '"",""', 'a, "b"', '""""', '"x\\",y']
)
def test_a_sound_row_is_not_looked_at_letter_by_letter_unless_it_has_to(row: str) -> None:
    stream = SoundRows(io.BytesIO(f"h\n{row}\n".encode()))
    assert stream.read() == f"h\n{row}\n".encode()
    is_plain = quotes._sound_until(f"{row}\n".encode()) is not None
    assert is_plain is not bool(re.search('[^,\n"]"+ |^a, "', row))


def test_a_row_that_never_ends_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it tells what is wrong; it does not gather in memory."""
    monkeypatch.setattr(quotes, "_LONGEST", 100)
    monkeypatch.setattr(quotes, "_AT_ONCE", 10)
    content = b'a\n"' + b"x" * 1000
    stream = SoundRows(Chunks(content, 10))
    assert io.BufferedReader(stream).read() == content
    assert stream.quotes == 1
