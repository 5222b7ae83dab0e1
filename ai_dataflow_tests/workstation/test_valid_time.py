"""The rows of a moment are those that plain Python says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dataflow.workstation.relations import Validity
from ai_dataflow.workstation.valid_time import rows_at

DAYS = st.sampled_from([None, *(date(2026, 1, day) for day in range(1, 5))])
ROWS = st.lists(
    st.tuples(st.sampled_from("xy"), st.sampled_from("PQ"), st.sampled_from([None, 1, 2]), DAYS),
    max_size=12,
)
Row = tuple[Any, ...]


def _latest(rows: list[Row], day: date) -> list[int]:
    last: dict[Row, tuple[date, int]] = {}
    for number, (client, product, key, since) in enumerate(rows):
        if since is None or since > day:
            continue
        of = (client, product, number if key is None else None, key)
        if of not in last or since >= last[of][0]:
            last[of] = since, number
    return sorted(number for _, number in last.values())


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 5))
def test_it_is_the_latest_of_each_key(rows: list[Row], day: int) -> None:
    schema = {"client_code": str, "product_code": str, "k": int, "t": pl.Date}
    frame = pl.LazyFrame(rows, schema, orient="row").with_row_index("n")
    held = rows_at(frame, Validity(("k",), "t"), datetime(2026, 1, day, 12, tzinfo=UTC))
    assert held.collect()["n"].to_list() == _latest(rows, date(2026, 1, day))
