"""Small disks of their own for tests: they can be full or read-only, as no permission makes them.

Each is a tmpfs. Mounting needs root; where it is not possible, the tests that need it are skipped,
and say so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_FILLER = "filler"
_PAGE = b"\0" * 4096


@dataclass(frozen=True)
class Disk:
    """A disk, mounted at a folder."""

    folder: Path

    def fill(self) -> None:
        """Leave not one page of space."""
        with (self.folder / _FILLER).open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(_PAGE)
            except OSError:
                return

    def free(self) -> None:
        """Give the space back."""
        (self.folder / _FILLER).unlink()

    def make_read_only(self, *, read_only: bool = True) -> None:
        """Refuse all writing, or allow it again."""
        _run("mount", "-o", f"remount,{'ro' if read_only else 'rw'}", str(self.folder))

    def left(self) -> set[str]:
        """Give the files on it, without the one that fills it."""
        files = (p for p in self.folder.rglob("*") if p.is_file())
        return {str(p.relative_to(self.folder)) for p in files} - {_FILLER}


MakeDisk = Callable[..., Disk]


@pytest.fixture
def make_disk() -> Iterator[MakeDisk]:
    """Give what mounts a disk of some MB at a folder, until the test ends."""
    mounted: list[Path] = []

    def make(folder: Path, megabytes: int = 2) -> Disk:
        folder.mkdir(parents=True, exist_ok=True)
        size = f"size={megabytes}m"
        done = _run("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder), check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return Disk(folder)

    yield make
    for folder in reversed(mounted):
        _run("umount", "--lazy", str(folder))


def _run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=check)
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
