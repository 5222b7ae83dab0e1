"""The Dagster instance that the CLI uses: `DAGSTER_HOME`, or one in the project's folder."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster import DagsterError
from dagster._check import CheckError
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from filelock import FileLock
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from yaml import YAMLError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.extras import install_line, is_installed
from ai_dataflow.config.settings import CONFIG_VARIABLE, Settings

HOME_VARIABLE = "DAGSTER_HOME"
_PROJECT_HOME = ".dagster"
_LOCK_SECONDS = 60
_DEFAULT_CONFIG = """\
# The Dagster instance of this project: SQLite in this folder. For a shared one, set DAGSTER_HOME.
telemetry:
  enabled: false
nux:
  enabled: false
"""


def dagster_home(settings: Settings) -> Path:
    """Give the instance's folder: `DAGSTER_HOME`, else `.dagster` in the project."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser() if chosen else settings.folder / _PROJECT_HOME


def ui_command(settings: Settings) -> str:
    """Give the command that opens the Dagster UI on a project and its instance.

    Where the UI is not installed, the line that installs it comes first.
    """
    beside = Path(sys.executable).with_name("dagster")
    variables = {CONFIG_VARIABLE: settings.file, HOME_VARIABLE: dagster_home(settings)}
    words = [*(f"{name}={shlex.quote(str(path))}" for name, path in variables.items())]
    command = shlex.quote(str(beside)) if beside.exists() else "dagster"
    shown = " ".join([*words, command, "dev", "-m", "ai_dataflow.definitions"])
    page = "dagster_webserver"
    return shown if is_installed(page) else f"{install_line(page)}; then {shown}"


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the instance; the project's own one is made if it is not there.

    What its storage refuses while it is open ends the block in the same way.

    Raises:
        DataflowError: CFG-007.
    """
    home = dagster_home(settings)
    _read_migrations_once()
    _make_engines_once()
    _keep_no_component_state()
    try:
        chosen = os.environ.get(HOME_VARIABLE)
        instance = _chosen_instance(home) if chosen else _own_instance(home)
    except (DagsterError, CheckError, YAMLError, OSError, SQLAlchemyError) as error:
        raise _unusable(home, "opened", error) from None
    with instance:
        try:
            yield instance
        except SQLAlchemyError as error:
            raise _unusable(home, "used", error) from None


def _chosen_instance(home: Path) -> dg.DagsterInstance:
    """Open the instance that `DAGSTER_HOME` names; its folder has to be there, as for Dagster."""
    if not home.is_dir():
        raise NotADirectoryError(f"{home} is no folder that is there")
    return dg.DagsterInstance.from_config(str(home))


@cache
def _keep_no_component_state() -> None:
    """Let this process open instances without a store for the state of components.

    The definitions have no component with a state, and its library takes half as long to import
    as Polars.
    """
    ref: Any = InstanceRef
    ref.defs_state_storage = None


@cache
def _make_engines_once() -> None:
    """Let this process make the engine of each SQLite database once.

    Dagster makes one for each event and each question, some sixty in a run, and each compiles its
    statements anew. None of them keeps a connection.
    """
    for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        storage: Any = module
        storage.create_engine = _made_once(storage.create_engine)


def _made_once(create: Callable[..., Engine]) -> Callable[..., Engine]:
    engines: dict[tuple[str, str], Engine] = {}

    def create_engine(url: str, **options: object) -> Engine:
        made = url, str(options)
        if made not in engines:
            engines[made] = create(url, **options)
        return engines[made]

    return create_engine


@cache
def _read_migrations_once() -> None:
    """Let this process read the migrations of Dagster's tables once.

    Dagster asks for the newest at each database that it opens, five times in a run, and Alembic
    imports all of them each time: some ninety modules.
    """
    alembic: Any = ScriptDirectory
    read, directories = alembic.from_config, dict[str | None, ScriptDirectory]()

    def from_config(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in directories:
            directories[location] = read(config)
        return directories[location]

    alembic.from_config = from_config


def _own_instance(home: Path) -> dg.DagsterInstance:
    """Open the project's own instance, made if it is not there.

    One process at a time: two that both find no tables and make them damage the instance for good.
    """
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".lock", timeout=_LOCK_SECONDS):
        config = home / "dagster.yaml"
        if not config.exists():
            config.write_text(_DEFAULT_CONFIG, encoding="utf-8")
        return dg.DagsterInstance.from_config(str(home))


def _unusable(home: Path, how: str, error: Exception) -> DataflowError:
    return DataflowError(
        Diagnostic(
            "CFG-007",
            f"the Dagster instance in {home} cannot be {how}",
            place=HOME_VARIABLE,
            fix=f"see that its storage has space and may be written; or correct {HOME_VARIABLE}, "
            "or unset it to use the project's own instance",
            cause=redacted(error),
        )
    )
