"""One message model, rendered three ways: a golden file each.

`pytest ai_dataflow_tests/notifications --update-golden` writes them anew; read the difference, and
look at the HTML in a browser.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ai_dataflow.cli.show.blocks import show_blocks, show_status
from ai_dataflow.notifications.model import Message
from ai_dataflow.notifications.render import to_html, to_text
from ai_dataflow.workstation.statuses import partition_statuses
from ai_dataflow_tests.notifications.cases import golden_messages
from ai_dataflow_tests.workstation.runs import day, partition, report

GOLDEN = Path(__file__).parent / "golden"
MESSAGES = golden_messages()


def _console() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=120, no_color=True, highlight=False), file


def _terminal(message: Message) -> str:
    console, file = _console()
    show_blocks(console, message.blocks)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _check(request: pytest.FixtureRequest, name: str, text: str) -> None:
    file = GOLDEN / name
    if request.config.getoption("--update-golden"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), "see --update-golden"


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_looks_as_it_did(name: str, request: pytest.FixtureRequest) -> None:
    message = MESSAGES[name]
    _check(request, f"{name}.html", to_html(message))
    _check(request, f"{name}.txt", f"Subject: {message.subject}\n\n{to_text(message)}")
    _check(request, f"{name}.terminal.txt", _terminal(message))


def test_the_status_of_partitions_in_the_terminal(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    runs = [
        report(2, partition("sales|UK", "failed"), partition("sales|USA", "ok", 20, 2)),
        report(1, partition("sales|UK", "ok", 10, 1), partition("sales|USA", "failed")),
    ]
    console, file = _console()
    show_status(console, partition_statuses(["sales|UK", "sales|USA", "sales|x"], runs))
    shown = "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
    _check(request, "status.terminal.txt", shown.replace(f"{day(1).astimezone():%H:%M}", "12:00"))


def test_every_golden_file_has_its_case() -> None:
    suffixes = ("html", "txt", "terminal.txt")
    names = {f"{name}.{suffix}" for name in MESSAGES for suffix in suffixes}
    assert {file.name for file in GOLDEN.iterdir()} == names | {"status.terminal.txt"}
