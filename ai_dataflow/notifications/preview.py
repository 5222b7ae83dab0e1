"""Messages as files to look at, without sending any."""

from __future__ import annotations

from pathlib import Path

from ai_dataflow.config.settings import Settings
from ai_dataflow.notifications.mime import letter_of, to_mime
from ai_dataflow.notifications.model import Message
from ai_dataflow.notifications.outbox import utc_now
from ai_dataflow.notifications.queueing import lasts, sender_of


def write_preview(settings: Settings, message: Message, folder: Path) -> list[Path]:
    """Write a message as HTML, text and mail; give the files."""
    sender = sender_of(settings)
    letter = letter_of(message, str(settings.folder), sender, utc_now(), lasts(settings))
    contents = {
        "html": letter.html.encode(),
        "txt": letter.text.encode(),
        "eml": to_mime(letter, sender).as_bytes(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{letter.key}.{suffix}": text for suffix, text in contents.items()}
    for file, content in files.items():
        file.write_bytes(content)
    return list(files)
