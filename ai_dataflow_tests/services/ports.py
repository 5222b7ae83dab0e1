"""Ports where nobody answers, nothing is said, or every connection is reset."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Self

from ai_dataflow_tests.services.processes import HOST


def reset_on_close(connection: socket.socket) -> None:
    """Let a connection end in a reset when it is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class ClosedPort:
    """A port that refuses connections, and that nobody else gets meanwhile."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind((HOST, 0))  # and does not listen
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class SilentPort(ClosedPort):
    """A port that accepts connections (the system does that by itself) and never answers."""

    def __enter__(self) -> Self:
        self._socket.listen(128)
        return self


class ResettingPort(SilentPort):
    """A port that accepts connections and resets them at once."""

    def __enter__(self) -> Self:
        super().__enter__()
        threading.Thread(target=self._reset_all, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        super().__exit__()

    def _reset_all(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # it was closed
            reset_on_close(connection)
            connection.close()
