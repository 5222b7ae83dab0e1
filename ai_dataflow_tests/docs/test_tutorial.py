"""The tutorials do what they say, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.docs.markdown import DOCS
from ai_dataflow_tests.docs.tutorial import fits, follow, renewed

PAGES = ("tutorial.md", "reading.md")


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_what_the_tutorial_says_is_what_comes(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = DOCS / name
    told = list(follow(page, tmp_path))
    if request.config.getoption("--update-golden"):
        page.write_text(renewed(page.read_text(encoding="utf-8"), told), encoding="utf-8")
        return
    wrong = next((each for each in told if not each.is_right), None)
    if wrong:
        pytest.fail(
            f"{name}: {wrong.command}\n"
            f"the tutorial says (exit {wrong.wanted_code}):\n{wrong.wanted}\n"
            f"and it came (exit {wrong.code}):\n{wrong.printed}\n"
            "write what came into it with --update-golden, and look at the difference",
            pytrace=False,
        )


@pytest.mark.parametrize(
    ("wanted", "printed", "fit"),
    [
        ("report  …/a.json\n", "report  /tmp/x/a.json\n", True),
        ("report  …/a.json\n", "report  /tmp/x/b.json\n", False),
        ("1 row\n…\n", "1 row\n2\n3\n", True),
        ("1 row\n", "2 rows\n", False),
    ],
)
def test_what_varies_may_vary_and_nothing_else(wanted: str, printed: str, fit: bool) -> None:
    assert fits(wanted, printed) is fit


def test_a_page_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- file: a/b.csv -->\n```csv\nx\ny\n```\n"
        "<!-- line 2 of a/b.csv -->\n```csv\nz\n```\n"
        "<!-- exit 3 -->\n```console\n$ cat a/b.csv\nx\nz\n$ exit 3\n```\n"
        "```pycon\n>>> n = 1\n>>> n + 1\n2\n```\n"
        "<!-- not run: it is an example -->\n```console\n$ false\n```\n"
        "```console\n$ echo one\ntwo\n```\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("ai_dataflow_tests.docs.markdown.ROOT", tmp_path)
    *right, wrong = follow(page, tmp_path)
    assert [each.command for each in right if not each.is_right] == []
    assert (len(right), wrong.printed, wrong.is_right) == (4, "one\n", False)
    assert "$ echo one\none\n" in renewed(page.read_text(encoding="utf-8"), [wrong])
