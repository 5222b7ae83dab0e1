"""`[storage.<account>]`: one credential and an endpoint, checked, and never shown."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.sections import SqlConnection, StorageAccount
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow_tests.projects import text_file

FILE = "ai_dataflow.toml"
KEY = base64.b64encode(b"hunter2 hunter2 hunter2").decode()
SIGNATURE = "huntersig2"
SAS = f"sv=2024-11-04&se=2030-01-01&sr=c&sp=rl&sig={SIGNATURE}"
SECRETS = (KEY, SIGNATURE, "huntersecret2")
PUBLIC = "https://lake.blob.core.windows.net"


def _load(folder: Path, section: str) -> Settings:
    return load_settings(text_file(folder, FILE, f"[storage.lake]\n{section}\n"))


def _problem(folder: Path, toml: str) -> Diagnostic:
    with pytest.raises(DataflowError) as error:
        load_settings(text_file(folder, FILE, toml))
    (problem,) = error.value.diagnostics
    return problem


def _told(section: StorageAccount) -> dict[str, str]:
    """Give what is set in a section, the secrets too."""
    given = {name: getattr(section, name) for name in StorageAccount.model_fields}
    shown = {n: v.get_secret_value() if hasattr(v, "get_secret_value") else v
             for n, v in given.items()}  # fmt: skip
    return {name: str(value) for name, value in shown.items() if value}


@pytest.mark.parametrize(
    ("section", "means"),
    [
        ("", {}),
        (f'account_key = "{KEY}"', {"account_key": KEY}),
        (f'sas_token = "{SAS}"', {"sas_token": SAS}),
        (f'sas_token = "?{SAS}"', {"sas_token": SAS}),
        ('client_id = "1-2"', {"client_id": "1-2"}),
        (
            'tenant_id = "t"\nclient_id = "c"\nclient_secret = "huntersecret2"',
            {"tenant_id": "t", "client_id": "c", "client_secret": "huntersecret2"},
        ),
        (
            'tenant_id = "t"\nclient_id = "c"\nclient_certificate = "/etc/c.pem"',
            {"tenant_id": "t", "client_id": "c", "client_certificate": "/etc/c.pem"},
        ),
        (
            'endpoint = "http://127.0.0.1:10000/lake"',
            {"endpoint": "http://127.0.0.1:10000/lake"},
        ),
        (
            f'connection_string = "DefaultEndpointsProtocol=https;AccountName=lake;'
            f'AccountKey={KEY};EndpointSuffix=core.windows.net"',
            {"account_key": KEY, "endpoint": PUBLIC},
        ),
        (
            f'connection_string = "AccountName=lake;AccountKey={KEY};EndpointSuffix='
            'core.chinacloudapi.cn;"',
            {"account_key": KEY, "endpoint": "https://lake.blob.core.chinacloudapi.cn"},
        ),
        (
            f'connection_string = "BlobEndpoint={PUBLIC}/;QueueEndpoint=https://q;'
            f'SharedAccessSignature={SAS}"',
            {"sas_token": SAS, "endpoint": f"{PUBLIC}/"},
        ),
        (
            f'connection_string = "BlobEndpoint=http://127.0.0.1:1/lake;AccountName=lake;'
            f'AccountKey={KEY};"',
            {"account_key": KEY, "endpoint": "http://127.0.0.1:1/lake"},
        ),
    ],
)
def test_a_section_is_a_credential_and_an_endpoint(
    tmp_path: Path, section: str, means: dict[str, str]
) -> None:
    settings = _load(tmp_path, section)
    assert _told(settings.storage["lake"]) == means
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (f'account_key = "{KEY}"\nsas_token = "{SAS}"', "more than one credential"),
        (f'account_key = "{KEY}"\nclient_id = "c"', "account_key, client_id"),
        (f'sas_token = "{SAS}"\ntenant_id = "t"', "more than one credential"),
        ('account_key = "huntersecret2!"', "is not Base64"),
        ('account_key = ""', "is blank"),
        ('sas_token = ""', "is blank"),
        ('sas_token = "sv=2024&sp=rl"', "has no signature"),
        ('sas_token = "huntersecret2"', "has no signature"),
        ('sas_token = "sv=2024&sig="', "has no signature"),
        ('client_secret = "huntersecret2"', "needs tenant_id and client_id"),
        ('client_id = "c"\nclient_secret = "huntersecret2"', "needs tenant_id and client_id"),
        ('client_id = "c"\nclient_certificate = "c.pem"', "needs tenant_id and client_id"),
        ('client_certificate_password = "huntersecret2"', "without client_certificate"),
        (
            'tenant_id = "t"\nclient_id = "c"\nclient_secret = "huntersecret2"\n'
            'client_certificate = "c.pem"',
            "both client_secret and client_certificate",
        ),
        ('endpoint = "lake.blob.core.windows.net"', "no http(s) URL"),
        (f'endpoint = "{PUBLIC}?{SAS}"', "no http(s) URL"),
        ('endpoint = "https://user:huntersecret2@host"', "no http(s) URL"),
        ('endpoint = "ftp://host"', "no http(s) URL"),
        (f'connection_string = "AccountName=other;AccountKey={KEY}"', "of another account"),
        (f'connection_string = "AccountName=lake;AccountKey={KEY}"\naccount_key = "{KEY}"',
         "a connection_string and account_key"),
        (f'connection_string = "AccountName=lake;AccountKey={KEY}"\nendpoint = "{PUBLIC}"',
         "a connection_string and endpoint"),
        (f'connection_string = "AccountName=lake;AccountKey={KEY}"\nsas_token = "{SAS}"',
         "more than one credential"),
        ('connection_string = "AccountName=lake;EndpointSuffix=core.windows.net"', "without a key"),
        ('connection_string = "huntersecret2"', "without a key"),
        ('connection_string = ""', "without a key"),
        ('connection_string = ["huntersecret2"]', "string"),
        (f'acount_key = "{KEY}"', "did you mean `account_key`?"),
        ('connection_sting = "huntersecret2"', "did you mean `connection_string`?"),
        ('sas = "huntersecret2"', "is not a setting"),
        ('account_key = ["huntersecret2"]', "string"),
    ],
)  # fmt: skip
def test_a_section_that_cannot_be_meant_is_refused_in_its_place(
    tmp_path: Path, section: str, says: str
) -> None:
    problem = _problem(tmp_path, f"[storage.lake]\n{section}\n")
    assert problem.code == "CFG-003"
    assert problem.place.startswith(f"{FILE}:storage")
    assert says in problem.message
    assert "lake" in problem.message
    shown = f"{problem} {problem!r} {problem.to_json()} {problem.to_error()}"
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (f'[storage]\naccount_key = "{KEY}"', "`storage.account_key`"),
        ('[storage.Orion_Lake]\nclient_id = "c"', "can be no storage account's name"),
        ('[storage."lake.blob.core.windows.net"]\nclient_id = "c"', "can be no storage account"),
        ('[mounts]\nlake = "https://lake.blob.core.windows.net/data?sig=huntersig2"',
         "abfss://data@lake.dfs.core.windows.net/"),
        ('[mounts]\nlake = "abfss://data@lake.dfs.core.windows.net/x?sig=huntersig2"',
         "has a signature"),
        ('[mounts]\nlake = "abfss://DATA@lake.dfs.core.windows.net"', "`DATA` can be no container"),
        ('[workstation]\nurl = "wasbs://ai@ws.blob.core.windows.net/x"',
         "abfss://ai@ws.dfs.core.windows.net/x"),
        ('[workstation]\nurl = "abfss://ws.dfs.core.windows.net/x"', "is not of the form"),
        ('[execution]\nretry_seconds = 281', "must be from 0 to 280"),
        ('[execution]\nretry_seconds = -1', "must be from 0 to 280"),
    ],
)  # fmt: skip
def test_other_sections_that_name_storage_are_checked(tmp_path: Path, toml: str, says: str) -> None:
    problem = _problem(tmp_path, toml)
    assert problem.code == "CFG-003"
    assert says in problem.message
    shown = f"{problem} {problem!r} {problem.to_json()}"
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize("section", ["storage.lake", "sql.policydb"])
def test_a_certificate_is_relative_to_the_file_that_names_it(tmp_path: Path, section: str) -> None:
    own = 'tenant_id = "t"\nclient_id = "c"\nclient_certificate = "own/c.pem"\n'
    url = 'url = "sqlite://"\n' if section.startswith("sql") else ""
    settings = load_settings(text_file(tmp_path, FILE, f"[{section}]\n{own}{url}"))
    (found,) = [*settings.storage.values(), *settings.sql.values()]
    assert found.client_certificate == tmp_path / "own/c.pem"


@pytest.mark.parametrize("secret", ["hunter2@x", "hunter2/x", "hunter2/x@y", "hunter2:/x"])
def test_a_password_that_is_not_percent_encoded_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ValidationError, match="percent-encoded") as error:
        SqlConnection(url=SecretStr(f"postgresql+psycopg://reader:{secret}@db.example.org/policy"))
    assert "hunter2" not in str(error.value.errors(include_input=False))


@pytest.mark.parametrize(
    "url",
    ["sqlite:///data/a@b.sqlite", "postgresql://reader:p%40ss%2Fw@db.example.org/policy",
     "mssql+pyodbc:///?odbc_connect=UID=reader@policy", "postgresql://db.example.org/policy"],
)  # fmt: skip
def test_other_urls_are_taken(url: str) -> None:
    assert SqlConnection(url=SecretStr(url)).url.get_secret_value() == url
