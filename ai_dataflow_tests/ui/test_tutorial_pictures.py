"""The tutorial's picture: the mail about the missing delivery. `make pictures` takes it."""

from __future__ import annotations

import os
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from ai_dataflow_tests.docs.markdown import DOCS
from ai_dataflow_tests.docs.tutorial import follow
from ai_dataflow_tests.ui.browser import PICTURES, open_browser
from ai_dataflow_tests.ui.demo import IN_BROWSER

pytestmark = [
    *IN_BROWSER,
    pytest.mark.skipif(not os.environ.get(PICTURES), reason="`make pictures` takes it"),
]


def test_the_mail_of_the_tutorial(tmp_path: Path) -> None:
    assert all(told.is_right for told in follow(DOCS / "tutorial.md", tmp_path))
    (file,) = tmp_path.glob("mails/*.failure.eml")
    body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("html",))
    assert body
    with open_browser("about:blank", tmp_path) as browser:
        browser.page.set_viewport_size({"width": 760, "height": 900})
        browser.page.set_content(body.get_content())
        picture = Path(os.environ[PICTURES]) / "tutorial-mail.png"
        browser.page.locator(".card").first.screenshot(path=picture)
