"""The data card of the demo in a browser: narrow and wide, light and dark; it loads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Request, expect

from ai_dataflow_tests.runs.runs import cli
from ai_dataflow_tests.ui.browser import WIDTH, Browser, open_browser
from ai_dataflow_tests.ui.demo import IN_BROWSER

pytestmark = IN_BROWSER


@pytest.fixture(scope="module")
def browser(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give a browser that looks at a folder with the card of claims, and at nothing else."""
    folder = tmp_path_factory.mktemp("card")
    page = folder / "card.html"
    assert cli(project, "describe", "policies", "--html", str(page)).returncode == 0
    with open_browser(folder.as_uri(), tmp_path_factory.mktemp("pictures")) as browser:
        yield browser


def test_it_asks_for_nothing_but_itself(browser: Browser) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.rpartition("/")[2])

    browser.page.on("request", note)
    browser.visit("/card.html")
    assert asked == ["card.html"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_no_part_goes_beyond_the_edge(browser: Browser, width: int, scheme: str) -> None:
    page = browser.visit("/card.html")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.emulate_media(color_scheme="light")


def test_figures_open_by_keyboard(browser: Browser) -> None:
    page = browser.visit("/card.html")
    summary = page.get_by_text("Figures of annual_premium")
    table = page.locator("article", has=summary).get_by_text("By product")
    expect(table).to_be_hidden()
    summary.focus()
    page.keyboard.press("Enter")
    expect(table).to_be_visible()


def test_it_shows_fill_and_distributions(browser: Browser) -> None:
    page = browser.visit("/card.html", height=1000)
    cell = page.locator(".matrix tr", has_text="annual_premium").first
    expect(cell).to_contain_text("100%")
    expect(page.locator("article svg[role=img]").first).to_be_visible()
    page.set_viewport_size({"width": WIDTH, "height": 1000})
    browser.picture("data-card", page.locator("header"), page.locator("#fill"),
                    page.locator("article").nth(2))  # fmt: skip
