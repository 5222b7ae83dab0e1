"""Two modules beside each other: rows of one with the rows of the other that they refer to.

What may be joined is declared: the dictionary's `references`, which travel in the schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from ai_dataflow.config.diagnostics import listing
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.layout import PARTITION_COLUMN
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.relations import Notes, Reference, references_of

_MATCHES = "matches."  # no AI column has a name with a dot


class NotJoinableError(LookupError):
    """No reference between two modules is declared, or several are and none was chosen."""


@dataclass(frozen=True, repr=False)
class LinkedModules:
    """Rows of a module with those of another module that they refer to, for the same client.

    `reference` is what joins them.
    """

    module: str
    reference: Reference
    _left: pl.LazyFrame
    _right: pl.LazyFrame
    _table: Folder

    def scan(self, how: Literal["left", "inner"] = "left") -> pl.LazyFrame:
        """Give the rows, lazily, with the columns of the other module beside them.

        Where both have a name, the other module's gets its own as the ending, such as
        `product_code_customers`.

        Args:
            how: `left` keeps rows that refer to nothing, `inner` leaves them out.
        """
        left, right = self._comparable
        return left.join(
            right,
            left_on=[PARTITION_COLUMN, self.reference.column],
            right_on=[PARTITION_COLUMN, self.reference.referred],
            how=how,
            suffix=f"_{self.reference.module}",
        )

    @cached_property
    def counts(self) -> pl.DataFrame:
        """The rows of each client; how many refer to nothing, to nothing there, to several rows.

        `without_value` have no value in the column that refers, `orphans` one that the other module
        lacks for the client, `several` one that it has more than once: `scan` gives these once for
        each.

        Raises:
            DataflowError: the workstation does not let us in.
        """
        left, right = self._comparable
        column, referred = self.reference.column, self.reference.referred
        keys = right.group_by(PARTITION_COLUMN, pl.col(referred).alias(column)).agg(
            pl.len().alias(_MATCHES)
        )
        values = left.select(PARTITION_COLUMN, column)
        looked_up = values.join(keys, on=[PARTITION_COLUMN, column], how="left")
        has_value, matches = pl.col(column).is_not_null(), pl.col(_MATCHES)
        counts = looked_up.group_by(PARTITION_COLUMN).agg(
            pl.len().cast(pl.Int64).alias("rows"),
            (~has_value).sum().cast(pl.Int64).alias("without_value"),
            (has_value & matches.is_null()).sum().cast(pl.Int64).alias("orphans"),
            (matches > 1).sum().cast(pl.Int64).alias("several"),
        )
        with reaching(self._table):
            return counts.sort(PARTITION_COLUMN).collect(engine="streaming")

    @property
    def _comparable(self) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """Give both sides; integers that refer to those of another width become as wide."""
        column, referred = self.reference.column, self.reference.referred
        types = self._left.collect_schema()[column], self._right.collect_schema()[referred]
        if types[0] == types[1]:
            return self._left, self._right
        if not all(dtype.is_integer() for dtype in types):
            raise NotJoinableError(
                f"`{self.module}.{column}` is {types[0]}, and `{self.reference.module}.{referred}` "
                f"is {types[1]}: publish both in one type"
            )
        return self._left.cast({column: pl.Int64}), self._right.cast({referred: pl.Int64})

    def __repr__(self) -> str:
        """Tell what is joined, and how."""
        return f"{self.module}: {self.reference}"


def reference_to(
    module: str, notes: Notes, other: str, others: Notes, on: str | None = None
) -> Reference:
    """Give the reference of a module to another one; the one of a column, if that is given.

    Raises:
        NotJoinableError: there is none, or there are several.
    """
    declared = references_of(notes)
    fitting = [r for r in declared if r.module == other and on in (None, r.column)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        columns = listing(r.column for r in fitting)
        raise NotJoinableError(f"{module} refers to {other} by {columns}: choose one with `on`")
    raise NotJoinableError(
        f"{_nothing(module, other, on)}; {_offer(module, declared, other, others)}"
    )


def _nothing(module: str, other: str, on: str | None) -> str:
    by = f" by `{on}`" if on else ""
    return f"no reference of {module} to {other}{by} is declared"


def _offer(module: str, declared: Sequence[Reference], other: str, others: Notes) -> str:
    if backwards := [r for r in references_of(others) if r.module == module]:
        return f"{other} refers to it ({listing(map(str, backwards))}): join them the other way"
    if declared:
        return f"there is {listing(map(str, declared), 12)}"
    return (
        f"it refers to nothing: say so in `ai_columns`, as `{other}.<column>` in `references`, and "
        "publish it once more"
    )
