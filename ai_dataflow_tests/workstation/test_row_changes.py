"""What changed between two states of a table is what plain Python says that changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dataflow.workstation.row_changes import RowChanges

SCHEMA = {
    "client": pl.String, "k": pl.Int64, "f": pl.Float64, "l": pl.List(pl.Float64), "s": pl.String,
    "o": pl.Struct({"a": pl.Int64, "b": pl.String}),
}  # fmt: skip
FLOATS = st.sampled_from([None, 0.0, -0.0, 1.5, float("nan"), float("inf")])
OBJECTS = st.sampled_from([None, {"a": 1, "b": None}, {"a": None, "b": None}, {"a": 1, "b": "x"}])
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["USA", "CAN"]), st.sampled_from([None, 1, 2, 3]), FLOATS,
        st.one_of(st.none(), st.lists(FLOATS, max_size=2)), st.sampled_from([None, "", "x"]),
        OBJECTS,
    ),
    max_size=6,
)  # fmt: skip
KEYS = st.sampled_from([(), ("k",), ("k", "s"), ("l",), tuple(SCHEMA)[1:]])
Row = tuple[Any, ...]


def _plain(value: Any) -> Any:
    """Give a value that is equal to those that count as equal."""
    if isinstance(value, list):
        return tuple(map(_plain, value))
    if isinstance(value, dict):
        return tuple((name, _plain(each)) for name, each in value.items())
    if isinstance(value, float):
        return "NaN" if value != value else value + 0.0  # noqa: PLR0124 - only NaN is
    return value


def _rows(frame: pl.DataFrame) -> Counter[Row]:
    return Counter(tuple(map(_plain, row)) for row in frame.rows())


class Oracle:
    """The rule, row by row."""

    def __init__(self, before: Iterable[Row], after: Iterable[Row], key: tuple[str, ...]) -> None:
        old, new = (Counter(tuple(map(_plain, row)) for row in rows) for rows in (before, after))
        self._at = [0, *(list(SCHEMA).index(name) for name in key)]
        self.removed, self.added = old - new, new - old
        self.pairs: list[tuple[Row, Row]] = []
        self.repeated = Counter[str]()
        for rows in self._by_key(old, new).values() if key else ():
            if max(sum(side.values()) for side in rows) > 1:
                self.repeated[next(iter(rows[0] or rows[1]))[0]] += 1
        left = self._by_key(self.removed, self.added) if key else {}
        for gone, come in left.values():
            if sum(gone.values()) == sum(come.values()) == 1:
                self.pairs.append((next(iter(gone)), next(iter(come))))
                self.removed -= gone
                self.added -= come

    def _by_key(self, *sides: Counter[Row]) -> dict[Row, list[Counter[Row]]]:
        keys: dict[Row, list[Counter[Row]]] = defaultdict(lambda: [Counter(), Counter()])
        for number, side in enumerate(sides):
            for row, times in side.items():
                keys[tuple(row[at] for at in self._at)][number][row] += times
        return keys

    def changed_columns(self, key: tuple[str, ...]) -> Counter[tuple[str, str]]:
        """Count by client and column."""
        return Counter(
            (old[0], name)
            for old, new in self.pairs
            for name, a, b in zip(SCHEMA, old, new, strict=True)
            if a != b and name not in key
        )


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, KEYS)
def test_rows_that_came_went_and_changed_are_those_of_plain_python(
    before: list[Row], after: list[Row], key: tuple[str, ...]
) -> None:
    frames = (pl.LazyFrame(rows, SCHEMA, orient="row") for rows in (before, after))
    changes = RowChanges(*frames, tuple(SCHEMA), "client", key)
    right = Oracle(before, after, key)
    added, removed, changed = pl.collect_all(
        [changes.added(), changes.removed(), changes.changed()]
    )
    assert _rows(added) == right.added
    assert _rows(removed) == right.removed
    values = [name for name in SCHEMA if name not in ("client", *key)]
    sides = (
        changed.select("client", *key, *(f"{name}{side}" for name in values))
        for side in (".before", ".after")
    )
    order = ["client", *key, *values]
    pairs = [Counter(_ordered(pair[n], order) for pair in right.pairs) for n in (0, 1)]
    assert [_rows(side) for side in sides] == pairs
    counts, columns = changes.counts()
    assert {row[0]: row[1:] for row in counts.rows()} == _counted(before, after, right)
    assert Counter({(c, n): rows for c, n, rows in columns.rows()}) == right.changed_columns(key)
    listed = changed.select("client", "changed.columns").explode("changed.columns").rows()
    assert Counter(listed) == right.changed_columns(key)


def _ordered(row: Row, names: list[str]) -> Row:
    return tuple(row[list(SCHEMA).index(name)] for name in names)


def _counted(before: list[Row], after: list[Row], right: Oracle) -> dict[str, Row]:
    sides: list[Counter[str]] = [
        Counter(row[0] for row in before),
        Counter(row[0] for row in after),
        Counter(row[0] for row in right.added.elements()),
        Counter(row[0] for row in right.removed.elements()),
        Counter(old[0] for old, _ in right.pairs),
        right.repeated,
    ]
    clients = {row[0] for row in (*before, *after)}
    return {client: tuple(side[client] for side in sides) for client in clients}


@pytest.mark.parametrize("key", [(), ("n",)])
def test_a_table_of_nothing_but_its_key_can_be_compared(key: tuple[str, ...]) -> None:
    before, after = (pl.LazyFrame({"c": ["x"] * 2, "n": n}) for n in ([1, 2], [2, 2]))
    changes = RowChanges(before, after, ("c", "n"), "c", key)
    assert changes.added().collect()["n"].to_list() == [2]
    assert changes.removed().collect()["n"].to_list() == [1]
    assert changes.changed().collect().is_empty()
    counts, columns = changes.counts()
    assert counts.row(0)[1:5] == (2, 2, 1, 1)
    assert columns.is_empty()
