"""A message as mail: headers that nothing can be injected into, both bodies, stable ids."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from pydantic import BaseModel, ConfigDict

from ai_dataflow.notifications.model import Kind, Message
from ai_dataflow.notifications.render import to_html, to_text
from ai_dataflow.notifications.wording import one_line

NO_SERVER = "ai-dataflow@localhost.invalid"  # the sender where there is no [mail]
_LONGEST_SUBJECT = 200


class Letter(BaseModel):
    """A rendered message with its headers: what the outbox holds and the server gets."""

    model_config = ConfigDict(extra="ignore")

    key: str
    run_id: str
    team: str
    kind: Kind
    message_id: str
    thread_id: str
    subject: str
    to: list[str]
    cc: list[str] = []
    html: str
    text: str
    created: datetime
    expires: datetime


def letter_of(message: Message, place: str, sender: str, now: datetime, lasts: timedelta) -> Letter:
    """Render a message; its ids depend on its key and on where the workstation is, on no chance.

    A duplicate has the same Message-ID. All mails to a team are one thread.
    """
    key = key_of(message.run_id, message.team, message.kind)
    domain = sender.rpartition("@")[2]
    return Letter(
        key=key,
        run_id=message.run_id,
        team=message.team,
        kind=message.kind,
        message_id=f"<{_hash(place, key)}@{domain}>",
        thread_id=f"<team.{_hash(place, message.team)}@{domain}>",
        subject=one_line(message.subject)[:_LONGEST_SUBJECT],
        to=list(message.to),
        cc=list(message.cc),
        html=to_html(message),
        text=to_text(message),
        created=now,
        expires=now + lasts,
    )


def key_of(run_id: str, team: str, kind: str) -> str:
    """Give the name of a team's message about a run: the same whoever makes it, and a file name."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", team)[:40]
    run = re.sub(r"[^A-Za-z0-9_-]+", "-", run_id)[:80]
    return f"{run}.{name}-{_hash(run_id, team)[:8]}.{kind}"


def to_mime(letter: Letter, sender: str) -> EmailMessage:
    """Make the mail."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address("ai_dataflow", addr_spec=sender)
    mail["To"] = ", ".join(letter.to)
    if letter.cc:
        mail["Cc"] = ", ".join(letter.cc)
    mail["Subject"] = one_line(letter.subject)
    mail["Date"] = format_datetime(letter.created)
    mail["Message-ID"] = letter.message_id
    mail["In-Reply-To"] = letter.thread_id
    mail["References"] = letter.thread_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Ai-Dataflow"] = letter.key
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    return mail


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
