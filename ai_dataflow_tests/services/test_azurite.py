"""Azurite behaves as the tests that build on it expect."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient

from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.identity import IdentityEndpoint, forge_token

ACCOUNT = "orionlake"


@pytest.fixture
def own() -> Iterator[Azurite]:
    with Azurite([ACCOUNT]) as server:
        yield server


class _Forged:
    """A credential that gives the token that it was given."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_: object, **__: object) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


def test_what_was_acknowledged_survives_a_kill_and_a_stop(own: Azurite) -> None:
    container = own.create_container(ACCOUNT)
    own.upload(ACCOUNT, container, "claims/a b.csv", b"1")
    own.kill()
    with pytest.raises(ServiceRequestError):
        own.blobs(ACCOUNT, container)
    own.start()
    own.upload(ACCOUNT, container, "claims/c.csv", b"2")
    own.stop()
    own.start()
    assert own.blobs(ACCOUNT, container) == ["claims/a b.csv", "claims/c.csv"]
    assert own.download(ACCOUNT, container, "claims/a b.csv") == b"1"


def test_a_paused_server_answers_when_it_goes_on(own: Azurite) -> None:
    container = own.create_container(ACCOUNT)
    own.pause()
    with pytest.raises(AzureError):
        own.container(ACCOUNT, container, read_timeout=0.2).get_container_properties()
    own.resume()
    assert own.blobs(ACCOUNT, container) == []


def test_a_folder_is_uploaded_with_its_paths(azurite: Azurite, tmp_path: Path) -> None:
    (tmp_path / "claims" / "line").mkdir(parents=True)
    (tmp_path / "claims" / "line" / "acme.csv").write_bytes(b"x")
    container = azurite.create_container("vegalake")
    azurite.upload_folder("vegalake", container, tmp_path, prefix="data/")
    assert azurite.blobs("vegalake", container) == ["data/claims/line/acme.csv"]


def test_requests_are_counted_at_the_server(azurite: Azurite) -> None:
    container = azurite.create_container(ACCOUNT)
    azurite.upload(ACCOUNT, container, "a b.csv", b"x")
    azurite.blobs(ACCOUNT, container)
    azurite.blobs(ACCOUNT, container)
    seen = azurite.requests(container)
    assert [(r.method, r.status, r.is_listing) for r in seen] == [
        ("PUT", 201, False),
        ("PUT", 201, False),
        ("GET", 200, True),
        ("GET", 200, True),
    ]
    assert seen[1].path == f"/{ACCOUNT}/{container}/a b.csv"


@pytest.mark.parametrize(
    ("permissions", "expiry"), [("r", timedelta(hours=1)), ("rl", timedelta(hours=-1))]
)
def test_a_sas_without_list_or_past_its_time_lists_nothing(
    azurite: Azurite, permissions: str, expiry: timedelta
) -> None:
    container = azurite.create_container(ACCOUNT)
    token = azurite.sas(ACCOUNT, container, permissions, expiry)
    with pytest.raises(HttpResponseError) as refused:
        list(azurite.container(ACCOUNT, container, credential=token).list_blob_names())
    assert refused.value.status_code == 403


def test_a_sas_with_list_lists(azurite: Azurite) -> None:
    container = azurite.create_container(ACCOUNT)
    token = azurite.sas(ACCOUNT, container, "rl")
    assert not list(azurite.container(ACCOUNT, container, credential=token).list_blob_names())


def _with_token(server: Azurite, container: str, token: str) -> ContainerClient:
    return server.container(ACCOUNT, container, credential=_Forged(token))


def test_a_token_opens_the_account_until_it_expires(azurite_tls: Azurite) -> None:
    container = azurite_tls.create_container(ACCOUNT)
    _with_token(azurite_tls, container, forge_token()).upload_blob("a.csv", b"x")
    assert azurite_tls.blobs(ACCOUNT, container) == ["a.csv"]
    for bad in (forge_token(lifetime=-1), forge_token("https://database.windows.net")):
        with pytest.raises(ClientAuthenticationError):
            _with_token(azurite_tls, container, bad).get_container_properties()


def test_a_managed_identity_opens_the_account(
    azurite_tls: Azurite, identity: IdentityEndpoint
) -> None:
    container = azurite_tls.create_container(ACCOUNT)
    credential = DefaultAzureCredential()
    for _ in range(2):
        azurite_tls.container(ACCOUNT, container, credential=credential).get_container_properties()
    assert [query["resource"] for query in identity.asked] == ["https://storage.azure.com"]
