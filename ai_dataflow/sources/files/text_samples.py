"""Samples: the first and the last part of a text file, unpacked, to find out how it is written."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.files import packing as packings
from ai_dataflow.sources.files.packing import Packing

__all__ = ["Packing", "Sample", "sample_of"]
PART_BYTES = 256 << 10
_LONGEST_HEADER = 64 << 20
_ENDS = (b"\n", b"\r")


@dataclass(frozen=True)
class Sample:
    """The first part of a file and, unless that is all of it, its last.

    `packing` is how it is packed, which its name may not say (`is_named_so`).
    """

    head: bytes
    is_whole: bool = True
    packing: Packing = ""
    is_named_so: bool = True
    read_tail: Callable[[], bytes] = bytes

    @cached_property
    def tail(self) -> bytes:
        """The last part; read when it is first asked for."""
        return self.read_tail()

    def head_as(self, encoding: str) -> str:
        """Decode the first part; a letter that is cut at its end is left out.

        Raises:
            UnicodeDecodeError: it is not in that encoding.
        """
        return codecs.getincrementaldecoder(encoding)().decode(self.head, self.is_whole)

    def text(self, encoding: str) -> str:
        """Decode both parts, whole lines of each where there are two.

        Raises:
            UnicodeDecodeError: they are not in that encoding.
        """
        head = self.head_as(encoding).removeprefix("\ufeff")
        if self.is_whole:
            return head
        return _to_line_end(head) + self._tail_as(encoding)

    def _tail_as(self, encoding: str) -> str:
        width = {"utf-32": 4, "utf-16": 2}.get(encoding[:6], 1)
        if width == 1:
            return _after_line(self.tail).decode(encoding)
        # Without the mark of the head, the order of its bytes has to be said.
        plain = encoding if encoding.endswith(("le", "be")) else f"{encoding}-{self._order}"
        text = self.tail[len(self.tail) % width :].decode(plain, errors="ignore")
        return text.partition("\n")[2]

    @property
    def _order(self) -> str:
        is_big = self.head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
        return "be" if is_big else "le"

    def lines(self) -> list[bytes]:
        """Give the lines of both parts, as bytes."""
        if self.is_whole:
            return self.head.splitlines()
        return [*self.head.splitlines()[:-1], *_after_line(self.tail).splitlines()]

    @cached_property
    def head_lines(self) -> int:
        """How many lines the first part has."""
        return len(self.head.splitlines())


def _to_line_end(text: str) -> str:
    end = max(text.rfind("\n"), text.rfind("\r")) + 1
    return text[:end] if end else text


def _after_line(part: bytes) -> bytes:
    starts = [at + 1 for end in _ENDS if (at := part.find(end)) >= 0]
    return part[min(starts) :] if starts else b""


def sample_of(root: Folder, file: StoredFile) -> Sample:
    """Read the first and the last part of a file; of a packed one the first alone.

    The first part has 256 KiB, or more where no line ends in so many.

    Raises:
        OSError, ValueError and the like: it is packed and damaged.
    """
    raw = root.read_range(file.path, 0, min(file.size, PART_BYTES))
    packing = packings.packing_of(file.path, raw)
    named_so = packing == packings.named(file.path)
    if packing:
        return _of_packed(root, file, packing, is_named_so=named_so)
    length = PART_BYTES
    while length < min(file.size, _LONGEST_HEADER) and not _has_end(raw):
        length *= 4
        raw = root.read_range(file.path, 0, min(file.size, length))
    if file.size <= len(raw):
        return Sample(raw)
    start = max(len(raw), file.size - PART_BYTES)
    tail = partial(root.read_range, file.path, start, file.size - start)
    return Sample(raw, is_whole=False, read_tail=tail)


def _of_packed(root: Folder, file: StoredFile, packing: Packing, *, is_named_so: bool) -> Sample:
    with packings.unpacked(root.open(file), packing) as stream:
        head, length = stream.read(PART_BYTES), PART_BYTES
        while len(head) == length < _LONGEST_HEADER and not _has_end(head):
            head += stream.read(length * 3)
            length *= 4
        is_whole = not stream.read(1)
    return Sample(head, is_whole, packing, is_named_so)


def _has_end(part: bytes) -> bool:
    return any(end in part for end in _ENDS)
