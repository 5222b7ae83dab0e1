"""Checks of what the submodules of one product do to each other, before any data is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ai_dataflow.config.ai_mapping import MappingRow
from ai_dataflow.config.diagnostics import Diagnostic, listing
from ai_dataflow.engine.job import SourceJob


def check_product(sources: Sequence[SourceJob]) -> list[Diagnostic]:
    """Check the sources of one product in one partition: do their keys and columns line up?"""
    keyed = [source for source in sources if source.key_columns]
    return [*_no_shared_key(keyed), *_mapped_by_two(keyed)]


def _no_shared_key(keyed: Sequence[SourceJob]) -> Iterable[Diagnostic]:
    """The join goes from source to source; each must share a key with those before it."""
    known: list[str] = list(keyed[0].key_columns) if keyed else []
    for source in keyed[1:]:
        if not set(known) & set(source.key_columns):
            row = next(row for row in source.mappings if row.is_key)
            yield Diagnostic(
                "MAP-013",
                f"`{source.submodule}` has the keys {listing(source.key_columns)}; the submodules "
                f"that it is joined to have {listing(known)}",
                place=row.place("is_key"),
                fix="mark a key that both have, or no key to append the rows",
                line=row.line,
            )
        known += source.key_columns


def _mapped_by_two(keyed: Sequence[SourceJob]) -> Iterable[Diagnostic]:
    """Two joined submodules cannot both give a column: which value would be right?"""
    first: dict[str, MappingRow] = {}
    for source in keyed:
        for row in source.mappings:
            other = first.setdefault(row.ai_column, row)
            if other is not row and not (row.is_key and other.is_key):
                yield Diagnostic(
                    "MAP-012",
                    f"`{row.ai_column}` comes from `{other.submodule}` and from "
                    f"`{source.submodule}`, which are joined",
                    place=row.place("ai_column"),
                    fix="map it from one of them, or mark it as a key of both",
                    line=row.line,
                )
