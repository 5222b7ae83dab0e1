"""The tutorial's pictures: the mail about the missing delivery, and Dagster's pages.

`make pictures` takes them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ai_dataflow_tests.docs.markdown import DOCS
from ai_dataflow_tests.docs.tutorial import follow
from ai_dataflow_tests.ui.browser import PICTURES, open_browser
from ai_dataflow_tests.ui.dagster_dev import DagsterDev
from ai_dataflow_tests.ui.demo import IN_BROWSER

pytestmark = [
    *IN_BROWSER,
    pytest.mark.skipif(not os.environ.get(PICTURES), reason="`make pictures` takes them"),
]
_PARTITION = "/assets/ai_dataset?view=partitions&partition=claims%7Cacme"
_AT_NIGHT = "ai-dataflow status"  # the command after the delivery that is missing


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with a short path: pictures show it."""
    folder = Path(tempfile.gettempdir()) / "my-claims"
    assert not folder.exists(), f"{folder} is in the way: the tutorial is followed there"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_the_pictures_of_the_tutorial(folder: Path, tmp_path: Path) -> None:
    night = tmp_path / "night"
    for told in follow(DOCS / "tutorial.md", folder):
        assert told.is_right, told
        if told.command == _AT_NIGHT:
            shutil.copytree(folder, night)  # else Dagster's daemon would deliver the mails
    _take_mail(night)
    _take_page(night, "tutorial-failed", 945, "Failed (1)", "there is nothing at exports")


def _take_mail(folder: Path) -> None:
    (file,) = folder.glob("mails/*.failure.eml")
    body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("html",))
    assert body
    with open_browser("about:blank", folder) as browser:
        browser.page.set_viewport_size({"width": 760, "height": 900})
        browser.page.set_content(body.get_content())
        picture = Path(os.environ[PICTURES]) / "tutorial-mail.png"
        browser.page.locator(".card").first.screenshot(path=picture)


def _take_page(folder: Path, name: str, height: int, *texts: str) -> None:
    """Take the page of the tutorial's partition, when it shows these texts."""
    with DagsterDev(folder) as server, open_browser(server.url, folder) as browser:
        page = browser.visit(_PARTITION, height=height)
        for text in texts:
            expect(page.get_by_text(text).first).to_be_visible()
        browser.picture(name)
