"""`ai_dataflow.toml`: the one settings file of a project, validated, with `${NAME}` filled in."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing

FILE_NAME = "ai_dataflow.toml"
CONFIG_VARIABLE = "AI_DATAFLOW_CONFIG"
_NOT_IN_FILE = ("folder", "file_name")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SqlConnection(_Section):
    """`[sql.<name>]`: a database, by SQLAlchemy URL. The URL may hold a password."""

    url: SecretStr


class WorkstationSettings(_Section):
    """`[workstation]`: where datasets are published; a folder or an object store URL."""

    url: str = "workstation"


class ExecutionSettings(_Section):
    """`[execution]`: how many partitions at once on this machine."""

    workers: int = Field(default=8, ge=1, le=256)
    engine: Literal["local"] = "local"


class ModuleSettings(_Section):
    """`[modules.<name>]`: how much of a module's AI columns the products have to map.

    Below `min_coverage` (0 to 1) the coverage check fails; with `coverage_blocks` the module's
    partitions are held back too.
    """

    min_coverage: float = Field(default=0.0, ge=0, le=1)
    coverage_blocks: bool = False


class Settings(_Section):
    """A project's settings.

    `folder` is where relative paths start, `file_name` the settings file in it; neither can be
    set in the file.
    """

    folder: Path
    file_name: str = FILE_NAME
    control_table: str = "control_table.csv"
    ai_mapping: str = "ai_mapping.csv"
    teams: str = "teams.csv"
    mounts: dict[str, str] = {}
    sql: dict[str, SqlConnection] = {}
    workstation: WorkstationSettings = WorkstationSettings()
    execution: ExecutionSettings = ExecutionSettings()
    modules: dict[str, ModuleSettings] = {}

    @property
    def file(self) -> Path:
        """The file that these settings came from."""
        return self.folder / self.file_name


def config_file(path: str | Path | None = None) -> Path:
    """Find the settings file: `path`, else `AI_DATAFLOW_CONFIG`, else the current folder's.

    A folder means the `ai_dataflow.toml` in it.
    """
    chosen = Path(path or os.environ.get(CONFIG_VARIABLE) or FILE_NAME).expanduser()
    return (chosen / FILE_NAME if chosen.is_dir() else chosen).absolute()


def load_settings(path: str | Path | None = None) -> Settings:
    """Read and check the settings.

    Raises:
        DataflowError: CFG-001 to CFG-004, all problems at once.
    """
    file = config_file(path)
    raw = _read_toml(file)
    missing: list[str] = []
    filled = _fill_in(raw, missing)
    problems = [_missing_variable(file, name) for name in dict.fromkeys(missing)]
    own = [name for name in _NOT_IN_FILE if name in filled]
    problems += [_invalid(file, name, "is not a setting", "remove it") for name in own]
    given = {name: value for name, value in filled.items() if name not in own}
    try:
        settings = Settings(folder=file.parent, file_name=file.name, **given)
    except ValidationError as error:
        problems += _problems(file, error)
    if problems:
        raise DataflowError(*problems)
    return settings


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        raise DataflowError(_no_settings(file)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataflowError(_not_toml(file, error)) from None
    except OSError as error:
        raise DataflowError(
            Diagnostic("CFG-001", f"{file.name} cannot be read: {error.strerror}", place=str(file))
        ) from None


def _fill_in(value: Any, missing: list[str]) -> Any:
    """Replace `${NAME}` in every string of the parsed file; comments are thus never looked at."""
    if isinstance(value, dict):
        return {key: _fill_in(item, missing) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill_in(item, missing) for item in value]
    if not isinstance(value, str):
        return value
    missing += [name for name in _VARIABLE.findall(value) if name not in os.environ]
    return _VARIABLE.sub(lambda match: os.environ.get(match[1], ""), value)


def _no_settings(file: Path) -> Diagnostic:
    return Diagnostic(
        "CFG-001",
        f"there is no {file.name} in {file.parent}",
        place=str(file),
        fix=f"go to the project's folder, set {CONFIG_VARIABLE}, give --config, "
        "or make a project with `ai-dataflow init DIR`",
    )


def _not_toml(file: Path, error: ValueError) -> Diagnostic:
    return Diagnostic(
        "CFG-002", str(error), place=str(file), fix="correct the file; https://toml.io is the rule"
    )


def _missing_variable(file: Path, name: str) -> Diagnostic:
    return Diagnostic(
        "CFG-004",
        f"{file.name} reads the environment variable `{name}`, which is not set",
        place=f"{file.name}:${{{name}}}",
        fix=f"set {name} in the environment of this command and of Dagster",
    )


def _invalid(file: Path, setting: str, message: str, fix: str) -> Diagnostic:
    return Diagnostic("CFG-003", f"`{setting}` {message}", place=f"{file.name}:{setting}", fix=fix)


def _problems(file: Path, error: ValidationError) -> list[Diagnostic]:
    """Translate pydantic's errors; their input is left out, since it may be a secret."""
    problems = []
    for item in error.errors(include_input=False, include_url=False):
        setting = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            near = did_you_mean(str(item["loc"][-1]), _known_names())
            fix = f"remove it or correct its name; known are {listing(_known_names(), 20)}"
            problems.append(_invalid(file, setting, f"is not a setting{near}", fix))
        else:
            problems.append(_invalid(file, setting, item["msg"].lower(), "correct its value"))
    return problems


def _known_names() -> list[str]:
    models = (Settings, SqlConnection, WorkstationSettings, ExecutionSettings, ModuleSettings)
    names = (name for model in models for name in model.model_fields)
    return sorted(set(names) - set(_NOT_IN_FILE))
