"""Watching a process: which files does Python open, write, list, and what does it start?

Polars and obstore open files in Rust, unseen by audit hooks: what they are asked for is checked
by the plan's locations instead.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import ai_dataflow

_PATHS = {"open", "os.listdir", "os.scandir", "sqlite3.connect", "os.chdir"}
_WRITES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.chmod"}
_NEVER = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect"}
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass
class Watch:
    """What a watched piece of work touched that it may not touch."""

    project: Path
    harm: list[str] = field(default_factory=list)

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        """Judge one audit event."""
        if event in _NEVER:
            self.harm.append(f"{event} {args[:2]}")
        elif event in _WRITES:
            self._write(event, args[0])
            if event == "os.rename":
                self._write(event, args[1])
        elif event in _PATHS and not isinstance(args[0], int):
            is_write = event == "open" and bool((args[2] or 0) & _WRITE_FLAGS)
            (self._write if is_write else self._read)(event, args[0])

    def _write(self, event: str, path: Any) -> None:
        if not _within(path, [self.project / ".cache"]):
            self.harm.append(f"{event} writes {path!r}")

    def _read(self, event: str, path: Any) -> None:
        if not _within(path, [self.project, *_ALLOWED]):
            self.harm.append(f"{event} reads {path!r}")


_PYTHON = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")]
_PACKAGE = str(Path(str(ai_dataflow.__file__)).parent)
_ALLOWED = [
    Path(folder).resolve() for folder in (_PACKAGE, sys.prefix, *_PYTHON, *site.getsitepackages())
]
# What a process asks of its machine: how much memory it may take, what a time zone is.
_ALLOWED += [Path("/sys/fs/cgroup"), *(Path(folder) for folder in zoneinfo.TZPATH)]
_watching: list[Watch] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _watching:
        _watching[-1].see(event, args)


_installed: list[bool] = []


@contextmanager
def watched(project: Path) -> Iterator[Watch]:
    """Watch all threads of this process while the block runs."""
    if not _installed:
        sys.addaudithook(_hook)  # for good: a hook cannot be taken off
        _installed.append(True)
    watch = Watch(project.resolve())
    _watching.append(watch)
    try:
        yield watch
    finally:
        _watching.remove(watch)


def _within(path: Any, folders: list[Path]) -> bool:
    text = os.fsdecode(path)
    if text.startswith("file:"):  # SQLite's
        text = unquote(text.removeprefix("file:").partition("?")[0])
    real = Path(os.path.realpath(text.replace("\0", "")))
    return any(real.is_relative_to(folder) for folder in folders)
