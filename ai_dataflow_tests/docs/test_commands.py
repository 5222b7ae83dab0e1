"""Every command that the pages show is one that there is, with options that it has."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.core import TyperGroup
from typer.exceptions import TyperException

from ai_dataflow.cli.starter import write_project
from ai_dataflow.config.codes import CODES
from ai_dataflow_tests.docs.commands_page import PROGRAM, program
from ai_dataflow_tests.docs.markdown import ROOT, blocks, code_spans, written_pages
from ai_dataflow_tests.runs.runs import cli

_SHELLS = ("", "sh", "bash", "console", "text")
_CALL = re.compile(rf"(?:^|[\s/]){PROGRAM}(?:\s+(.*)|$)")
_LOOKING = ("status", "validate", "plan", "explain", "help", "rejects", "codes", "snapshots",
            "describe", "--version")  # fmt: skip
_LOOKING_MAILS = ("preview", "status", "--dry-run")
# The pages' names, and what the starter's project has in their place.
_STAND_INS = {"MODULE": "claims", "sales": "claims", "sales|acme": "claims|acme", "CODE": "MAP-014"}
# What is parsed and not run, for it is no look at a project, and which tests run it.
NOT_RUN = {
    "init": "makes a project: test_starter.py",
    "run": "publishes: the tutorial, and most tests",
    "retry": "publishes: runs/test_real_case.py",
    "replay": "publishes: the tutorial, runs/test_replay.py",
    "accept": "publishes: runs/test_waiting_told.py",
    "contract": "writes files: workstation/test_contracts.py",
    "diff": "compares versions that the reader has: cli/test_comparing.py",
    "profile": "shows profiles that the reader has: runs/test_profiles.py",
    "cleanup": "removes files: runs/test_cleanup.py",
    "sheet": "writes workbooks and tables: cli/test_sheets.py",
    "notify": "sends mails, or is about a run that the reader has: notifications/test_commands.py",
    "--install-completion": "writes into the shell's own files: tried by hand in each shell",
}
_SEPARATORS = ("&&", "||", "|", ";", ">", "2>&1")


class Call(NamedTuple):
    """What follows the program's name where a page shows a call; in prose it may be its start."""

    place: str
    text: str
    is_whole: bool


def calls() -> Iterator[Call]:
    """Give all calls that the pages show."""
    for page in written_pages():
        shown = [(line, text, False) for line, text in code_spans(page)]
        shown += [(line, text, True) for line, text in _lines_of_blocks(page)]
        for line, text, is_whole in shown:
            for match in _CALL.finditer(text):
                yield Call(f"{page.relative_to(ROOT)}:{line}", match[1] or "", is_whole)


def _lines_of_blocks(page: Path) -> Iterator[tuple[int, str]]:
    for block in blocks(page):
        # The examples of errors are mistakes.
        if block.language in _SHELLS and page.name != "errors.md":
            for number, line in enumerate(block.text.splitlines(), start=block.line + 1):
                if re.match(rf"(\$ |\S*/)?{PROGRAM}(\s|$)", line):
                    yield number, line


def words(text: str) -> list[str]:
    """Give the arguments of a call, without remarks and what the shell does with its output.

    Example:
        >>> words("notify --dry-run [--run ID] > mails.txt  # none is sent")
        ['notify', '--dry-run', '--run', 'ID']
    """
    said = re.split(r"\s{3,}|\s#\s", text.strip())[0]
    parts = shlex.split(re.sub(r"(?<!\S)\[(--?[^\]]*)\]", r"\1", said))
    end = next((i for i, part in enumerate(parts) if part in _SEPARATORS), len(parts))
    return parts[:end]


def parsed(command: Any, arguments: list[str], parent: Any = None) -> None:
    """Let the command line read the arguments; it calls nothing.

    Raises:
        typer's UsageError: it does not take them.
    """
    context = command.make_context(command.name or "", [*arguments], parent=parent)
    rest = [*context._protected_args, *context.args]
    if isinstance(command, TyperGroup) and rest:
        name, inner, further = command.resolve_command(context, rest)
        assert inner is not None, name
        parsed(inner, further, context)


def test_each_call_is_one_that_the_program_takes() -> None:
    group = program()
    found = list(calls())
    assert len(found) > 50
    wrong = {call: _refusal(group, words(call.text), call.is_whole) for call in found}
    assert [f"{call.place}: {why}" for call, why in wrong.items() if why] == []


@pytest.mark.slow
def test_what_looks_and_changes_nothing_does_so_as_it_is_shown(tmp_path: Path) -> None:
    project = tmp_path / "project"
    write_project(project)
    shutil.copy(project / "ai_mapping.xlsx", project / "draft.xlsx")
    assert cli(project, "run").returncode == 0
    shown = {_on_starter(call): call.place for call in calls() if _only_looks(call)}
    assert len(shown) > 25
    ended = {place: cli(project, *arguments) for arguments, place in shown.items()}
    assert {place: done.stderr for place, done in ended.items() if done.returncode > 1} == {}


def test_each_call_is_run_or_has_a_reason_why_not() -> None:
    """What is not run are the starts of calls, in prose, and what changes something."""
    group = program()
    left = [call for call in calls() if words(call.text) and not _only_looks(call)]
    whole = [call for call in left if not _refusal(group, words(call.text), is_whole=True)]
    unreasoned = [call for call in whole if words(call.text)[0] not in NOT_RUN]
    assert unreasoned == []
    assert {words(call.text)[0] for call in whole} == NOT_RUN.keys()


def _on_starter(call: Call) -> tuple[str, ...]:
    """Give a call's arguments, about the starter's project."""
    return tuple(_STAND_INS.get(word, word) for word in words(call.text))


def _only_looks(call: Call) -> bool:
    """Tell whether a call is whole and changes nothing, whatever run it is about."""
    arguments = words(call.text)
    looks = arguments[:1] and (arguments[0] in _LOOKING or "--dry-run" in arguments)
    looks = looks or (arguments[:1] == ["notify"] and arguments[1:2] and
                      arguments[1] in _LOOKING_MAILS)  # fmt: skip
    is_about_a_run = {"ID", "RUN_ID", "/tmp/mails"} & set(arguments)  # noqa: S108 - it is a page's
    return bool(looks and not is_about_a_run) and not _refusal(program(), arguments, is_whole=True)


def _refusal(group: TyperGroup, arguments: list[str], is_whole: bool) -> str:
    """Say why a call is refused; the start of one may lack what would follow."""
    at_once = {name for each in group.params if each.callback for name in each.opts}
    if at_once & set(arguments[:1]):
        return ""  # it would act while it is read: `--version`
    try:
        parsed(group, arguments or ["status"])
    except TyperException as error:
        is_short = re.search("Missing parameter|requires an argument", str(error))
        return "" if is_short and not is_whole else f"{PROGRAM} {shlex.join(arguments)}: {error}"
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "--verson",
        "runn",
        "explain",
        "run --fulll",
        "help",
        "rejects --samples many",
        "validate --format html",
    ],
)
def test_a_call_that_is_wrong_is_refused(text: str) -> None:
    assert _refusal(program(), words(text), is_whole=True)


def test_each_code_that_a_page_names_is_one() -> None:
    unknown = [
        f"{page.relative_to(ROOT)}: {code}"
        for page in written_pages()
        for code in re.findall(r"\b(?:CFG|CTL|MAP|TEM|SRC|DAT|REJ|RUN|WST|NTF|COV)-\d{3}\b",
                               page.read_text(encoding="utf-8"))
        if code not in CODES
    ]  # fmt: skip
    assert unknown == []


def test_each_target_of_make_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        target: page.name
        for page in written_pages()
        for text in (*(t for _, t in code_spans(page)), *(b.text for b in blocks(page)))
        for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", text, re.MULTILINE)
    }
    assert named
    assert {target: page for target, page in named.items() if target not in targets} == {}
