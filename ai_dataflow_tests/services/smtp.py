"""A real SMTP server on loopback that keeps what it accepts, and can be told to go wrong."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Literal, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ai_dataflow_tests.services.processes import HOST, free_port
from ai_dataflow_tests.services.tls import Certificates

Tls = Literal["none", "starttls", "smtps"]
# What happens to one mail. A drop comes before the mail is accepted.
Fault = Literal["", "sender-4xx", "rcpt-4xx", "rcpt-5xx", "data-4xx", "data-5xx", "drop", "slow"]
FAULTS: tuple[Fault, ...] = (
    "sender-4xx", "rcpt-4xx", "rcpt-5xx", "data-4xx", "data-5xx", "drop", "slow",
)  # fmt: skip
SLOW_SECONDS = 60.0  # longer than any client waits


@dataclass(frozen=True)
class Received:
    """A mail that was accepted: its envelope and its content."""

    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def id(self) -> str:
        """The Message-ID."""
        return str(self.message["Message-ID"])

    def body(self, kind: str) -> str:
        """Give the body of a kind: `plain` or `html`."""
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content())


class MailServer:
    """The server; `inbox` has what it accepted, `faults` what will happen to the next mails.

    `unknown` are addresses that it refuses for good. `accepted` is called when a mail is in the
    inbox and before the client knows.
    """

    def __init__(
        self,
        tls: Tls = "none",
        certificates: Certificates | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.inbox: list[Received] = []
        self.faults: deque[Fault] = deque()
        self.unknown: set[str] = set()
        self.accepted: Callable[[], None] = lambda: None
        self.port = free_port()
        self._tls = tls
        self._login = login
        self._context = _context(certificates) if certificates else None
        self._controller: Controller | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen."""
        self._controller = _Controller(self, self._tls, self._context)
        self._controller.start()

    def stop(self) -> None:
        """Stop to listen: connections are refused."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    def options(self) -> dict[str, Any]:
        """Give what makes a server of aiosmtpd so."""
        options: dict[str, Any] = {"enable_SMTPUTF8": True}
        if self._tls == "starttls":
            options |= {"tls_context": self._context, "require_starttls": True}
        if self._login:
            options |= {"authenticator": self._authenticate, "auth_required": True}
            options |= {"auth_require_tls": self._tls == "starttls"}
        return options

    def _authenticate(self, *given: Any) -> AuthResult:
        data = given[-1]
        assert isinstance(data, LoginPassword)
        pair = (data.login.decode(), data.password.decode())
        return AuthResult(success=pair == self._login, handled=False)

    @property
    def fault(self) -> Fault:
        """What happens to the mail at hand."""
        return self.faults[0] if self.faults else ""

    def done(self) -> None:
        """Go on to the next mail's fault."""
        if self.faults:
            self.faults.popleft()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.fault == "sender-4xx":
            self.done()
            return "451 4.3.2 come back later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 no such user here"
        if self.fault in ("rcpt-4xx", "rcpt-5xx"):
            code = "450 4.2.0 greylisted" if self.fault == "rcpt-4xx" else "550 5.1.1 no such user"
            self.done()
            return code
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        fault = self.fault
        self.done()
        if fault == "slow":  # who hangs up meanwhile ends this, and nothing is accepted
            await asyncio.sleep(SLOW_SECONDS)
        if fault == "data-4xx":
            return "451 4.3.0 try again"
        if fault == "data-5xx":
            return "554 5.7.1 content refused"
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.inbox.append(Received(tuple(envelope.rcpt_tos), message))
        self.accepted()
        return "250 OK"


class _Smtp(SMTP):
    """Breaks connections off in the middle of a mail."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        handler = self.event_handler
        if handler.fault == "drop" and self.envelope.rcpt_tos:
            handler.done()
            await self.push("354 go ahead")
            await asyncio.sleep(0.01)
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def __init__(self, server: MailServer, tls: Tls, context: ssl.SSLContext | None) -> None:
        self._options = server.options()
        super().__init__(
            server, hostname=HOST, port=server.port,
            ssl_context=context if tls == "smtps" else None, ready_timeout=30,
        )  # fmt: skip

    def factory(self) -> SMTP:
        return _Smtp(self.handler, **self._options)


def _context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context
