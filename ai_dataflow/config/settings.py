"""`ai_dataflow.toml`: the one settings file of a project, validated, with `${NAME}` filled in."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing

FILE_NAME = "ai_dataflow.toml"
CONFIG_VARIABLE = "AI_DATAFLOW_CONFIG"
_NOT_IN_FILE = ("folder", "file_name")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EntraIdentity(_Section):
    """Who to be towards Microsoft Entra ID; shared by storage accounts and databases.

    Nothing given means azure-identity's `DefaultAzureCredential`; `client_id` alone is a
    user-assigned managed identity; with `tenant_id` and a secret or a certificate (a path, PEM or
    PKCS #12) it is a service principal.
    """

    tenant_id: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    client_certificate: Path | None = None
    client_certificate_password: SecretStr | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        proofs = [bool(self.client_secret), bool(self.client_certificate)]
        if all(proofs):
            raise ValueError("has both client_secret and client_certificate: give one")
        if any(proofs) and not (self.tenant_id and self.client_id):
            raise ValueError("a service principal needs tenant_id and client_id")
        if self.client_certificate_password and not self.client_certificate:
            raise ValueError("has client_certificate_password without client_certificate")
        return self


class StorageAccount(EntraIdentity):
    """`[storage.<account>]`: how to get into a storage account, and where it answers.

    At most one of `account_key`, `sas_token`, `connection_string` and a service principal.
    `endpoint` is the account's Blob endpoint where that is not the public cloud's: Azurite, a
    sovereign cloud, a private link.
    """

    account_key: SecretStr | None = None
    sas_token: SecretStr | None = None
    connection_string: SecretStr | None = None
    endpoint: str = ""

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        keys = {
            "account_key": self.account_key,
            "sas_token": self.sas_token,
            "connection_string": self.connection_string,
            "client_id": self.client_id or self.tenant_id,
        }
        given = [name for name, value in keys.items() if value]
        if len(given) > 1:
            raise ValueError(f"has more than one credential ({', '.join(given)}): give one")
        if self.endpoint and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", self.endpoint):
            raise ValueError("its endpoint is no http(s) URL without user, query or fragment")
        if self.connection_string and self.endpoint:
            raise ValueError("has an endpoint beside a connection_string: put it in there")
        return self


class SqlConnection(EntraIdentity):
    """`[sql.<name>]`: a database, by SQLAlchemy URL. The URL may hold a password.

    `authentication = "entra"` signs in with a token of the given identity instead of a login.
    `odbc` is an ODBC connection string for bulk reads, where it cannot be made from the URL.
    `max_connections` limits the queries at once, `query_timeout` (seconds) each of them.
    """

    url: SecretStr
    authentication: Literal["login", "entra"] = "login"
    odbc: SecretStr | None = None
    max_connections: int = Field(default=4, ge=1, le=256)
    query_timeout: int = Field(default=3600, ge=1)


class WorkstationSettings(_Section):
    """`[workstation]`: where datasets are published; a folder or an object store URL."""

    url: str = "workstation"


class ExecutionSettings(_Section):
    """`[execution]`: how many partitions at once on this machine, and how patient to be.

    `retry_seconds` is how long a transient fault of a source or the workstation (throttling, a
    server that is away) is retried, with backoff, before it fails its partition.
    """

    workers: int = Field(default=8, ge=1, le=256)
    retry_seconds: int = Field(default=120, ge=0, le=280)
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
    storage: dict[str, StorageAccount] = {}
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
            message = item["msg"].removeprefix("Value error, ")
            problems.append(_invalid(file, setting, _uncapitalized(message), "correct its value"))
    return problems


def _known_names() -> list[str]:
    models = (
        Settings, StorageAccount, SqlConnection, WorkstationSettings, ExecutionSettings,
        ModuleSettings,
    )  # fmt: skip
    names = (name for model in models for name in model.model_fields)
    return sorted(set(names) - set(_NOT_IN_FILE))


def _uncapitalized(message: str) -> str:
    return message[:1].lower() + message[1:]
