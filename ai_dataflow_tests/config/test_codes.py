"""The catalogue of codes: complete, written out, and its page up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

import ai_dataflow
from ai_dataflow.config.codes import CODES, Code, Concern, errors_page, explain, families

PACKAGE = Path(ai_dataflow.__file__).parent
PAGE = PACKAGE.parent / "docs" / "errors.md"
TABLES = ("CTL", "MAP", "COD", "RUL", "DIC", "TEM")


def _source() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py"))


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == errors_page(), (
        "docs/errors.md is stale; make it anew:\n"
        "  .venv/bin/python -m ai_dataflow.config.codes > docs/errors.md"
    )


def test_the_module_prints_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "ai_dataflow.config.codes"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.stdout, done.stderr) == (errors_page(), "")


def test_every_code_of_the_package_is_in_the_catalogue() -> None:
    pattern = rf'"((?:{"|".join(families())})-\d{{3}})"'
    used = set(re.findall(pattern, _source()))
    assert {"CFG-001", "MAP-014", "REJ-001"} <= used
    assert used <= CODES.keys()


def test_every_code_that_the_tables_share_is_there_for_each() -> None:
    """These are raised by their number alone; the table gives the prefix."""
    shared = "".join((PACKAGE / "tables" / f"{m}.py").read_text() for m in ("table", "grids"))
    numbers = set(re.findall(r'(?<=[("])(?:00\d|9\d\d)(?=")', shared))
    assert {"003", "901"} <= numbers
    assert {f"{table}-{number}" for table in TABLES for number in numbers} <= CODES.keys()


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_a_code_says_all(code: Code) -> None:
    assert re.fullmatch(r"[A-Z]{3}-\d{3}", code.code)
    assert code.family in families()
    assert all(text for text in code if isinstance(text, str))
    assert code.concern in get_args(Concern)
    assert not re.search(r"\{\w+\}", code.title + code.kind)
    assert 2 <= len(re.findall(r"\.(?=\s|$)", code.means)) <= 4, "means: 2 to 4 sentences"


@pytest.mark.parametrize("number", ["001", "003", "902"])
def test_a_text_that_the_tables_share_names_its_table(number: str) -> None:
    sections = {explain(CODES[f"{table}-{number}"]) for table in TABLES}
    names = [next(n for n in map(families().get, TABLES) if n and n in text) for text in sections]
    assert sorted(names) == sorted(families()[table] for table in TABLES)
    assert not any(re.search(r"\{\w+\}", text) for text in sections)


def test_titles_are_unique_in_their_family() -> None:
    titles = Counter((code.family, code.title) for code in CODES.values())
    assert [title for title, count in titles.items() if count > 1] == []


def test_a_section_has_the_title_the_texts_and_the_example() -> None:
    code = Code("MAP-006", "unknown ai_type", "mapping", "mapping", "Means.", "  a  b", "Cure.")
    assert explain(code) == (
        "### MAP-006: unknown ai_type\n\nMeans.\n\nFor example:\n\n```text\n  a  b\n```\n\n"
        "**What to do:** Cure.\n\n*Kind `mapping`, concern `mapping`.*\n"
    )


def test_every_link_of_the_page_leads_somewhere() -> None:
    page = errors_page()
    headings = re.findall(r"^##+ (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
    assert set(re.findall(r"\]\(#(.*?)\)", page)) <= anchors
    for file in set(re.findall(r"\]\((\w+\.md)[#)]", page)):
        assert (PAGE.parent / file).is_file()
