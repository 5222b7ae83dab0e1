"""CSV as bytes, whole rows at a time, without the rows that are damaged at a quote.

Where text stands after a closing quote, as in `"x"y`, pyarrow makes one value of both. Such a row
is left out and kept as it was. Bytes are looked at one by one only where a quote may be amiss.
"""

from __future__ import annotations

import io
import re
from typing import Any

_BOM = b"\xef\xbb\xbf"
_LONGEST = 16 << 20  # bytes of a row; pyarrow refuses those of more than a block
_AT_ONCE = 1 << 20  # bytes, at least: what waits for its row's end is looked at again
_END = rb"(?:\r\n|\n|\r)"


class Grammar:
    """What a row looks like, as bytes: with these signs between fields and around them.

    Quotes are looked for at once where nothing else is between a field's two ends: there are no
    escapes and no comments.
    """

    def __init__(
        self,
        delimiter: bytes = b",",
        quote: bytes = b'"',
        escape: bytes = b"",
        comment: bytes = b"",
    ) -> None:
        self.quote, self.is_simple = quote, not (escape or comment)
        self.limits = (*delimiter, *b"\n\r")
        d, q, e = (re.escape(sign) for sign in (delimiter, quote, escape))
        escaped = rb"|" + e + rb"[\s\S]" if escape else b""
        held = (rb"[^" + q + e + rb"]") if quote else b""
        quoted = q + held + rb"*+(?:(?:" + q + q + escaped + rb")" + held + rb"*+)*+" + q
        bare = rb"[^" + d + rb"\r\n" + e + rb"]"
        bare = rb"(?:" + bare + escaped + rb")" if escape else bare
        first = rb"[^" + q + d + rb"\r\n" + e + rb"]"
        first = rb"(?:" + first + escaped + rb")" if escape else first
        unquoted = first + bare + rb"*+|"
        sound = rb"(?:" + quoted + rb"(?=[" + d + rb"\r\n])|" + unquoted + rb")"
        field = rb"(?:" + quoted + bare + rb"*+|" + unquoted + rb")"
        if not quote:
            sound = field = bare + rb"*+"
        begin = rb"(?!" + re.escape(comment) + rb")" if comment else b""
        self.sound_rows = re.compile(
            rb"(?:" + begin + sound + rb"(?:" + d + sound + rb")*+" + _END + rb")++"
        )
        self.row = re.compile(begin + field + rb"(?:" + d + field + rb")*+" + _END)
        self.comment = re.compile(re.escape(comment) + rb"[^\r\n]*+" + _END) if comment else None

    def opens(self, data: bytes, end: int) -> bool:
        """Tell whether there is a quote."""
        return bool(self.quote) and data.find(self.quote, 0, end) >= 0

    def are_limits(self, letters: Any) -> bool:
        """Tell whether all are what stands before and after a field."""
        delimiter, newline, back = self.limits
        return bool(((letters == delimiter) | (letters == newline) | (letters == back)).all())


_OF_PLAIN = Grammar()


class SoundRows(io.RawIOBase):
    """A stream of the rows of another one, without the damaged; these are kept.

    It counts the quotes that pass through it, and keeps the last byte of the other.
    """

    def __init__(self, source: Any, grammar: Grammar = _OF_PLAIN) -> None:
        self._source = source
        self._grammar = grammar
        self._ready = memoryview(b"")
        self._rest = b""  # begins a row
        self._begun = self._ended = False
        self.damaged: list[str] = []
        self.quotes = 0
        self.last = b""

    def readable(self) -> bool:
        """It is read, as `io` asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes; none are left where it stays empty."""
        while not self._ready and not self._ended:
            self._ready = memoryview(self._next(max(len(buffer), _AT_ONCE)))
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _next(self, size: int) -> bytes:
        chunk = self._source.read(size)
        if chunk.endswith(b"\r"):  # maybe the first half of a line's end
            chunk += self._source.read(1)
        self._ended = not chunk
        self.last = bytes(chunk[-1:]) or self.last
        data, start = self._rest + chunk, b""
        if not self._begun and (len(data) >= len(_BOM) or self._ended):
            self._begun = True
            start = _BOM if data.startswith(_BOM) else b""
            data = data[len(start) :]
        rows = self._rows(data)
        self.quotes += rows.count(self._grammar.quote) if self._grammar.quote else 0
        return start + rows

    def _rows(self, data: bytes) -> bytes:
        """Give the whole rows that are sound; what is no whole row yet waits."""
        cut = _sound_until(data, self._grammar)
        rows = data[:cut] if cut is not None else None
        if rows is None:
            rows, cut = self._without_damaged(data)
        self._rest = data[cut:]
        if self._ended or len(self._rest) > _LONGEST:
            rows, self._rest = rows + self._rest, b""
        return rows

    def _without_damaged(self, data: bytes) -> tuple[bytes, int]:
        kept, at, grammar = [], 0, self._grammar
        while at < len(data):
            if match := grammar.sound_rows.match(data, at):
                kept.append(match[0])
            elif grammar.comment and (match := grammar.comment.match(data, at)):
                pass
            elif match := grammar.row.match(data, at):
                self.damaged.append(match[0].rstrip(b"\r\n").decode(errors="replace"))
            else:
                break
            at = match.end()
        return b"".join(kept), at


def _last_end(data: bytes, before: int, after: int = 0) -> int:
    """Give where the last line between two places ends; 0 where none does."""
    return max(data.rfind(b"\n", after, before), data.rfind(b"\r", after, before)) + 1


def _sound_until(data: bytes, grammar: Grammar = _OF_PLAIN) -> int | None:
    """Give the end of the last whole row; None where a quote may be amiss."""
    if not grammar.is_simple:
        return None
    end, quote = _last_end(data, len(data)), grammar.quote
    if not grammar.opens(data, end):
        return end
    import numpy as np  # noqa: PLC0415 - its import is for those who read quotes

    view = np.frombuffer(data, dtype=np.uint8)
    at = np.flatnonzero(view[:end] == ord(quote))
    if data.find(quote * 2, 0, end) < 0:
        opening, closing = at[::2], at[1::2]
    else:
        opening, closing = _turns(view, at)
    before, after = view[opening[opening > 0] - 1], view[closing + 1]
    if not (grammar.are_limits(before) and grammar.are_limits(after)):
        return None
    return end if len(opening) == len(closing) else _last_end_outside(data, opening, closing)


def _last_end_outside(data: bytes, opening: Any, closing: Any) -> int:
    """Give the end of the last line that no quotes are around, where the last are still open."""
    for i in range(len(opening) - 1, -1, -1):
        start = int(closing[i - 1]) + 1 if i else 0
        if end := _last_end(data, int(opening[i]), start):
            return end
    return 0


def _turns(view: Any, at: Any) -> tuple[Any, Any]:
    """Give the quotes that open a field and those that close it, where some stand side by side.

    An odd number of them opens a field or closes it, as quotes were before. Of an even number, one
    that opens closes too; within a field they are quotes of its text.
    """
    import numpy as np  # noqa: PLC0415 - as above

    apart = np.flatnonzero(np.diff(at) > 1)
    first, last = at[np.append(0, apart + 1)], at[np.append(apart, len(at) - 1)]
    is_odd = (last - first) % 2 == 0
    is_inside = (np.cumsum(is_odd) - is_odd) % 2 == 1
    return first[~is_inside], last[is_inside == is_odd]
