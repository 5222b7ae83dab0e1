"""What is wrong with, or worth a look in, a cell that is compiled: told for each of its sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from ai_dataflow.compiler.absent_columns import absence
from ai_dataflow.compiler.transforms import Transform
from ai_dataflow.config.diagnostics import Diagnostic, Severity, listing
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import columns_like
from ai_dataflow.sources.files.differences import Difference, uniting
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.united import United
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.source_rules import SourceRule

# What is said once of a sheet, at its name, however many cells it is true of.
_OF_THE_SHEET = frozenset({"MAP-030"})


@dataclass(frozen=True)
class Finding:
    """What is wrong with a row of the sheet, wherever its source is.

    It is `about` the row itself, or a source column: one that is not there, one that several could
    be, one that is taken for another. Which are not there, `absent` has: what is told of them hangs
    on the source. `differing` is what is wrong with a column of its files.
    """

    code: str
    row: MappingRow | SourceRule
    column: str
    message: str
    fix: str
    severity: Severity = "error"
    about: Literal["row", "absent", "ambiguous", "renamed", "file"] = "row"
    offset: int = 0
    absent: tuple[str, ...] = ()
    differing: Difference | None = None

    def at(self, source: SourceJob, schema: pl.Schema) -> Diagnostic:
        """Tell of it for one source."""
        if self.differing:
            seen = source.seen.files if isinstance(source.seen, Listing) else ()
            looked_at = schema.paths if isinstance(schema, United) else ()
            paths = [file.path for file in seen] or looked_at
            return self.differing.at(source.location, source.place, paths)
        message, fix = f"{source.location}: {self.message}", self.fix
        if self.absent:
            message, fix = absence(self.absent, source, schema)
        problem = self.row.problem(
            self.code,
            self.column,
            message,
            fix,
            severity=self.severity,
            product=source.product,
            submodule=source.submodule,
            ai_column=self.row.ai_column if isinstance(self.row, MappingRow) else "",
        )
        if self.code in _OF_THE_SHEET:
            message = f"{problem.place}: {self.message}"
            return replace(problem, place=self.row.sheet.name, message=message)
        return self._with_offset(problem)

    def of_product(self, product: str) -> Diagnostic:
        """Tell of it for the joined rows of a product: no source is to blame."""
        problem = self.row.problem(
            self.code,
            self.column,
            self.message,
            self.fix,
            severity=self.severity,
            product=product,
            ai_column=self.row.ai_column if isinstance(self.row, MappingRow) else "",
        )
        return self._with_offset(problem)

    def _with_offset(self, problem: Diagnostic) -> Diagnostic:
        place = f"{problem.place}:{self.offset}" if self.offset else problem.place
        return replace(problem, place=place)


class WrongError(Exception):
    """A cell that does not compile, with the findings that say why; it never leaves the room."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__()
        self.findings = findings


def no_columns(
    row: MappingRow | SourceRule,
    cell: str,
    names: Sequence[str],
    schema: pl.Schema,
    offset: Callable[[str], int],
) -> list[Finding]:
    """Tell of the names that are not there, and of those that several columns could be.

    `offset` says where in the cell a name stands, from 1; 0 where it is all of it.
    """
    alike = {name: columns_like(name, schema) for name in names}
    findings = [
        Finding(
            "MAP-018", row, cell,
            f"`{visible(name)}` could be any of {listing(f'`{visible(c)}`' for c in columns)}",
            "spell the column exactly as the source does", about="ambiguous", offset=offset(name),
        )
        for name, columns in alike.items()
        if columns
    ]  # fmt: skip
    if absent := tuple(name for name in names if not alike[name]):
        findings.append(
            Finding("MAP-014", row, cell, "", "", about="absent", offset=offset(absent[0]),
                    absent=absent)
        )  # fmt: skip
    return findings


def spelled_otherwise(
    row: MappingRow | SourceRule, cell: str, made: Transform, schema: pl.Schema
) -> Iterator[Finding]:
    """Warn of columns that a cell spells otherwise than the source, and that files have unlike."""
    for name, column in made.renamed:
        is_case = name.casefold() == column.casefold()
        how = "in case alone" if is_case else "in nothing that is easy to see"
        shown, meant = visible(name), visible(column)
        message = f"`{shown}` is taken for `{meant}`, the only column that differs {how}"
        fix = "spell the column exactly as the source does"
        yield Finding("MAP-017", row, cell, message, fix, "warning", "renamed")
    for name in made.columns:
        if how := uniting(name, schema):
            message = f"the files differ in `{visible(name)}`: {how}"
            fix = "nothing, if that is as it should be; else deliver files that are alike"
            yield Finding("MAP-032", row, cell, message, fix, "warning")


def doubts(
    row: MappingRow | SourceRule, cell: str, made: Transform, *, reads_clock: bool, at: int = 0
) -> Iterator[Finding]:
    """Warn of what is worth a look in an expression, which begins at a place of its cell."""
    for doubt in made.doubts:
        offset = doubt.offset + at if doubt.offset else 0
        yield Finding(doubt.code, row, cell, doubt.message, doubt.fix, "warning", offset=offset)
    if reads_clock:
        what = "transform" if isinstance(row, MappingRow) else "rule"
        message = f"the {what} reads the clock: a rerun of the same data gives other values"
        yield Finding("MAP-024", row, cell, message, "use a column of the source", "warning")
