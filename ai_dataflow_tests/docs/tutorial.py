"""Does what a page of instructions says, word for word, and looks whether that comes of it.

A block of code says above itself, in a comment that readers do not see, what is to be done with it:

    <!-- file: teams.csv -->            the block is this file
    <!-- line 7 of ai_mapping.csv -->   the block takes the place of this line
    <!-- added to ai_dataflow.toml -->  the block is put at the end of the file
    <!-- exit 1 -->                     the last command of the block ends so, and not with 0
    <!-- not run: why -->               it is for readers alone

Blocks of `console` are commands after `$ `, each with what it prints; `…` stands for what varies.
Blocks of `pycon` are a session of Python.
"""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow_tests.docs.markdown import Block, blocks
from ai_dataflow_tests.runs.runs import cli

COLUMNS = 80
# Moments, ids, seconds, the folder, and what the names of mails are made of.
_VARIES = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<= )\d+\.\d$"
    r"|(?<= )/\S*?(?=/workstation)|(?<=mails/)\d+-\d+|(?<=-)[0-9a-f]{8}(?=\.)|AI_DATAFLOW_CONFIG=.*"
)
_CHECKER = doctest.OutputChecker()
_LABEL = re.compile(
    r"(?P<not_run>not run: .+)|file: (?P<file>\S+)|line (?P<line>\d+) of (?P<of>\S+)"
    r"|added to (?P<added>\S+)|exit (?P<code>\d+)|"
)


@dataclass(frozen=True)
class Told:
    """A command of a page: what the page says that it prints, and what it printed."""

    command: str
    wanted: str
    printed: str
    code: int = 0
    wanted_code: int = 0

    @property
    def is_right(self) -> bool:
        """Tell whether the page says what came."""
        return self.code == self.wanted_code and fits(self.wanted, self.printed)


def fits(wanted: str, printed: str) -> bool:
    """Tell whether a text is what is wanted; `…` in it stands for anything."""
    return _CHECKER.check_output(wanted.replace("…", "..."), printed, doctest.ELLIPSIS)


def follow(page: Path, folder: Path) -> Iterator[Told]:
    """Do what a page says, in a folder, and give what came of each command."""
    names: dict[str, Any] = {}
    for block in blocks(page):
        label = _LABEL.fullmatch(block.label)
        assert label, f"{block.place}: what is `{block.label}`?"
        if label["not_run"]:
            continue
        if block.language == "console":
            yield from _commands(block, folder, int(label["code"] or 0))
        elif block.language == "pycon":
            yield from _session(block, folder, names)
        else:
            _write(block, folder, label)


def _write(block: Block, folder: Path, label: re.Match[str]) -> None:
    name = label["file"] or label["of"] or label["added"]
    assert name, f"{block.place}: which file is it?"
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    if label["added"]:
        text = f"{before}\n{block.text}"
    elif label["line"]:
        lines = before.splitlines(keepends=True)
        lines[int(label["line"]) - 1] = block.text
        text = "".join(lines)
    else:
        text = block.text
    file.write_text(text, encoding="utf-8")


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Give the commands of a block, each with the text below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, wanted = part.partition("\n")
        yield command, wanted


def _commands(block: Block, folder: Path, code: int) -> Iterator[Told]:
    given = list(commands(block))
    for number, (command, wanted) in enumerate(given, start=1):
        done = _run(command, folder)
        printed = _without_blanks(done.stdout + done.stderr)
        last = code if number == len(given) else 0
        yield Told(command, _without_blanks(wanted), printed, done.returncode, last)


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    first, *rest = shlex.split(command)
    if first == "ai-dataflow":
        return cli(folder, *rest, columns=COLUMNS)
    shell = ["sh", "-c", command]
    return subprocess.run(shell, cwd=folder, capture_output=True, text=True, check=False)


def _without_blanks(text: str) -> str:
    """Leave out blanks at the ends of lines, and lines that are blank at the end."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"


def _session(block: Block, folder: Path, names: dict[str, Any]) -> Iterator[Told]:
    session = doctest.DocTestParser().get_doctest(block.text, names, block.place, None, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for example in session.examples:
            shown: list[str] = []
            alone = doctest.DocTest([example], names, block.place, None, 0, None)
            _Recording(shown).run(alone, clear_globs=False)
            names.update(alone.globs)
            yield Told(example.source.strip(), example.want, "".join(shown) or example.want)


class _Recording(doctest.DocTestRunner):
    """Runs a session, and keeps what came otherwise than the page says."""

    def __init__(self, shown: list[str]) -> None:
        super().__init__(optionflags=doctest.ELLIPSIS)
        self._shown = shown

    def report_failure(self, out: Any, test: Any, example: Any, got: str) -> None:
        """Keep what was printed."""
        self._shown.append(got)

    def report_unexpected_exception(self, out: Any, test: Any, example: Any, exc_info: Any) -> None:
        """Keep what was raised."""
        self._shown.append(f"{exc_info[0].__name__}: {exc_info[1]}")


def renewed(text: str, told: list[Told]) -> str:
    """Give a page with what came, where it said otherwise; lines with `…` stay if they fit."""
    done = ""
    for each in (one for one in told if not one.is_right):
        wanted = each.wanted.splitlines()
        lines = [
            next((old for old in wanted if old and fits(f"{old}\n", f"{line}\n")), "")
            or _VARIES.sub("…", line)
            for line in each.printed.splitlines()
        ]
        wanted_text = each.wanted if each.wanted.strip() else ""
        calls = (f"{prompt} {each.command}\n" for prompt in ("$", ">>>"))
        call = next((call for call in calls if f"{call}{wanted_text}" in text), "")
        assert call, f"the page has no `{each.command}` like that"
        before, _, text = text.partition(f"{call}{wanted_text}")
        done += f"{before}{call}" + "".join(f"{line}\n" for line in lines)
    return done + text
