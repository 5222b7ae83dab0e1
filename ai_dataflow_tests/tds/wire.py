"""What SQL Server and its clients send each other: [MS-TDS] 2.2.

Packets (2.2.3), TLS in them (2.2.6.5, 3.3.5.1), the messages of clients (2.2.6) and the tokens of
answers (2.2.7).
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ai_dataflow_tests.tds.sql_types import SqlType, encoded, type_info

BATCH, RPC, ANSWER, ATTENTION, TRANSACTION, LOGIN, PRELOGIN = 1, 3, 4, 6, 0x0E, 0x10, 0x12
BEGIN, COMMIT, ROLLBACK = 5, 7, 8  # of transactions
ENCRYPT_ON, ENCRYPT_NOT_SUP, ENCRYPT_REQ = 1, 2, 3
_FEDAUTH, _UTF8_SUPPORT = 0x02, 0x0A
_SECURITY_TOKEN = 0x01
_PROCEDURES = {
    1: "sp_cursor", 2: "sp_cursoropen", 3: "sp_cursorprepare", 4: "sp_cursorexecute",
    5: "sp_cursorprepexec", 6: "sp_cursorunprepare", 7: "sp_cursorfetch", 9: "sp_cursorclose",
    10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec",
    15: "sp_unprepare",
}  # fmt: skip


class GoneError(Exception):
    """The client went away."""


class Channel:
    """A connection as packets, encrypted or not."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.packet_size = 4096

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is encrypted by now."""
        return self._tls is not None

    def receive(self) -> tuple[int, bytes]:
        """Give the next message of the client: its type, and its packets' content."""
        content, is_last = b"", False
        while not is_last:
            kind, status, size = struct.unpack(">BBH4x", self._take(8))
            content += self._take(size - 8)
            is_last = bool(status & 1)
        return kind, content

    def send(self, content: bytes, kind: int = ANSWER, *, is_last: bool = True) -> None:
        """Send what fits into whole packets (and with `is_last` the rest), a message's part."""
        size = self.packet_size - 8
        parts = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
        for number, part in enumerate(parts):
            status = int(is_last and number == len(parts) - 1)
            self._give(struct.pack(">BBHHBB", kind, status, len(part) + 8, 51, 1, 0) + part)

    def waits(self, seconds: float) -> bool:
        """Wait for the client to say something; tell whether it did."""
        return bool(self._buffer) or bool(select.select([self._socket], [], [], seconds)[0])

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Shake hands inside of PRELOGIN packets; afterwards the packets are inside of TLS."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        is_done = False
        while not is_done:
            try:
                tls.do_handshake()
                is_done = True
            except ssl.SSLWantReadError:
                pass
            if said := self._outgoing.read():
                self.send(said, PRELOGIN)
            if not is_done:
                self._incoming.write(self.receive()[1])
        self._tls = tls

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            try:
                arrived = self._socket.recv(1 << 16)
            except OSError:
                raise GoneError from None
            if not arrived:
                raise GoneError
            self._buffer += self._decrypted(arrived)
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _decrypted(self, arrived: bytes) -> bytes:
        if self._tls is None:
            return arrived
        self._incoming.write(arrived)
        plain = b""
        try:
            while part := self._tls.read(1 << 16):
                plain += part
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            raise GoneError from None
        return plain

    def _give(self, packet: bytes) -> None:
        if self._tls is not None:
            self._tls.write(packet)
            packet = self._outgoing.read()
        try:
            self._socket.sendall(packet)
        except OSError:
            raise GoneError from None


# ------------------------------------------------------------------------------------------------
# What clients send.


@dataclass(frozen=True)
class Login:
    """A LOGIN7 message (2.2.6.4), as far as a server looks at it."""

    user: str
    password: str
    application: str
    database: str
    token: str = ""
    is_encrypted: bool = False
    features: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Call:
    """A procedure of an RPC message (2.2.6.6) with its parameters."""

    procedure: str
    parameters: Sequence[Any] = field(default=())


def prelogin_options(content: bytes) -> dict[int, bytes]:
    """Read the options of a PRELOGIN message (2.2.6.5)."""
    options, at = {}, 0
    while content[at] != 0xFF:
        token, offset, size = struct.unpack_from(">BHH", content, at)
        options[token] = content[offset : offset + size]
        at += 5
    return options


def prelogin(options: dict[int, bytes]) -> bytes:
    """Write a PRELOGIN message."""
    table, data, start = b"", b"", 5 * len(options) + 1
    for token, value in options.items():
        table += struct.pack(">BHH", token, start + len(data), len(value))
        data += value
    return table + b"\xff" + data


def login(content: bytes, *, is_encrypted: bool) -> Login:
    """Read a LOGIN7 message."""

    def text(at: int) -> bytes:
        offset, size = struct.unpack_from("<HH", content, at)
        return content[offset : offset + 2 * size]

    swapped = (byte ^ 0xA5 for byte in text(44))
    password = bytes((byte >> 4 | byte << 4) & 0xFF for byte in swapped).decode("utf-16-le")
    features: dict[int, bytes] = {}
    if content[27] & 0x10:  # fExtension: an offset of an offset
        (pointer,) = struct.unpack_from("<H", content, 56)
        (at,) = struct.unpack_from("<I", content, pointer)
        while content[at] != 0xFF:
            name, size = struct.unpack_from("<BI", content, at)
            features[name] = content[at + 5 : at + 5 + size]
            at += 5 + size
    return Login(
        user=text(40).decode("utf-16-le"),
        password=password,
        application=text(48).decode("utf-16-le"),
        database=text(68).decode("utf-16-le"),
        token=_access_token(features.get(_FEDAUTH, b"")),
        is_encrypted=is_encrypted,
        features=frozenset(features),
    )


def _access_token(data: bytes) -> str:
    """Give the token of the feature extension FEDAUTH, library 'security token'."""
    if not data or data[0] >> 1 != _SECURITY_TOKEN:
        return ""
    (size,) = struct.unpack_from("<I", data, 1)
    return data[5 : 5 + size].decode("utf-16-le")


def statement(content: bytes) -> str:
    """Read an SQLBatch message (2.2.6.7)."""
    return _after_headers(content).decode("utf-16-le")


def calls(content: bytes) -> Iterator[Call]:
    """Read an RPC message."""
    reader = _Reader(_after_headers(content))
    while not reader.is_at_end:
        size = reader.number("<H")
        number = reader.number("<H") if size == 0xFFFF else 0
        name = _PROCEDURES.get(number, str(number)) if number else reader.text(size)
        reader.number("<H")
        parameters = []
        while not reader.is_at_end and reader.peek() not in (0x80, 0xFF, 0xFE):
            reader.text(reader.number("<B"))
            reader.number("<B")
            parameters.append(reader.value())
        if not reader.is_at_end:
            reader.number("<B")
        yield Call(name, parameters)


def transaction_request(content: bytes) -> int:
    """Read what a transaction manager request (2.2.6.9) asks for."""
    return int(struct.unpack_from("<H", _after_headers(content))[0])


def _after_headers(content: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", content)
    return content[size:]


class _Reader:
    """Reads the parameters of a call: those types that drivers make of texts and handles."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._content)

    def peek(self) -> int:
        return self._content[self._at]

    def take(self, size: int) -> bytes:
        self._at += size
        return self._content[self._at - size : self._at]

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def text(self, characters: int) -> str:
        return self.take(2 * characters).decode("utf-16-le")

    def value(self) -> Any:
        token = self.number("<B")
        if token in (0x26, 0x68):  # INTN, BITN
            self.number("<B")
            content = self.take(self.number("<B"))
            return int.from_bytes(content, "little", signed=True) if content else None
        if token == 0x38:  # INT4
            return self.number("<i")
        if token in (0x23, 0x63):  # TEXT, NTEXT
            self.take(4 + 5)
            size = self.number("<i")
            return None if size < 0 else self._decoded(token == 0x63, self.take(size))
        assert token in (0xE7, 0xEF, 0xA7, 0xAF), f"a parameter of type {token:#x}"
        limit = self.number("<H")
        self.take(5)
        content = self._plp() if limit == 0xFFFF else self._short()
        return None if content is None else self._decoded(token in (0xE7, 0xEF), content)

    def _decoded(self, is_wide: bool, content: bytes) -> str:
        return content.decode("utf-16-le" if is_wide else "cp1252")

    def _short(self) -> bytes | None:
        size = self.number("<H")
        return None if size == 0xFFFF else self.take(size)

    def _plp(self) -> bytes | None:
        if self.number("<Q") == 0xFFFFFFFFFFFFFFFF:
            return None
        content = b""
        while size := self.number("<I"):
            content += self.take(size)
        return content


# ------------------------------------------------------------------------------------------------
# What a server answers.

_VERSION = bytes([12, 0, 7, 208])  # Azure SQL says 12.0.2000 for ever


def login_answer(known: Login, packet_size: int) -> bytes:
    """Let a client in: what has changed for its session, LOGINACK, the features that we have."""
    database = known.database or "master"
    return b"".join(
        (
            _change(1, _short_text(database), _short_text("master")),
            message(5701, f"Changed database context to '{database}'.", is_error=False),
            _change(7, b"\x05" + bytes.fromhex("0904d00034"), b"\x00"),
            _change(2, _short_text("us_english"), b"\x00"),
            _change(4, _short_text(str(packet_size)), _short_text("4096")),
            _sized(0xAD, b"\x01\x74\x00\x00\x04" + _short_text("Microsoft SQL Server") + _VERSION),
            _feature_acknowledgements(known),
        )
    )


def _feature_acknowledgements(known: Login) -> bytes:
    acknowledged = {_FEDAUTH: b"", _UTF8_SUPPORT: b"\x01"}
    listed = [
        struct.pack("<BI", feature, len(data)) + data
        for feature, data in acknowledged.items()
        if feature in known.features
    ]
    return b"\xae" + b"".join(listed) + b"\xff" if listed else b""


def transaction(request: int) -> bytes:
    """Acknowledge the begin or the end of a transaction; all have the same descriptor."""
    descriptor, nothing = b"\x08" + bytes(7) + b"\x01", b"\x00"
    if request == BEGIN:
        return _change(8, descriptor, nothing)
    return _change({COMMIT: 9, ROLLBACK: 10}[request], nothing, descriptor)


def message(
    number: int, text: str, *, level: int = 16, state: int = 1, is_error: bool = True
) -> bytes:
    """Give an ERROR or INFO token."""
    content = struct.pack("<iBB", number, state, level if is_error else 0)
    content += struct.pack("<H", len(text)) + text.encode("utf-16-le")
    content += _short_text("loopback") + b"\x00" + struct.pack("<i", 1)
    return _sized(0xAA if is_error else 0xAB, content)


def done(kind: str = "DONE", *, rows: int | None = None, status: int = 0) -> bytes:
    """Give a DONE, DONEINPROC or DONEPROC token; a status of 1 says that more follows."""
    token = {"DONE": 0xFD, "DONEPROC": 0xFE, "DONEINPROC": 0xFF}[kind]
    status |= 0 if rows is None else 0x10
    return struct.pack("<BHHQ", token, status, 0xC1, rows or 0)


def columns(listed: Sequence[tuple[str, SqlType]], table: str = "t") -> bytes:
    """Give the COLMETADATA token of nullable columns."""
    content = struct.pack("<BH", 0x81, len(listed))
    for name, sql in listed:
        content += struct.pack("<IH", 0, 0x09) + type_info(sql)
        if sql.is_old:
            content += b"\x01" + struct.pack("<H", len(table)) + table.encode("utf-16-le")
        content += _short_text(name)
    return content


def row(types: Sequence[SqlType], values: Sequence[Any]) -> bytes:
    """Give a row: a ROW token, or where there are nulls the NBCROW token that leaves them out."""
    if None not in values:
        return b"\xd1" + b"".join(map(encoded, types, values))
    bits = sum(1 << number for number, value in enumerate(values) if value is None)
    given = ((t, v) for t, v in zip(types, values, strict=True) if v is not None)
    bitmap = bits.to_bytes((len(types) + 7) // 8, "little")
    return b"\xd2" + bitmap + b"".join(encoded(t, v) for t, v in given)


def returned(handle: int | None) -> bytes:
    """Give the RETURNSTATUS of a procedure, and with a handle its RETURNVALUE."""
    status = struct.pack("<Bi", 0x79, 0)
    if handle is None:
        return status
    value = struct.pack("<IH", 0, 0) + b"\x26\x04\x04" + struct.pack("<i", handle)
    return status + b"\xac" + struct.pack("<H", 0) + _short_text("") + b"\x01" + value


def _change(kind: int, new: bytes, old: bytes) -> bytes:
    return _sized(0xE3, bytes([kind]) + new + old)


def _sized(token: int, content: bytes) -> bytes:
    return struct.pack("<BH", token, len(content)) + content


def _short_text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")
