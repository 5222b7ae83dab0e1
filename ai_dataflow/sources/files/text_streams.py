"""Text files as streams of UTF-8 with one sign between fields, whatever they are written in.

Bytes are unpacked, decoded and cut chunk by chunk: a file of any size takes a few megabytes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from ai_dataflow.sources.files.encodings import is_utf8
from ai_dataflow.sources.files.text_dialects import Dialect
from ai_dataflow.sources.files.text_headers import STAND_IN, is_replaced

_CHUNK_BYTES = 4 << 20
_LEAST_LEAD = 0xC2
_LINE_END = re.compile(rb"\r\n|\n|\r")


class WrongEncodingError(ValueError):
    """Bytes that are no letter in the encoding; `line` has them, `part` is what was to be read."""

    def __init__(self, line: int, part: bytes) -> None:
        super().__init__(f"line {line}")
        self.line = line
        self.part = part


class StandInError(ValueError):
    """The sign that stands for a delimiter is in the text itself."""


class Chunks:
    """Chunks of bytes, to be read as a file is."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Give some of the next bytes, at most so many; none at the end."""
        while not self._ready:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._ready = memoryview(chunk)
        part = bytes(self._ready[:size])
        self._ready = self._ready[size:]
        return part


def plain_text(raw: Any, dialect: Dialect) -> Chunks:
    """Give a file in UTF-8: a header of the columns' numbers, and its rows.

    What stands before and after the rows is left out. A file without rows has a header all the
    same, and no name can be in the way of another.

    Args:
        raw: its bytes, unpacked.
        dialect: how it is written.

    Raises:
        WrongEncodingError, StandInError: while it is read.
    """
    chunks = _chunks(raw)
    if dialect.doubt:
        chunks = _without_utf8(chunks)
    chunks = _transcoded(chunks, dialect.encoding)
    chunks = _without_first(chunks, dialect.begins)
    if dialect.footer:
        chunks = _without_last(chunks, dialect.footer)
    if is_replaced(dialect.delimiter):
        chunks = _with_stand_in(chunks, dialect.delimiter.encode())
    return Chunks(chain([_numbers(dialect)], chunks))


def _numbers(dialect: Dialect) -> bytes:
    sign = STAND_IN if is_replaced(dialect.delimiter) else dialect.delimiter
    return (sign.join(map(str, range(len(dialect.columns)))) + "\n").encode()


def misfit(raw: Any, encoding: str) -> WrongEncodingError | None:
    """Find the first line that is not in an encoding."""
    try:
        for _ in _transcoded(_chunks(raw), encoding):
            pass
    except WrongEncodingError as error:
        return error
    return None


def _chunks(raw: Any) -> Iterator[bytes]:
    while chunk := raw.read(_CHUNK_BYTES):
        yield bytes(chunk)


def _without_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Refuse a line in UTF-8 where another encoding was found out: its letters would be garbled."""
    rest, lines = b"", 0
    for chunk in _with_end(chunks):
        data = rest + chunk
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1 if chunk else len(data)
        whole, rest = data[:end], data[end:]
        if _may_have_utf8(whole):
            for number, line in enumerate(_LINE_END.split(whole), 1):
                if not line.isascii() and is_utf8(line):
                    raise WrongEncodingError(lines + number, line)
        lines += whole.count(b"\n") or whole.count(b"\r")
        yield chunk


def _may_have_utf8(data: bytes) -> bool:
    """Tell at a glance whether two bytes are as a letter of several in UTF-8 begins."""
    if data.isascii():
        return False
    import numpy as np  # noqa: PLC0415 - its import is for who reads such files

    view = np.frombuffer(data, dtype=np.uint8)
    return bool(((view[:-1] >= _LEAST_LEAD) & ((view[1:] & 0xC0) == 0x80)).any())  # noqa: PLR2004


def _transcoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Decode strictly, and encode as UTF-8 without a mark."""
    decoder, lines, is_first = codecs.getincrementaldecoder(encoding)(), 0, True
    for chunk in _with_end(chunks):
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            part = bytes(error.object)
            before = part[: error.start].decode(encoding, errors="ignore")
            raise WrongEncodingError(lines + _ends(before) + 1, part) from None
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        lines += _ends(text)
        if text:
            yield text.encode("utf-8", errors="surrogatepass")


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield from chunks
    yield b""


def _ends(text: str) -> int:
    """Count the lines that end in a text; those that end with CR alone where no other does."""
    return text.count("\n") or text.count("\r")


def _without_first(chunks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """Leave out the first lines."""
    rest = b""
    for chunk in _with_end(chunks):
        if not lines:
            yield rest + chunk
            rest = b""
            continue
        rest += chunk
        at = 0
        while lines and (end := _LINE_END.search(rest, at)):
            if end.end() == len(rest) and chunk and end[0] == b"\r":
                break  # maybe the first half of a line's end
            at, lines = end.end(), lines - 1
        rest = rest[at:]
    if rest and not lines:
        yield rest


def _without_last(chunks: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """Leave out the last lines, of those that have something in them."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        cut = _start_of_last(rest, lines + 1)
        yield rest[:cut]
        rest = rest[cut:]
    yield rest[: _start_of_last(rest, lines)]


def _start_of_last(data: bytes, lines: int) -> int:
    """Give where the last lines begin that have something in them; 0 where there are fewer."""
    end = len(data)
    for _ in range(lines):
        end = len(data[:end].rstrip(b"\r\n"))
        end = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end)) + 1
        if not end:
            return 0
    return end


def _with_stand_in(chunks: Iterator[bytes], delimiter: bytes) -> Iterator[bytes]:
    """Put another sign in the place of each delimiter, in quotes too: it is put back later."""
    rest, sign = b"", STAND_IN.encode()
    for chunk in _with_end(chunks):
        data = rest + chunk
        if sign in chunk:
            raise StandInError
        keep = _begun(data, delimiter) if chunk else 0
        whole, rest = data[: len(data) - keep], data[len(data) - keep :]
        yield whole.replace(delimiter, sign)


def _begun(data: bytes, delimiter: bytes) -> int:
    """Tell how many bytes at the end may be the beginning of a delimiter."""
    return next((n for n in range(len(delimiter) - 1, 0, -1) if data.endswith(delimiter[:n])), 0)
