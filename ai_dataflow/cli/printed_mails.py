"""What `notify --json` prints."""

from __future__ import annotations

from datetime import datetime

from ai_dataflow.cli.printed_parts import DiagnosticItem, Document, PrintedPart
from ai_dataflow.notifications.model import Kind
from ai_dataflow.notifications.outbox import Entry, State


class MailItem(PrintedPart):
    """A mail in the outbox, without its text: to whom, about which run, what became of it."""

    key: str
    run_id: str
    team: str
    kind: Kind
    message_id: str
    thread_id: str
    subject: str
    to: list[str]
    cc: list[str]
    created: datetime
    expires: datetime
    state: State
    pending: list[str]
    accepted: list[str]
    refused: dict[str, str]
    attempts: int
    due: datetime
    last_error: str
    code: str
    ended: datetime | None
    where: str

    @classmethod
    def of(cls, entry: Entry) -> MailItem:
        """Make the item of an entry of the outbox."""
        letter = entry.letter.model_dump(exclude={"html", "text"})
        return cls(**letter, **entry.model_dump(exclude={"letter"}))


class NotifyStatusDocument(Document):
    """`notify status`: what waits in the outbox, what was sent or given up in the last 30 days."""

    NAME = "notify_status"
    items: list[MailItem]


class NotifySendDocument(Document):
    """`notify send`: what became of the mails; `busy`: another process is sending."""

    NAME = "notify_send"
    sent: list[MailItem]
    waiting: list[MailItem]
    given_up: list[MailItem]
    problems: list[str]
    busy: bool


class PreviewItem(PrintedPart):
    """A mail that a run would send, and the files that show it."""

    team: str
    kind: Kind
    to: list[str]
    cc: list[str]
    subject: str
    files: list[str]


class NotifyPreviewDocument(Document):
    """`notify preview` and `notify --dry-run`: the mails of a run."""

    NAME = "notify_preview"
    items: list[PreviewItem]


class NotifyTestDocument(Document):
    """`notify --test`: who got the test mail, the file if there is no server, and what failed."""

    NAME = "notify_test"
    accepted: list[str]
    where: str
    items: list[DiagnosticItem]
