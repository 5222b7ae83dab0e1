"""`docs/reference/python.md`: what programs of users import, from its docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

_HEADS = ("Args", "Returns", "Yields", "Raises", "Example", "Examples")

_INTRO = """\
# Python

What programs of your own import. All else may change from one version to the next.

<!-- Made from the docstrings; do not edit. Make it anew with
.venv/bin/python -m ai_dataflow_tests.docs -->
"""


class Public(NamedTuple):
    """A public name: where it is imported from, and what it is for."""

    module: str
    name: str
    purpose: str

    @property
    def thing(self) -> Any:
        """The thing itself."""
        return getattr(import_module(self.module), self.name)


# In the order of the page. What `ai_dataflow` itself exports has to be among them; a test asks.
PUBLIC = (
    Public("ai_dataflow", "Workstation", "Read a dataset"),
    Public("ai_dataflow.workstation.datasets", "Dataset", "Read a dataset"),
    Public("ai_dataflow.workstation.dataset_schema", "DatasetSchema", "Read a dataset"),
    Public("ai_dataflow.workstation.dataset_schema", "DatasetColumn", "Read a dataset"),
    Public("ai_dataflow.workstation.dataset_versions", "Version", "Read a dataset"),
    Public("ai_dataflow.workstation.diffs", "DatasetDiff", "Read a dataset"),
    Public("ai_dataflow.workstation.linked", "LinkedModules", "Read a dataset"),
    Public("ai_dataflow.workstation.column_changes", "ColumnChange", "Read a dataset"),
    Public("ai_dataflow.workstation.datasets", "Snapshot", "Read a dataset"),
    Public("ai_dataflow.workstation.model_inputs", "ModelInput", "Read a dataset"),
    Public("ai_dataflow", "load", "Read a dataset"),
    Public("ai_dataflow.workstation.readers", "DatasetNotFoundError", "Read a dataset"),
    Public("ai_dataflow.workstation.readers", "FilesGoneError", "Read a dataset"),
    Public("ai_dataflow.workstation.linked", "NotJoinableError", "Read a dataset"),
    Public("ai_dataflow.workstation.readers", "ColumnNotPublishedError", "Read a dataset"),
    Public("ai_dataflow.config.diagnostics", "DataflowError", "Errors"),
    Public("ai_dataflow.config.diagnostics", "Diagnostic", "Errors"),
    Public("ai_dataflow.definitions", "build_definitions", "In Dagster"),
    Public("ai_dataflow.orchestration.partitions", "module_client_partitions", "In Dagster"),
    Public("ai_dataflow.orchestration.io_managers", "WorkstationIOManager", "In Dagster"),
    Public("ai_dataflow.orchestration.resources", "ProjectResource", "In Dagster"),
)
# What a value means that has no docstring of its own.
_VALUES = {
    "module_client_partitions": "The partitions of all three assets: `module|client`. An asset of "
    "yours that reads `ai_dataset` has the same.",
}
# Classes whose methods users call; of the others they only use the name.
_WITH_METHODS = (
    "ai_dataflow.workstation.datasets",
    "ai_dataflow.workstation.dataset_schema",
    "ai_dataflow.workstation.diffs",
    "ai_dataflow.workstation.linked",
)


def page() -> str:
    """Give the Markdown page."""
    parts = [_INTRO]
    purpose = ""
    for each in PUBLIC:
        if each.purpose != purpose:
            purpose = each.purpose
            parts += [f"## {purpose}", ""]
        line = f"from {each.module} import {each.name}"
        parts += [f"### {each.name}", "", "```python", line, "```", "", *_described(each)]
    return "\n".join(parts).rstrip() + "\n"


def meaning(each: Public) -> str:
    """Give the docstring of a public name, or what its value means."""
    is_value = not (inspect.isclass(each.thing) or inspect.isfunction(each.thing))
    return _VALUES.get(each.name, "") if is_value else inspect.getdoc(each.thing) or ""


def _described(each: Public) -> Iterator[str]:
    if inspect.isfunction(each.thing):
        yield from ["```text", _signature(each.name, each.thing), "```", ""]
    yield from _sections(meaning(each))
    if inspect.isclass(each.thing) and each.thing.__module__ in _WITH_METHODS:
        yield from _methods(each.thing)


def _methods(thing: type) -> Iterator[str]:
    """Give what a class of ours can do, one by one."""
    ours = [each for each in thing.__bases__ if each.__module__.startswith("ai_dataflow.")]
    inherited = {name: raw for base in ours for name, raw in vars(base).items()}
    for name, raw in {**inherited, **vars(thing)}.items():
        member = raw.__func__ if isinstance(raw, classmethod) else raw
        if isinstance(member, cached_property):
            function = member.func
        else:
            function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        is_called = member is function
        yield from [f"#### {thing.__name__}.{name}", ""]
        if is_called:
            yield from ["```text", _signature(name, function), "```", ""]
        yield from _sections(inspect.getdoc(function) or "")


def _signature(name: str, function: Any) -> str:
    """Give a signature, a parameter in each line where there are several."""
    given = inspect.signature(function)
    several = [each for each in given.parameters.values() if each.name not in ("self", "cls")]
    shown = [_parameter(each) for each in several]
    kinds = [each.kind for each in several]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        shown.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    inner = "".join(f"    {each},\n" for each in shown)
    if not shown:
        return f"{name}() -> {given.return_annotation}"
    return f"{name}(\n{inner}) -> {given.return_annotation}"


def _parameter(each: inspect.Parameter) -> str:
    """Give a parameter with its annotation as it was written, and its default."""
    is_needed = each.default is inspect.Parameter.empty
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    name = f"{stars.get(each.kind, '')}{each.name}"
    return f"{name}: {each.annotation}" + ("" if is_needed else f" = {each.default!r}")


def _sections(docstring: str) -> Iterator[str]:
    """Turn the sections of a docstring into Markdown: lists of names, and examples as code."""
    head = ""
    for part in re.split(r"\n\s*\n", docstring):
        first, _, rest = part.partition("\n")
        if first.rstrip(":") in _HEADS and first.endswith(":"):
            head = first.rstrip(":")
            yield from [f"**{head}**", ""]
            part = inspect.cleandoc(rest)  # noqa: PLW2901 - the section without its head
        if head.startswith("Example") and part:
            yield from ["```python", part.replace(">>> ", "").replace("... ", ""), "```", ""]
        elif head and part:
            yield from [*_entries(part), ""]
        elif part:
            yield from [part, ""]


def _entries(part: str) -> Iterator[str]:
    """Give the entries of a section, each with the lines that go on with it."""
    for entry in re.split(r"\n(?=\S)", part):
        name, colon, text = " ".join(entry.split()).partition(": ")
        yield f"- `{name}`: {text}" if colon else f"- {name}"
