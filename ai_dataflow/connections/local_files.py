"""What is in a local folder, entry by entry: also what no store would list.

A store leaves out what it cannot read, and says nothing of it: links that lead nowhere, pipes,
names that it has a use of its own for. Who reads a folder must know of them.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator

# No paths to obstore: the names of what it is writing, what cannot be seen, `.`, `..`, empty parts.
REFUSED = re.compile(r"#\d+$|[\x00-\x1f\x7f]|(?:^|/)\.{0,2}(?:/|$)")
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_Folder = tuple[int, int]  # its device and number


def walk(folder: str, prefix: str = "") -> Iterator[tuple[str, os.stat_result | str]]:
    """Give all entries below a prefix but folders: each path, and its state or why it has none.

    Links are followed. A folder that is not there has no entries.

    Raises:
        OSError: a folder or file may not be looked at.
    """
    waiting: list[tuple[str, tuple[_Folder, ...]]] = [(prefix.strip("/"), ())]
    while waiting:
        path, above = waiting.pop()
        try:
            with os.scandir(f"{folder}/{path}") as entries:
                looked = [(f"{path}/{e.name}".lstrip("/"), _state(e)) for e in entries]
        except OSError as error:
            if error.errno in NOT_THERE:
                continue
            raise
        for name, state in looked:
            if isinstance(state, os.stat_result) and stat.S_ISDIR(state.st_mode):
                number = state.st_dev, state.st_ino
                if number in above:
                    yield name, "it is a link to a folder that it is in"
                else:
                    waiting.append((name, (*above, number)))
            elif state is not None:
                yield name, _fit(name, state)


def _state(entry: os.DirEntry[str]) -> os.stat_result | str | None:
    """Look at an entry; None where it has just been removed."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno not in NOT_THERE:
            raise
        is_ring = error.errno == errno.ELOOP
        reason = "it is a link to itself" if is_ring else "it is a link that leads nowhere"
        return reason if entry.is_symlink() else None


def _fit(path: str, state: os.stat_result | str) -> os.stat_result | str:
    if isinstance(state, str):
        return state
    if not stat.S_ISREG(state.st_mode):
        return "it is a pipe, a socket or a device"
    if REFUSED.search(path):
        return "its name ends with `#` and a number, or has a character that cannot be seen"
    if not path.isprintable() and _is_no_text(path):
        return "its name is no text in UTF-8"
    return state


def _is_no_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return True
    return False
