"""Microsoft Entra ID in small: tokens that Azurite accepts, and a managed identity's endpoint."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from ai_dataflow_tests.services.processes import HOST, unique

STORAGE = "https://storage.azure.com"
_ISSUER = "https://sts.windows.net/00000000-0000-0000-0000-000000000000/"


def forge_token(audience: str = STORAGE, lifetime: float = 3600, **claims: Any) -> str:
    """Make a token that is well formed and signed by nobody; Azurite asks for no more.

    It expires `lifetime` seconds from now; with a negative one it has expired.
    """
    now = int(time.time())
    start = now - 3600 + min(int(lifetime), 0)
    body = {"aud": audience, "iss": _ISSUER, "iat": start, "nbf": start, "exp": now + int(lifetime)}
    parts = ({"alg": "RS256", "typ": "JWT"}, body | {"jti": unique()} | claims)
    return ".".join([*(_encoded(json.dumps(part).encode()) for part in parts), _encoded(b"forged")])


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class IdentityEndpoint:
    """The managed identity of an Azure App Service: it hands out forged tokens, and counts them.

    With `environment()` set, azure-identity's `DefaultAzureCredential` uses it. `lifetime` (in
    seconds) and `status` (of its answers) may be changed at any time. `asked` are the queries:
    `resource`, and `client_id` for a user-assigned identity.
    """

    def __init__(self, lifetime: float = 3600) -> None:
        self.lifetime = lifetime
        self.status = 200
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str] = []
        self._secret = unique("header")
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """Give the variables by which azure-identity knows an App Service."""
        url = f"http://{HOST}:{self.port}/msi/token"
        return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": self._secret}

    def answer(self, target: str, secret: str | None) -> tuple[int, dict[str, Any]]:
        """Answer a request: a token for the resource that it asks for."""
        query = {name: values[-1] for name, values in parse_qs(urlsplit(target).query).items()}
        self.asked.append(query)
        if secret != self._secret:
            return 401, {"statusCode": 401, "message": "X-IDENTITY-HEADER is wrong"}
        if self.status != 200:
            return self.status, {"statusCode": self.status, "message": "no identity for you"}
        resource = query["resource"]
        self.tokens.append(forge_token(resource, self.lifetime))
        return 200, {
            "access_token": self.tokens[-1],
            "expires_on": str(int(time.time() + self.lifetime)),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _handler(endpoint: Self) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is taken
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                secret = self.headers.get("X-IDENTITY-HEADER")
                status, content = endpoint.answer(self.path, secret)
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """`asked` is the log."""

        return Handler
