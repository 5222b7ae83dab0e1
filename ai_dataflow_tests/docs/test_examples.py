"""The examples in Python and in TOML: their names are imported, their calls and settings are right.

The blocks of a page are one program, as a reader reads them. What they define is defined here; what
they call is held against its signature, and is not called: the tutorial does that.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow.config.settings import FILE_NAME, load_settings
from ai_dataflow_tests.docs.markdown import ROOT, Block, blocks, written_pages

_DEFINES = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def _pages_with(language: str) -> dict[str, list[Block]]:
    found = {page: [b for b in blocks(page) if b.language == language] for page in written_pages()}
    return {str(page.relative_to(ROOT)): here for page, here in found.items() if here}


PYTHON = _pages_with("python")
# What has a label is a part of the tutorial, which reads it in its place.
TOML = [block for here in _pages_with("toml").values() for block in here if not block.label]


@pytest.mark.parametrize("page", PYTHON)
def test_the_names_and_calls_of_examples_are_right(page: str) -> None:
    names: dict[str, Any] = {}
    wrong = [
        f"{block.place}: {problem}"
        for block in PYTHON[page]
        for node in ast.parse(block.text, block.place).body
        for problem in _problems(node, names)
    ]
    assert wrong == []


def _problems(node: ast.stmt, names: dict[str, Any]) -> list[str]:
    """Define what a statement defines; tell which names it lacks, and which calls are wrong."""
    used = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    inner = {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    inner |= {n.id for n in used if isinstance(n.ctx, ast.Store)}
    unknown = {n.id for n in used} - names.keys() - inner - set(dir(builtins))
    if unknown:
        return [f"`{name}` is not imported" for name in sorted(unknown)]
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    wrong = [problem for call in calls if (problem := _misfit(call, names))]
    if isinstance(node, ast.Assign):
        targets = (n.id for n in ast.walk(node) if isinstance(n, ast.Name))
        names |= dict.fromkeys(targets)
    elif isinstance(node, _DEFINES):
        module = ast.Module([node], type_ignores=[])
        exec(compile(module, "<example>", "exec"), names)  # noqa: S102 - the docs are ours
    return wrong


def _misfit(call: ast.Call, names: dict[str, Any]) -> str:
    """Say why a call does not fit the function's signature."""
    assert isinstance(call.func, ast.Name)
    function = names.get(call.func.id)
    try:
        if inspect.isfunction(function):
            given = {each.arg: None for each in call.keywords if each.arg}
            inspect.signature(function).bind(*[None] * len(call.args), **given)
    except TypeError as error:
        return f"`{ast.unparse(call)}`: {error}"
    return ""


@pytest.mark.parametrize("block", TOML, ids=lambda block: block.place)
def test_the_settings_of_examples_are_settings(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _VARIABLE.findall(block.text):
        value = "sv=2024-11-04&sig=x" if "SAS" in name else "a2V5"
        monkeypatch.setenv(name, f"AccountKey={value}" if "CONNECTION" in name else value)
    assert tomllib.loads(block.text)
    (tmp_path / FILE_NAME).write_text(block.text, encoding="utf-8")
    load_settings(tmp_path)


def test_a_name_that_is_not_imported_and_a_wrong_call_are_told() -> None:
    names: dict[str, Any] = {}
    text = "from ai_dataflow import load\nload('claims', clients='acme')\nfeatures()\n"
    found = [problem for node in ast.parse(text).body for problem in _problems(node, names)]
    assert found == [
        "`load('claims', clients='acme')`: got an unexpected keyword argument 'clients'",
        "`features` is not imported",
    ]
