"""maildev: a mail server with an inbox page, to look at mails as a person does. No STARTTLS."""

from __future__ import annotations

import json
import shutil
import signal
import urllib.request
from typing import Any, Self

from ai_dataflow_tests.services.processes import (
    HOST,
    NODE_MODULES,
    Process,
    ServiceError,
    free_port,
    listens,
    own_folder,
    remove_folder,
)

_SERVER = NODE_MODULES / "maildev" / "dist" / "bin" / "maildev.js"


class Maildev:
    """A maildev in a `with` block; it keeps mails in memory."""

    def __init__(self) -> None:
        if not _SERVER.is_file() or not (node := shutil.which("node")):
            raise ServiceError.not_installed("maildev")
        self.port, self._web = free_port(), free_port()
        self.folder = own_folder("maildev")
        ports = ["--smtp", str(self.port), "--web", str(self._web)]
        self._command = [node, _SERVER, *ports, "--ip", HOST, "--web-ip", HOST]
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self._process = Process(self._command, self.folder / "log")
        self._process.wait_until_ready(lambda: listens(self.port) and listens(self._web))
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.end(signal.SIGTERM)
        remove_folder(self.folder)

    @property
    def url(self) -> str:
        """The address of the inbox page."""
        return f"http://{HOST}:{self._web}/"

    def mails(self) -> list[dict[str, Any]]:
        """Give what arrived, as the page's API tells it."""
        with urllib.request.urlopen(f"{self.url}api/email", timeout=10) as answer:  # noqa: S310
            found: list[dict[str, Any]] = json.loads(answer.read())
        return found
