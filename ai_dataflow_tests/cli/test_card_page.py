"""The page of a data card: one file that loads nothing, with a table for each plot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path

import pytest

from ai_dataflow.cli.card.card_page import card_html
from ai_dataflow.config.visible import printable
from ai_dataflow_tests.cli.cards import NASTY, NOW, card, column, numbers

GOLDEN = Path(__file__).with_name("card_page.txt")
_VOID = {"meta", "link", "img", "br", "hr", "input"}
_TOLD = ("h1", "h2", "h3", "caption", "th", "td", "dt", "dd", "summary", "li", "p", "figcaption")
_LOADS = re.compile(r"<(script|link|img|iframe|object|embed|audio|video)\b|@import|url\(|\ssrc=")


class Page(HTMLParser):
    """What a page has: its elements with their attributes, what was left open, texts by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self.outline: list[str] = []
        self._texts: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "svg":
            self.outline.append(f"plot: {dict(attrs)['aria-label']}")
        if tag not in _VOID:
            self.open.append(tag)
            self._texts.append([])

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()} closes {self.open[-1:]}")
            return
        self.open.pop()
        text = " ".join("".join(self._texts.pop()).split())
        if tag in _TOLD and text:
            self.outline.append(f"{tag}: {text}")

    def handle_data(self, data: str) -> None:
        inside = zip(reversed(self.open), reversed(self._texts), strict=True)
        for tag, texts in inside:
            texts.append(data)
            if tag in _TOLD:
                break

    def ids(self, tag: str = "") -> list[str]:
        """Give the ids of elements."""
        return [e["id"] or "" for name, e in self.elements if "id" in e and tag in ("", name)]


@pytest.fixture(scope="module")
def text() -> str:
    return card_html(card(), NOW)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_it_is_whole_html(page: Page) -> None:
    assert page.wrong == []
    assert page.open == []
    assert len(page.ids()) == len(set(page.ids()))


def test_it_loads_nothing_and_links_to_itself_alone(page: Page, text: str) -> None:
    assert _LOADS.search(text) is None
    hrefs = {attributes["href"] for _, attributes in page.elements if "href" in attributes}
    assert {f"#{name}" for name in page.ids()} >= hrefs
    assert "http://" not in text
    assert "https://" not in text


def test_each_plot_has_a_name_and_its_table(page: Page) -> None:
    plots = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(plots) == 4 + 1 + 1  # columns with a histogram, rows, a column whose fill changed
    tables = page.ids("table")
    for plot in plots:
        assert plot["role"] == "img"
        assert plot["aria-label"]
        assert plot["aria-details"] in tables


def test_each_table_has_a_caption_but_for_the_matrix_and_what_scrolls_can_be_reached(
    page: Page,
) -> None:
    tags = [tag for tag, _ in page.elements]
    assert tags.count("caption") == tags.count("table") - 1
    scrolling = [a for _, a in page.elements if a.get("class") == "scroll"]
    assert scrolling
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in scrolling)


def test_nothing_that_a_table_or_the_data_says_acts_on_the_page(text: str, page: Page) -> None:
    assert printable(text, "\n") == text
    assert "<script" not in text
    assert any("\\x1b[31mred\\u202e<script>" in line for line in page.outline)
    assert NASTY not in text


def test_what_it_says_is_what_was_agreed(page: Page, request: pytest.FixtureRequest) -> None:
    outline = "\n".join(page.outline) + "\n"
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(outline, encoding="utf-8")
    assert outline == GOLDEN.read_text(encoding="utf-8")


def test_a_card_without_profiles_project_and_rejects_is_a_page_as_well() -> None:
    bare = card(
        [column("claim_id", "int64", replace(numbers(0, 0, 1), rows=0), products=())],
        products=(), left_out=(), owners=(), covered=None, versions=card().versions[-1:],
    )  # fmt: skip
    page = Page(card_html(bare, NOW))
    assert (page.wrong, page.open) == ([], [])
    assert "p: No row is left out." in page.outline


def test_a_hundred_columns_of_three_products_are_less_than_2_mb() -> None:
    one = column("amount", "decimal(18,2)", numbers(999, -5, 12_345.5), shares=(0.4, 0.5, 0.6))
    many = [replace(one, name=f"column_{i:03d}", products=one.products * 2) for i in range(100)]
    assert len(card_html(card(many), NOW).encode()) < 2_000_000


def _colours(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the colours of the light and the dark form, by name."""
    blocks = re.findall(r":root \{([^}]*)\}", text)
    for form, block in zip(("light", "dark"), blocks, strict=True):
        yield form, dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block))


def _light(colour: str) -> float:
    """Give the relative luminance of a colour, as WCAG defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(d * 2 for d in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_texts_stand_out_in_light_and_dark(text: str) -> None:
    """By WCAG 2.1, AA: 4.5 to 1 for text, 3 to 1 for what a plot is made of."""
    fills = ("all", "nearly", "most", "half", "some", "nothing")
    pairs = [(fill, f"{fill}-ink", 4.5) for fill in fills]
    pairs += [(on, ink, 4.5) for on in ("sheet", "paper", "soft") for ink in ("ink", "dim", "link")]
    pairs += [("tint", "ink", 4.5), ("sheet", "mark", 3.0), ("sheet", "median", 3.0)]
    pairs += [("half", "half-ink", 4.5)]
    low = [
        (form, on, ink)
        for form, colours in _colours(text)
        for on, ink, least in pairs
        for light, dark in [sorted((_light(colours[on]), _light(colours[ink])), reverse=True)]
        if (light + 0.05) / (dark + 0.05) < least
    ]
    assert low == []


def test_all_colours_have_a_dark_form(text: str) -> None:
    light, dark = (colours for _, colours in _colours(text))
    assert light.keys() == dark.keys()
    used = set(re.findall(r"var\(--([\w-]+)\)", text)) - {"part"}
    assert used <= light.keys()


def test_one_page_has_all_columns_in_the_matrix_and_as_cards(page: Page) -> None:
    names = [c.name for c in card().columns]
    shown = [printable(name) for name in names]
    headings = [line.removeprefix("h3: ") for line in page.outline if line.startswith("h3: ")]
    assert headings == shown
    assert set(chain(*([f"c{i + 1}"] for i in range(len(names))))) <= set(page.ids("article"))
