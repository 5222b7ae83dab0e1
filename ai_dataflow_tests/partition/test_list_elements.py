"""The elements of lists are accounted for as values are: mapped, joined, merged, written (P3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.partition import counting, making
from ai_dataflow.partition.merge import Merged, merge_product
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import (
    job,
    key,
    mapped,
    problems,
    run_job,
    settings,
    source,
    written,
)

TEXTS = st.lists(st.sampled_from(["a", "ü", "", None]), max_size=3)
CLAIM = {"id": pl.Int64(), "tags": pl.List(pl.String())}
LINE = {"id": pl.Int64(), "parts": pl.List(pl.List(pl.Int64()))}
NOTE = {"tags": pl.List(pl.String())}
ids = st.sampled_from([1, 2, 3, None])
clients = st.fixed_dictionaries({
    # Each claim once, its lines often: the join writes the claim's tags with each of these.
    "claim": st.lists(st.tuples(st.integers(1, 4), st.none() | TEXTS), min_size=1, max_size=4,
                      unique_by=lambda row: row[0]),
    "line": st.lists(st.tuples(ids, st.none() | st.lists(
        st.none() | st.lists(st.none() | st.integers(0, 9), max_size=2), max_size=2)), max_size=5),
    "note": st.lists(st.tuples(st.none() | TEXTS), max_size=2),
})  # fmt: skip


def _shop(folder: Path, client: str, rows: dict[str, list[Any]]) -> Any:
    folder.mkdir(exist_ok=True)
    for name, schema in (("claim", CLAIM), ("line", LINE), ("note", NOTE)):
        frame = pl.DataFrame(rows[name], schema=schema, orient="row")
        frame.write_parquet(folder / f"{client}-{name}.parquet")
    tags = mapped("tags", "list(string)")
    return job(
        source(folder / f"{client}-claim.parquet", key("id"), tags, submodule="claim"),
        source(folder / f"{client}-line.parquet", key("id"), mapped("parts", "list(list(int64))"),
               submodule="line"),
        source(folder / f"{client}-note.parquet", tags, submodule="note"),
        client=client,
    )  # fmt: skip


def _count(lists: Any) -> int:
    """Count the values in lists of any depth."""
    if isinstance(lists, list):
        return sum(map(_count, lists))
    return int(lists is not None)


@settings_of(share=2)
@given(st.lists(clients, min_size=1, max_size=3))
def test_elements_are_counted_through_joins_for_each_client(
    tmp_path_factory: pytest.TempPathFactory, several: list[dict[str, list[Any]]]
) -> None:
    """The balance closes, and what is reported of a file is what is in it."""
    folder = tmp_path_factory.mktemp("shops")
    jobs = [_shop(folder, f"c{i}", rows) for i, rows in enumerate(several)]
    for result in making.make(jobs, settings(folder), "run"):
        published, filled = written(result, folder), result.counts["orion"].filled
        for name in ("tags", "parts"):
            assert filled[f"{name}[]"] == _count(published[name].to_list())


def _loses(change: pl.Expr) -> Callable[..., Merged]:
    def forgetful(*given: Any, **options: Any) -> Merged:
        merged = merge_product(*given, **options)
        return replace(merged, rows=merged.rows.with_columns(change.alias("tags")))

    return forgetful


@pytest.mark.proves(
    "write", "corrupt", "DAT-002: an element of a list that is lost, though its row is there"
)
@pytest.mark.parametrize(
    "change",
    [
        pl.col("tags").list.head(1),
        pl.col("tags").list.eval(pl.when(pl.element() != "b").then(pl.element())),
    ],
    ids=["left out", "null"],
)
def test_an_element_that_is_lost_stops_the_partition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: pl.Expr
) -> None:
    pl.DataFrame({"tags": [["a", "b"], ["c"]]}).write_parquet(tmp_path / "a.parquet")
    partition = job(source(tmp_path / "a.parquet", mapped("tags", "list(string)")))
    assert run_job(partition, tmp_path).counts["orion"].filled == {"tags": 2, "tags[]": 3}
    monkeypatch.setattr(making, "merge_product", _loses(change))
    (problem,) = problems(run_job(partition, tmp_path))
    assert problem.code == "DAT-002"
    assert "tags has 3 elements, but 2 were written" in problem.message


def test_elements_of_keys_are_counted_once(tmp_path: Path) -> None:
    pl.DataFrame({"k": [["a"], ["b", "c"], None], "v": [1, 2, 3]}).write_parquet(
        tmp_path / "a.parquet"
    )
    pl.DataFrame({"k": [["a"], ["x"], []], "w": [1, 2, 3]}).write_parquet(tmp_path / "b.parquet")
    tag = mapped("k", "list(string)", is_key=True)
    result = run_job(
        job(
            source(tmp_path / "a.parquet", tag, mapped("v", "int64")),
            source(tmp_path / "b.parquet", tag, mapped("w", "int64"), submodule="order"),
        ),
        tmp_path,
    )
    assert written(result, tmp_path).height == 5
    assert result.counts["orion"].filled["k[]"] == 4


def test_elements_in_large_files_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No footer tells how many elements lists have: their row groups are read."""
    monkeypatch.setattr(counting, "LARGE", 1)
    pl.DataFrame({"n": [1, 2], "tags": [["a", None], ["c"]]}).write_parquet(tmp_path / "a.parquet")
    partition = job(
        source(tmp_path / "a.parquet", mapped("n", "int64"), mapped("tags", "list(string)"))
    )
    filled = run_job(partition, tmp_path).counts["orion"].filled
    assert filled == {"n": 2, "tags": 2, "tags[]": 2}
