"""What a source rule names and asks for, by its texts alone: columns, and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ai_dataflow.compiler.transforms import TransformError, columns_of, reads_clock
from ai_dataflow.tables.keeping import keep_of, unique_columns
from ai_dataflow.tables.source_rules import SourceRule


@lru_cache(maxsize=8192)
def names_of(rule: SourceRule | None) -> tuple[str, ...]:
    """Give the columns that a rule names, as it spells them."""
    if rule is None:
        return ()
    names = [*unique_columns(rule.unique_by)]
    for text in _expressions(rule):
        try:
            names += columns_of(text, rule.dialect)
        except TransformError:  # told where it is compiled
            continue
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=8192)
def rule_reads_clock(rule: SourceRule | None) -> bool:
    """Tell whether a rule takes other rows whenever it is asked."""
    return rule is not None and any(reads_clock(t, rule.dialect) for t in _expressions(rule))


def _expressions(rule: SourceRule) -> Iterator[str]:
    yield from filter(None, (rule.where, keep_of(rule.keep).order))
