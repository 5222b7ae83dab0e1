"""Checks of how the sources of a product are joined: what a rule's `join` and `as_of` ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.joins import AsOf
from ai_dataflow.tables.source_rules import SourceRule

_ORDERED = ("date", "timestamp", "int16", "int32", "int64")


def check_joins(sources: Sequence[SourceJob]) -> Iterator[Diagnostic]:
    """Check the joins of one product in one partition, by the tables alone."""
    before: list[SourceJob] = []
    for source in sources:
        if source.rule and source.join_kind != "full":
            yield from _of_source(source, source.rule, before)
        before += [source] if source.key_columns else []


def _of_source(
    source: SourceJob, rule: SourceRule, before: Sequence[SourceJob]
) -> Iterator[Diagnostic]:
    if not source.key_columns:
        yield _no_key(source, rule)
    elif not before:
        yield _first(source, rule)
    elif source.holds:
        yield from _as_of(source, rule, source.holds, before)


def _as_of(
    source: SourceJob, rule: SourceRule, as_of: AsOf, before: Sequence[SourceJob]
) -> Iterator[Diagnostic]:
    mapped = {row.ai_column: row for other in before for row in other.mappings}
    looked_up = {row.ai_column: row for row in source.mappings}
    places = (
        (as_of.moment, "what is joined before it", mapped),
        (as_of.since, f"`{source.submodule}`", looked_up),
    )
    unknown = [
        f"{where} maps no AI column `{column[:80]}`{did_you_mean(column, columns)}"
        for column, where, columns in places
        if column not in columns
    ]
    if unknown:
        fix = "first comes the column of the rows that look up, then the one of the lookup"
        yield rule.problem("RUL-025", "as_of", ", and ".join(unknown), fix)
    else:
        yield from _wrong_types(rule, mapped[as_of.moment], looked_up[as_of.since])
        yield from _is_key(rule, as_of, source, before)


def _wrong_types(rule: SourceRule, moment: MappingRow, since: MappingRow) -> Iterator[Diagnostic]:
    types = f"`{moment.ai_column}` is {moment.ai_type} and `{since.ai_column}` is {since.ai_type}"
    if moment.ai_type != since.ai_type:
        yield rule.problem(
            "RUL-026", "as_of", f"{types}: they cannot be compared", "give both the same ai_type"
        )
    elif since.ai_type not in _ORDERED:
        yield rule.problem(
            "RUL-026",
            "as_of",
            f"{types}, of which no last one can be told",
            f"compare two columns of {listing(_ORDERED)}",
        )


def _is_key(
    rule: SourceRule, as_of: AsOf, source: SourceJob, before: Sequence[SourceJob]
) -> Iterator[Diagnostic]:
    keys = {key for other in before for key in other.key_columns} & {*source.key_columns}
    if as_of.since in keys:
        yield rule.problem(
            "RUL-026",
            "as_of",
            f"`{as_of.since}` is a key that both have: rows with another value never meet",
            f"clear `is_key` of `{as_of.since}` in `{source.submodule}`",
        )


def _no_key(source: SourceJob, rule: SourceRule) -> Diagnostic:
    return rule.problem(
        "RUL-023",
        "join",
        f"`{source.submodule}` maps no key: there is nothing to join it on, its rows would be "
        "appended",
        "mark its key in the mapping sheet, with `published` N if readers do not need it",
    )


def _first(source: SourceJob, rule: SourceRule) -> Diagnostic:
    return rule.problem(
        "RUL-024",
        "join",
        f"`{source.submodule}` is the first of {source.product} that has keys: there is nothing "
        f"before it that it could be joined to as `{source.join_kind}`",
        "put its row of the control table below those that it is joined to",
    )
