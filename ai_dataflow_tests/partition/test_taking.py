"""Which rows of a source its rule takes, against plain Python: chunk by chunk, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.compiler.mappings import compile_source
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.mapping import POSITION, REASON
from ai_dataflow.partition.scratch import scratch
from ai_dataflow.partition.taking import Taking
from ai_dataflow.tables.source_rules import SourceRule
from ai_dataflow.tables.table import Sheet
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import mapped, source

SCHEMA = {"No": pl.Int64, "Name": pl.String, "Seen": pl.String, "Gone": pl.String,
          "Rate": pl.Float64}  # fmt: skip
WHERES = {"": "", "Gone = '0'": "0", "CAST(Gone AS INT) = 0": "cast", "NULL": "never"}
REASONS = {-1: "REJ-010", -2: "REJ-011"}
KEEPS = ["", "fail", "latest:CAST(Seen AS INT)", "first:CAST(Seen AS INT)", "latest:Rate",
         "first:TRY_CAST(Seen AS INT)"]  # fmt: skip

Row = tuple[int | None, str | None, str | None, str | None, float | None]
rows_of_clients = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([1, 1, 2, 3, None]),
            st.sampled_from(["a", "a", "b", "a ", " ", "", None]),
            st.sampled_from(["9", "10", "10", " 7", "x", "", None]),
            st.sampled_from(["0", "0", "0", "1", "x", None]),
            st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf"), None]),
        ),
        max_size=9,
    ),
    min_size=1,
    max_size=3,
)
rules = st.tuples(
    st.sampled_from([*WHERES]), st.sampled_from(["", "No", "No, Name", "rate"]),
    st.sampled_from(KEEPS),
)  # fmt: skip


def rule(where: str = "", unique_by: str = "", keep: str = "") -> SourceRule:
    """Make a rule; it is on the second line of its table."""
    names = ("sales", "*", "*")
    return SourceRule(Sheet("rules.csv"), 2, *names, where=where, unique_by=unique_by, keep=keep)


@dataclass
class Expected:
    """What becomes of a client's rows, each by its number in what it reads."""

    taken: list[int] = field(default_factory=list)
    rejects: dict[int, str] = field(default_factory=dict)
    filtered: int = 0
    superseded: int = 0
    code: str = ""


def _number(text: str | None, *, tries: bool = False) -> Any:
    """Cast a text to a whole number, blank is nothing; `ValueError` where it cannot be."""
    if text is None or not text.strip() or (tries and text == "x"):
        return None
    return int(text)


def _taken(row: Row, where: str) -> bool | None:
    """Tell whether a row is taken; None where that cannot be computed."""
    match WHERES[where]:
        case "0":
            return row[3] == "0"
        case "cast":
            try:
                return _number(row[3]) == 0
            except ValueError:
                return None
        case "never":
            return False
    return True


def _order(row: Row, keep: str) -> Any:
    if "Rate" in keep:
        return None if row[4] is None or np.isnan(row[4]) else row[4]
    return _number(row[2], tries="TRY" in keep)


def _key(row: Row, unique_by: str) -> Any:
    names = {"No": row[0], "Name": row[1], "rate": row[4]}
    values = [names[name.strip()] for name in unique_by.split(",")]
    if any(value is None or (isinstance(value, str) and not value.strip()) for value in values):
        return None
    return tuple("NaN" if isinstance(v, float) and np.isnan(v) else v for v in values)


def _expected(rows: list[Row], where: str, unique_by: str, keep: str) -> Expected:
    done, left, groups = Expected(), [], dict[Any, list[int]]()
    unsure = set()
    for i, row in enumerate(rows):
        match _taken(row, where):
            case None:
                done.rejects[i] = "REJ-010"
                unsure.add(_key(row, unique_by) if unique_by else None)
            case False:
                done.filtered += 1
            case True:
                left.append(i)
    if not unique_by:
        done.taken = left
        return done
    way, _, order = keep.partition(":")
    for i in left:
        key = _key(rows[i], unique_by)
        groups.setdefault(("alone", i) if key is None else key, []).append(i)
    for key, of_key in groups.items():
        _decide(done, rows, of_key, way, keep if order else "", is_unsure=key in unsure)
    done.taken.sort()
    return done


def _decide(
    done: Expected, rows: list[Row], of_key: list[int], way: str, keep: str, *, is_unsure: bool
) -> None:
    try:
        orders = {i: _order(rows[i], keep) for i in of_key} if keep else {}
    except ValueError:
        is_unsure = True
    if is_unsure:
        done.rejects |= dict.fromkeys(of_key, "REJ-011")
        return
    if len(of_key) > 1 and not keep:
        done.code = "DAT-021"
        return
    best = of_key
    if some := [order for order in orders.values() if order is not None]:
        wanted = (max if way == "latest" else min)(some)
        best = [i for i in of_key if orders[i] == wanted]
    if len({repr(_same(rows[i])) for i in best}) > 1:
        done.code = "DAT-022"
    done.taken.append(best[0])
    done.superseded += len(of_key) - 1


def _same(row: Row) -> Row:
    return (*row[:4], 0.0 if row[4] == 0 else row[4])


def _chunks(clients: list[list[Row]], size: int) -> Iterator[pl.DataFrame]:
    """Give the rows of clients as they are read: in chunks, with their numbers."""
    rows = [row for of_client in clients for row in of_client]
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    if len(clients) > 1:
        numbers = [i for i, of_client in enumerate(clients) for _ in of_client]
        frame = frame.insert_column(0, pl.Series(CLIENT, numbers, pl.UInt32))
    numbered = frame.with_row_index(POSITION)
    yield numbered.clear()
    yield from numbered.iter_slices(size) if numbered.height else ()


@given(rows_of_clients, rules, st.integers(1, 8), st.sampled_from([1600, 1 << 30]))
@settings_of(in_ci=60)
def test_rows_are_taken_as_the_rule_says(
    clients: list[list[Row]], said: tuple[str, str, str], size: int, memory: int
) -> None:
    where, unique_by, keep = said
    keep = keep if unique_by else ""
    job = replace(
        source(Path("sales.csv"), *(mapped(name) for name in ("No", "Name", "Seen", "Gone"))),
        rule=rule(where, unique_by, keep),
    )
    job = replace(job, mappings=(*job.mappings, mapped("rate", "float64", "Rate")))
    compiled = compile_source(job, pl.Schema(SCHEMA))
    with scratch(memory) as space:
        taking = Taking(compiled, len(clients), space, space.pile())
        chunks = [*taking.taken(_chunks(clients, size))]
        bad = taking.bad.rows().collect() if taking.bad.height else None
        gone = taking.gone.rows().collect()[POSITION].to_list() if taking.gone.height else []
    positions = [number for chunk in chunks for number in chunk[POSITION]]
    rejects = dict(bad.select(POSITION, REASON).iter_rows()) if bad is not None else {}
    expected = [_expected(rows, *said[:2], keep) for rows in clients]
    first = np.cumsum([0, *map(len, clients)])
    assert {c: error.diagnostics[0].code for c, error in taking.faults.items()} == {
        c: each.code for c, each in enumerate(expected) if each.code
    }
    well = [c for c, each in enumerate(expected) if not each.code]
    assert positions == [int(first[c]) + i for c in well for i in expected[c].taken]
    for c in well:
        mine = range(first[c], first[c + 1])
        assert {n - first[c]: REASONS[r] for n, r in rejects.items() if n in mine} == (
            expected[c].rejects
        )
        counts = {term: int(number[c]) for term, number in taking.further.items()}
        assert counts.get("filtered", 0) == expected[c].filtered
        assert counts.get("superseded", 0) == expected[c].superseded
        assert len([n for n in gone if n in mine]) == sum(counts.values())


@pytest.mark.parametrize(
    ("said", "code", "place"),
    [
        ({"where": "Gone = '0' AND"}, "RUL-010", "where:12"),
        ({"where": "Gone = '0' AND Rate > 'x' || Name + 1"}, "RUL-010", "where:"),
        ({"where": "SUM(No) > 1"}, "RUL-010", "where:1"),
        ({"where": "  Nam = 'a'"}, "MAP-014", "where:3"),
        ({"where": "No + 1"}, "RUL-011", "where"),
        ({"unique_by": "No, Nam"}, "MAP-014", "unique_by:5"),
        ({"unique_by": "Tags"}, "RUL-013", "unique_by"),
        ({"unique_by": "No", "keep": "latest: Seen"}, "RUL-013", "keep"),
        ({"unique_by": "No", "keep": "latest: CAST(Sen AS INT)"}, "MAP-014", "keep:14"),
        ({"unique_by": "No", "keep": "first:Tags"}, "RUL-013", "keep"),
        ({"unique_by": "No", "keep": "first:MAX(Rate)"}, "RUL-010", "keep:7"),
    ],
)
def test_what_does_not_compile_is_said_at_its_cell(
    said: dict[str, str], code: str, place: str
) -> None:
    job = replace(source(Path("sales.csv"), mapped("no", "int64", "No")), rule=rule(**said))
    with pytest.raises(DataflowError) as error:
        compile_source(job, pl.Schema(SCHEMA | {"Tags": pl.List(pl.String)}))
    (problem,) = error.value.diagnostics
    assert problem.code == code
    assert problem.place.startswith(f"rules.csv:2:{place}"), problem.place
    assert problem.place.endswith(place) or place.endswith(":")


def test_a_rules_columns_are_read_and_are_in_the_raw_rows(tmp_path: Path) -> None:
    said = rule("Gone = '0'", "Name", "latest:Rate")
    job = replace(source(tmp_path / "a.csv", mapped("no", "int64", "No")), rule=said)
    compiled = compile_source(job, pl.Schema(SCHEMA))
    assert compiled.needed == ["No", "Gone", "Name", "Rate"]


def test_words_for_nothing_are_no_keys() -> None:
    said = replace(rule("", "Name", "fail"), null_values=("n/a",), trim=True)
    job = replace(source(Path("sales.csv"), mapped("no", "int64", "No")), rule=said)
    compiled = compile_source(job, pl.Schema(SCHEMA))
    rows: list[Row] = [(i, text, "1", "0", None) for i, text in enumerate(["n/a", "n/a", "b "])]
    with scratch(1 << 30) as space:
        taking = Taking(compiled, 1, space, space.pile())
        taken = [n for chunk in taking.taken(_chunks([rows], 9)) for n in chunk["No"]]
        assert (taken, taking.faults) == ([0, 1, 2], {})
        again = Taking(compiled, 1, space, space.pile())
        rows.append((3, "b", "1", "0", None))
        assert [chunk for chunk in again.taken(_chunks([rows], 9)) if chunk.height] == []
    assert again.faults[0].diagnostics[0].message == "1 key of `Name` is in more than one row"
