"""The Python environments of the peers, apart from ours: locked, made when they are first needed.

They are in `.bench`, which git ignores. What is locked is in `environments/*.txt`, compiled by
`make lock-peers` from `*.in`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".bench"
LOCKED = Path(__file__).with_name("environments")
PRODUCT = "ours"  # the environment of who needs what ai_dataflow needs
_MADE = "requirements.txt"  # beside what was installed: a copy of what it was installed from


def python_of(name: str) -> Path:
    """Give the Python of an environment; it is made where it is not there as it is locked."""
    if name == PRODUCT:
        return Path(sys.executable)
    home, locked = FOLDER / name, (LOCKED / f"{name}.txt").read_text(encoding="utf-8")
    made = home / _MADE
    if not made.exists() or made.read_text(encoding="utf-8") != locked:
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                   "--require-hashes", "--only-binary", ":all:"]  # fmt: skip
        lock = LOCKED / f"{name}.txt"
        subprocess.run([home / "bin/python", *install, "--requirement", lock], check=True)
        made.write_text(locked, encoding="utf-8")
    return home / "bin/python"
