"""Columns and lists that become rows have several names; and what a rule says wrong is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.tables.reshapes import ReshapeError, reshape
from ai_dataflow_tests.partition.jobs import (
    codes,
    database,
    job,
    mapped,
    problems,
    run_job,
    source,
)
from ai_dataflow_tests.partition.ruled import counts, lines, rows, ruled


def _written(folder: Path, suffix: str, files: list[dict[str, list[Any]]]) -> Path:
    """Write files of one location, each with columns of its own."""
    folder.mkdir()
    for number, columns in enumerate(files):
        frame, path = pl.DataFrame(columns), folder / f"{number}.{suffix}"
        match suffix:
            case "parquet":
                frame.write_parquet(path)
            case "csv":
                frame.write_csv(path)
            case _:
                lines(path, *frame.iter_rows(named=True))
    return folder


BY_ANY_NAME = "amount FOR quarter IN (Q1 | `quarter 1`, [Q 2] | Q2|Second AS '2024-Q2')"


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_a_listed_column_has_the_first_of_its_names_that_each_file_has(
    tmp_path: Path, suffix: str
) -> None:
    files: list[dict[str, list[Any]]] = [
        {"id": [1], "Q1": [10], "Q 2": [11]},
        {"id": [2, 3], "second": [21, 31], "quarter 1": [20, 30]},
        {"id": [4], "quarter 1": [0], "Q1": [40], "Q2": [41], "Second": [0]},
    ]
    folder = _written(tmp_path / "in", suffix, files)
    made = source(folder, mapped("id", "int64"), mapped("quarter"), mapped("amount", "int64"))
    result = run_job(job(ruled(made, BY_ANY_NAME)), tmp_path)
    expected = [(i, q, 10 * i + n) for i in range(1, 5) for n, q in enumerate(["Q1", "2024-Q2"])]
    assert rows(result, tmp_path) == expected
    assert counts(result) == (4, 4, 0, 8)
    origins = {name: [o.column for o in of] for name, of in result.origins.items()}
    assert origins["amount"] == ["Q1", "Q 2"]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_list_has_the_first_of_its_names_that_each_file_has(tmp_path: Path, suffix: str) -> None:
    elements = [[{"amount": 1.5, "no": 1}, {"amount": 2.5, "no": 2}], []]
    files: list[dict[str, list[Any]]] = [
        {"id": [1, 2], "lines": elements},
        {"Order Items": elements[:1], "id": [3]},
    ]
    folder = _written(tmp_path / "in", suffix, files)
    made = source(folder, mapped("id", "int64"), mapped("amount", "float64", "lines.amount"),
                  mapped("twice", "int64", transform="CAST([lines.no] AS INT) * 2"))  # fmt: skip
    result = run_job(job(ruled(made, explode="lines | [Order Items]")), tmp_path)
    assert rows(result, tmp_path) == [
        (1, 1.5, 2), (1, 2.5, 4), (2, None, None), (3, 1.5, 2), (3, 2.5, 4)
    ]  # fmt: skip
    assert counts(result) == (3, 2, 0, 5)


def test_a_list_goes_by_its_first_name_alone(tmp_path: Path) -> None:
    lines(tmp_path / "in.jsonl", {"tags": ["a", "b"]})
    for name, wrong in (("lists", []), ("tags", ["RUL-036"])):
        made = ruled(source(tmp_path / "in.jsonl", mapped(name)), explode="lists | tags")
        result = run_job(job(made), tmp_path)
        assert codes(result) == wrong
        assert wrong or rows(result, tmp_path) == [("a",), ("b",)]


def test_a_table_is_copied_with_the_names_that_it_has(tmp_path: Path) -> None:
    database(tmp_path, "CREATE TABLE t (id BIGINT, First BIGINT, Q2 BIGINT, other BIGINT)",
             "INSERT INTO t VALUES (1, 5, 6, 7)")  # fmt: skip
    made = source(SqlLocation("db", "t"), mapped("quarter"), mapped("amount", "int64"))
    result = run_job(job(ruled(made, "amount FOR quarter IN (Q1 | First, Q2 | Second)")), tmp_path)
    assert rows(result, tmp_path) == [("Q1", 5), ("Q2", 6)]


def test_a_file_that_lacks_all_names_of_a_column_is_refused(tmp_path: Path) -> None:
    files: list[dict[str, list[Any]]] = [{"Q1": [1], "Q2": [2]}, {"Q1": [1], "Q3": [2]}]
    made = source(_written(tmp_path / "in", "csv", files), mapped("amount", "int64"))
    rule = "amount FOR quarter IN (Q1 | One, Q2 | Two)"
    (problem,) = problems(run_job(job(ruled(made, rule)), tmp_path))
    assert (problem.code, "Q2" in problem.message) == ("SRC-010", True)


@pytest.mark.parametrize(
    ("explode", "names"),
    [
        ("lines", ("lines",)),
        ("Order Lines | lines|lines", ("Order Lines", "lines")),
        ('"a|b"', ("a|b",)),
        ("[a|b] | `c``d` | e", ("a|b", "c`d", "e")),
    ],
)
def test_names_of_lists_are_told_apart(explode: str, names: tuple[str, ...]) -> None:
    how = reshape("", explode)
    assert how is not None
    assert how.several == (names,)


@pytest.mark.parametrize(
    ("unpivot", "explode", "message"),
    [
        ("", "lines |", "missing beside"),
        ("", "| lines", "missing beside"),
        ("", "a || b", "missing beside"),
        ("v FOR q IN (a |, b)", "", "another name of the column is expected"),
        ("v FOR q IN (a | x, b | X)", "", "`X` is listed twice"),
        ("v | w FOR q IN (a)", "", "FOR is expected where `|` is"),
    ],
)
def test_names_that_say_nothing_are_refused(unpivot: str, explode: str, message: str) -> None:
    with pytest.raises(ReshapeError, match=re.escape(message)):
        reshape(unpivot, explode)


def test_what_a_cell_without_alternatives_says_is_what_it_said_before() -> None:
    """Partitions are known by it, and rejects are: see `said`."""
    assert (
        str(reshape("v FOR q IN (a, b AS 'c')", "")) == "unpivot `v` FOR `q` IN (`a`, `b` AS 'c')"
    )
    assert str(reshape("", "[a b]")) == "explode `a b`"


WRONG: dict[str, tuple[dict[str, str], list[str]]] = {
    "no list": ({"explode": "id"}, ["RUL-035"]),
    "no such list": ({"explode": "tgas"}, ["MAP-014"]),
    "no such column": ({"unpivot": "v FOR q IN (id, nope)"}, ["MAP-014"]),
    "types": ({"unpivot": "v FOR q IN (id, text)"}, ["RUL-033"]),
    "there": ({"unpivot": "TEXT FOR q IN (id, real)"}, ["RUL-034"]),
    "mapped": ({"unpivot": "v FOR q IN (id, real)"}, ["RUL-036"]),
    "twice": ({"unpivot": "v FOR q IN (real, [real ])"}, ["RUL-032"]),
    "twice by other names": ({"unpivot": "v FOR q IN (real, nope | [real ])"}, ["RUL-032"]),
    "mapped by another name": ({"unpivot": "v FOR q IN (nope | id, real)"}, ["RUL-036"]),
    "exploded by another name": ({"explode": "nope | id"}, ["RUL-035"]),
    "none of the names": ({"explode": "nope | tgas"}, ["MAP-014"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_rule_that_does_not_fit_is_told(tmp_path: Path, case: str) -> None:
    said, wrong = WRONG[case]
    given = pl.DataFrame({"id": [1], "real": [1.5], "text": ["x"], "tags": [["x"]]})
    given.write_parquet(tmp_path / "in.parquet")
    made = ruled(source(tmp_path / "in.parquet", mapped("id", "int64")), **said)
    assert codes(run_job(job(made), tmp_path)) == wrong
