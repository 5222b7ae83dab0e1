"""What `make` sets up: the locked requirements of users and of developers, and the demo's page."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKED = sorted(ROOT.glob("requirements*.txt"))
_ENTRY = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)


def _versions(name: str) -> dict[str, str]:
    return dict(_ENTRY.findall((ROOT / name).read_text(encoding="utf-8")))


def test_users_have_the_versions_that_developers_test() -> None:
    users, developers = _versions("requirements.txt"), _versions("requirements-dev.txt")
    assert users.items() <= developers.items()
    assert {"dagster", "dagster-webserver", "hatchling", "polars"} <= users.keys()
    assert not {"mypy", "playwright", "pyspark", "pytest"} & users.keys()


def test_what_the_project_asks_for_is_locked() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = asked["project"]["optional-dependencies"]
    users = [*asked["project"]["dependencies"], *extras["ui"], *asked["dependency-groups"]["build"]]
    locked = _versions("requirements.txt")
    for requirement in map(Requirement, users):
        assert requirement.specifier.contains(locked[requirement.name]), requirement


@pytest.mark.parametrize("file", LOCKED, ids=lambda file: file.name)
def test_everything_locked_has_hashes_and_no_address(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    (tmp_path / ".dagster").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        opened = _open_ui(tmp_path, str(port))
    assert (opened.returncode, opened.stdout) == (2, "")
    assert opened.stderr == f"port {port} is taken: choose another, as in make ui PORT=3456\n"


def test_a_demo_that_is_not_there_is_told(tmp_path: Path) -> None:
    opened = _open_ui(tmp_path / "demo")
    assert opened.returncode == 2
    assert opened.stderr.endswith("demo has no run yet: make demo\n")


def _open_ui(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "examples" / "open_ui.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
