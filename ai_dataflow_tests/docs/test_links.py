"""No link of the README and the docs is dead, nor has an anchor that is not there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ai_dataflow_tests.docs.markdown import ROOT, anchors, code_spans, links, written_pages
from ai_dataflow_tests.rooms import PACKAGE

_anchors = cache(anchors)


def test_no_link_is_dead() -> None:
    dead = [
        f"{page.relative_to(ROOT)}:{line}: {link}"
        for page in written_pages()
        for line, link in links(page)
        if not _leads_somewhere(page, link)
    ]
    assert dead == []


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    if "://" in link or link.startswith("mailto:"):
        return True
    target = (page.parent / path).resolve() if path else page
    if anchor and target.suffix == ".md":
        return target.is_file() and anchor in _anchors(target)
    return target.exists() and not anchor


def test_files_of_the_code_that_pages_name_are_there() -> None:
    named = [
        (f"{page.relative_to(ROOT)}:{line}", name)
        for page in written_pages()
        if page.name != "CHANGELOG.md"  # it tells what was
        for line, name in code_spans(page)
        if re.fullmatch(r"[a-z_]+(/[a-z_]+)*\.(py|toml|md)", name) and "/" in name
    ]
    assert [f"{place}: {name}" for place, name in named if not _is_there(name)] == []


def _is_there(name: str) -> bool:
    return any((folder / name).exists() for folder in (ROOT, PACKAGE, PACKAGE / "sources"))
