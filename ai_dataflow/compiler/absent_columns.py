"""Telling that a source lacks a column, without telling its rows (P10).

Of a file without a header the first row stands where names should be. So a file's own names are
told only where they are known to be names: where at least one of them is in the sheet. A table of a
database has no other names than its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import polars as pl

from ai_dataflow.compiler.alternatives import named_by
from ai_dataflow.compiler.rule_names import names_of
from ai_dataflow.config.diagnostics import did_you_mean, listing
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import looks, without_seen
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.files.folder_columns import partition_values
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.survey import Sight
from ai_dataflow.sources.united import United
from ai_dataflow.tables.ai_mapping import MappingRow, alternatives
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.tables.source_rules import SourceRule

_SHOWN = 12


def absence(names: Sequence[str], source: SourceJob, schema: pl.Schema) -> tuple[str, str]:
    """Say that a source has no such columns, and how to mend it."""
    nameable = _nameable(source, schema)
    is_known = _has_header(source, nameable)
    near = [did_you_mean(name, nameable) if is_known else "" for name in names]
    shown = map(visible, names)
    missing = ", no ".join(f"`{name}`{meant}" for name, meant in zip(shown, near, strict=True))
    return f"{source.location} has no column {missing}", _fix(
        source, nameable, is_known=is_known, differ=isinstance(schema, United)
    )


def _nameable(source: SourceJob, schema: pl.Schema) -> pl.Schema:
    """Leave out what only accompanies columns, and fields of objects that the sheet does not name.

    Whose keys are data has values where names should be: of its objects those are known to have
    names of which one is in the sheet.
    """
    kept = without_seen(schema)
    parents = {name.rpartition(".")[0] for name in sheet_names(source) if name in schema}
    return pl.Schema(
        {
            name: dtype
            for name, dtype in schema.items()
            if name in kept
            and ((parent := name.rpartition(".")[0]) not in schema or parent in parents)
        }
    )


def _fix(source: SourceJob, schema: pl.Schema, *, is_known: bool, differ: bool) -> str:
    if not is_known:
        return _unknown(source, schema)
    if differ:
        # Their columns are those of any of them, and not each need have one that is known.
        return f"its files have {len(schema):,} columns in all; correct the name"
    return f"it has {listing(map(visible, schema), _SHOWN)}"


def _has_header(source: SourceJob, schema: pl.Schema) -> bool:
    """Tell whether a source's names are names; those of folders are, and say nothing of a file."""
    if isinstance(source.location, SqlLocation):
        return True
    if source.location.written and source.location.written.columns:
        return True  # they are from the settings
    header = {looks(name) for name in schema.keys() - folder_columns(source.seen)}
    return any(looks(name) in header for name in sheet_names(source))


def sheet_names(source: SourceJob) -> Iterator[str]:
    """Give the source columns that the sheet names of a source, its rule too."""
    yield from names_read(source.mappings, source.rule)


def mapped_names(rows: Iterable[MappingRow]) -> Iterator[str]:
    """Give the source columns that rows of the sheet name."""
    for row in rows:
        yield row.source_column
        yield from alternatives(row.source_column)
        yield from named_by(row)


def names_read(rows: Iterable[MappingRow], rule: SourceRule | None) -> Iterator[str]:
    """Give the source columns that rows of the sheet and a rule name, but for those it makes."""
    how = rule.reshape if rule else None
    yield from chain.from_iterable(how.several if how else ())
    every = (*mapped_names(rows), *names_of(rule))
    yield from (name for name in every if not (how and how.makes(name)))


def folder_columns(seen: Sight | None) -> frozenset[str]:
    """Give the columns that the folders of files name, where a survey saw files."""
    files = seen.files if isinstance(seen, Listing) else ()
    return frozenset(partition_values(files[0].path) if files else ())


def _unknown(source: SourceJob, schema: pl.Schema) -> str:
    count = len(schema) - len(folder_columns(source.seen))
    columns = f"it has {count:,} column{'' if count == 1 else 's'}"
    if isinstance(source.seen, Listing) and source.seen.file_format == "csv":
        return (
            f"{columns}, and its first line does not look like a header: no name of the sheet is "
            "in it; deliver it with a header and separated by commas, or correct the sheet"
        )
    if isinstance(source.seen, Listing) and source.seen.file_format == "excel":
        return (
            f"{columns}, and no name of the mapping sheet is among theirs; say in [formats.<name>] "
            "which line has the header, or correct the mapping sheet"
        )
    return f"{columns}, and no name of the sheet is among theirs; deliver others or correct it"
