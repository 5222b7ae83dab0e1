"""A browser without a window, and the pictures that are taken in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import FloatRect, Locator, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PICTURES = "AI_DATAFLOW_PICTURES"  # the variable that names a folder to keep pictures in
PATIENCE = 90_000.0  # milliseconds; pages take 2 to 5 seconds on an idle machine
WIDTH = 1440
NAVIGATION = 240  # pixels that Dagster's navigation takes on the left; pictures are without it

_LOOKS = 20  # at a page, until it is at rest
_OPTIONS = (
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """A page that visits one server, and a folder for its pictures."""

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page = page
        self.url = url
        self._pictures = pictures

    def visit(self, path: str, height: int = 900) -> Page:
        """Open a page of the server, in a window of this height."""
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        self.page.goto(f"{self.url}{path}", timeout=PATIENCE)
        return self.page

    def leave(self) -> None:
        """Leave the page: one that is open asks and draws all the time, a fifth of a core."""
        self.page.goto("about:blank")

    def picture(self, name: str, *parts: Locator, margin: int = 24) -> Path:
        """Take a picture of these elements and what is between them; of the window, if of none.

        It waits until nothing moves there: fonts are loaded, animations are over. What never
        rests, as Dagster's timeline of ticks on a slow machine, is taken as it is after a while.
        """
        path = self._pictures / f"{name}.png"
        before = b""
        for _ in range(_LOOKS):
            now = self.page.screenshot(path=path, clip=self._clip(parts, margin))
            if now == before:
                break
            before = now
        return path

    def _clip(self, parts: Sequence[Locator], margin: int) -> FloatRect:
        boxes = [_box(part) for part in parts]
        height = self.page.evaluate("window.innerHeight")
        edges = (
            min((box["x"] - margin for box in boxes), default=NAVIGATION),
            min((box["y"] - margin for box in boxes), default=0),
            max((box["x"] + box["width"] + margin for box in boxes), default=WIDTH),
            max((box["y"] + box["height"] + margin for box in boxes), default=height),
        )
        left, top = max(0.0, edges[0]), max(0.0, edges[1])
        width, height = min(WIDTH, edges[2]) - left, min(height, edges[3]) - top
        return {"x": left, "y": top, "width": width, "height": height}


def _box(part: Locator) -> dict[str, float]:
    found = part.bounding_box(timeout=PATIENCE)
    assert found, "the element is not visible"
    return {**found}


@contextmanager
def open_browser(url: str, pictures: Path) -> Iterator[Browser]:
    """Start Chromium for one server; it cannot ask any other."""
    pictures = Path(os.environ.get(PICTURES) or pictures)
    pictures.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_OPTIONS])
        context = chromium.new_context(timezone_id="UTC", locale="en-US", reduced_motion="reduce")
        context.route(
            re.compile(rf"^(?!{re.escape(url)}/|data:|blob:)"), lambda route: route.abort()
        )
        context.set_default_timeout(PATIENCE)
        try:
            yield Browser(context.new_page(), url, pictures)
        finally:
            chromium.close()
