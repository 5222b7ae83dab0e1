"""Runs for tests: through Dagster, on an instance of the project's own."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TextIO

import dagster as dg
import pytest

from ai_dataflow.cli import mails_after_run, main
from ai_dataflow.cli.app import err, out
from ai_dataflow.config.settings import FILE_NAME
from ai_dataflow.orchestration.instance import HOME_VARIABLE, open_instance
from ai_dataflow.orchestration.launch import launch
from ai_dataflow.orchestration.partitions import module_client_partitions
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_at
from ai_dataflow.tables.project import Project, load_project
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.projects import project

_MAKING = frozenset({"run", "retry", "replay", "accept"})


def run_project(folder: Path, partitions: Sequence[str] | None = None) -> RunReport:
    """Run a project's partitions as the CLI does. What is not about Dagster is `spine.run`'s."""
    _with_an_instance(folder)
    draft = make_draft(load_project(folder))
    prospect = look_at(draft, partitions or draft.plan.partitions)
    with open_instance(draft.project.settings) as instance:
        return launch(prospect, instance)


def _with_an_instance(folder: Path) -> None:
    """Give a project an empty instance of its own, copied: to make one takes as long as a run."""
    home = folder / ".dagster"
    if HOME_VARIABLE not in os.environ and not home.exists():
        with suppress(OSError):  # a disk that takes nothing: the product has to tell
            shutil.copytree(_empty_instance(), home)


@cache
def _empty_instance() -> Path:
    folder = project(Path(tempfile.mkdtemp(prefix="instance-")))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with instance_of(folder):
        return folder / ".dagster"


@contextmanager
def instance_of(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance that `run_project` used."""
    with open_instance(load_project(folder).settings) as instance:
        yield instance


def dagster_statuses(folder: Path, asset: str) -> dict[str, str]:
    """Give Dagster's own status of each partition of an asset."""
    with instance_of(folder) as instance:
        statuses = instance.get_status_by_partition(
            dg.AssetKey(asset),
            instance.get_dynamic_partitions(module_client_partitions.name or ""),
            module_client_partitions,
        )
    return {key: status.value if status else "MISSING" for key, status in (statuses or {}).items()}


def cli(folder: Path, *arguments: str, columns: int = 160) -> subprocess.CompletedProcess[str]:
    """Call the command in this process, as if in one of its own: a terminal of so many columns.

    What it writes is taken where the system gets it, native code's too. The mails of a run are sent
    in this process, too. `cli_process` starts one, which starts another for the mails.
    """
    if _MAKING.intersection(arguments[:1]) and (folder / FILE_NAME).exists():
        _with_an_instance(folder)
    with (
        pytest.MonkeyPatch.context() as patch,
        _taken(sys.__stdout__, 1, "stdout", patch) as told,
        _taken(sys.__stderr__, 2, "stderr", patch) as warned,
    ):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["ai-dataflow", *arguments])
        patch.setenv("NO_COLOR", "1")
        patch.setenv("COLUMNS", str(columns))
        patch.setattr(mails_after_run, "_send", send_here)
        for console in (out, err):
            patch.setattr(console, "_width", columns)  # it was set when the module was imported
        code = _exit_code(main)
    return subprocess.CompletedProcess(["ai-dataflow", *arguments], code, told[0], warned[0])


def send_here(sender: Project, run_id: str) -> str:
    """Send the mails of a run, as `mails_after_run._send` does by a process of their own."""
    given = ("--config", str(sender.settings.file), "--run", run_id, "--json")
    sent = cli(sender.settings.folder, *mails_after_run._SEND, *given)
    return mails_after_run._summary(json.loads(sent.stdout), sender)


def _exit_code(command: Callable[[], None]) -> int:
    try:
        command()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:  # as Python does with what nobody has caught
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def _taken(
    python: TextIO | None, number: int, name: str, patch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Take what a stream gets, of Python and of the system; it is in the list after the block."""
    taken: list[str] = []
    if python:
        python.flush()
    before = os.dup(number)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), number)
        stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        patch.setattr(sys, name, stream)
        try:
            yield taken
        finally:
            stream.flush()
            os.dup2(before, number)
            os.close(before)
            file.seek(0)
            taken.append(file.read().decode())


def cli_process(
    folder: Path, *arguments: str, columns: int = 160
) -> subprocess.CompletedProcess[str]:
    """Call the command in a process of its own, in a terminal of so many columns."""
    return subprocess.run(
        [sys.executable, "-c", "from ai_dataflow.cli import main; main()", *arguments],
        cwd=folder,
        env=os.environ | {"COLUMNS": str(columns), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
