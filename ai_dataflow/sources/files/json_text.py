"""JSON text, taken apart as a stream: its records, one by one, each with its own text.

Python's decoder reads the values; here is only where one begins, in a text that comes in parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from ai_dataflow.sources.files.json_fields import Number
from ai_dataflow.tables.grids import UnreadableError

_PART = 1 << 20
_MOST = 64 << 20  # letters of one value
_NEAR = 16  # an error so near to the end of a part may be only that it ends there
_BLANK = re.compile(r"[ \t\n\r]*")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_TOO_DEEP = "its values are nested too deeply"


@dataclass(frozen=True)
class JsonRecord:
    """A record, and its text; without a value where it is no row."""

    value: dict[str, Any] | None
    text: str


class _Decoder(json.JSONDecoder):
    """Decodes values, numbers as they are written; notes a key that an object has twice."""

    def __init__(self) -> None:
        super().__init__(
            object_pairs_hook=self._object, parse_float=Number, parse_int=Number,
            parse_constant=_no_number,
        )  # fmt: skip
        self.has_doubles = False

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        self.has_doubles |= len(made) < len(pairs)
        return made

    def record(self, text: str, start: int) -> tuple[JsonRecord, int]:
        """Decode the record that begins here; give where it ends."""
        self.has_doubles = False
        try:
            value, end = self.raw_decode(text, start)
        except RecursionError:
            raise UnreadableError(_TOO_DEEP) from None
        written = text[start:end]
        if not isinstance(value, dict):
            raise UnreadableError("a record in it is no object")
        is_row = not self.has_doubles and not _is_halved(written)
        return JsonRecord(value if is_row else None, written), end


def _no_number(name: str) -> Any:
    raise UnreadableError(f"{name} is no JSON")


def _is_halved(text: str) -> bool:
    """Tell whether a text has a surrogate without its other half."""
    if not _HALF.search(text):
        return False
    return bool(_HALF.search(_PAIR.sub("", text.replace("\\\\", ""))))


def lines(stream: TextIO) -> Iterator[JsonRecord]:
    """Give the records of JSON lines.

    Raises:
        UnreadableError: a line is no JSON, or no object.
    """
    decoder = _Decoder()
    for number, line in enumerate(iter(lambda: stream.readline(_MOST), ""), start=1):
        text = line.strip(" \t\r\n")
        if len(line) == _MOST:
            raise UnreadableError(f"line {number:,} has more than {_MOST >> 20} MB")
        if not text:
            continue
        try:
            record, end = decoder.record(text, 0)
        except json.JSONDecodeError as error:
            raise UnreadableError(f"line {number:,} is no JSON ({error.msg})") from None
        if end < len(text):
            raise UnreadableError(f"line {number:,} goes on after its object")
        yield record


def elements(stream: TextIO, keys: Sequence[str]) -> Iterator[JsonRecord]:
    """Give the records of an array: all of the text, or what these keys lead to.

    Raises:
        UnreadableError: the text is no JSON, the keys lead to no array, or a record is no object.
    """
    text = _Parts(stream)
    try:
        yield from _records(text, list(keys))
    except json.JSONDecodeError as error:
        raise UnreadableError(f"it is no JSON ({error.msg})") from None
    if text.next():
        raise UnreadableError("it goes on after its end")


def _records(text: _Parts, keys: list[str]) -> Iterator[JsonRecord]:
    """Give the records of the value that begins here, and go on to its end."""
    if not keys:
        yield from _of_array(text)
        return
    is_there = False
    for key in _keys(text):
        if key == keys[0]:
            if is_there:
                raise UnreadableError(f"it has the key {key} twice")
            is_there = True
            yield from _records(text, keys[1:])
        else:
            text.value()
    if not is_there:
        raise UnreadableError(f"there is no key {keys[0]} where records says")


def _of_array(text: _Parts) -> Iterator[JsonRecord]:
    text.expect("[", "where its records should be, there is no array")
    if text.next() == "]":
        text.expect("]")
        return
    while True:
        yield text.record()
        if text.next() != ",":
            break
        text.expect(",")
    text.expect("]")


def _keys(text: _Parts) -> Iterator[str]:
    """Give the keys of an object; whoever takes one reads its value."""
    text.expect("{", "what records leads through is no object")
    if text.next() == "}":
        text.expect("}")
        return
    while True:
        key = text.value()
        if type(key) is not str:
            raise UnreadableError("it is no JSON (a key is no text)")
        text.expect(":")
        yield key
        if text.next() != ",":
            break
        text.expect(",")
    text.expect("}")


class _Parts:
    """A text that comes in parts; what has been taken of it is forgotten."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._decoder = stream, _Decoder()
        self._text, self._at, self._is_whole = "", 0, False

    def next(self) -> str:
        """Give the next letter that is no blank, without taking it; nothing at the end."""
        while True:
            match = _BLANK.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read(_PART):
                return ""

    def expect(self, letter: str, otherwise: str = "") -> None:
        """Take a letter."""
        if self.next() != letter:
            raise UnreadableError(otherwise or f"it is no JSON ({letter} is missing)")
        self._at += 1

    def record(self) -> JsonRecord:
        """Take a record."""
        record: JsonRecord = self._take(self._decoder.record)
        return record

    def value(self) -> Any:
        """Take a value of any kind."""
        return self._take(self._decoder.raw_decode)

    def _take(self, decode: Any) -> Any:
        self.next()
        size = _PART
        while True:
            try:
                value, end = decode(self._text, self._at)
            except RecursionError:
                raise UnreadableError(_TOO_DEEP) from None
            except json.JSONDecodeError as error:
                near = error.pos >= len(self._text) - _NEAR or error.msg.startswith("Unterminated")
                if not near or not self._read(size):
                    raise
            else:
                if end < len(self._text) or not self._read(size):
                    self._at = end
                    return value
            size *= 2
            if len(self._text) - self._at > _MOST:
                raise UnreadableError(f"a value in it has more than {_MOST >> 20} MB")

    def _read(self, size: int) -> bool:
        """Read another part; tell whether there was one."""
        part = self._stream.read(size)
        if part:
            self._text, self._at = self._text[self._at :] + part, 0
        return bool(part)
