"""The sections of `ai_dataflow.toml`: what can be said of each account, database and the rest."""

from __future__ import annotations

import base64
import binascii
import os
import re
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote_plus
from zoneinfo import available_timezones

from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from ai_dataflow.config import blob_urls
from ai_dataflow.config.addresses import page_url

_LEAST_MEMORY = 256 * 10**6
_CGROUP = Path("/sys/fs/cgroup/memory.max")
_CRON = re.compile(r"([\d*/,A-Za-z?#-]+\s+){4}[\d*/,A-Za-z?#-]+")
_CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_LOGIN = re.compile(r"(?i)\b(pwd|password|uid|user)\s*=\s*(\{[^}]*\}|[^;&]*)")
_ENDPOINT = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")


class Section(BaseModel):
    """A section of the file: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EntraIdentity(Section):
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

    @property
    def identity(self) -> EntraIdentity:
        """The identity alone, without what a section says beside it: equal for all who share it."""
        values = {name: getattr(self, name) for name in EntraIdentity.model_fields}
        return EntraIdentity.model_construct(**values)

    @field_validator("*")
    @classmethod
    def _is_given(cls, value: Any) -> Any:
        """Refuse a blank secret, as from a variable that is set to nothing: who is meant then?"""
        if isinstance(value, SecretStr) and not value.get_secret_value().strip("? \n"):
            raise ValueError("is blank: set it, or leave it out")
        return value

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


class MappingSettings(Section):
    """`[mapping]`: how the mapping sheet is written; without a `dialect`, as Polars' SQL.

    `null_values` are words that stand for nothing, and `trim` takes blanks off texts, in every row
    that does not say it itself. The code lists in `ignore_case` match values in any case.
    """

    dialect: Literal["", "tsql", "spark", "postgres", "duckdb"] = ""
    null_values: tuple[str, ...] = ()
    trim: bool = False
    ignore_case: tuple[str, ...] = ()


class StorageAccount(EntraIdentity):
    """`[storage.<account>]`: how to get into a storage account, and where it answers.

    At most one of `account_key`, `sas_token` and an identity; `connection_string`, as the Azure
    portal shows it, is taken apart into the first two and the endpoint.
    `endpoint` is the account's Blob endpoint where that is not the public cloud's: Azurite, a
    sovereign cloud, a private link.
    """

    account_key: SecretStr | None = None
    sas_token: SecretStr | None = None
    endpoint: str = ""

    @field_validator("account_key")
    @classmethod
    def _is_base64(cls, key: SecretStr | None) -> SecretStr | None:
        try:
            base64.b64decode(key.get_secret_value() if key else "", validate=True)
        except binascii.Error:
            raise ValueError("is not Base64: copy it anew") from None
        return key

    @field_validator("sas_token")
    @classmethod
    def _is_signed(cls, sas: SecretStr | None) -> SecretStr | None:
        text = sas.get_secret_value().lstrip("?") if sas else ""
        if sas and not parse_qs(text).get("sig"):
            raise ValueError("has no signature (`sig=`): copy it anew")
        return SecretStr(text) if sas else None

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        given = {
            "account_key": self.account_key,
            "sas_token": self.sas_token,
            "client_id": self.client_id or self.tenant_id,
        }
        names = [name for name, value in given.items() if value]
        if len(names) > 1:
            raise ValueError(f"has more than one credential ({', '.join(names)}): give one")
        if self.endpoint and not _ENDPOINT.fullmatch(self.endpoint):
            raise ValueError("its endpoint is no http(s) URL without user, query or fragment")
        return self


class SqlConnection(EntraIdentity):
    """`[sql.<name>]`: a database, by SQLAlchemy URL. The URL may hold a password.

    `authentication = "entra"` signs in with a token of the given identity instead of a login.
    `odbc` is an ODBC connection string for bulk reads, where it cannot be made from the URL.
    `max_connections` limits the queries at once, `query_timeout` (seconds) each of them.
    `changes` has queries whose answer changes when a table's rows do, by `schema.table`;
    `:client` in them is the client's code.
    """

    url: SecretStr
    authentication: Literal["login", "entra"] = "login"
    odbc: SecretStr | None = None
    max_connections: int = Field(default=4, ge=1, le=256)
    query_timeout: int = Field(default=3600, ge=1)
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def where(self) -> str:
        """The URL without what lets somebody in: which database it is."""
        url = self.url.get_secret_value()
        kind, _, rest = url.partition("://")
        place, _, options = rest.rpartition("@")[2].partition("?")
        return f"{kind}://{place}?{_LOGIN.sub('', unquote_plus(options))}"

    def change_query(self, schema: str, table: str) -> str | None:
        """Give the query that tells whether a table changed, if there is one."""
        name = f"{schema}.{table}" if schema else table
        queries = {table_name.casefold(): query for table_name, query in self.changes}
        return queries.get(name.casefold())

    @field_validator("changes", mode="before")
    @classmethod
    def _are_queries(cls, changes: Any) -> Any:
        """Take a section of the file, `"dbo.orders" = "SELECT …"`; connections must hash."""
        return tuple(changes.items()) if isinstance(changes, dict) else changes

    @field_validator("url")
    @classmethod
    def _is_encoded(cls, url: SecretStr) -> SecretStr:
        """Refuse what would be taken apart in the wrong place: a password's end is no host."""
        kind, _, rest = url.get_secret_value().partition("?")[0].partition("://")
        server, _, path = rest.partition("/")
        if not kind.startswith("sqlite") and (server.count("@") > 1 or "@" in path):
            raise ValueError(
                "has a user or password whose special characters are not percent-encoded: "
                "`@` is %40, `/` is %2F, `:` is %3A"
            )
        return url


class WorkstationSettings(Section):
    """`[workstation]`: where datasets are published; a folder or an `abfss://` URL."""

    url: str = "workstation"

    @field_validator("url")
    @classmethod
    def _is_folder(cls, url: str) -> str:
        if not url.strip():
            raise ValueError("Is blank: the datasets would be among the project's own files")
        check_folder(url)
        return url


class ExecutionSettings(Section):
    """`[execution]`: where partitions are made, how many at once, and how patient to be.

    `engine` is `local`, processes of this machine, or `spark`, the tasks of a cluster. Partitions
    that together would take more than `max_memory` ("4 GB") do not run side by side; by default it
    is three quarters of what the machine, or its container, has. On a cluster each process has it.

    `retry_seconds` is how long a transient fault of a source or the workstation (throttling, a
    server that is away) is retried, with backoff, before it fails its partition. `read_timeout`
    is how many seconds a source may give nothing; a query for rows has its own limit,
    `query_timeout`.
    """

    workers: int = Field(default=8, ge=1, le=256)
    retry_seconds: int = Field(default=120, ge=0, le=280)
    read_timeout: int = Field(default=300, ge=1)
    engine: Literal["local", "spark"] = "local"
    max_memory: ByteSize | None = None

    @property
    def memory(self) -> int:
        """The memory that partitions may take together, in bytes."""
        return self.max_memory or machine_memory() * 3 // 4

    @field_validator("max_memory")
    @classmethod
    def _is_enough(cls, memory: ByteSize | None) -> ByteSize | None:
        if memory is not None and memory < _LEAST_MEMORY:
            raise ValueError('is too little: write "1 GB" or more')
        return memory


class SparkSettings(Section):
    """`[spark]`: the cluster of `engine = "spark"`.

    `remote` is a Spark Connect server (`sc://host:15002`, which may hold a token), or `databricks`
    for what Databricks Connect is set up for; `master` is a classic cluster (`spark://host:7077`).
    With neither it is the session of spark-submit or of `SPARK_REMOTE`. `conf` are settings of
    Spark, as Spark names them. `artifacts` are files that executors get from here: packages as
    `.zip` or `.py`, packed environments as `environment.tar.gz#environment`; relative to the file.
    """

    remote: SecretStr | None = None
    master: str = ""
    conf: dict[str, Any] = Field(default={}, repr=False)  # it may hold keys
    artifacts: tuple[str, ...] = ()

    @field_validator("remote")
    @classmethod
    def _is_a_server(cls, remote: SecretStr | None) -> SecretStr | None:
        url = remote.get_secret_value() if remote else "databricks"
        if url != "databricks" and not re.match(r"sc://[^/:;]", url):
            raise ValueError('is no Spark Connect server: write "sc://host:15002", or "databricks"')
        return remote

    @model_validator(mode="after")
    def _is_one_cluster(self) -> Self:
        if self.remote and self.master:
            raise ValueError("has both remote and master: give one")
        if twice := {"spark.remote", "spark.master"} & self.conf.keys():
            raise ValueError(f"has {min(twice)} under conf: it is {min(twice)[6:]} here")
        return self


class ScheduleSettings(Section):
    """`[schedule]`: when Dagster runs what changed; without the section it does so never by itself.

    `cron` has five fields, `timezone` is a name of the IANA database.
    """

    cron: str
    timezone: str = "UTC"

    @field_validator("cron")
    @classmethod
    def _has_five_fields(cls, cron: str) -> str:
        fields = cron.split()
        numbers = [[int(n) for n in re.findall(r"\d+", f.partition("/")[0])] for f in fields]
        is_within = all(
            low <= number <= high
            for in_field, (low, high) in zip(numbers, _CRON_RANGES, strict=False)
            for number in in_field
        )
        if not (_CRON.fullmatch(cron.strip()) and is_within):
            raise ValueError('is no cron schedule: "0 2 * * *" is every night at two')
        return cron.strip()

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, timezone: str) -> str:
        if timezone not in available_timezones():
            raise ValueError('is no time zone: write a name such as "Europe/Zurich"')
        return timezone


class DagsterSettings(Section):
    """`[dagster]`: `url` is where its web page answers, for the links in mails."""

    url: str = ""

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        return page_url(url)


class OpenLineageSettings(Section):
    """`[openlineage]`: the `namespace` of our jobs; where to send, its own variables say."""

    namespace: str = ""


def machine_memory() -> int:
    """Give the memory of this machine, or of the container that it is, in bytes."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        allowed = _CGROUP.read_text(encoding="ascii").strip()
    except OSError:
        return physical
    return min(physical, int(allowed)) if allowed.isdecimal() else physical


def expanded(account: str, section: dict[str, Any]) -> dict[str, Any]:
    """Replace a connection string by what it says: key or signature, and endpoint."""
    values = dict(section)
    text = values.pop("connection_string", None)
    if not isinstance(text, str):
        return section
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    if parts.get("AccountName", account) != account:
        raise ValueError(f"has under `{account}` the connection string of another account")
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    said = {
        "account_key": parts.get("AccountKey"),
        "sas_token": parts.get("SharedAccessSignature"),
        "endpoint": parts.get("BlobEndpoint")
        or f"{parts.get('DefaultEndpointsProtocol', 'https')}://{account}.blob.{suffix}",
    }
    if twice := [name for name, value in said.items() if value and name in values]:
        raise ValueError(f"has under `{account}` a connection_string and {twice[0]}: give one")
    if not (said["account_key"] or said["sas_token"]):
        raise ValueError(f"has under `{account}` a connection string without a key: copy it anew")
    return values | {name: value for name, value in said.items() if value}


def check_folder(url: str, whose: str = "") -> None:
    """Refuse a URL that is neither a path nor `abfss://`."""
    if blob_urls.is_blob_url(url):
        blob_urls.parse(url)
    elif "://" in url:
        near = blob_urls.suggestion(url)
        raise ValueError(f"the URL {whose}is none that can be read: write a path or {near}")
