"""Handing one mail to the mail server, and what its answer means."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage

from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.config.mail_settings import MailSettings
from ai_dataflow.connections.faults import Fault

_PERMANENT = range(500, 600)
_REASONS: dict[type[Exception], str] = {
    ssl.SSLCertVerificationError: "its certificate is not trusted",
    ssl.SSLError: "TLS fails: is `tls` what this port speaks?",
    smtplib.SMTPServerDisconnected: "it broke the connection off",
    smtplib.SMTPNotSupportedError: "it lacks STARTTLS or the login that the settings ask for",
    TimeoutError: "it does not answer in time",
    ConnectionRefusedError: "connection refused",
    ConnectionError: "connection reset",
}


@dataclass
class Outcome:
    """What became of a mail, by recipient; the reasons are the server's, and may be shown.

    `where` is the file, where there is no server.
    """

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    where: str = ""


class Session:
    """A connection to the server, used for one mail after the other."""

    def __init__(self, server: smtplib.SMTP, settings: MailSettings) -> None:
        self._server = server
        self._settings = settings

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Outcome:
        """Hand a mail over for these recipients.

        Raises:
            Fault: the connection broke, or the server does not take mails from us now.
        """
        try:
            refusals = self._server.send_message(
                mail, from_addr=self._settings.sender, to_addrs=list(recipients)
            )
        except smtplib.SMTPRecipientsRefused as error:
            self._reset()
            return _sorted(recipients, error.recipients)
        except smtplib.SMTPSenderRefused as error:
            raise Fault("refused", f"sender refused: {_answer(error)}") from None
        except smtplib.SMTPDataError as error:
            self._reset()
            reason = _answer(error)
            is_final = error.smtp_code in _PERMANENT
            each = dict.fromkeys(recipients, reason)
            return Outcome(refused=each) if is_final else Outcome(later=each)
        except smtplib.SMTPNotSupportedError as error:  # an address of non-ASCII letters
            self._reset()
            return Outcome(refused=dict.fromkeys(recipients, redacted(error)))
        except (OSError, smtplib.SMTPException) as error:
            raise Fault("unreachable", _reason(error)) from None
        return _sorted(recipients, refusals)

    def _reset(self) -> None:
        """Begin anew with the next mail; where that fails, the next mail will tell."""
        with suppress(smtplib.SMTPException, OSError):
            self._server.rset()


@contextmanager
def connected(settings: MailSettings) -> Iterator[Session]:
    """Open a session, in TLS and logged in as the settings say.

    Raises:
        Fault: there is no way to it now.
    """
    try:
        server = _connect(settings)
    except (OSError, smtplib.SMTPException) as error:
        raise Fault("unreachable", _reason(error)) from None
    except ValueError:  # such as letters that no login or name of a server may have
        reason = "host, user or password have letters that it cannot take"
        raise Fault("unusable", reason) from None
    try:
        yield Session(server, settings)
    finally:
        # What was accepted is accepted, whatever becomes of the goodbye.
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()


def _connect(settings: MailSettings) -> smtplib.SMTP:
    host, port = settings.server
    if settings.tls == "smtps":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, timeout=settings.timeout, context=context
        )
    else:
        server = smtplib.SMTP(host, port, timeout=settings.timeout)
    try:
        if settings.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.user and settings.password:
            server.login(settings.user, settings.password.get_secret_value())
    except BaseException:
        server.close()
        raise
    return server


def _reason(error: Exception) -> str:
    """Say why the server cannot be used; no address, no password, no quotation."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refuses user and password: {_answer(error)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error)
    if isinstance(error, smtplib.SMTPServerDisconnected) and "timed out" in str(error):
        return _REASONS[TimeoutError]
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    return redacted(getattr(error, "strerror", None) or error)


def _sorted(recipients: Sequence[str], refusals: Mapping[str, tuple[int, bytes]]) -> Outcome:
    """Tell apart who got it, who never will, and who may later."""
    outcome = Outcome(accepted=[r for r in recipients if r not in refusals])
    for recipient, (code, text) in refusals.items():
        target = outcome.refused if code in _PERMANENT else outcome.later
        target[recipient] = f"{code} {redacted(text.decode(errors='replace'))}"
    return outcome


def _answer(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    shown = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return f"{error.smtp_code} {redacted(shown)}"
