"""`ai_dataflow.toml`: the one settings file of a project, validated, with `${NAME}` filled in."""

from __future__ import annotations

import os
import re
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from ai_dataflow.config.blob_urls import ACCOUNT_NAME, is_blob_url, parse
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing
from ai_dataflow.config.format_settings import FORMAT_TYPES, FormatSettings
from ai_dataflow.config.mail_settings import MailSettings
from ai_dataflow.config.module_settings import ModuleSettings
from ai_dataflow.config.sections import (
    DagsterSettings,
    EntraIdentity,
    ExecutionSettings,
    MappingSettings,
    OpenLineageSettings,
    ScheduleSettings,
    Section,
    SparkSettings,
    SqlConnection,
    StorageAccount,
    WorkstationSettings,
    check_folder,
    expanded,
)

FILE_NAME = "ai_dataflow.toml"
CONFIG_VARIABLE = "AI_DATAFLOW_CONFIG"
_NOT_IN_FILE = ("folder", "file_name")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Settings(Section):
    """A project's settings.

    `folder` is where relative paths start, `file_name` the settings file in it; neither can be
    set in the file.
    """

    folder: Path
    file_name: str = FILE_NAME
    control_table: str = "control_table.csv"
    ai_mapping: str = "ai_mapping.csv"
    teams: str = "teams.csv"
    code_lists: str = ""
    source_rules: str = ""
    ai_columns: str = ""
    mounts: dict[str, str] = Field(default={})
    storage: dict[str, StorageAccount] = Field(default={})
    sql: dict[str, SqlConnection] = Field(default={})
    workstation: WorkstationSettings = WorkstationSettings()
    execution: ExecutionSettings = ExecutionSettings()
    mapping: MappingSettings = MappingSettings()
    formats: dict[str, FormatSettings] = Field(default={})
    modules: dict[str, ModuleSettings] = Field(default={})
    mail: MailSettings | None = None
    schedule: ScheduleSettings | None = None
    dagster: DagsterSettings = DagsterSettings()
    spark: SparkSettings = SparkSettings()
    openlineage: OpenLineageSettings = OpenLineageSettings()

    @field_validator("storage", mode="before")
    @classmethod
    def _take_connection_strings_apart(cls, sections: Any) -> Any:
        if not isinstance(sections, dict):
            return sections
        return {
            name: expanded(name, section) if isinstance(section, dict) else section
            for name, section in sections.items()
        }

    @field_validator("storage")
    @classmethod
    def _names_accounts(cls, sections: dict[str, StorageAccount]) -> dict[str, StorageAccount]:
        for name in sections:
            if not ACCOUNT_NAME.fullmatch(name):
                raise ValueError(f"has `{name}`, which can be no storage account's name")
        return sections

    @field_validator("storage", "sql")
    @classmethod
    def _certificates_are_relative_to_the_file(
        cls, sections: dict[str, Any], info: ValidationInfo
    ) -> dict[str, Any]:
        def moved(section: EntraIdentity) -> EntraIdentity:
            if not (file := section.client_certificate) or "folder" not in info.data:
                return section
            return section.model_copy(update={"client_certificate": info.data["folder"] / file})

        return {name: moved(section) for name, section in sections.items()}

    @field_validator("mounts")
    @classmethod
    def _mounts_are_folders(cls, mounts: dict[str, str]) -> dict[str, str]:
        for name, url in mounts.items():
            check_folder(url, f"of `{name}` ")
        return mounts

    @field_validator("formats")
    @classmethod
    def _have_names(cls, formats: dict[str, FormatSettings]) -> dict[str, FormatSettings]:
        """Spell the names as the control table's are compared: without regard to case."""
        names = [name.casefold() for name in formats]
        for name in names:
            if name in FORMAT_TYPES:
                raise ValueError(f"has `{name}`, which is a type of its own: take another name")
            if names.count(name) > 1:
                raise ValueError(f"has `{name}` twice, in upper and lower case")
        return dict(zip(names, formats.values(), strict=True))

    @property
    def ui_url(self) -> str:
        """Where Dagster's web page answers; empty where nobody says it."""
        return self.dagster.url or (self.mail.ui_url if self.mail else "")

    def module(self, name: str) -> ModuleSettings:
        """Give what is said of a module; the usual where nothing is."""
        return self.modules.get(name, ModuleSettings())

    @property
    def file(self) -> Path:
        """The file that these settings came from."""
        return self.folder / self.file_name


def config_file(path: str | Path | None = None) -> Path:
    """Find the settings file: `path`, else `AI_DATAFLOW_CONFIG`, else the current folder's.

    A folder means the `ai_dataflow.toml` in it.
    """
    chosen = Path(path or os.environ.get(CONFIG_VARIABLE) or FILE_NAME).expanduser()
    with suppress(OSError):  # a name that no file can have: who reads it tells
        chosen = chosen / FILE_NAME if chosen.is_dir() else chosen
    return chosen.absolute()


def load_settings(path: str | Path | None = None) -> Settings:
    """Read and check the settings.

    Raises:
        DataflowError: CFG-001 to CFG-004, all problems at once.
    """
    file = config_file(path)
    return _settings(file, _read_toml(file))


def load_reader_settings(path: str | Path | None = None) -> Settings:
    """Read what a reader of the workstation needs: where it is, and the way into its account.

    What else the file says need not be right for that, and its variables need not be set.

    Raises:
        DataflowError: CFG-001 to CFG-004.
    """
    file = config_file(path)
    raw = _read_toml(file)
    needed = {name: raw[name] for name in raw if name in ("workstation", "execution")}
    settings = _settings(file, needed)
    accounts = raw.get("storage", {})
    if not is_blob_url(settings.workstation.url) or not isinstance(accounts, dict):
        return settings
    account = parse(settings.workstation.url).account
    sections = {name: section for name, section in accounts.items() if name == account}
    return _settings(file, needed | {"storage": sections})


def _settings(file: Path, raw: dict[str, Any]) -> Settings:
    missing: list[str] = []
    filled = _fill_in(raw, missing)
    problems = [_missing_variable(file, name) for name in dict.fromkeys(missing)]
    reserved = [name for name in _NOT_IN_FILE if name in filled]
    problems += [_invalid(file, name, "is not a setting", "remove it") for name in reserved]
    given = {name: value for name, value in filled.items() if name not in reserved}
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
    """Replace `${NAME}` in every string of the parsed file; comments are thus never looked at.

    A missing one stays as it is: nobody is to be told that the setting is blank, too.
    """
    if isinstance(value, dict):
        return {key: _fill_in(item, missing) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill_in(item, missing) for item in value]
    if not isinstance(value, str):
        return value
    missing += [name for name in _VARIABLE.findall(value) if name not in os.environ]
    return _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), value)


def _no_settings(file: Path) -> Diagnostic:
    return Diagnostic(
        "CFG-001",
        f"there is no {file.name} in {file.parent}",
        place=str(file),
        fix=f"go to the project's folder, set {CONFIG_VARIABLE}, give --config, "
        "or make a project with `ai-dataflow init DIR`",
    )


def _not_toml(file: Path, error: ValueError) -> Diagnostic:
    if isinstance(error, UnicodeDecodeError):
        line = error.object.count(b"\n", 0, error.start) + 1
        message, fix = f"line {line} is not UTF-8", "save the file as UTF-8"
    else:
        message, fix = str(error), "correct the file; https://toml.io is the rule"
    return Diagnostic("CFG-002", message, place=str(file), fix=fix)


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
            problems.append(_unknown(file, item["loc"]))
        elif item["type"] == "missing":
            section = setting.rpartition(".")[0]
            problems.append(_invalid(file, setting, "is missing", f"add it to [{section}]"))
        else:
            limits = _limits(item["loc"])
            is_outside = item["type"] in ("greater_than_equal", "less_than_equal")
            said = _uncapitalized(item["msg"].removeprefix("Value error, "))
            message = f"is out of range: it must be {limits}" if is_outside else said
            fix = f"set it to a number that is {limits}" if limits else "correct its value"
            problems.append(_invalid(file, setting, message, fix))
    return problems


def _unknown(file: Path, place: tuple[int | str, ...]) -> Diagnostic:
    """Tell of a setting that is not one; it may be one of another section."""
    setting, name = ".".join(map(str, place)), str(place[-1])
    section = str(place[0]) if place[1:] else ""
    names = _known_names(section)
    fix = f"remove it or correct its name; known are {listing(names, 20)}"
    homes = [s for s in ("", *Settings.model_fields) if s != section and name in _known_names(s)]
    homes = [home for home in homes if home == "" or _section(home) is not Settings]
    if homes:
        here = f"[{section}]" if section else "the top of the file"
        where = listing(f"[{home}]" if home else "the top of the file" for home in homes)
        message = f"is no setting of {here}: it is one of {where}"
        return _invalid(file, setting, message, f"move it there, or {fix}")
    return _invalid(file, setting, f"is not a setting{did_you_mean(name, names)}", fix)


def _limits(place: tuple[int | str, ...]) -> str:
    """Give the range of a numeric setting as a person says it; nothing where it has none."""
    section = _section(str(place[0])) if place else Settings
    field = section.model_fields.get(str(place[-1])) if place[1:] else None
    limits = field.metadata if field else ()
    least = next((limit.ge for limit in limits if hasattr(limit, "ge")), None)
    most = next((limit.le for limit in limits if hasattr(limit, "le")), None)
    if least is None:
        return ""
    return f"at least {least}" if most is None else f"from {least} to {most}"


def _section(name: str) -> type[Section]:
    """Give the model of a section by its name; for any other name that of the file."""
    field = Settings.model_fields.get(name)
    kinds = (field.annotation, *get_args(field.annotation)) if field else ()
    models = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section))
    return next(models, Settings)


def _known_names(section: str) -> list[str]:
    """Give the settings of a section; without one, those of the file."""
    model = _section(section)
    also = ["connection_string"] if model is StorageAccount else []
    names = {field.alias or name for name, field in model.model_fields.items()}
    return sorted((names - set(_NOT_IN_FILE)).union(also))


def _uncapitalized(message: str) -> str:
    return message[:1].lower() + message[1:]
