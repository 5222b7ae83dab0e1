"""Counts: where the rows of a product and of its sources went, as results and reports have them."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from ai_dataflow.config.sent import Sent

Unless0 = Annotated[int, Field(exclude_if=operator.not_)]


def check_name(kind: str, column: str) -> str:
    """Name a check of the dictionary, as counts of rows that break it have it."""
    return f"{kind} {column}"


@dataclass(frozen=True, slots=True)
class SourceCounts(Sent):
    """How many rows of a source were read, and how many rejected for each reason's code.

    `rows_filtered` are those that its `where` leaves out, `rows_superseded` those of which it keeps
    another, `rows_unmatched` those that its join or a later one leaves out, `rows_produced` those
    that unpivoting, exploding, or the repeated use of a lookup's row adds. Of a lookup,
    `rows_not_found` are the rows of the product that found nothing in it; they are published.

    `united` says of each column that its files do not have alike how it was read: in which type,
    null where a file lacks it, under which names. A report has it where there is something to say.
    """

    rows_read: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    rows_filtered: Unless0 = 0
    rows_superseded: Unless0 = 0
    rows_unmatched: Unless0 = 0
    rows_produced: Unless0 = 0
    rows_not_found: Unless0 = 0
    united: Annotated[Mapping[str, str], Field(exclude_if=operator.not_)] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class ProductCounts(Sent):
    """Where a product's rows went.

    read + produced = published + rejected + merged + filtered + superseded + unmatched. Terms that
    a sheet does not use are zero, and not in its reports.

    `rows_replayed` are rejects that passed in a replay; they are no longer among the rejected.
    A row is *merged* where the join made it a part of another row. `rows_not_found` is no term: so
    many times a row found nothing in a lookup. `filled` counts, for each AI
    column, the published rows that have a value, and as `tags[]` the elements of its lists;
    `sources` are the counts of each submodule.
    """

    rows_read: int = 0
    rows_rejected: int = 0
    rows_merged: int = 0
    rows_published: int = 0
    rows_replayed: int = 0
    rows_filtered: Unless0 = 0
    rows_superseded: Unless0 = 0
    rows_unmatched: Unless0 = 0
    rows_produced: Unless0 = 0
    rows_not_found: Unless0 = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, SourceCounts] = field(default_factory=dict)
    broken: Annotated[Mapping[str, int], Field(exclude_if=operator.not_)] = field(
        default_factory=dict
    )

    @property
    def rows_mapped(self) -> int:
        """How many rows could be rejected: what a rule leaves out on purpose could not."""
        return self.rows_read + self.rows_produced - self.rows_filtered - self.rows_superseded
