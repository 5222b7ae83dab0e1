"""A scripted SQL Server: it speaks TDS 7.4 with real drivers, and fails as told.

What [MS-TDS] 3.3.5 (Server Details) asks of a server, for one client after the other: PRELOGIN and
TLS, LOGIN7, then SQLBatch, RPC, transaction requests and Attention. No SQL Server can be had in
tests; so tables are given by the test, and the SQL is that of `statements`.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from ai_dataflow_tests.services.ports import reset_on_close
from ai_dataflow_tests.services.processes import HOST
from ai_dataflow_tests.services.tls import Certificates
from ai_dataflow_tests.tds import wire
from ai_dataflow_tests.tds.faults import Break, Delay, Fault, Refuse
from ai_dataflow_tests.tds.statements import Result, SqlError, Table, answer

_NO_MORE, _MORE, _ERROR, _CANCELLED = 0, 0x01, 0x02, 0x20
_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _FEDAUTH_REQUIRED = 0, 1, 2, 3, 4, 6
At = Literal["login", "catalogue", "read"]


@dataclass
class _Rule:
    at: At
    fault: Fault
    times: int | None


@dataclass(frozen=True)
class Statement:
    """A statement as it arrived. `of` is what kind of answer it got; nothing if it was refused."""

    text: str
    parameters: Sequence[Any]
    of: str


class TdsServer:
    """A server with the tables of a test, on a port of the loopback address.

    With certificates it insists on encryption; without them it has none to offer. Packets of 512
    bytes are the smallest that there are: tokens are then cut at many places.
    """

    user = "reader"

    def __init__(
        self,
        *tables: Table,
        certificates: Certificates | None = None,
        packet_size: int = 4096,
        password: str = "hunter2;x",  # noqa: S107 - nobody's
        accepted_token: str = "",
    ) -> None:
        self.password = password
        self.tables = list(tables)
        self.logins: list[wire.Login] = []
        self.statements: list[Statement] = []
        self.most_reads = 0
        self.accepted_token = accepted_token
        self.packet_size = packet_size
        self.closing = threading.Event()
        self.tls = _context(certificates) if certificates else None
        self._reads = 0
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._clients: set[socket.socket] = set()
        self._socket = socket.create_server((HOST, 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()
        self.end_sessions()

    def end_sessions(self) -> None:
        """End all sessions, as a failover or a gateway does with idle ones."""
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def inject(self, at: At, fault: Fault, *, times: int | None = 1) -> None:
        """Let the next logins, catalogue queries or reads of rows go wrong, one rule at a time."""
        with self._lock:
            self._rules.append(_Rule(at, fault, times))

    def reads(self) -> list[Statement]:
        """Give the statements that read rows of tables."""
        return [statement for statement in self.statements if statement.of == "read"]

    def due(self, at: str) -> Fault | None:
        """Tell what has to go wrong now."""
        with self._lock:
            for rule in self._rules:
                if rule.at == at and rule.times != 0:
                    rule.times = None if rule.times is None else rule.times - 1
                    return rule.fault
        return None

    def check(self, known: wire.Login) -> None:
        """Let those in who have the token or, where none is expected, the password.

        Raises:
            SqlError: it is somebody else.
        """
        if known.token != self.accepted_token:
            raise SqlError(18456, "Login failed for user '<token-identified principal>'.", level=14)
        if not known.token and (known.user, known.password) != (self.user, self.password):
            raise SqlError(18456, f"Login failed for user '{known.user}'.", level=14)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count the reads at once."""
        with self._lock:
            self._reads += 1
            self.most_reads = max(self.most_reads, self._reads)
        try:
            yield
        finally:
            with self._lock:
                self._reads -= 1

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # it was closed
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._clients.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with suppress(wire.GoneError, ssl.SSLError):
                _Session(self, connection).serve()
        finally:
            with self._lock:
                self._clients.discard(connection)
            connection.close()


@dataclass
class _Answer:
    """What is being answered; whole packets of it are sent as they fill."""

    channel: wire.Channel
    content: bytearray = field(default_factory=bytearray)

    def add(self, tokens: bytes) -> None:
        self.content += tokens
        size = self.channel.packet_size - 8
        if whole := len(self.content) // size * size:
            self._send(whole)

    def flush(self) -> None:
        self._send(len(self.content))

    def end(self, tokens: bytes) -> None:
        self.content += tokens
        self._send(len(self.content), is_last=True)

    def _send(self, size: int, *, is_last: bool = False) -> None:
        self.channel.send(bytes(self.content[:size]), is_last=is_last)
        del self.content[:size]


class _CancelledError(Exception):
    """The client sent Attention while it was answered."""


class _Session:
    """A client: its login, then its requests one after the other."""

    def __init__(self, server: TdsServer, connection: socket.socket) -> None:
        self._server = server
        self._socket = connection
        self._channel = wire.Channel(connection)
        self._prepared: dict[int, str] = {}

    def serve(self) -> None:
        if not self._let_in():
            return
        while True:
            kind, content = self._channel.receive()
            try:
                self._answer(kind, content)
            except _CancelledError:
                _Answer(self._channel).end(wire.done(status=_CANCELLED))

    def _let_in(self) -> bool:
        self._shake_hands()
        _, content = self._channel.receive()
        known = wire.login(content, is_encrypted=self._channel.is_encrypted)
        server, reply = self._server, _Answer(self._channel)
        server.logins.append(known)
        try:
            self._go_wrong(server.due("login"))
            server.check(known)
        except SqlError as error:
            said = wire.message(error.number, error.text, level=error.level)
            reply.end(said + wire.done(status=_ERROR))
            return False
        reply.end(wire.login_answer(known, server.packet_size) + wire.done())
        self._channel.packet_size = server.packet_size
        return True

    def _shake_hands(self) -> None:
        kind, content = self._channel.receive()
        if kind != wire.PRELOGIN:
            raise wire.GoneError  # TLS from the start is TDS 8
        asked, tls = wire.prelogin_options(content), self._server.tls
        options = {
            _VERSION: bytes([12, 0, 7, 208, 0, 0]),
            _ENCRYPTION: bytes([wire.ENCRYPT_REQ if tls else wire.ENCRYPT_NOT_SUP]),
            _INSTANCE: b"\0",
            _THREAD: b"",
            _MARS: b"\0",
        }
        if tls and asked[_ENCRYPTION][0] == wire.ENCRYPT_ON:
            options[_ENCRYPTION] = bytes([wire.ENCRYPT_ON])
        if _FEDAUTH_REQUIRED in asked:
            options[_FEDAUTH_REQUIRED] = b"\x01"
        self._channel.send(wire.prelogin(options))
        if tls:
            self._channel.encrypt(tls)

    def _answer(self, kind: int, content: bytes) -> None:
        reply = _Answer(self._channel)
        if kind == wire.BATCH:
            self._run(reply, wire.statement(content), [], "DONE")
            reply.end(b"")
        elif kind == wire.RPC:
            for call in wire.calls(content):
                self._call(reply, call)
            reply.end(b"")
        elif kind == wire.ATTENTION:
            reply.end(wire.done(status=_CANCELLED))
        else:
            assert kind == wire.TRANSACTION, f"a message of type {kind}"
            reply.end(wire.transaction(wire.transaction_request(content)) + wire.done())

    def _call(self, reply: _Answer, call: wire.Call) -> None:
        """Run a procedure: 2.2.6.6 RPC Request; statements of sp_executesql and its like."""
        given, handle = list(call.parameters), None
        text = ""
        match call.procedure.removeprefix("[sys]."):
            case "sp_datatype_info_100":
                text, values = f"EXEC {call.procedure} {given[0]}", given
            case "sp_executesql":
                text, values = given[0], given[2:]
            case "sp_prepexec" | "sp_prepare":
                text, values = given[2], given[3:]
                handle = len(self._prepared) + 1
                self._prepared[handle] = text
                text = text if call.procedure == "sp_prepexec" else ""
            case "sp_execute":
                text, values = self._prepared[given[0]], given[1:]
            case "sp_unprepare":
                values = []
            case other:
                reply.add(wire.message(2812, f"Could not find stored procedure '{other}'."))
                reply.add(wire.done("DONEPROC", status=_ERROR))
                return
        is_well = not text or self._run(reply, text, values, "DONEINPROC")
        reply.add(wire.returned(handle))
        reply.add(wire.done("DONEPROC", status=_NO_MORE if is_well else _ERROR))

    def _run(self, reply: _Answer, text: str, values: Sequence[Any], done: str) -> bool:
        """Answer a statement; tell whether it went well."""
        more = _MORE if done == "DONEINPROC" else _NO_MORE
        try:
            rows = self._deliver(reply, text, values)
        except SqlError as error:
            reply.add(wire.message(error.number, error.text, level=error.level))
            reply.add(wire.done(done, status=_ERROR | more))
            return False
        reply.add(wire.done(done, rows=rows, status=more))
        return True

    def _deliver(self, reply: _Answer, text: str, values: Sequence[Any]) -> int | None:
        server = self._server
        try:
            found = answer(server.tables, text, values)
        except SqlError:
            server.statements.append(Statement(text, values, ""))
            raise
        server.statements.append(Statement(text, values, found.of))
        fault = server.due(found.of)
        with server.reading() if found.of == "read" else nullcontext():
            if fault and not fault.after:
                self._go_wrong(fault)
            if not found.columns:
                return None
            reply.add(wire.columns(found.columns))
            return self._deliver_rows(reply, found, fault)

    def _deliver_rows(self, reply: _Answer, found: Result, fault: Fault | None) -> int:
        types, number = [sql for _, sql in found.columns], 0
        for number, row in enumerate(found.rows, 1):
            reply.add(wire.row(types, row))
            if fault and fault.after == number:
                reply.flush()
                self._go_wrong(fault)
        return number

    def _go_wrong(self, fault: Fault | None) -> None:
        match fault:
            case Refuse():
                raise fault.error
            case Break():
                self._break(fault)
            case Delay():
                self._wait(fault.seconds)

    def _break(self, fault: Break) -> None:
        if fault.torn:
            self._channel.send(b"\xd1\x04\x01", is_last=False)
        if fault.number:
            said = wire.message(fault.number, "The session is in the kill state.", level=21)
            self._channel.send(said + wire.done(status=_ERROR))
        if not fault.ends:
            reset_on_close(self._socket)
        raise wire.GoneError

    def _wait(self, seconds: float) -> None:
        """Wait, as long as the client does not lose patience."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._server.closing.is_set():
            if self._channel.waits(min(left, 0.05)):
                kind, _ = self._channel.receive()
                if kind == wire.ATTENTION:
                    raise _CancelledError


def _context(certificates: Certificates) -> ssl.SSLContext:
    """TDS 7 knows TLS 1.2 at most: what 1.3 sends after the handshake has no place in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context
