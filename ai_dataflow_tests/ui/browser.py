"""A browser without a window, and the pictures that are taken in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PICTURES = "AI_DATAFLOW_PICTURES"  # the variable that names a folder to keep pictures in
PATIENCE = 90_000.0  # milliseconds; pages take 2 to 5 seconds on an idle machine
NAVIGATION = 240  # pixels that Dagster's navigation takes on the left

_WINDOW = {"width": 1440, "height": 900}
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

    def visit(self, path: str) -> Page:
        """Open a page of the server."""
        self.page.set_viewport_size(_WINDOW)
        self.page.goto(f"{self.url}{path}", timeout=PATIENCE)
        return self.page

    def grow(self, height: int) -> None:
        """Make the window higher, for pages that scroll."""
        self.page.set_viewport_size({"width": _WINDOW["width"], "height": height})

    def picture(
        self, name: str, first: Locator | None = None, last: Locator | None = None, margin: int = 24
    ) -> Path:
        """Take a picture of what is right of the navigation, from one element to another.

        Without a first element it begins at the top, without a last one it ends at the bottom.
        """
        self._settle()
        height = self.page.evaluate("window.innerHeight")
        top = max(0.0, _box(first)["y"] - margin) if first else 0.0
        bottom = min(height, _bottom(last) + margin) if last else height
        return self.cut(name, NAVIGATION, top, _WINDOW["width"] - NAVIGATION, bottom - top)

    def picture_of(self, name: str, *parts: Locator, margin: int = 24) -> Path:
        """Take a picture of some elements and what is between them."""
        self._settle()
        boxes = [_box(part) for part in parts]
        left = max(0.0, min(box["x"] for box in boxes) - margin)
        top = max(0.0, min(box["y"] for box in boxes) - margin)
        right = max(box["x"] + box["width"] for box in boxes) + margin
        bottom = max(box["y"] + box["height"] for box in boxes) + margin
        return self.cut(name, left, top, right - left, bottom - top)

    def cut(self, name: str, left: float, top: float, width: float, height: float) -> Path:
        """Take a picture of a part of the window."""
        path = self._pictures / f"{name}.png"
        self.page.screenshot(
            path=path, clip={"x": left, "y": top, "width": width, "height": height}
        )
        return path

    def _settle(self) -> None:
        """Wait until nothing moves: fonts are there, animations are over."""
        before = b""
        for _ in range(100):
            now = self.page.screenshot()
            if now == before:
                return
            before = now
        raise AssertionError("the page does not come to rest")


def _box(part: Locator) -> dict[str, float]:
    found = part.bounding_box(timeout=PATIENCE)
    assert found, "the element is not visible"
    return {**found}


def _bottom(part: Locator) -> float:
    box = _box(part)
    return box["y"] + box["height"]


@contextmanager
def open_browser(url: str, pictures: Path) -> Iterator[Browser]:
    """Start Chromium for one server; it cannot ask any other."""
    pictures = Path(os.environ.get(PICTURES) or pictures)
    pictures.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_OPTIONS])
        context = chromium.new_context(timezone_id="UTC", locale="en-US")
        context.route(
            re.compile(rf"^(?!{re.escape(url)}/|data:|blob:)"), lambda route: route.abort()
        )
        context.set_default_timeout(PATIENCE)
        try:
            yield Browser(context.new_page(), url, pictures)
        finally:
            chromium.close()
