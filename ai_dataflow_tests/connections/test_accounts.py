"""Getting into storage accounts: each with its own credential, whatever the environment says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections import accounts
from ai_dataflow.connections import identity as entra
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.identity import IdentityEndpoint
from ai_dataflow_tests.services.ports import ClosedPort
from ai_dataflow_tests.services.processes import unique
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.lake import ACCOUNT

FILES = ("rows.parquet", "rows.csv", "rows.jsonl.gz", "table")
SECRET = "aHVudGVyMg=="  # noqa: S105 - what must not appear
SIGNATURE = "huntersig2"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Forget identities, refusals and accounts that were down: other tests' are none of ours."""
    entra.forget()
    accounts.DOWN.clear()
    yield
    entra.forget()
    accounts.DOWN.clear()


@pytest.fixture
def container(azurite: Azurite) -> str:
    return _filled(azurite, ACCOUNT)


def _filled(server: Azurite, account: str) -> str:
    name = server.create_container(account)
    for path in FILES:
        lake.upload(server, name, path, account=account)
    return name


def _key(server: Azurite, container: str) -> dict[str, Any]:
    return {"account_key": server.keys[ACCOUNT], "endpoint": server.endpoint(ACCOUNT)}


def _sas(server: Azurite, container: str) -> dict[str, Any]:
    return {"sas_token": server.sas(ACCOUNT, container), "endpoint": server.endpoint(ACCOUNT)}


def _connection_string(server: Azurite, container: str) -> dict[str, Any]:
    from ai_dataflow.config.sections import expanded  # noqa: PLC0415

    return expanded(ACCOUNT, {"connection_string": server.connection_string(ACCOUNT)})


Means = Callable[[Azurite, str], Mapping[str, Any]]


@pytest.mark.parametrize("means", [_key, _sas, _connection_string])
@pytest.mark.parametrize("path", FILES)
def test_every_credential_opens_every_format(
    azurite: Azurite, container: str, means: Means, path: str
) -> None:
    given = lake.settings(**{ACCOUNT: means(azurite, container)})
    assert lake.load(lake.url(container, path), given).height == 2


NONSENSE = {
    "AZURE_STORAGE_ACCOUNT_NAME": "nosuchaccount", "AZURE_STORAGE_ACCOUNT_KEY": SECRET,
    "AZURE_STORAGE_ACCESS_KEY": SECRET, "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=nonsense",
    "AZURE_STORAGE_SAS_KEY": "sv=1&sig=nonsense", "AZURE_STORAGE_TOKEN": "nonsense",
    "AZURE_STORAGE_CLIENT_ID": "nonsense", "AZURE_STORAGE_CLIENT_SECRET": "nonsense",
    "AZURE_STORAGE_TENANT_ID": "nonsense", "AZURE_CLIENT_ID": "nonsense",
    "AZURE_CLIENT_SECRET": "nonsense", "AZURE_TENANT_ID": "nonsense",
    "AZURE_STORAGE_USE_EMULATOR": "true", "AZURE_USE_EMULATOR": "true",
    "AZURE_SKIP_SIGNATURE": "true", "AZURE_ENDPOINT": "http://127.0.0.1:1/x",
    "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1/x", "AZURE_STORAGE_CONNECTION_STRING": "nonsense",
    "AZURE_USE_FABRIC_ENDPOINT": "true", "AZURE_USE_AZURE_CLI": "true",
    "AZURE_CONTAINER_NAME": "nosuch", "AZURE_ALLOW_HTTP": "false", "AZURE_MSI_ENDPOINT": "http://x",
}  # fmt: skip


@pytest.mark.parametrize("means", [_key, _sas])
@pytest.mark.parametrize("path", FILES)
def test_the_environment_changes_nothing(
    azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch, means: Means, path: str
) -> None:
    for name, value in NONSENSE.items():
        if not (means is _sas and path == "table" and name.endswith(("ACCOUNT_KEY", "ACCESS_KEY"))):
            monkeypatch.setenv(name, value)
    given = lake.settings(**{ACCOUNT: means(azurite, container)})
    assert lake.load(lake.url(container, path), given).height == 2


@pytest.mark.parametrize("kind", ["ACCOUNT", "ACCESS", "MASTER"])
def test_a_key_in_the_environment_that_delta_would_take_is_refused(
    azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv(f"AZURE_STORAGE_{kind}_KEY", SECRET)
    given = lake.settings(**{ACCOUNT: _sas(azurite, container)})
    problem = lake.refusal(lake.url(container, "table"), given)
    assert problem.code == "SRC-011"
    assert f"unset AZURE_STORAGE_{kind}_KEY" in problem.message
    assert SECRET not in repr(problem)


def test_accounts_have_credentials_of_their_own(azurite: Azurite, container: str) -> None:
    other = _filled(azurite, "vegalake")
    wrong = {"account_key": SECRET, "endpoint": azurite.endpoint("lyralake")}
    given = lake.settings(
        orionlake=_sas(azurite, container),
        vegalake={
            "account_key": azurite.keys["vegalake"],
            "endpoint": azurite.endpoint("vegalake"),
        },
        lyralake=wrong,
    )
    third = _filled(azurite, "lyralake")
    for path in FILES:
        assert lake.load(lake.url(container, path), given).height == 2
        assert lake.refusal(lake.url(third, path, "lyralake"), given).code == "SRC-011"
        assert lake.load(lake.url(other, path, "vegalake"), given).height == 2


def _limited(permissions: str, hours: int = 1) -> Means:
    def means(server: Azurite, container: str) -> dict[str, Any]:
        sas = server.sas(ACCOUNT, container, permissions, timedelta(hours=hours))
        return {"sas_token": sas, "endpoint": server.endpoint(ACCOUNT)}

    return means


def _wrong_key(server: Azurite, container: str) -> dict[str, Any]:
    return {"account_key": SECRET, "endpoint": server.endpoint(ACCOUNT)}


def _wrong_signature(server: Azurite, container: str) -> dict[str, Any]:
    sas = server.sas(ACCOUNT, container).partition("sig=")[0] + f"sig={SIGNATURE}"
    return {"sas_token": sas, "endpoint": server.endpoint(ACCOUNT)}


@pytest.mark.proves(
    "read file",
    "denied",
    "SRC-006 or SRC-011; the message tells a missing right from a wrong credential",
)
@pytest.mark.parametrize(
    ("means", "path", "code", "says"),
    [
        (_wrong_key, "rows.csv", "SRC-011", "answered 403"),
        (_wrong_key, "table", "SRC-011", "answered 403"),
        (_wrong_key, "*.csv", "SRC-011", "answered 403"),
        (_wrong_signature, "rows.parquet", "SRC-011", "answered 403"),
        (_wrong_signature, "rows.*", "SRC-011", "answered 403"),
        (_limited("rl", hours=-1), "rows.csv", "SRC-011", "its sas_token was good until 20"),
        (_limited("rl", hours=-1), "*.csv", "SRC-011", "its sas_token was good until 20"),
        (_limited("r"), "table", "SRC-006", "to a list: `l` in its sas_token is missing"),
        (_limited("r"), "*.csv", "SRC-006", "to a list: `l` in its sas_token is missing"),
        (_limited("l"), "rows.csv", "SRC-006", "to a read: `r` in its sas_token is missing"),
        (_limited("l"), "*.csv", "SRC-006", "to a read: `r` in its sas_token is missing"),
        (_limited("l"), "*.parquet", "SRC-006", "to a read: `r` in its sas_token is missing"),
        (_limited("l"), "*.gz", "SRC-006", "to a read: `r` in its sas_token is missing"),
        (_limited("w"), "table", "SRC-006", "is missing"),
    ],
)
def test_a_credential_that_is_wrong_or_may_not_do_it_is_told_apart(
    azurite: Azurite, container: str, means: Means, path: str, code: str, says: str
) -> None:
    own = means(azurite, container)
    problem = lake.refusal(lake.url(container, path), lake.settings(**{ACCOUNT: own}))
    assert (problem.code, says in problem.message) == (code, True), problem.message
    assert f"account {ACCOUNT}" in problem.message
    _tells_no_secret(problem, own)


def _tells_no_secret(problem: Diagnostic, section: Mapping[str, Any]) -> None:
    shown = f"{problem} {problem!r} {problem.to_json()} {problem.to_error()}"
    secret = section.get("account_key") or section["sas_token"].partition("sig=")[2]
    assert secret not in shown
    assert "sig=" not in shown
    assert "http://" not in shown


@pytest.mark.parametrize("path", ["rows.csv", "rows.parquet", "table", "*"])
def test_a_container_or_an_account_that_is_not_there_is_a_source_that_is_missing(
    azurite: Azurite, path: str
) -> None:
    here = lake.url("nosuchcontainer", path)
    problem = lake.refusal(here, lake.with_key(azurite))
    assert (problem.code, "ContainerNotFound" in problem.message) == ("SRC-001", True)
    elsewhere = {"account_key": SECRET, "endpoint": azurite.endpoint("nosuchaccount")}
    given = lake.settings(nosuchaccount=elsewhere)
    problem = lake.refusal(lake.url("data", path, "nosuchaccount"), given)
    assert problem.code == "SRC-001"
    assert "account nosuchaccount" in problem.message


@pytest.mark.parametrize("path", ["rows.csv", "table", "*"])
def test_an_account_that_does_not_answer_is_no_fault_of_its_data(path: str) -> None:
    with ClosedPort() as nobody:
        own = {"account_key": SECRET, "endpoint": f"http://127.0.0.1:{nobody.port}/{ACCOUNT}"}
        problem = lake.refusal(lake.url("data", path), lake.settings(**{ACCOUNT: own}))
    assert problem.code == "SRC-012"
    assert f"account {ACCOUNT} does not answer" in problem.message
    _tells_no_secret(problem, own)


def test_without_an_identity_there_is_no_way_in(
    azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking for one takes seconds, once."""
    ask, asked = entra._ask, []
    monkeypatch.setattr(entra, "_ask", lambda *who: asked.append(who) or ask(*who))
    given = lake.settings(**{ACCOUNT: {"endpoint": azurite.endpoint(ACCOUNT)}})
    first = lake.refusal(lake.url(container, "rows.csv"), given)
    assert first.code == "SRC-011"
    assert f"no way into account {ACCOUNT}" in first.message
    for path in FILES:
        assert lake.refusal(lake.url(container, path), given).code == "SRC-011"
    assert len(asked) == 1


def test_a_certificate_that_cannot_be_read_is_no_way_in(
    azurite: Azurite, container: str, tmp_path: Path
) -> None:
    (tmp_path / "c.pem").write_text("no certificate")
    for name in ("c.pem", "nowhere.pem"):
        own = {"tenant_id": "t", "client_id": "c", "client_certificate": tmp_path / name}
        given = lake.settings(**{ACCOUNT: own | {"endpoint": azurite.endpoint(ACCOUNT)}})
        problem = lake.refusal(lake.url(container, "rows.csv"), given)
        assert problem.code == "SRC-011"
        assert "the client certificate cannot be used" in problem.message


@pytest.mark.slow
def test_a_service_principal_without_a_network_fails(
    azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://127.0.0.1:1")
    own = {"tenant_id": unique(), "client_id": "c", "client_secret": "hunterpw2",
           "endpoint": azurite.endpoint(ACCOUNT)}  # fmt: skip
    given = lake.settings(**{ACCOUNT: own})
    problem = lake.refusal(lake.url(container, "rows.csv"), given)
    assert problem.code in ("SRC-011", "SRC-012")
    assert "hunterpw2" not in repr(problem)


@pytest.fixture
def signed_in(
    azurite_tls: Azurite, identity: IdentityEndpoint, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Give settings of an account that is entered by a managed identity, over HTTPS."""
    assert azurite_tls.certificates
    monkeypatch.setenv("SSL_CERT_FILE", str(azurite_tls.certificates.authority))
    own = {"endpoint": azurite_tls.endpoint(ACCOUNT), "client_id": unique()}
    return lake.settings(2, **{ACCOUNT: own})


def test_a_managed_identity_opens_every_format_with_one_token(
    azurite_tls: Azurite, identity: IdentityEndpoint, signed_in: Settings
) -> None:
    container = _filled(azurite_tls, ACCOUNT)
    for path in FILES:
        assert lake.load(lake.url(container, path), signed_in).height == 2
    client = signed_in.storage[ACCOUNT].client_id
    assert identity.asked == [
        {"api-version": "2019-08-01", "resource": "https://storage.azure.com", "client_id": client}
    ]


@pytest.mark.parametrize("path", FILES)
def test_a_token_that_expires_is_renewed(
    azurite_tls: Azurite, identity: IdentityEndpoint, signed_in: Settings, path: str
) -> None:
    identity.lifetime = 4
    container = _filled(azurite_tls, ACCOUNT)
    extract = lake.pin(lake.url(container, path), signed_in)
    time.sleep(4.2)
    assert lake.read(extract, signed_in).height == 2
    assert len(identity.asked) > 1


def test_an_identity_that_is_refused_is_told(
    azurite_tls: Azurite, identity: IdentityEndpoint, signed_in: Settings
) -> None:
    identity.status = 400
    problem = lake.refusal(lake.url("data", "rows.csv"), signed_in)
    assert problem.code in ("SRC-011", "SRC-012")
    assert f"account {ACCOUNT}" in problem.message
