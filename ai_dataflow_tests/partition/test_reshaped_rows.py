"""One source row becomes several: unpivoted and exploded rows, their counts, rejects and memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dataflow.compiler.mappings import compile_source
from ai_dataflow.partition import reshaped_rows
from ai_dataflow.partition.scratch import scratch
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.partition.jobs import (
    codes,
    csv_file,
    database,
    job,
    key,
    left_out,
    mapped,
    problems,
    run_job,
    source,
)
from ai_dataflow_tests.partition.ruled import counts, lines, rows, ruled

QUARTERS = "amount FOR quarter IN (Q1, [Q 2] AS '2024-Q2')"


def test_columns_become_rows_and_none_vanishes(tmp_path: Path) -> None:
    given = pl.DataFrame({"id": [1, 2], "Q1": [10, None], "Q 2": [3, 4]})
    given.write_parquet(tmp_path / "a.parquet")
    made = source(tmp_path / "a.parquet", mapped("id", "int64"), mapped("quarter"),
                  mapped("amount", "int64"))  # fmt: skip
    result = run_job(job(ruled(made, QUARTERS)), tmp_path)
    assert rows(result, tmp_path) == [
        (1, "Q1", 10), (1, "2024-Q2", 3), (2, "Q1", None), (2, "2024-Q2", 4)
    ]  # fmt: skip
    assert counts(result) == (2, 2, 0, 4)
    origins = {name: [o.column for o in of] for name, of in result.origins.items()}
    assert origins == {"id": ["id"], "amount": ["Q1", "Q 2"]}


LISTED = {
    "parquet": lambda path, lists: pl.DataFrame(
        {"id": range(len(lists)), "tags": lists}, {"id": pl.Int64, "tags": pl.List(pl.String)}
    ).write_parquet(path),
    "jsonl": lambda path, lists: lines(path, *({"id": i, "tags": t} for i, t in enumerate(lists))),
    "csv": lambda path, lists: pl.DataFrame(
        {"id": range(len(lists)), "tags": [None if t is None else json.dumps(t) for t in lists]}
    ).write_csv(path),
}  # fmt: skip


@pytest.mark.parametrize("suffix", LISTED)
def test_elements_become_rows_and_an_empty_list_one(tmp_path: Path, suffix: str) -> None:
    lists = [["a", None, "b c"], [], None, ["é"]]
    LISTED[suffix](tmp_path / f"in.{suffix}", lists)
    made = source(tmp_path / f"in.{suffix}", mapped("id", "int64"), mapped("tags"))
    result = run_job(job(ruled(made, explode="tags")), tmp_path)
    assert rows(result, tmp_path) == [
        (0, "a"), (0, None), (0, "b c"), (1, None), (2, None), (3, "é")
    ]  # fmt: skip
    assert counts(result) == (4, 2, 0, 6)


FIELDS = (mapped("amount", "float64", "lines.amount"), mapped("rate", "int64", "lines.tax.rate"),
          mapped("twice", "float64", transform='CAST("lines.amount" AS FLOAT) * 2'))  # fmt: skip


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_fields_of_elements_are_columns(tmp_path: Path, suffix: str) -> None:
    elements = [[{"amount": 1.5, "tax": {"rate": 7}}, {"amount": None, "tax": None}], [], [None]]
    if suffix == "jsonl":
        lines(tmp_path / "in.jsonl", *({"lines": each} for each in elements))
    else:
        pl.DataFrame({"lines": elements}).write_parquet(tmp_path / "in.parquet")
    made = source(tmp_path / f"in.{suffix}", *FIELDS)
    result = run_job(job(ruled(made, explode="lines")), tmp_path)
    nothing = (None, None, None)
    assert rows(result, tmp_path) == [(1.5, 7, 3.0), nothing, nothing, nothing]


TAKING: dict[str, tuple[dict[str, str], list[int]]] = {
    "where": ({"where": "CAST([lines.amount] AS FLOAT) > 1"}, [0, 1]),
    "unique by a field": ({"unique_by": "lines.amount", "keep": "latest:CAST([lines.no] AS INT)"},
                          [0, 1]),
    "unique by another": ({"unique_by": "id", "keep": "first:CAST([Lines.no] AS INT)"}, [0, 1]),
    "all": ({"where": "[lines.no] IS NOT NULL", "unique_by": "LINES.amount",
             "keep": "first:CAST([lines.no] AS INT)"}, [0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("case", TAKING)
def test_rules_ask_for_fields_of_elements_that_nobody_maps(
    tmp_path: Path, case: str, suffix: str
) -> None:
    said, ids = TAKING[case]
    elements = [[{"amount": 1.5, "no": 1}, {"amount": 0.5, "no": 2}], [{"amount": 1.5, "no": 3}]]
    if suffix == "jsonl":
        lines(tmp_path / "in.jsonl", *({"id": i, "lines": e} for i, e in enumerate(elements)))
    else:
        pl.DataFrame({"id": [0, 1], "lines": elements}).write_parquet(tmp_path / "in.parquet")
    made = ruled(source(tmp_path / f"in.{suffix}", mapped("id", "int64")), explode="lines", **said)
    result = run_job(job(made), tmp_path)
    assert rows(result, tmp_path) == [(i,) for i in ids]
    (of,) = result.counts.values()
    assert (of.rows_read, of.rows_produced) == (2, 1)
    assert of.rows_filtered + of.rows_superseded == 1


def test_a_field_that_a_rule_asks_for_and_no_element_has_is_a_failure(tmp_path: Path) -> None:
    lines(tmp_path / "in.jsonl", {"id": 1, "lines": [{"amount": 1}]})
    made = ruled(source(tmp_path / "in.jsonl", mapped("id", "int64")), explode="lines",
                 where="[lines.amout] = '1'")  # fmt: skip
    assert codes(run_job(job(made), tmp_path)) == ["DAT-030"]


cells = st.sampled_from(["0", "1", "2", "x", None])


@given(
    of_rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=6),
    reshapes=st.sampled_from(["unpivot", "list", "text"]),
    way=st.sampled_from(["latest", "first"]),
    wheres=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_of_what_is_made_of_rows_one_of_each_key_is_kept(
    of_rows: list[tuple[str | None, str | None]], reshapes: str, way: str, wheres: bool
) -> None:
    """Each row becomes two; equal values are one, of which the row's number says which is kept."""
    pairs = [*map(list, of_rows)]
    number = pl.Series("n", range(len(pairs)))
    frame = {
        "unpivot": pl.DataFrame(pairs, {"v": pl.String, "w": pl.String}, orient="row"),
        "list": pl.DataFrame({"v": pairs}, {"v": pl.List(pl.String)}),
        "text": pl.DataFrame({"v": [*map(json.dumps, pairs)]}),
    }[reshapes].with_columns(number)
    value = "value" if reshapes == "unpivot" else "v"
    with tempfile.TemporaryDirectory() as name:
        frame.write_parquet(Path(name) / "in.parquet")
        made = source(
            Path(name) / "in.parquet", mapped("n", "int64"), mapped("made", "string", value)
        )
        said = (
            {"unpivot": "value FOR name IN (v, w)"} if reshapes == "unpivot" else {"explode": "v"}
        )
        said |= {"where": f"{value} IS NULL OR CAST({value} AS INT) > 0"} if wheres else {}
        result = run_job(job(ruled(made, **said, unique_by=value, keep=f"{way}:n")), Path(name))
        left = _kept([(n, each) for n, pair in enumerate(pairs) for each in pair], way, wheres)
        if isinstance(left, str):
            assert codes(result) == [left]
            return
        assert rows(result, Path(name)) == left


def _kept(made: list[tuple[int, str | None]], way: str, wheres: bool) -> list[Any] | str:
    """Give the rows that stay, by their place; or the code of what ends it."""
    taken = [each for each in made
             if not wheres or each[1] is None or each[1] in ("1", "2")]  # fmt: skip
    kept = []
    for i, (n, value) in enumerate(taken):
        like = [other for other, same in taken if value is not None and same == value]
        best = (max if way == "latest" else min)(like, default=n)
        first = next(j for j, each in enumerate(taken) if each == (n, value))
        kept += [(n, value)] if value is None or (n == best and i == first) else []
    lost = sum(wheres and value == "x" for _, value in made)
    if not kept:
        return "DAT-004" if lost else "DAT-020"
    return kept


def test_a_list_and_its_fields_are_found_whatever_their_case(tmp_path: Path) -> None:
    lines(tmp_path / "in.jsonl", {"lines": [{"amount": 1}]})
    made = ruled(
        source(tmp_path / "in.jsonl", mapped("a", "int64", "LINES.amount")), explode="Lines"
    )
    assert rows(run_job(job(made), tmp_path), tmp_path) == [(1,)]


@pytest.mark.parametrize("as_text", [True, False])
def test_names_that_look_like_patterns_are_names(tmp_path: Path, *, as_text: bool) -> None:
    odd = "^t.*$"
    lists = ["[1]", "[]"] if as_text else [[1], []]
    given = pl.DataFrame({"*": [7, 8], "^.*$": [5, 6], odd: lists})
    given.write_parquet(tmp_path / "p.parquet")
    made = source(tmp_path / "p.parquet", mapped("v", "int64", odd), mapped("k", "int64", "*"))
    exploded = run_job(job(ruled(made, explode=odd)), tmp_path)
    assert rows(exploded, tmp_path) == [(1, 7), (None, 8)]
    made = source(tmp_path / "p.parquet", mapped("v", "int64"), mapped("q"))
    result = run_job(job(ruled(made, "v FOR q IN ([*], [^.*$])")), tmp_path)
    assert rows(result, tmp_path) == [(7, "*"), (5, "^.*$"), (8, "*"), (6, "^.*$")]


def test_files_that_differ_are_united_first(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, dtype, columns in (("a", pl.Int32, ("Q1", "Q2")), ("b", pl.Int64, ("q1", "Q2"))):
        frame = pl.DataFrame({columns[0]: [1], columns[1]: [2]}, dict.fromkeys(columns, dtype))
        lists = pl.Series("tags", [[3, 4]], pl.List(dtype))
        frame.with_columns(lists).write_parquet(tmp_path / f"in/{name}.parquet")
    made = source(tmp_path / "in", mapped("v", "int64"))
    result = run_job(job(ruled(made, "v FOR q IN (Q1, Q2)")), tmp_path)
    assert rows(result, tmp_path) == [(1,), (2,)] * 2
    exploded = run_job(job(ruled(source(tmp_path / "in", mapped("tags", "int64")), explode="tags")),
                       tmp_path)  # fmt: skip
    assert rows(exploded, tmp_path) == [(3,), (4,)] * 2


def test_numbers_in_lists_of_json_have_their_digits(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"t": [1.50, 12345678901234567890.10, true, {"a": 1e2}]}\n')
    made = source(tmp_path / "in.jsonl", mapped("t"))
    assert rows(run_job(job(ruled(made, explode="t")), tmp_path), tmp_path) == [
        ("1.50",), ("12345678901234567890.10",), ("true",), ('{"a":1e2}',)
    ]  # fmt: skip


def test_a_text_that_is_no_list_rejects_its_source_row(tmp_path: Path) -> None:
    given = ["oops", '{"a": 1}', '["b"', "", '["c"]', '[{"a": 1, "a": 2}]']
    pl.DataFrame({"id": range(6), "tags": given}).write_parquet(tmp_path / "in.parquet")
    made = source(tmp_path / "in.parquet", mapped("id", "int64"), mapped("tags"))
    result = run_job(job(ruled(made, explode="tags")), tmp_path)
    assert rows(result, tmp_path) == [(3, None), (4, "c")]
    assert [
        (r["position"], r["reason"], r["mapping_cell"], r["raw_schema"])
        for r in left_out(result, tmp_path)
    ] == [(n, "REJ-003", "source_rules.csv:2:explode", None) for n in (1, 2, 3, 6)]
    assert counts(result) == (6, 0, 4, 2)


def test_rejects_of_one_source_row_share_its_number(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    csv_file(tmp_path / "in/a.csv", "id,Q1,Q2 1,1,2 2,x,y")
    csv_file(tmp_path / "in/b.csv", "id,Q1,Q2 3,z,3")
    made = source(tmp_path / "in", mapped("id", "int64"), mapped("amount", "int64"))
    result = run_job(job(ruled(made, "amount FOR quarter IN (Q1, Q2)")), tmp_path)
    assert [(r["source"], r["position"], r["raw_row"]) for r in left_out(result, tmp_path)] == [
        ("in (a.csv)", 2, {"id": "2", "amount": "x"}),
        ("in (a.csv)", 2, {"id": "2", "amount": "y"}),
        ("in (b.csv)", 1, {"id": "3", "amount": "z"}),
    ]
    assert counts(result) == (3, 3, 3, 3)


def test_what_a_join_leaves_out_has_the_number_of_its_source_row(tmp_path: Path) -> None:
    csv_file(tmp_path / "h.csv", "No,Name 1,one")
    csv_file(tmp_path / "l.csv", "No,Q1,Q2 1,1,x 2,5,6")
    head = source(tmp_path / "h.csv", key("No"), mapped("name", "string", "Name", required=True),
                  submodule="head")  # fmt: skip
    line = ruled(source(tmp_path / "l.csv", key("No"), mapped("amount", "int64")),
                 "amount FOR quarter IN (Q1, Q2)")  # fmt: skip
    result = run_job(job(head, line), tmp_path)
    assert rows(result, tmp_path) == [(1, "one", 1)]
    assert sorted(
        (r["reason"], r["position"], r["raw_row"]["amount"]) for r in left_out(result, tmp_path)
    ) == [("REJ-001", 1, "x"), ("REJ-004", 2, "5"), ("REJ-004", 2, "6")]


def test_a_table_is_copied_with_the_listed_columns(tmp_path: Path) -> None:
    database(tmp_path, "CREATE TABLE t (id BIGINT, Q1 BIGINT, Q2 BIGINT, other BIGINT)",
             "INSERT INTO t VALUES (1, 5, 6, 7)")  # fmt: skip
    made = source(SqlLocation("db", "t"), mapped("quarter"))
    result = run_job(job(ruled(made, "amount FOR quarter IN (Q1, Q2)")), tmp_path)
    assert rows(result, tmp_path) == [("Q1",), ("Q2",)]


def test_a_field_that_no_element_has_is_a_failure(tmp_path: Path) -> None:
    lines(tmp_path / "in.jsonl", {"lines": [{"amount": 1}]}, {"lines": []})
    made = source(tmp_path / "in.jsonl", mapped("a", "int64", "lines.amuont"))
    result = run_job(job(ruled(made, explode="lines")), tmp_path)
    assert [(p.code, p.place) for p in problems(result)] == [
        ("DAT-030", "source_rules.csv:2:explode")
    ]
    lines(tmp_path / "in.jsonl", {"lines": []}, {"lines": [None]})
    assert counts(run_job(job(ruled(made, explode="lines")), tmp_path)) == (2, 0, 0, 2)


def test_whole_numbers_beside_floats_are_floats_unless_one_would_be_rounded(tmp_path: Path) -> None:
    made = source(tmp_path / "in.jsonl", mapped("v", "float64"))
    for number, wrong in ((2**53, []), (2**53 + 1, ["DAT-031"])):
        lines(tmp_path / "in.jsonl", {"a": number, "b": 1.5})
        result = run_job(job(ruled(made, "v FOR q IN (a, b)")), tmp_path)
        assert codes(result) == wrong


@given(
    lists=st.lists(
        st.tuples(
            st.none() | st.lists(st.none() | st.text("ab", max_size=3), max_size=9), st.text()
        ),
        max_size=12,
    ),
    most=st.integers(1, 7),
    wide=st.integers(1, 200),
)
@settings(max_examples=40, deadline=None)
def test_pieces_of_any_size_give_the_same_rows(
    lists: list[tuple[list[str | None] | None, str]], most: int, wide: int
) -> None:
    frame = pl.DataFrame(
        {"l": [each for each, _ in lists], "t": [text for _, text in lists]},
        {"l": pl.List(pl.String), "t": pl.String},
    )
    expected = [(text, e) for each, text in lists for e in each or [None]]
    as_texts = frame.with_columns(
        pl.Series("l", [None if each is None else json.dumps(each) for each, _ in lists], pl.String)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reshaped_rows, "CHUNK_ROWS", most)
        patch.setattr(reshaped_rows, "WHOLE_BYTES", wide)
        for given_frame in (frame, as_texts):
            found, heights = _exploded(given_frame)
            assert found == expected
            assert len(heights) >= len(expected) // (most + 9)


def _exploded(frame: pl.DataFrame) -> tuple[list[tuple[Any, ...]], list[int]]:
    found, heights = [], []
    for piece in _pieces(frame):
        found += piece.select("t", "l").rows()
        heights.append(piece.height)
    return found, heights


def _pieces(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    made = ruled(source(Path("in.parquet"), mapped("t"), mapped("l")), explode="l")
    how = compile_source(made, frame.schema).reshaped
    assert how is not None
    with scratch(1 << 30) as space:
        yield from reshaped_rows.Reshaper(how, [made], space.pile()).of(frame)


def test_a_list_of_a_million_elements_beside_a_long_text_is_made_in_pieces() -> None:
    wide, number = "x" * 10_000, 1_000_000
    frame = pl.DataFrame({"l": [[1, 2], list(range(number)), []], "t": ["a", wide, "b"]})
    heights = [piece.height for piece in _pieces(frame)]
    assert sum(heights) == number + 3
    assert max(heights) * len(wide) < 2 * reshaped_rows.WHOLE_BYTES
