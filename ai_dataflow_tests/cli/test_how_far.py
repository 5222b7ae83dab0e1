"""What a command shows while it works: a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from ai_dataflow.cli.show import how_far
from ai_dataflow.runs.progress import Progress
from ai_dataflow_tests.services.processes import wait_until


def test_on_a_terminal_it_says_what_is_done_and_how_far_and_leaves_nothing() -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with how_far.watching(screen) as watcher:
        watcher(Progress(3, 12, "finding sources"))
    written = _written(screen)
    assert "reading the tables" in written, "from the first moment"
    assert re.search(r"finding sources .* 3 of 12 ", written)
    assert written.endswith("\x1b[2K"), "the line is gone"


def test_in_a_log_it_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(how_far, "_LINE_SECONDS", 0.01)
    log = Console(file=io.StringIO(), width=80)
    with how_far.watching(log) as watcher:
        watcher(Progress(1234, 5000, note="waiting for run a, which makes claims on b"))
        assert wait_until(lambda: "claims on b" in _written(log), 10, 0.01)
    line = _written(log).splitlines()[-1]
    said = "making partitions 1,234 of 5,000 (waiting for run a, which makes claims on b)"
    assert re.fullmatch(rf"\d\d:\d\d {re.escape(said)}", line)


def test_a_short_command_writes_nothing_into_a_log() -> None:
    log = Console(file=io.StringIO(), width=80)
    with how_far.watching(log) as watcher:
        watcher(Progress(1, 2))
    assert not _written(log)


def _written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
