"""What is wrong with one column of files that differ: they lack it, or no type has all its values.

It is the files' fault, whoever maps the column: it is told at the location, to the source's owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic, listing
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.united import United

_ADD = (
    'deliver files that have it; or, where files may lack it, say drift = "add" in a section '
    "[formats.<name>] of ai_dataflow.toml, and name that as the row's file_format"
)
_ONE_TYPE = "deliver files that have it in one type, or name them with narrower locations"
_READABLE = "deliver files without it, or with it once and in a type that can be read"


@dataclass(frozen=True)
class Difference:
    """A column, what is wrong with it in files of these numbers, and what can be done."""

    code: str
    column: str
    of_files: tuple[tuple[str, int], ...]
    fix: str

    def at(self, location: object, place: str, paths: Sequence[str]) -> Diagnostic:
        """Tell of it, for a location whose files have these paths."""
        parts = [f"{what} in {_called(number, paths)}" for what, number in self.of_files]
        message = f"{location}: the column `{visible(self.column)}` {listing(parts, 4)}"
        return Diagnostic(self.code, message, place=place, fix=self.fix)


def difference(name: str, schema: pl.Schema, *, adds: bool) -> Difference | None:
    """Find what is wrong with a column that is read; None where nothing is.

    Args:
        name: one of the columns of the schema.
        schema: the columns of all files.
        adds: whether a column that files lack is null there.
    """
    if not isinstance(schema, United):
        return None
    if refused := [(why, number) for number, why in schema.refused(name)]:
        return Difference("SRC-018", name, tuple(refused), _READABLE)
    if schema[name] == pl.Unknown:
        types = [(f"is {_type(t)}", number) for t, number in schema.types(name).items()]
        return Difference("SRC-010", name, tuple(types), _ONE_TYPE)
    if lacking := [] if adds else schema.lacking(name):
        return Difference("SRC-010", name, tuple(("is not", n) for n in lacking), _ADD)
    return None


def uniting(name: str, schema: pl.Schema) -> str:
    """Say how a column that is read was united; blank where all files have it alike."""
    if not isinstance(schema, United) or name not in schema:
        return ""
    types = sorted(map(_type, schema.types(name)))
    lacking = "null in files without it" if schema.lacking(name) else ""
    several = f"{' and '.join(types)} read as {_type(schema[name])}" if len(types) > 1 else ""
    return ", ".join(filter(None, (several, lacking)))


def _type(dtype: pl.DataType) -> str:
    """Name a type without what may be values: fields, categories (P10)."""
    return str(dtype.base_type() if dtype.is_nested() or isinstance(dtype, pl.Enum) else dtype)


def _called(number: int, paths: Sequence[str]) -> str:
    return visible(paths[number]) if number < len(paths) else f"file {number + 1}"
