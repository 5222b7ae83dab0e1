"""Whether keys are repeated is told by the number of different hashes, however that is counted."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.partition import row_checks
from ai_dataflow.partition.repeated_keys import count_different, hashes

Pairs = list[tuple[int, int | None]]
VALUES = st.lists(st.tuples(st.integers(0, 2), st.none() | st.integers(-3, 12)), max_size=30)


@given(VALUES, st.integers(1, 30))
def test_different_values_are_counted_by_client(pairs: Pairs, cut: int) -> None:
    """Nulls are none; and what chunks the rows come in does not matter."""
    rows = pl.DataFrame(pairs, {"client": pl.UInt32(), "key": pl.Int64()}, orient="row")
    lazy = pl.concat([rows[:cut], rows[cut:]], rechunk=False).lazy()
    expected = len({pair for pair in pairs if pair[1] is not None})
    assert count_different(lazy, hashes("key", ["client"])) == expected
    assert rows.select(hashes("key", ["client"]).n_unique()).item() == expected


@given(VALUES, VALUES)
def test_many_rows_are_looked_at_with_the_same_answer(few: Pairs, more: Pairs) -> None:
    """One after the other, or all things at once."""
    rows = pl.DataFrame([*few, *more], {"a": pl.Int64(), "b": pl.Int64()}, orient="row").lazy()
    sought = {name: hashes(name, []) for name in ("a", "b")}
    for failing in ([], [pl.col("b") > 11]):
        at_once = row_checks._seen(rows, failing, sought, 0)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(row_checks, "_MANY_ROWS", -1)
            assert row_checks._seen(rows, failing, sought, 0) == at_once
