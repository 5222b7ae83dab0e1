"""Azurite: Azure Storage's Blob API for several accounts, that can be killed and comes back."""

from __future__ import annotations

import base64
import http.client
import re
import secrets
import shutil
import signal
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from azure.storage.blob import BlobServiceClient, ContainerClient, generate_container_sas

from ai_dataflow_tests.services.processes import (
    HOST,
    NODE_MODULES,
    Process,
    ServiceError,
    free_port,
    listens,
    own_folder,
    remove_folder,
    unique,
    wait_until,
)
from ai_dataflow_tests.services.tls import Certificates, make_certificates
from ai_dataflow_tests.services.traffic import Request

ACCOUNTS = ("orionlake", "vegalake", "lyralake", "workstation")
_SERVER = NODE_MODULES / "azurite" / "dist" / "src" / "blob" / "main.js"
_DURABLE = Path(__file__).with_name("azurite_durable.js")
_LOGGED = re.compile(r'"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+" (?P<status>\d+|-)')


class Azurite:
    """An Azurite server with its accounts; in a `with` block it starts, and leaves nothing.

    What it has acknowledged it still has after `stop` or `kill` and `start`, on the same port.
    With `tls` it speaks HTTPS and accepts bearer tokens (`identity.forge_token`): clients have to
    trust `certificates.authority`.
    """

    def __init__(self, accounts: Iterable[str] = ACCOUNTS, *, tls: bool = False) -> None:
        if not _SERVER.is_file() or not (node := shutil.which("node")):
            raise ServiceError.not_installed("Azurite")
        self.keys = {name: base64.b64encode(secrets.token_bytes(64)).decode() for name in accounts}
        self.port = free_port()
        self.folder = own_folder("azurite")
        self.certificates: Certificates | None = make_certificates(self.folder) if tls else None
        self._log = self.folder / "access.log"
        self._command = [node, "--require", _DURABLE, _SERVER, *self._options()]
        self._process: Process | None = None

    def _options(self) -> list[str | Path]:
        options: list[str | Path] = ["--skipApiVersionCheck", "--disableTelemetry"]
        options += ["--blobHost", HOST, "--blobPort", str(self.port), "--location", self.folder]
        if files := self.certificates:
            options += ["--cert", files.certificate, "--key", files.key, "--oauth", "basic"]
        return options

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.end(signal.SIGKILL)  # at once: nobody wants its data
        remove_folder(self.folder)

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        return self._running.pid

    @property
    def _running(self) -> Process:
        if not self._process:
            raise ServiceError("Azurite was not started")
        return self._process

    def start(self) -> None:
        """Start the server and wait until it answers."""
        accounts = ";".join(f"{name}:{key}" for name, key in self.keys.items())
        self._process = Process(self._command, self._log, env={"AZURITE_ACCOUNTS": accounts})
        self._process.wait_until_ready(lambda: listens(self.port))

    def stop(self) -> None:
        """End the server in order; takes a second."""
        self._running.end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server: connections break off, what it acknowledged is kept."""
        self.resume()
        self._running.end(signal.SIGUSR2)

    def pause(self) -> None:
        """Stop the clock for the server: it accepts connections and does not answer."""
        self._running.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._running.send(signal.SIGCONT)

    def endpoint(self, account: str) -> str:
        """Give an account's Blob endpoint."""
        return f"{'https' if self.certificates else 'http'}://{HOST}:{self.port}/{account}"

    def connection_string(self, account: str) -> str:
        """Give an account's connection string, with its key."""
        endpoint = self.endpoint(account)
        return (
            f"DefaultEndpointsProtocol={endpoint.partition(':')[0]};AccountName={account};"
            f"AccountKey={self.keys[account]};BlobEndpoint={endpoint};"
        )

    def sas(
        self,
        account: str,
        container: str,
        permissions: str = "rl",
        expiry: timedelta = timedelta(hours=1),
    ) -> str:
        """Give a SAS token (without `?`) for a container; a negative `expiry` is an expired one."""
        return generate_container_sas(
            account,
            container,
            account_key=self.keys[account],
            permission=permissions,
            start=datetime.now(UTC) - timedelta(days=1),
            expiry=datetime.now(UTC) + expiry,
        )

    def service(self, account: str, **options: Any) -> BlobServiceClient:
        """Give a client with the account's key; without retries, so that tests see what happens."""
        if self.certificates:
            options["connection_verify"] = str(self.certificates.authority)
        key = {"account_name": account, "account_key": self.keys[account]}
        given = {"credential": key, "retry_total": 0, **options}
        return BlobServiceClient(self.endpoint(account), **given)

    def container(self, account: str, name: str, **options: Any) -> ContainerClient:
        """Give a client for a container."""
        return self.service(account, **options).get_container_client(name)

    def create_container(self, account: str, name: str = "") -> str:
        """Create a container; without a name one with a unique name. Give its name."""
        name = name or unique()
        self.container(account, name).create_container()
        return name

    def upload(self, account: str, container: str, path: str, content: bytes) -> None:
        """Write a blob, over an earlier one."""
        self.container(account, container).upload_blob(path, content, overwrite=True)

    def upload_folder(self, account: str, container: str, folder: Path, prefix: str = "") -> None:
        """Write all files of a folder as blobs, with their paths in the folder after `prefix`."""
        client = self.container(account, container)
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = f"{prefix}{file.relative_to(folder).as_posix()}"
            client.upload_blob(name, file.read_bytes(), overwrite=True)

    def download(self, account: str, container: str, path: str) -> bytes:
        """Read a blob."""
        return self.container(account, container).download_blob(path).readall()

    def delete(self, account: str, container: str, path: str) -> None:
        """Delete a blob."""
        self.container(account, container).delete_blob(path)

    def blobs(self, account: str, container: str, prefix: str = "") -> list[str]:
        """Give the paths of a container's blobs, in order."""
        return sorted(self.container(account, container).list_blob_names(name_starts_with=prefix))

    def requests(self, part: str = "") -> list[Request]:
        """Give the requests that the server has answered since it was made, oldest first.

        Those whose path contains `part`, say `/orionlake/<container>`; all but our own probes.
        """
        self._let_the_log_catch_up()
        log = self._log.read_text(encoding="utf-8", errors="replace")
        found = [
            Request(m["method"], m["target"], int(m["status"]) if m["status"] != "-" else None)
            for m in _LOGGED.finditer(log)
        ]
        return [r for r in found if "probe" not in r.query and part in r.path]

    def _let_the_log_catch_up(self) -> None:
        """Send a request that we recognize: what was answered before it is in the log before it."""
        probe = f"/?probe={unique()}"
        connection = self._connection()
        connection.request("GET", probe)
        connection.getresponse().read()
        connection.close()
        if not wait_until(lambda: probe in self._log.read_text(encoding="utf-8"), 5):
            raise ServiceError("Azurite writes no access log")

    def _connection(self) -> http.client.HTTPConnection:
        if not self.certificates:
            return http.client.HTTPConnection(HOST, self.port, timeout=10)
        context = ssl.create_default_context(cafile=str(self.certificates.authority))
        return http.client.HTTPSConnection(HOST, self.port, timeout=10, context=context)
