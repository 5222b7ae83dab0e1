"""The proxy passes everything, and goes wrong exactly as told."""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress

import pytest
from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import ContainerClient

from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.ports import ClosedPort, ResettingPort, SilentPort
from ai_dataflow_tests.services.processes import HOST
from ai_dataflow_tests.services.proxy import Answer, FaultyProxy, Reset, Stall, Truncate

ACCOUNT = "orionlake"
BODY = bytes(range(256)) * 1024


@pytest.fixture
def client(azurite: Azurite, proxy: FaultyProxy) -> ContainerClient:
    container = azurite.create_container(ACCOUNT)
    azurite.upload(ACCOUNT, container, "a.bin", BODY)
    return ContainerClient(
        proxy.endpoint(ACCOUNT),
        container,
        credential={"account_name": ACCOUNT, "account_key": azurite.keys[ACCOUNT]},
        retry_total=0,
    )


def _target(azurite: Azurite, client: ContainerClient) -> str:
    """Give the path and the SAS by which plain HTTP gets at the blob."""
    name = client.container_name
    return f"/{ACCOUNT}/{name}/a.bin?{azurite.sas(ACCOUNT, name, 'rw')}"


def test_what_is_not_told_passes(client: ContainerClient, proxy: FaultyProxy) -> None:
    client.upload_blob("b.bin", BODY)
    assert client.download_blob("b.bin").readall() == BODY
    assert client.get_blob_client("b.bin").get_blob_properties().size == len(BODY)
    assert list(client.list_blob_names()) == ["a.bin", "b.bin"]
    client.delete_blob("b.bin")
    seen = [(r.method, r.status, r.is_listing) for r in proxy.requests]
    assert seen == [
        ("PUT", 201, False),
        ("GET", 206, False),
        ("HEAD", 200, False),
        ("GET", 200, True),
        ("DELETE", 202, False),
    ]


def test_a_connection_is_kept_and_takes_chunks(
    azurite: Azurite, client: ContainerClient, proxy: FaultyProxy
) -> None:
    target = _target(azurite, client)
    connection = http.client.HTTPConnection(HOST, proxy.port)
    connection.connect()
    first = connection.sock
    for method in ("GET", "HEAD", "GET"):
        connection.request(method, target)
        assert connection.getresponse().read() == (b"" if method == "HEAD" else BODY)
    pieces = (BODY[start : start + 1000] for start in range(0, len(BODY), 1000))
    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-08-06"}
    connection.request("PUT", target, body=pieces, headers=headers, encode_chunked=True)
    assert connection.getresponse().read() == b""
    assert connection.sock is first
    assert client.download_blob("a.bin").readall() == BODY
    connection.close()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(403), "AuthorizationPermissionMismatch"),
        (Answer(429, retry_after=1), "TooManyRequests"),
        (Answer(500), "InternalError"),
        (Answer(503), "ServerBusy"),
        (Answer(403, "AuthenticationFailed"), "AuthenticationFailed"),
    ],
)
def test_it_answers_in_the_servers_place(
    client: ContainerClient, proxy: FaultyProxy, answer: Answer, code: str
) -> None:
    proxy.inject(answer)
    with pytest.raises(HttpResponseError) as refused:
        client.download_blob("a.bin")
    assert (refused.value.status_code, refused.value.error_code) == (answer.status, code)


def test_only_the_chosen_requests_go_wrong(client: ContainerClient, proxy: FaultyProxy) -> None:
    proxy.inject(Answer(503), method="GET", path="comp=list", skip=1, times=2)
    statuses = []
    for _ in range(5):
        client.download_blob("a.bin").readall()
        with suppress(HttpResponseError):
            list(client.list_blob_names())
        statuses.append(proxy.requests[-1].status)
    assert statuses == [200, 503, 503, 200, 200]


def test_it_stalls(client: ContainerClient, proxy: FaultyProxy) -> None:
    proxy.inject(Stall(0.3), times=1)
    assert client.exists()
    assert (proxy.stalled, proxy.stalled_at_once) == (1, 1)


def test_it_breaks_off_a_body(
    azurite: Azurite, client: ContainerClient, proxy: FaultyProxy
) -> None:
    proxy.inject(Truncate(1000))
    connection = http.client.HTTPConnection(HOST, proxy.port)
    connection.request("GET", _target(azurite, client))
    response = connection.getresponse()
    assert response.getheader("Content-Length") == str(len(BODY))
    with pytest.raises(http.client.IncompleteRead) as short:
        response.read()
    assert short.value.partial == BODY[:1000]


@pytest.mark.parametrize("late", [False, True])
def test_it_resets_before_or_after_the_server_has_acted(
    azurite: Azurite, client: ContainerClient, proxy: FaultyProxy, late: bool
) -> None:
    proxy.inject(Reset(late=late), method="PUT")
    with pytest.raises(AzureError, match="reset by peer"):
        client.upload_blob("b.bin", b"x")
    assert ("b.bin" in azurite.blobs(ACCOUNT, client.container_name)) == late


def test_a_server_that_is_away_is_a_reset() -> None:
    with ClosedPort() as closed, FaultyProxy(closed.port) as proxy:
        connection = http.client.HTTPConnection(HOST, proxy.port)
        connection.request("GET", "/")
        with pytest.raises(ConnectionResetError):
            connection.getresponse()


def test_ports_refuse_keep_silent_and_reset() -> None:
    with ClosedPort() as closed, pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, closed.port), 1)
    with SilentPort() as silent, socket.create_connection((HOST, silent.port), 0.1) as client:
        client.sendall(b"hello")
        with pytest.raises(TimeoutError):
            client.recv(1)
    # The reset may come before the client knows that it is connected.
    with (
        ResettingPort() as resetting,
        pytest.raises(ConnectionResetError),
        socket.create_connection((HOST, resetting.port), 1) as client,
    ):
        client.recv(1)
