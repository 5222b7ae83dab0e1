"""Files of a store as Python's streams of bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


class ReadStream(io.RawIOBase):
    """A file whose size is known, so that nobody asks for it; `read` gives a part of it."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read = read
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Tell that it is for reading."""
        return True

    def seekable(self) -> bool:
        """Tell that one can go to any place of it."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, of which nothing is read yet."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; nothing is left where that gives 0."""
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        chunk = self._read(self._at, length)
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)


class WriteStream(io.RawIOBase):
    """A file that obstore writes; closing is the writer's own affair."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def writable(self) -> bool:
        """Tell that it is for writing."""
        return True

    def write(self, chunk: Any) -> int:
        """Write a chunk whole."""
        self._target.write(bytes(chunk))
        return len(chunk)
