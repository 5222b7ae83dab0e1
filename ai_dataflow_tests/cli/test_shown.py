"""What people see: nothing cut, nothing that acts on their screen, colours that say the state."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel
from rich.text import Text

from ai_dataflow.cli.app import Terminal, print_document
from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.cli.starter import write_project
from ai_dataflow.config.visible import printable
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import cli

NASTY = "re\x1b[31md\x9b\u202e\x07"
SPELLED = "re\\x1b[31md\\x9b\\u202e\\x07"


def _lines(*printed: object, width: int = 40, **how: object) -> list[str]:
    file = io.StringIO()
    Terminal(file=file, width=width, color_system=None, **how).print(*printed)  # type: ignore[arg-type]
    return file.getvalue().splitlines()


def test_a_table_that_fits_is_as_wide_as_what_is_in_it() -> None:
    table = WholeTable("module", "rows read", numbers=["rows read"])
    table.add_row("claims", "1,200")
    assert _lines(table) == ["module  rows read", "claims      1,200"]


def test_headers_stack_before_a_line_goes_beyond_the_edge() -> None:
    table = WholeTable("module", "rows read", "left over", numbers=["rows read", "left over"])
    table.add_row("claims", "1,200", "7")
    assert _lines(table, width=20) == [
        "         rows  left", "module   read  over", "claims  1,200     7",
    ]  # fmt: skip


def test_no_number_and_no_name_is_cut() -> None:
    table = WholeTable("partition", "rows", numbers=["rows"])
    table.add_row("a_module_of_a_long_name|client", "1,000,000,000")
    assert _lines(table, width=20)[1] == "a_module_of_a_long_name|client  1,000,000,000"


def test_long_text_wraps_in_the_last_column_between_words() -> None:
    table = WholeTable("code", "cause", wraps=True)
    table.add_row("SRC-005", "source changed while it was read data/a/very/long/path/of/it.csv")
    assert _lines(table, width=36) == [
        "code     cause",
        "SRC-005  source changed while it was",
        "         read",
        "         data/a/very/long/path/of/it.csv",
    ]


def test_names_are_no_markup() -> None:
    table = WholeTable("AI column")
    table.add_row("amount [red]")
    assert _lines(table)[1] == "amount [red]"


@pytest.mark.parametrize("wide", ["\u91d1\u984d", "ab"])
def test_letters_of_double_width_keep_the_columns(wide: str) -> None:
    table = WholeTable("name", "n", numbers=["n"])
    table.add_row("abcd", "1")
    table.add_row(wide, "2")
    assert [line[-1] for line in _lines(table)] == ["n", "1", "2"]


def test_a_console_spells_what_a_screen_would_act_upon() -> None:
    assert _lines(NASTY, markup=False) == [SPELLED]
    (shown,) = _lines(Text(f"a\x1bb{chr(0x202E)}"))
    assert shown == "a\\x1bb\\u202e"


def test_nothing_that_a_table_says_reaches_the_screen_as_it_is(tmp_path: Path) -> None:
    """Names of the tables, each in a message of its own; the same in JSON, where it is escaped."""
    folder = tmp_path / "project"
    write_project(folder)
    for name in ("control_table.csv", "teams.csv"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        cells = lines[-1].split(",")
        lines.append(",".join([NASTY, *cells[1:3], NASTY, *cells[4:]]))
        (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    for command in ("validate --offline", "validate --offline --format github", "status", "plan"):
        for words in (command.split(), [*command.split(), "--json"]):
            told = cli(folder, *words)
            for text in (told.stdout, told.stderr):
                assert printable(text, "\n") == text, words
    assert SPELLED in cli(folder, "validate", "--offline").stdout
    shown = json.loads(cli(folder, "validate", "--offline", "--json").stdout)
    assert any(NASTY in item["message"] for item in shown["items"])


def _colours(folder: Path, *words: str) -> set[str]:
    """Give the colours of what is printed, as a terminal gets them."""
    from ai_dataflow.cli.app import out  # noqa: PLC0415 - patched by the test

    assert out.is_terminal
    return set(re.findall(r"\x1b\[(?:\d+;)*(3[1-6])m", cli(folder, *words).stdout))


@pytest.mark.slow
def test_colours_say_the_state_and_are_left_out_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ai_dataflow.cli.app import out  # noqa: PLC0415

    folder = tmp_path / "project"
    write_project(folder)
    monkeypatch.setattr(out, "_force_terminal", True)
    monkeypatch.setattr(out, "no_color", False)
    monkeypatch.setattr(out, "_color_system", 1)
    red, green = "31", "32"
    assert _colours(folder, "run") == {green}
    assert red not in _colours(folder, "status")
    (folder / "data/vega/claims_acme.csv").unlink()
    assert _colours(folder, "run") == {red}
    assert red in _colours(folder, "status")
    for words in (("--no-color", "status"), ("status", "--no-color")):
        assert _colours(folder, *words) == set()
        monkeypatch.setattr(out, "no_color", False)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_a_code_page_lacks_is_spelled_and_ends_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """A redirected console of Windows has no arrow; a locale of ASCII no dot in the middle."""
    folder = project(tmp_path)
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    command = "import sys; from ai_dataflow.cli import main; main()"
    arguments = [sys.executable, "-c", command, "explain", "claim_id"]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, check=False)
    said = "ORION · claim   ClaimNo: String → int64".encode(encoding, "backslashreplace")
    assert (done.returncode, said in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_document_is_json_in_every_encoding(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    class Names(BaseModel):
        names: list[str]

    names = ["→ é 😀", 'a\\b"c', "\x7f\x1b\u202e"]
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    print_document(Names(names=names))
    sys.stdout.flush()
    text = written.getvalue().decode(encoding)
    assert json.loads(text) == {"names": names}
    assert text.replace("\n", "").isprintable()
