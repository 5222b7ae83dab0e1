"""The bench's peers: what is measured and compared, and the page that tells of it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import polars as pl
import pytest

from bench.peers import page
from bench.peers.cases import LARGE_PEERS, PEERS, SCRIPTS, Peer
from bench.peers.comparing import digests
from bench.peers.environments import LOCKED, PRODUCT
from bench.peers.measuring import measured

COLUMNS = {"a": pl.Int64, "b": pl.String}


def test_the_page_has_what_was_measured() -> None:
    results = json.loads(page.RESULTS.read_text(encoding="utf-8"))
    text = page.PAGE.read_text(encoding="utf-8")
    assert f"{page.BEGIN}{page.table(results)}{page.END}" in text


@pytest.mark.parametrize("peer", [*PEERS, *LARGE_PEERS], ids=lambda peer: peer.script)
def test_a_peer_has_a_script_and_a_locked_environment(peer: Peer) -> None:
    assert (SCRIPTS / peer.script).is_file()
    if peer.environment != PRODUCT:
        locked = (LOCKED / f"{peer.environment}.txt").read_text()
        assert "--hash=sha256:" in locked
        assert "://" not in locked


def _table(folder: Path, rows: dict[str, list[object]]) -> Path:
    pl.DataFrame(rows).write_delta(folder, delta_write_options={"partition_by": ["client_code"]})
    return folder


def test_outputs_are_equal_whatever_the_order_of_rows(tmp_path: Path) -> None:
    one = _table(tmp_path / "1", {"a": [1, 2], "b": ["x", None], "client_code": ["c", "c"]})
    other = _table(tmp_path / "2", {"a": [2, 1], "b": [None, "x"], "client_code": ["c", "c"]})
    assert digests(one, COLUMNS) == digests(other, COLUMNS) != {}


@pytest.mark.parametrize(
    "rows",
    [
        {"a": [1, 2], "b": ["x", "y"], "client_code": ["d", "c"]},
        {"a": [1, 2], "b": ["y", "x"], "client_code": ["c", "d"]},
        {"a": [1, 2, 2], "b": ["x", "y", "y"], "client_code": ["c", "d", "d"]},
        {"a": [1], "b": ["x"], "client_code": ["c"]},
    ],
    ids=["clients swapped", "values swapped", "a row twice", "a client lost"],
)
def test_outputs_that_differ_are_seen(rows: dict[str, list[object]], tmp_path: Path) -> None:
    right = _table(tmp_path / "1", {"a": [1, 2], "b": ["x", "y"], "client_code": ["c", "d"]})
    assert digests(_table(tmp_path / "2", rows), COLUMNS) != digests(right, COLUMNS)


def test_what_a_command_leaves_behind_is_waited_for(tmp_path: Path) -> None:
    late = "import pathlib, time; time.sleep(0.5); pathlib.Path('late').touch()"
    start = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"
    ran = measured([sys.executable, "-c", start, late], tmp_path, os.environ)
    assert ran.code == 0
    assert (tmp_path / "late").exists()


def test_a_commands_exit_code_and_words_are_kept(tmp_path: Path) -> None:
    ran = measured([sys.executable, "-c", "raise SystemExit('no such file')"], tmp_path, os.environ)
    assert ran.code == 1
    assert "no such file" in ran.said
