"""Taking: which of a source's rows go on to be mapped, as the source's rule says.

`where` leaves rows out, which are *filtered*. Of rows that `unique_by` says are one, one is kept;
the others are *superseded*. That is decided before rows are mapped: an older row never stands in
for a newer one that is rejected. What cannot be computed is never decided: it is a reject.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError

from ai_dataflow.compiler.mappings import CompiledSource
from ai_dataflow.compiler.rules import CompiledRule, UniqueBy
from ai_dataflow.compiler.transforms import Transform
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.partition.classified import failed_on_data
from ai_dataflow.partition.clients import CLIENT, Counts, by_client, heights, nothing
from ai_dataflow.partition.mapping import (
    NOT_COMPUTED,
    POSITION,
    UNDECIDED,
    left_out_as,
)
from ai_dataflow.partition.scratch import Pile, Scratch
from ai_dataflow.partition.superseding import Choice, ambiguous, chosen, facts
from ai_dataflow.partition.values import Term

_IS_TRUE, _FAILED = "\ue000\ue000true", "\ue000\ue000failed"


@dataclass(frozen=True)
class Sifted:
    """Rows that a `where` takes, and those for which it cannot be computed.

    `filtered` are the numbers of the rest, with their clients where there are several.
    """

    rows: pl.DataFrame
    failed: pl.DataFrame
    filtered: pl.DataFrame


def sift(rows: pl.DataFrame, where: Transform | None) -> Sifted:
    """Divide rows by a `where`; null is not true."""
    if where is None:
        return Sifted(rows, rows.clear(), rows.clear())
    frame = rows.lazy()
    for step in where.steps:
        frame = frame.with_columns(step)
    failed = pl.lit(value=False) if where.failed is None else where.failed
    flags = {
        _IS_TRUE: where.value.cast(pl.Boolean).fill_null(value=False),
        _FAILED: failed.fill_null(value=False),
    }
    flagged = frame.with_columns(**flags).select(_IS_TRUE, _FAILED).collect()
    has_failed = flagged[_FAILED]
    is_true = flagged[_IS_TRUE] & ~has_failed
    if is_true.all():
        return Sifted(rows, rows.clear(), rows.clear())
    numbers = rows.select(name for name in (CLIENT, POSITION) if name in rows.columns)
    filtered = numbers.filter(~(is_true | has_failed))
    return Sifted(rows.filter(is_true), rows.filter(has_failed), filtered)


class Taking:
    """Takes the rows of a source, and counts by client those that it leaves out.

    `bad` gets the rejects; `gone` the numbers of rows that neither go on nor are rejects. `faults`
    are the clients of whose rows it cannot be said which are kept, and why; they have no rows.
    """

    def __init__(self, compiled: CompiledSource, clients: int, space: Scratch, bad: Pile) -> None:
        self._compiled, self._space, self.bad = compiled, space, bad
        self._by, self._clients = by_client(clients), clients
        self.gone = space.pile()
        self.faults: dict[int, DataflowError] = {}
        self._filtered, self._superseded = nothing(clients), nothing(clients)

    @property
    def further(self) -> Mapping[Term, Counts]:
        """The rows that it left out, by what became of them."""
        terms: dict[Term, Counts] = {"filtered": self._filtered, "superseded": self._superseded}
        return {term: counts for term, counts in terms.items() if counts.any()}

    @property
    def left_out(self) -> Counts:
        """The rows that it left out and that are no rejects."""
        return self._filtered + self._superseded

    def taken(self, chunks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Give the numbered rows that go on, chunk by chunk, in their order.

        Raises:
            DataflowError: DAT-003: it cannot be computed.
        """
        rule = self._compiled.rule
        if rule is None:
            yield from chunks
        elif rule.unique is None:
            yield from (self._sifted(chunk, rule).rows for chunk in chunks)
        else:
            yield from self._one_of_each(chunks, rule, rule.unique)

    def _sifted(self, chunk: pl.DataFrame, rule: CompiledRule) -> Sifted:
        with _computing():
            sifted = sift(chunk, rule.where)
        if sifted.filtered.height:
            self._filtered = self._filtered + heights(sifted.filtered, self._clients)
            self.gone.add(sifted.filtered.select(POSITION))
        self._reject(sifted.failed, NOT_COMPUTED)
        return sifted

    def _reject(self, rows: pl.DataFrame, reason: int) -> None:
        if rows.height:
            self.bad.add(left_out_as(reason, rows, self._compiled, self._by))

    def _one_of_each(
        self, chunks: Iterable[pl.DataFrame], rule: CompiledRule, unique: UniqueBy
    ) -> Iterator[pl.DataFrame]:
        """Put all rows aside, with what tells which of them is kept; then give those."""
        rows, noted = self._space.pile(), self._space.pile()
        for chunk in chunks:
            sifted = self._sifted(chunk, rule)
            with _computing():
                noted.add(facts(sifted.rows, unique, self._by, has_failed=False))
                noted.add(facts(sifted.failed, unique, self._by, has_failed=True))
            rows.add(sifted.rows)
        if not rows.height:
            yield from rows.batches()
            return
        with _computing():
            choice = chosen(noted, rows, unique, self._compiled.needed, self._by, self._space)
        self._note(choice, rule)
        for batch in rows.batches():
            yield self._kept(batch, choice)

    def _note(self, choice: Choice, rule: CompiledRule) -> None:
        for client, (number, is_tie) in choice.broken(self._clients).items():
            self.faults[client] = DataflowError(ambiguous(rule.rule, number, is_tie=is_tie))
        self._superseded = heights(choice.superseded, self._clients)
        if choice.superseded.height:
            self.gone.add(choice.superseded.select(POSITION))

    def _kept(self, batch: pl.DataFrame, choice: Choice) -> pl.DataFrame:
        undecided = batch.join(choice.undecided.select(POSITION), on=POSITION, how="semi",
                               maintain_order="left")  # fmt: skip
        self._reject(undecided, UNDECIDED)
        kept = batch.join(choice.left_out, on=POSITION, how="anti", maintain_order="left")
        if not self.faults:
            return kept
        is_lost = pl.col(CLIENT).is_in(list(self.faults)) if self._by else pl.lit(value=True)
        self.gone.add(kept.filter(is_lost).select(POSITION))
        return kept.filter(~is_lost)


@contextmanager
def _computing() -> Iterator[None]:
    try:
        with panics_as_errors():
            yield
    except (PolarsError, PanicError) as error:
        raise DataflowError(failed_on_data(error)) from None
