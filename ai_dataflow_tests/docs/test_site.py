"""The site: its pages have their places, and what is wrong with what was built is told.

The site itself is built by `make docs`, which has an environment of its own and looks at it too.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ai_dataflow_tests.docs.markdown import DOCS, ROOT, rewritten
from ai_dataflow_tests.docs.site import mended, moved, place, problems


def test_each_page_of_the_docs_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = re.findall(r"([\w/-]+\.md)$", nav, re.MULTILINE)
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert len(listed) == len(set(listed))
    assert set(listed) == there | {"index.md", "CONTRIBUTING.md", "CHANGELOG.md"}


@pytest.mark.parametrize(
    ("page", "link", "there"),
    [
        ("README.md", "docs/sql.md#types", "sql.md#types"),
        ("docs/sql.md", "changes.md", "changes.md"),
        ("docs/dagster.md", "../README.md#what-is-where", "index.md#what-is-where"),
        ("docs/reference/tables.md", "../sources.md", "../sources.md"),
        ("docs/scaling.md", "../bench/results.json", "files/bench/results.json.md"),
        ("docs/scaling.md", "spark", "files/docs/spark.md"),
        ("docs/how-to/data-scientist.md", "../../dagster.yaml", "../files/dagster.yaml.md"),
        ("README.md", "https://dagster.io", "https://dagster.io"),
        ("README.md", "#in-azure", "#in-azure"),
    ],
)
def test_a_link_leads_to_the_same_in_the_site(page: str, link: str, there: str) -> None:
    assert moved(link, ROOT / page) == there


def test_the_readme_is_the_first_page() -> None:
    assert place(ROOT / "README.md") == Path("index.md")


def test_links_are_changed_and_code_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = 'See [a `b`](c.md "d") and ![e](f.png).\n`[no](link.md)`\n\n```sh\n[no](link.md)\n```\n'
    page.write_text(text, encoding="utf-8")
    assert rewritten(page, str.upper) == text.replace("c.md", "C.MD").replace("f.png", "F.PNG")


def test_a_built_page_is_mended() -> None:
    page = '<script src="https://unpkg.com/iframe-worker/shim"></script><a href="./..">'
    page += r"<td>a</td><td><code>a\|b</code></td><code>a\|b</code>"
    assert mended(page, "shim.js") == (
        '<script src="shim.js"></script><a href="./../index.html">'
        r"<td>a</td><td><code>a|b</code></td><code>a\|b</code>"
    )


def _site(folder: Path, body: str) -> list[str]:
    (folder / "other.html").write_text('<h1 id="one">One</h1>', encoding="utf-8")
    (folder / "index.html").write_text(body, encoding="utf-8")
    return problems(folder)


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example.org/a.js"></script>',
        '<link rel="stylesheet" href="//cdn.example.org/a.css">',
        '<img src="http://example.org/a.png">',
        '<a href="missing.html">x</a>',
        '<a href="other.html#two">x</a>',
        '<img src="missing.png">',
    ],
)
def test_what_is_loaded_from_elsewhere_or_leads_nowhere_is_told(body: str, tmp_path: Path) -> None:
    assert len(_site(tmp_path, body)) == 1


def test_what_is_there_is_no_problem(tmp_path: Path) -> None:
    body = '<a href="other.html#one">x</a><a href="https://example.org">y</a><a href="#z" id="z">'
    assert _site(tmp_path, body) == []


def test_a_style_that_loads_a_font_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@font-face { src: url(https://example.org/f.woff) }")
    assert _site(tmp_path, "") == ["a.css loads https://example.org/f.woff"]
