"""All pages that are made from the code: which file each is, and what makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ai_dataflow.config import codes
from ai_dataflow_tests import reliability
from ai_dataflow_tests.compiler import page as transforms
from ai_dataflow_tests.docs import commands_page, json_page, python_page, settings_page, tables_page
from ai_dataflow_tests.docs.markdown import DOCS

PAGES: dict[str, Callable[[], str]] = {
    "errors.md": codes.errors_page,
    "transforms.md": transforms.page,
    "reliability.md": lambda: reliability.page(reliability.proofs()),
    "reference/settings.md": settings_page.page,
    "reference/tables.md": tables_page.page,
    "reference/commands.md": commands_page.page,
    "reference/python.md": python_page.page,
    "reference/json.md": json_page.page,
}


def path(name: str) -> Path:
    """Give the file of a page."""
    return DOCS / name
