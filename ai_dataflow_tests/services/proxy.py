"""An HTTP proxy that goes wrong as told: errors, delays, answers cut short, resets."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ai_dataflow_tests.services.ports import reset_on_close
from ai_dataflow_tests.services.processes import HOST
from ai_dataflow_tests.services.traffic import Request

_CODES = {
    403: "AuthorizationPermissionMismatch",
    404: "BlobNotFound",
    409: "BlobAlreadyExists",
    412: "ConditionNotMet",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServerBusy",
}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "te", "upgrade"}
_CHUNK = 1 << 16
_PATIENCE = 60


@dataclass(frozen=True)
class Answer:
    """Answer in the server's place, as Azure Storage words it; the server hears nothing."""

    status: int
    code: str = ""
    retry_after: int | None = None

    @property
    def body(self) -> bytes:
        """The error in Azure Storage's XML."""
        code = self.code or _CODES.get(self.status, "InternalError")
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{code}</Code><Message>{code}: the proxy was told so.</Message></Error>"
        ).encode()

    @property
    def headers(self) -> dict[str, str]:
        """What Azure Storage sends with an error."""
        headers = {"x-ms-error-code": self.code or _CODES.get(self.status, "InternalError")}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return headers | {"Content-Type": "application/xml", "Content-Length": str(len(self.body))}


@dataclass(frozen=True)
class Stall:
    """Wait before the request is passed on."""

    seconds: float


@dataclass(frozen=True)
class Truncate:
    """Announce the whole body of the server's answer and break off after some bytes of it.

    The connection ends in order, or with `reset` it does not.
    """

    after: int
    reset: bool = False


@dataclass(frozen=True)
class Reset:
    """Reset the connection; with `late` after the server has done what it was asked."""

    late: bool = False


Fault = Answer | Stall | Truncate | Reset


@dataclass
class _Rule:
    fault: Fault
    matches: Callable[[Request], bool]
    skip: int
    times: int | None

    def strikes(self, request: Request) -> bool:
        if not self.matches(request):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


class FaultyProxy:
    """An HTTP proxy in front of a server of this machine; without rules it passes everything.

    Signatures of Azure's shared keys cover the path and not the host: an account's endpoint is
    `proxy.endpoint("orionlake")` instead of the server's. `stalled` requests waited and were passed
    on; `stalled_at_once` is the most that waited together.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.stalled = self.stalled_at_once = 0
        self._stalling = 0
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.sever()

    def endpoint(self, account: str) -> str:
        """Give an account's Blob endpoint behind this proxy."""
        return f"http://{HOST}:{self.port}/{account}"

    def inject(
        self,
        fault: Fault,
        *,
        method: str = "",
        path: str = "",
        when: Callable[[Request], bool] | None = None,
        skip: int = 0,
        times: int | None = None,
    ) -> None:
        """Let requests go wrong: those of `method`, whose path or query matches the pattern `path`.

        The first `skip` of them pass, the next `times` (all, if None) get the fault. Of several
        rules the first that strikes counts.
        """

        def matches(request: Request) -> bool:
            return (
                method in ("", request.method)
                and bool(re.search(path, request.target))
                and (when is None or when(request))
            )

        with self._lock:
            self._rules.append(_Rule(fault, matches, skip, times))

    def clear(self) -> None:
        """Forget the rules and the requests."""
        with self._lock:
            self._rules.clear()
            self.requests.clear()

    def admit(self, request: Request) -> Fault | None:
        """Note a request; tell what has to go wrong with it."""
        with self._lock:
            self.requests.append(request)
            return next((rule.fault for rule in self._rules if rule.strikes(request)), None)

    def stall(self, seconds: float) -> None:
        """Let a request wait; count those that did, and how many of them did so at once."""
        with self._lock:
            self._stalling += 1
            self.stalled_at_once = max(self.stalled_at_once, self._stalling)
        self.closing.wait(seconds)
        with self._lock:
            self._stalling, self.stalled = self._stalling - 1, self.stalled + 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: FaultyProxy) -> None:
        self.proxy = proxy
        self._clients: set[socket.socket] = set()
        super().__init__((HOST, 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self._clients.add(request)
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Only close: a shutdown would end in order what is to be reset."""
        self._clients.discard(request)
        request.close()

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""

    def sever(self) -> None:
        """Break off what clients keep open."""
        for client in list(self._clients):
            client.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        proxy = self.server.proxy
        request = Request(self.command, self.path, headers=dict(self.headers.items()))
        fault = proxy.admit(request)
        body = self._body()
        match fault:
            case Answer():
                self._send(request, fault.status, fault.headers.items())
                self.wfile.write(b"" if self.command == "HEAD" else fault.body)
            case Reset(late=False):
                self._reset()
            case _:
                if isinstance(fault, Stall):
                    proxy.stall(fault.seconds)
                self._forward(request, body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_PATCH = _serve  # noqa: N815

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(parts)

    def _forward(self, request: Request, body: bytes, fault: Fault | None) -> None:
        connection = HTTPConnection(HOST, self.server.proxy.target, timeout=_PATIENCE)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                    connection.putheader(name, value)
            if body or "Content-Length" in self.headers:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            self._relay(request, connection.getresponse(), fault)
        except (OSError, HTTPException):
            self._reset()  # the server broke off, or is not there
        finally:
            connection.close()

    def _relay(self, request: Request, response: HTTPResponse, fault: Fault | None) -> None:
        if isinstance(fault, Reset):
            return self._reset()
        headers = [pair for pair in response.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
        if isinstance(fault, Truncate):
            return self._truncate(request, response, headers, fault)
        is_chunked = response.chunked and self.command != "HEAD"
        if is_chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif response.length is None:
            self.close_connection = True  # nothing else shows where the body ends
        self._send(request, response.status, headers)
        while part := response.read(_CHUNK):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
        if response.length:
            return self._reset()  # the server broke off
        return self._end_chunks() if is_chunked else None

    def _end_chunks(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def _truncate(
        self,
        request: Request,
        response: HTTPResponse,
        headers: list[tuple[str, str]],
        fault: Truncate,
    ) -> None:
        body = response.read()
        headers = [pair for pair in headers if pair[0].lower() != "content-length"]
        self._send(request, response.status, [*headers, ("Content-Length", str(len(body)))])
        self.wfile.write(body[: fault.after])
        self.close_connection = True
        if fault.reset:
            self._reset()

    def _send(self, request: Request, status: int, headers: Any) -> None:
        request.status = status
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def _reset(self) -> None:
        self.close_connection = True
        reset_on_close(self.connection)

    def log_message(self, *_: object) -> None:
        """The proxy's `requests` are the log."""
