"""What a process was given by its sources: bytes from the network and from disks."""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path

# `tcpi_bytes_received` of TCP_INFO, see tcp(7) and linux/tcp.h: 8 bytes, 24 numbers of 4, 3 of 8.
_RECEIVED = struct.Struct("=128xQ")
_READ = re.compile(rb"^read_bytes: (\d+)$", re.MULTILINE)


def intake() -> int:
    """Give a number that changes whenever a source gives this process something.

    It is the sum of the bytes that its open TCP connections have received and that it made disks
    read, see proc_pid_io(5); 0 where the machine tells neither, as all but Linux do.
    """
    return _received() + _read()


def _received() -> int:
    with suppress(OSError):
        return sum(_received_by(int(entry.name)) for entry in Path("/proc/self/fd").iterdir())
    return 0


def _received_by(number: int) -> int:
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            return 0
        with socket.socket(fileno=os.dup(number)) as connection:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED.size)
        return int(_RECEIVED.unpack(info)[0])
    except (OSError, struct.error):  # closed in between, no TCP, or an old kernel
        return 0


def _read() -> int:
    with suppress(OSError):
        if match := _READ.search(Path("/proc/self/io").read_bytes()):
            return int(match[1])
    return 0
