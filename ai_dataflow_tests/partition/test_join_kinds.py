"""Joins of each kind against plain Python: rows, what becomes of all others, values, clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition import merge
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.merge import Merged
from ai_dataflow.partition.parts import Part, counted
from ai_dataflow.partition.row_checks import NUMBER, RowCheck
from ai_dataflow.partition.scratch import scratch
from ai_dataflow.tables.source_rules import SourceRule
from ai_dataflow.tables.table import Sheet
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import key, mapped, source

Row = dict[str, Any]
Made = tuple[Row, frozenset[tuple[int, int]]]
_RULES = Sheet("rules.csv")


@dataclass
class Kind:
    """A source: its keys, how it is joined, and its rows for each client.

    What `is_common` has the same rows for all clients, and is given once.
    """

    keys: tuple[str, ...]
    join: str
    as_of: str
    rows: list[list[Row]]
    is_common: bool = False


@dataclass
class Expected:
    """What a product comes to: rows, counts by part."""

    rows: list[Row] = field(default_factory=list)
    lost: list[set[int]] = field(default_factory=list)
    unmatched: Counter[int] = field(default_factory=Counter)
    produced: Counter[int] = field(default_factory=Counter)
    not_found: Counter[int] = field(default_factory=Counter)
    code: str = ""


@pytest.fixture(params=["whole", "pieces"], scope="module")
def memory(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Join as one, and in pieces."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "pieces":
            patched.setattr("ai_dataflow.partition.scratch.PIECE_BYTES", 64)
            patched.setattr("ai_dataflow.partition.scratch.SPILL_BYTES", 0)
            patched.setattr("ai_dataflow.partition.pieces._FEW_ROWS", 0)
        yield request.param == "whole"


@st.composite
def products(draw: st.DrawFn, clients: int) -> tuple[list[Kind], list[str]]:
    """Make two to four sources of some clients, and the columns that are required."""
    made: list[Kind] = []
    for number in range(draw(st.integers(2, 4))):
        join = draw(st.sampled_from(["", "left", "inner", "lookup", "lookup"])) if number else ""
        keys = draw(st.sampled_from([("k",), ("k",), ("k", "m")])) if number else ("k", "m")
        as_of = draw(st.sampled_from(["", "d >= s", "d > s"])) if join == "lookup" else ""
        as_of = as_of.replace("s", f"s{number}")
        is_common = join == "lookup" and clients > 1 and draw(st.booleans())
        rows = [_rows(draw, number, keys, join, as_of) for _ in range(1 if is_common else clients)]
        rows *= clients if is_common else 1
        made.append(Kind(keys, join, as_of, rows, is_common))
    columns = ["k", "m", "d", *(f"v{i}" for i in range(len(made)))]
    return made, draw(st.lists(st.sampled_from(columns), max_size=2, unique=True))


def _rows(draw: st.DrawFn, number: int, keys: tuple[str, ...], join: str, as_of: str) -> list[Row]:
    repeats = (number == 1 and join != "lookup") or bool(as_of)
    values = draw(st.lists(st.integers(1, 4) | st.none(), max_size=6, unique=not repeats))
    small = st.integers(1, 3) | st.none()
    return [
        {name: value if name == "k" else draw(st.integers(1, 2)) for name in keys}
        | {f"v{number}": draw(st.sampled_from([10 * number + i, 10 * number + i, None]))}
        | ({"d": draw(small)} if number == 0 else {})
        | ({f"s{number}": draw(small)} if as_of else {})
        for i, value in enumerate(values)
    ]


def _columns(number: int, kind: Kind) -> list[str]:
    more = ["d"] if number == 0 else [f"s{number}"] if kind.as_of else []
    return [*kind.keys, f"v{number}", *more]


def part(number: int, kind: Kind, clients: Sequence[int]) -> Part:
    """Make the part of a source, for some clients."""
    names = _columns(number, kind)
    frames = [pl.DataFrame(kind.rows[c], dict.fromkeys(names, pl.Int64)) for c in clients]
    if len(clients) > 1:
        frames = [f.insert_column(0, pl.Series(CLIENT, [i] * len(f), pl.UInt32))
                  for i, f in enumerate(frames)]  # fmt: skip
    mappings = [key(n) if n in kind.keys else mapped(n, "int64") for n in names]
    rule = SourceRule(_RULES, 2, "sales", "*", "*", join=kind.join, as_of=kind.as_of)
    of = replace(source(__file__, *mappings, submodule=f"s{number}"), rule=rule)
    rows = counted(pl.concat(frames).lazy(), len(clients))
    made = Part(of, kind.keys, rows.frame, rows.height, rows.filled)
    if not kind.is_common or len(clients) == 1:
        return made
    once = rows.frame.filter(pl.col(CLIENT) == 0).drop(CLIENT)
    common = replace(made, rows=once, is_common=True)
    assert common.good.frame.collect().equals(rows.frame.collect())
    return common


def merged_of(
    kinds: list[Kind], needed: list[str], clients: Sequence[int]
) -> tuple[Merged, pl.DataFrame]:
    """Merge the sources of some clients."""
    parts = [part(number, kind, clients) for number, kind in enumerate(kinds)]
    with scratch(1 << 30) as space:
        checks = [RowCheck(column, "") for column in needed]
        merged = merge.merge_product(parts, checks, space)
        return merged, merged.rows.collect()


def expected(kinds: list[Kind], needed: list[str], client: int) -> Expected:
    """Say what a product of a client comes to."""
    done = Expected()
    rows: list[Made] = []
    keys: list[str] = []
    for number, kind in enumerate(kinds):
        right: list[Made] = [(row, frozenset({(number, i)}))
                             for i, row in enumerate(kind.rows[client])]  # fmt: skip
        shared = [k for k in keys if k in kind.keys]
        if number == 0:
            rows = right
        elif kind.join == "lookup":
            rows = _looked_up(done, number, kind, rows, shared, client)
        else:
            rows = _joined(done, kind.join, rows, right, shared)
        if done.code:
            return done
        keys += [k for k in kind.keys if k not in keys]
    good = [made for made in rows if all(made[0].get(n) is not None for n in needed)]
    lost = {one for made in rows for one in made[1]} - (of_good := {o for m in good for o in m[1]})
    done.rows = [row for row, _ in good]
    done.lost = [{i for n, i in lost if n == number} for number in range(len(kinds))]
    for number, kind in enumerate(kinds):
        if kind.join != "lookup":
            there = sum(n == number for n, _ in of_good | lost)
            done.unmatched[number] = len(kind.rows[client]) - there
    return done


def _value(row: Row, shared: list[str]) -> tuple[Any, ...] | None:
    values = tuple(row.get(k) for k in shared)
    return None if None in values else values


def _joined(
    done: Expected, join: str, left: list[Made], right: list[Made], shared: list[str]
) -> list[Made]:
    often = [Counter(_value(row, shared) for row, _ in side) for side in (left, right)]
    if any(v is not None and often[0][v] > 1 and often[1][v] > 1 for v in often[0]):
        done.code = "DAT-001"
    rows, used = [], set()
    for row, made in left:
        partners = [
            (other, of)
            for other, of in right
            if (v := _value(row, shared)) is not None and v == _value(other, shared)
        ]
        used |= {one for _, of in partners for one in of}
        rows += [(row | other, made | of) for other, of in partners]
        rows += [(row, made)] if not partners and join != "inner" else []
    return rows + [one for one in right if not one[1] <= used and not join]


def _looked_up(
    done: Expected, number: int, kind: Kind, left: list[Made], shared: list[str], client: int
) -> list[Made]:
    since, table = f"s{number}", kind.rows[client]
    unique = [*shared, since] if kind.as_of else shared
    values = Counter(v for row in table if (v := _value(row, unique)) is not None)
    if any(n > 1 for n in values.values()):
        done.code = "DAT-025"
    rows, used = [], Counter[int]()
    for row, made in left:
        holding = []
        for i, other in enumerate(table):
            if (v := _value(row, shared)) is None or v != _value(other, shared):
                continue
            if kind.as_of:
                d, s = row.get("d"), other[since]
                if d is None or s is None or not (d >= s if ">=" in kind.as_of else d > s):
                    continue
            holding.append((other.get(since) or 0, i))
        if holding:
            _, i = max(holding)
            used[i] += 1
            rows.append((table[i] | row, made))
        else:
            done.not_found[number] += 1
            rows.append((row, made))
    done.produced[number] = used.total() - len(used)
    done.unmatched[number] = len(table) - len(used)
    return rows


def compare(  # noqa: PLR0913 - what is compared
    merged: Merged,
    rows: pl.DataFrame,
    done: Expected,
    kinds: list[Kind],
    client: int,
    place: int,
    *,
    in_order: bool,
) -> None:
    """Compare what a product of a client came to with what it has to."""
    names = list(dict.fromkeys(n for i, k in enumerate(kinds) for n in _columns(i, k)))
    found = [tuple(row.get(n) for n in names) for row in rows.to_dicts()]
    wanted = [tuple(row.get(n) for n in names) for row in done.rows]
    assert (found if in_order else Counter(found)) == (wanted if in_order else Counter(wanted))
    assert merged.height[place] == len(wanted)
    filled = {n: sum(row.get(n) is not None for row in done.rows) for n in names}
    assert {n: int(c[place]) for n, c in merged.filled.items()} == filled

    def counts(term: Any) -> dict[int, int]:
        of = {i: merged.further.get(part(i, k, [0]).source.key, {}) for i, k in enumerate(kinds)}
        return {i: int(o[term][place]) for i, o in of.items() if term in o and o[term][place]}

    assert counts("unmatched") == dict(+done.unmatched)
    assert counts("produced") == dict(+done.produced)
    not_found = {int(k.submodule[1:]): int(c[place]) for k, c in merged.not_found.items()}
    assert {k: n for k, n in not_found.items() if n} == dict(done.not_found)
    read = sum(len(kind.rows[client]) for kind in kinds)
    lost = sum(map(len, done.lost))
    there = len(wanted) + lost + done.unmatched.total() + int(merged.rows_merged[place])
    assert read + done.produced.total() == there


def _lost(merged: Merged, client: int | None) -> list[list[int]]:
    found = []
    for frame in merged.left_out:
        mine = frame if client is None else frame.filter(pl.col(CLIENT) == client)
        found.append(mine[NUMBER].to_list())
    return found


A, B = {"k": 1, "m": 1, "v0": 0, "d": 3}, {"k": 2, "m": 1, "v0": 1, "d": None}


@settings_of()
@given(products(1))
@example(([Kind(("k", "m"), "", "", [[A, B]]),
           Kind(("k",), "lookup", "", [[{"k": 1, "v1": 10}, {"k": 3, "v1": 11}]])],
          ["v1"]))  # fmt: skip
@example(([Kind(("k", "m"), "", "", [[A, B]]),
           Kind(("k",), "", "", [[{"k": 1, "v1": 10}, {"k": 1, "v1": 11}]]),
           Kind(("k",), "inner", "", [[{"k": 2, "v2": 20}]])], []))  # fmt: skip
def test_each_row_is_where_plain_python_says(
    memory: bool, product: tuple[list[Kind], list[str]]
) -> None:
    kinds, needed = product
    done = expected(kinds, needed, 0)
    if done.code:
        with pytest.raises(DataflowError) as error:
            merged_of(kinds, needed, [0])
        assert error.value.diagnostics[0].code == done.code
        return
    merged, rows = merged_of(kinds, needed, [0])
    compare(merged, rows, done, kinds, 0, 0, in_order=memory)
    if any(done.lost):
        assert [set(numbers) for numbers in _lost(merged, None)] == done.lost


@settings_of()
@given(products(3))
def test_a_client_is_joined_among_others_as_alone(
    memory: bool, product: tuple[list[Kind], list[str]]
) -> None:
    kinds, needed = product
    merged, rows = merged_of(kinds, needed, [0, 1, 2])
    for client in range(3):
        done = expected(kinds, needed, client)
        if done.code:
            assert merged.broken[client].code == done.code
            continue
        assert client not in merged.broken
        mine = rows.filter(pl.col(CLIENT) == client)
        compare(merged, mine, done, kinds, client, client, in_order=memory)
        lost = _lost(merged, client)
        assert [len(numbers) for numbers in lost or done.lost] == [len(n) for n in done.lost]


def test_the_moments_of_the_types_that_can_be_compared() -> None:
    """Whole numbers at their ends, days and moments: what holds is told by their order alone."""
    low, high = -(2**63), 2**63 - 1
    left = [{"k": 1, "m": 1, "v0": i, "d": d} for i, d in enumerate((low, high, 0, None))]
    right = [{"k": 1, "v1": i, "s1": s} for i, s in enumerate((high, low, None))]
    for as_of, values in (("d >= s1", [1, 0, 1, None]), ("d > s1", [None, 1, 1, None])):
        kinds = [Kind(("k", "m"), "", "", [left]), Kind(("k",), "lookup", as_of, [right])]
        merged, rows = merged_of(kinds, [], [0])
        assert rows["v1"].to_list() == values
        assert merged.filled["s1"].tolist() == [len([v for v in values if v is not None])]


def test_no_rows_on_either_side() -> None:
    for left, right in (([], []), ([A], []), ([], [{"k": 1, "v1": 1}])):
        for join in ("left", "inner", "lookup"):
            kinds = [Kind(("k", "m"), "", "", [left]), Kind(("k",), join, "", [right])]
            merged, rows = merged_of(kinds, [], [0])
            assert rows.height == (len(left) if join != "inner" else 0)
            assert np.array_equal(merged.height, [rows.height])
