"""What is required holds after the joins, against plain Python at random and by eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition import merge
from ai_dataflow.partition.merge import Merged, kept_rows
from ai_dataflow.partition.parts import Part
from ai_dataflow.partition.row_checks import FAILS, NUMBER, RowCheck
from ai_dataflow.partition.scratch import scratch
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import key, mapped, source

Row = dict[str, Any]
KEYS = {"k": pl.Int64(), "m": pl.Int64()}


@pytest.fixture(params=["whole", "pieces"], scope="module")
def memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """Join as one, and in pieces."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "pieces":
            patched.setattr("ai_dataflow.partition.scratch.PIECE_BYTES", 64)
            patched.setattr("ai_dataflow.partition.scratch.SPILL_BYTES", 0)
            patched.setattr("ai_dataflow.partition.pieces._FEW_ROWS", 0)
        yield


def part(number: int, rows: list[Row], keys: tuple[str, ...]) -> Part:
    """Give a part of `keys` and a value of its own."""
    name = f"v{number}"
    schema = {key: KEYS[key] for key in keys} | {name: pl.Int64()}
    frame = pl.DataFrame(rows, schema=schema)
    mappings = [*(key(k) for k in keys), mapped(name, "int64")]
    made = source(__file__, *mappings, submodule=f"s{number}")
    filled = frame.select(pl.all().count()).to_dicts()[0]
    return Part(
        made,
        keys,
        frame.lazy(),
        np.array([frame.height]),
        {n: np.array([v]) for n, v in filled.items()},
    )


def merged_of(parts: list[Part], needed: list[str]) -> tuple[Merged, list[Row], list[list[Row]]]:
    """Merge; give also the rows, and what is kept of each part."""
    with scratch(1 << 30) as space:
        merged = merge.merge_product(parts, [RowCheck(name, "") for name in needed], space)
        rows = merged.rows.collect().to_dicts()
        kept = kept_rows(parts, merged)
        return merged, rows, [kept[p.source.submodule].frame.collect().to_dicts() for p in parts]


@st.composite
def products(draw: st.DrawFn) -> tuple[list[Part], list[str]]:
    """Make two to four parts whose joins multiply nothing, and the columns that are required."""
    parts, once = [], st.integers(1, 5) | st.none()
    for number in range(draw(st.integers(2, 4))):
        keys = ("k",) if number == 0 else draw(st.sampled_from([("k",), ("k",), ("k", "m"), ()]))
        # Only one part repeats its keys: nothing is many-to-many.
        values = draw(st.lists(once, max_size=6, unique=number != 1))
        rows = [
            {name: value if name == "k" else draw(st.integers(1, 3)) for name in keys}
            | {f"v{number}": draw(st.sampled_from([i, i, None]))}
            for i, value in enumerate(values)
        ]
        parts.append(part(number, rows, keys))
    columns = ["k", "m", *(f"v{i}" for i in range(len(parts)))]
    return parts, draw(st.lists(st.sampled_from(columns), max_size=2, unique=True))


def _joined(parts: list[Part]) -> list[tuple[Row, frozenset[tuple[int, int]]]]:
    """Join in plain Python: each row with the rows that it was made of, by part and number."""
    numbered = [
        [(row, frozenset({(i, n)})) for n, row in enumerate(p.rows.collect().to_dicts())]
        for i, p in enumerate(parts)
    ]
    done: list[tuple[Row, frozenset[tuple[int, int]]]] = []
    keys: list[str] = []
    for one, rows in zip(parts, numbered, strict=True):
        if one.keys:
            shared = [k for k in keys if k in one.keys]
            done = _outer(done, rows, shared) if keys else rows
            keys += [k for k in one.keys if k not in keys]
    loose = [rows for one, rows in zip(parts, numbered, strict=True) if not one.keys]
    return done + [row for rows in loose for row in rows]


def _outer(left: Any, right: Any, shared: list[str]) -> Any:
    def value(row: Row) -> Any:
        values = tuple(row.get(k) for k in shared)
        return None if None in values else values

    pairs = [
        (a | b, made | of)
        for a, made in left
        for b, of in right
        if value(a) is not None and value(a) == value(b)
    ]
    used = frozenset(part for _, made in pairs for part in made)
    return [*pairs, *(one for one in [*left, *right] if not one[1] <= used)]


@pytest.mark.usefixtures("memory")
@settings_of()
@given(products())
def test_each_row_is_published_merged_or_left_out_once(
    product: tuple[list[Part], list[str]],
) -> None:
    parts, needed = product
    try:
        merged, rows, kept = merged_of(parts, needed)
    except DataflowError:  # two parts of two keys would multiply rows
        reject()
    every = _joined(parts)
    lacking = [next((i for i, c in enumerate(needed) if row.get(c) is None), None)
               for row, _ in every]  # fmt: skip
    good = [made for (_, made), lack in zip(every, lacking, strict=True) if lack is None]
    published = {one for made in good for one in made}
    left_out: dict[tuple[int, int], int] = {}
    for (_, made), lack in zip(every, lacking, strict=True):
        for one in made - published if lack is not None else ():
            left_out[one] = min(left_out.get(one, lack), lack)
    names = ["k", "m", *(f"v{i}" for i in range(len(parts)))]
    wanted = [row for (row, _), lack in zip(every, lacking, strict=True) if lack is None]
    assert _as_counter(rows, names) == _as_counter(wanted, names)
    told = {
        (i, row[NUMBER]): row[FAILS]
        for i, frame in enumerate(merged.left_out)
        for row in frame.to_dicts()
    }
    assert told == left_out
    assert merged.rows_merged == len(published) - len(good)
    assert {c: n for c, n in merged.filled.items() if n} == {
        c: n for c in names if (n := sum(row.get(c) is not None for row in wanted))
    }
    # What is kept gives the same rows again, without any that lack something.
    again = [part(i, rows, p.keys) for i, (rows, p) in enumerate(zip(kept, parts, strict=True))]
    remade, rows_again, _ = merged_of(again, needed)
    assert remade.left_out == ()
    assert _as_counter(rows_again, names) == _as_counter(rows, names)


def _as_counter(rows: list[Row], names: list[str]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row.get(name) for name in names) for row in rows)


def test_a_header_that_loses_all_its_lines_is_one_row() -> None:
    headers = part(0, [{"k": 1, "v0": None}, {"k": 2, "v0": 7}], ("k",))
    lines = part(1, [{"k": 1, "v1": i} for i in range(5)] + [{"k": 2, "v1": 9}], ("k",))
    merged, rows, _ = merged_of([headers, lines], ["v0"])
    assert rows == [{"k": 2, "v0": 7, "v1": 9}]
    assert [frame.height for frame in merged.left_out] == [1, 5]
    assert merged.rows_merged == 1


def test_a_header_that_loses_some_of_its_lines_is_published_with_the_others() -> None:
    headers = part(0, [{"k": 1, "v0": 7}], ("k",))
    lines = part(1, [{"k": 1, "v1": 1}, {"k": 1, "v1": None}, {"k": 1, "v1": 3}], ("k",))
    merged, rows, _ = merged_of([headers, lines], ["v1"])
    assert [row["v1"] for row in rows] == [1, 3]
    assert [frame[NUMBER].to_list() for frame in merged.left_out] == [[], [1]]


def test_nothing_is_joined_twice_where_nothing_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ai_dataflow.partition.row_checks.divided", None)
    headers = part(0, [{"k": 1, "v0": 7}], ("k",))
    lines = part(1, [{"k": 1, "v1": 1}], ("k",))
    assert merged_of([headers, lines], ["v0", "v1"])[1] == [{"k": 1, "v0": 7, "v1": 1}]
