"""What tables hold can inject neither headers nor HTML, whatever it is."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ai_dataflow.config.addresses import is_address
from ai_dataflow.config.visible import printable
from ai_dataflow.notifications.messages import subject
from ai_dataflow.notifications.mime import key_of, letter_of, to_mime
from ai_dataflow.notifications.model import (
    Cause,
    Column,
    Command,
    Links,
    Message,
    Paragraph,
    cells,
    table,
)

NASTY = st.text(
    st.one_of(
        st.sampled_from("\r\n\t\0\x0b\x1b\u2028\u202e\ufeff<>&\"'`={}%;:,@ \\/"),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)
KNOWN_TAGS = {
    "a", "b", "body", "br", "div", "h1", "h2", "head", "html", "meta", "p", "span", "style",
    "table", "tbody", "td", "th", "thead", "title", "tr", "wbr",
}  # fmt: skip
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Ai-Dataflow", "MIME-Version", "Content-Type",
}  # fmt: skip


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def _message(text: str) -> Message:
    return Message(
        text or "run", text, "failure", subject("prod", text, text), text, "bad",
        (
            Paragraph(text),
            Cause(text, text, text, "bad", (("where", text), ("do", text))),
            table([Column("c", is_wide=True)], [cells(text)]),
            Command(text),
            Links((("Report", text),)),
        ),
        text, ("x@example.org",),
    )  # fmt: skip


@given(NASTY)
@example("x\r\nBcc: everybody@example.org")
@example("<script>alert(1)</script>")
@example('" onmouseover="alert(1)')
@example("javascript:alert(1)")
@example("acme\x1b[31m\x9b\u202e")
@example('https://example.org/"><img src=x onerror=alert(1)>')
@settings(max_examples=200, deadline=None)
def test_whatever_a_table_holds_a_mail_is_as_it_should_be(text: str) -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    letter = letter_of(_message(text), "place", "a@example.org", now, timedelta(days=1))
    raw = to_mime(letter, "a@example.org").as_bytes()
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert set(parsed.keys()) == HEADERS
    assert parsed["To"] == "x@example.org"
    assert not any(c in str(parsed["Subject"]) for c in "\r\n\0")
    for body in (letter.text, letter.html):
        assert printable(body, "\n") == body
    seen = _Tags()
    seen.feed(letter.html)
    assert seen.tags <= KNOWN_TAGS
    assert not {name for name in seen.attributes if name.startswith("on")}
    assert all(link.startswith(("http://", "https://")) for link in seen.links)


@given(NASTY, NASTY)
def test_a_key_is_a_file_name_and_each_team_has_its_own(run: str, team: str) -> None:
    key = key_of(run, team, "failure")
    assert key.replace(".", "").replace("-", "").replace("_", "").isalnum()
    assert key.isascii()
    assert len(key) < 200
    assert key == key_of(run, team, "failure") != key_of(run, f"{team}x", "failure")


@given(NASTY)
def test_an_address_is_one_address_on_one_line(text: str) -> None:
    for candidate in (text, f"{text}@example.org", f"x@example.org{text}", f"x@{text}.org"):
        if is_address(candidate):
            assert candidate.count("@") == 1
            assert not set(candidate) & set("\r\n\0<>,;: ")


def test_the_message_id_depends_on_the_key_and_the_place_alone() -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    message = _message("x")

    def ids(changed: Message, place: str = "here", moment: datetime = now) -> tuple[str, str]:
        letter = letter_of(changed, place, "a@example.org", moment, timedelta(days=1))
        return letter.message_id, letter.thread_id

    assert ids(message) == ids(replace(message, title="y"), moment=now + timedelta(days=2))
    assert ids(message)[0] != ids(message, "there")[0]
    other_run = ids(replace(message, run_id="other"))
    assert other_run[0] != ids(message)[0]
    assert other_run[1] == ids(message)[1], "one thread per team"
