"""One partition, from its sources to uncommitted files or failures; it never raises."""

from __future__ import annotations

import datetime as dt
import gzip
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ai_dataflow.partition import making, scratch, source_rejects, source_rows, writing
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.partition.merge import Merged, merge_product
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.tables.source_rules import SourceRule
from ai_dataflow.tables.table import Sheet
from ai_dataflow_tests.partition.jobs import (
    codes,
    count_rows,
    csv_file,
    database,
    job,
    key,
    left_out,
    make_shop,
    mapped,
    problems,
    run_job,
    source,
    workstation,
    written,
)

SHOP_ROWS = [
    (1, "tea", 2, dt.date(2024, 1, 31), "orion"),
    (1, "jam", 3, dt.date(2024, 1, 31), "orion"),
    (7, "oil", 1, None, "orion"),
    (3, None, None, dt.date(2024, 3, 31), "orion"),
    (None, "pen", None, dt.date(2024, 4, 30), "vega"),
]


@pytest.fixture(params=["in memory", "spilled"])
def _everywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: as it is, and with every source too large for memory."""
    if request.param == "spilled":
        monkeypatch.setattr(scratch, "SPILL_BYTES", 0)


@pytest.mark.usefixtures("_everywhere")
def test_a_partition_is_read_mapped_joined_and_unioned(tmp_path: Path) -> None:
    result = run_job(make_shop(tmp_path), tmp_path)
    rows = written(result, tmp_path)
    assert rows.columns == ["id", "item", "quantity", "day", "product_code"]
    assert rows.rows() == SHOP_ROWS
    assert count_rows(result) == {"orion": (7, 2, 1, 4), "vega": (1, 0, 0, 1)}
    assert result.counts["orion"].filled == {"id": 4, "item": 3, "quantity": 3, "day": 3}
    (file,) = result.data
    assert file.rows == result.total("rows_published") == 5


@pytest.mark.proves(
    "transform",
    "corrupt",
    "REJ-001 or REJ-003: the row is left out; it is listed with its cell, the rest is published",
)
@pytest.mark.usefixtures("_everywhere")
def test_every_row_left_out_is_listed_with_its_run_and_reason(tmp_path: Path) -> None:
    ragged = csv_file(tmp_path / "pens.csv", "n 1 2,3")
    partition = job(
        *make_shop(tmp_path).sources, source(ragged, mapped("n", "int64"), product="pen")
    )
    rejects = left_out(run_job(partition, tmp_path), tmp_path)
    assert {(r["run_id"], r["module_name"]) for r in rejects} == {("run-1", "sales")}
    shown = ("product_code", "submodule_name", "reason", "ai_column", "raw_row")
    assert [tuple(r[name] for name in shown) for r in rejects] == [
        ("orion", "line", "REJ-001", "quantity", {"No": "9", "Item": "egg", "Qty": "x"}),
        ("orion", "order", "REJ-001", "day", {"No": "2", "Day": "2024-02-31"}),
        ("pen", "line", "REJ-003", "", {"line": "2,3"}),
    ]


def test_what_was_spilled_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SPILL_BYTES", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    assert not run_job(make_shop(tmp_path), tmp_path).failures
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.usefixtures("_everywhere")
def test_the_order_of_many_rows_is_that_of_the_source(tmp_path: Path) -> None:
    keys = [(i * 7919) % 30_011 for i in range(30_000)]
    pl.DataFrame({"k": keys, "a": range(30_000)}).write_parquet(tmp_path / "left.parquet")
    pl.DataFrame({"k": range(30_011)}).write_parquet(tmp_path / "right.parquet")
    left = source(tmp_path / "left.parquet", key("k"), mapped("a", "int64"), submodule="left")
    right = source(tmp_path / "right.parquet", key("k"), submodule="right")
    rows = written(run_job(job(left, right), tmp_path), tmp_path)
    alone = sorted(set(range(30_011)) - set(keys))
    assert rows["k"].to_list() == keys + alone


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
def test_the_order_of_products_in_the_control_table_changes_nothing(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    shop = make_shop(tmp_path)
    shuffled = job(*(shop.sources[i] for i in order), columns=shop.columns)
    assert written(run_job(shuffled, tmp_path), tmp_path).rows() == SHOP_ROWS


def test_the_order_of_submodules_changes_no_row(tmp_path: Path) -> None:
    shop = make_shop(tmp_path)
    turned = job(*reversed(shop.sources), columns=shop.columns)
    assert Counter(written(run_job(turned, tmp_path), tmp_path).rows()) == Counter(SHOP_ROWS)


def test_a_database_may_give_its_rows_in_any_order(tmp_path: Path) -> None:
    found = []
    for rows in (ROWS, ROWS.reverse()):
        rows.write_database("rows", f"sqlite:///{tmp_path}/shop.sqlite", if_table_exists="replace")
        partition = job(source(SqlLocation("db", "rows"), mapped("n", "int64"), mapped("word")))
        found.append(written(run_job(partition, tmp_path), tmp_path).rows())
    assert found[0] == found[1]


def test_the_same_inputs_give_the_same_content_under_a_fresh_name(tmp_path: Path) -> None:
    first, second = (run_job(make_shop(tmp_path), tmp_path) for _ in range(2))
    assert written(first, tmp_path).equals(written(second, tmp_path))
    assert first.data[0].path != second.data[0].path


ROWS = pl.DataFrame({"n": [1, 2, 3], "word": ["ü", None, 'a "b", c\n'], "x": [1.5, None, 2.0]})


def _write_gzip(rows: pl.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(rows.write_csv().encode()))


FORMATS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "rows.csv": pl.DataFrame.write_csv,
    "rows.csv.gz": _write_gzip,
    "rows.parquet": pl.DataFrame.write_parquet,
    "rows.jsonl": pl.DataFrame.write_ndjson,
    "rows": pl.DataFrame.write_delta,
}


@pytest.mark.usefixtures("_everywhere")
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    FORMATS[name](ROWS, tmp_path / name)
    columns = (mapped("n", "int64"), mapped("word"), mapped("x", "float64"))
    rows = written(run_job(job(source(tmp_path / name, *columns)), tmp_path), tmp_path)
    assert rows.drop("product_code").equals(ROWS)


def test_a_database_gives_the_same_rows_too(tmp_path: Path) -> None:
    ROWS.write_database("rows", f"sqlite:///{tmp_path}/shop.sqlite")
    columns = (mapped("n", "int64"), mapped("word"), mapped("x", "float64"))
    rows = written(run_job(job(source(SqlLocation("db", "rows"), *columns)), tmp_path), tmp_path)
    assert rows.drop("product_code").sort("n").equals(ROWS)


@pytest.mark.proves(
    "read SQL", "corrupt", "REJ-001: a text among numbers; its row is left out and listed"
)
@pytest.mark.parametrize("column_type", ["INTEGER", "REAL", "NUMERIC(10,2)"])
def test_a_text_in_a_number_column_of_a_database_is_rejected(
    tmp_path: Path, column_type: str
) -> None:
    database(tmp_path, f"CREATE TABLE t (n {column_type})", "INSERT INTO t VALUES (1), ('lots')")
    partition = job(source(SqlLocation("db", "t"), mapped("n", "int64")))
    result = run_job(partition, tmp_path)
    assert written(result, tmp_path)["n"].to_list() == [1]
    assert [r["raw_row"] for r in left_out(result, tmp_path)] == [{"n": "lots"}]


def _shared_table(folder: Path, client: str) -> PartitionJob:
    database(
        folder, "CREATE TABLE t (c TEXT, n INTEGER)", "INSERT INTO t VALUES ('USA', 1), ('CAN', 2)"
    )
    own = SqlLocation("db", "t", client_column="c", client=client)
    return job(source(own, mapped("n", "int64")))


def test_a_client_gets_its_own_rows_of_a_shared_table(tmp_path: Path) -> None:
    rows = written(run_job(_shared_table(tmp_path, "CAN"), tmp_path), tmp_path)
    assert rows["n"].to_list() == [2]


@pytest.mark.parametrize("client", ["FRA", "usa", "x' OR '1'='1", "USA' --", ""])
def test_a_client_without_rows_in_a_shared_table_is_a_failure(tmp_path: Path, client: str) -> None:
    result = run_job(_shared_table(tmp_path, client), tmp_path)
    assert codes(result) == ["SRC-002"]
    assert result.failures[0].stage == "azure_sql_extract"


@pytest.mark.parametrize("name", [*FORMATS, "table"])
def test_a_source_of_literals_alone_counts_all_its_rows(tmp_path: Path, name: str) -> None:
    if name == "table":
        ROWS.write_database("rows", f"sqlite:///{tmp_path}/shop.sqlite")
    else:
        FORMATS[name](ROWS, tmp_path / name)
    where = SqlLocation("db", "rows") if name == "table" else tmp_path / name
    result = run_job(job(source(where, mapped("currency", transform="'EUR'"))), tmp_path)
    assert written(result, tmp_path)["currency"].to_list() == ["EUR"] * 3


def test_a_partition_without_one_row_is_not_published(tmp_path: Path) -> None:
    file = csv_file(tmp_path / "empty.csv", "n")
    result = run_job(job(source(file, mapped("n", "int64"))), tmp_path)
    assert codes(result) == ["SRC-002"]
    assert result.data == ()


def test_a_file_with_a_header_alone_beside_others_is_no_failure(tmp_path: Path) -> None:
    empty = source(csv_file(tmp_path / "empty.csv", "n"), mapped("n", "int64"), submodule="a")
    full = source(csv_file(tmp_path / "full.csv", "n 1"), mapped("n", "int64"), submodule="b")
    assert count_rows(run_job(job(empty, full), tmp_path)) == {"orion": (1, 0, 0, 1)}


def test_a_partition_of_rejects_alone_is_not_published_and_leaves_its_rejects(
    tmp_path: Path,
) -> None:
    file = csv_file(tmp_path / "bad.csv", "n x y")
    result = run_job(job(source(file, mapped("n", "int64"))), tmp_path)
    assert codes(result) == ["DAT-004"]
    assert (result.data, len(result.rejects)) == ((), 1)
    assert count_rows(result) == {"orion": (2, 2, 0, 0)}


def test_rows_of_a_lookup_whose_finders_are_all_rejected_are_no_success(tmp_path: Path) -> None:
    """One is merged, none is unmatched, and none is left."""
    claims = source(csv_file(tmp_path / "c.csv", "k,n 1,"), key("k"), mapped("n", "int64"),
                    submodule="claims")  # fmt: skip
    rates = source(csv_file(tmp_path / "r.csv", "k,rate 1,5"), key("k"),
                   mapped("rate", "int64"), submodule="rates")  # fmt: skip
    rule = SourceRule(Sheet("source_rules.csv"), 2, "sales", "*", "rates", join="lookup")
    needed = DictionaryRow(Sheet("ai_columns.csv"), 2, "sales", "n", required=True)
    columns = (AiColumn("k", "int64"), AiColumn("n", "int64", rule=needed),
               AiColumn("rate", "int64"))  # fmt: skip
    made = job(claims, replace(rates, rule=rule), columns=columns)
    result = run_job(made, tmp_path)
    assert codes(result) == ["DAT-004"]
    assert "1 of 2 rows (50.00%) were rejected, and the others were merged into these" in (
        problems(result)[0].message
    )
    assert (result.data, len(result.rejects)) == ((), 1)
    assert count_rows(result) == {"orion": (2, 1, 1, 0)}


def test_what_a_module_maps_elsewhere_is_a_null_of_its_type(tmp_path: Path) -> None:
    file = csv_file(tmp_path / "n.csv", "n 1")
    columns = [
        AiColumn("paid", "decimal(9,2)"),
        AiColumn("n", "int64"),
        AiColumn("at", "timestamp"),
    ]
    partition = job(source(file, mapped("n", "int64")), columns=columns)
    rows = written(run_job(partition, tmp_path), tmp_path)
    assert rows.rows() == [(None, 1, None, "orion")]
    assert rows.dtypes[:3] == [pl.Decimal(9, 2), pl.Int64, pl.Datetime("us", "UTC")]


def test_jobs_and_results_are_plain_data_that_can_be_sent_anywhere(tmp_path: Path) -> None:
    partition = make_shop(tmp_path)
    assert pickle.loads(pickle.dumps(partition)) == partition  # noqa: S301
    missing = job(source(tmp_path / "nosuch.csv", mapped("n")))
    for result in (run_job(partition, tmp_path), run_job(missing, tmp_path)):
        assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301


@pytest.mark.proves(
    "write", "corrupt", "DAT-002: a balance that does not close; the files are removed"
)
def test_rows_that_are_unaccounted_for_stop_the_partition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def miscounted(*given: Any, **options: Any) -> Merged:
        merged = merge_product(*given, **options)
        return replace(merged, rows_merged=merged.rows_merged + 1)

    monkeypatch.setattr(making, "merge_product", miscounted)
    result = run_job(make_shop(tmp_path), tmp_path)
    assert [(p.code, p.product) for p in problems(result)] == [
        ("DAT-002", "orion"), ("DAT-002", "vega"),
    ]  # fmt: skip
    assert "7 rows were read, but 2 rejected + 2 merged + 4 written are 8" in str(
        problems(result)[0]
    )
    assert (result.data, result.rejects) == ((), ())
    assert list(Path(workstation(tmp_path).root.url).glob("*/client_code=*/*")) == []


@pytest.mark.proves(
    "write", "corrupt", "DAT-002: the file does not hold what was read; it is not published"
)
def test_a_value_that_is_lost_stops_the_partition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A null that nobody explains: no row is missing, and P7 is broken all the same."""

    def forgetful(*given: Any, **options: Any) -> Merged:
        merged = merge_product(*given, **options)
        return replace(merged, rows=merged.rows.with_columns(pl.lit(None, pl.Date).alias("day")))

    monkeypatch.setattr(making, "merge_product", forgetful)
    found = problems(run_job(make_shop(tmp_path), tmp_path))
    assert {p.code for p in found} == {"DAT-002"}
    assert "day has 3 values, but 0 were written" in found[0].message


def test_a_reject_that_is_not_listed_stops_the_partition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(*arguments: Any) -> pl.LazyFrame:
        return source_rejects.left_out(*arguments).filter(pl.col("reason") != "REJ-001")

    monkeypatch.setattr(source_rows, "left_out", forgetful)
    found = problems(run_job(make_shop(tmp_path), tmp_path))
    assert {p.code for p in found} == {"DAT-002"}
    assert any("were left out" in p.message for p in found)


def test_a_large_partition_is_several_files_and_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = written(run_job(make_shop(tmp_path), tmp_path), tmp_path)
    monkeypatch.setattr(writing, "MANY_ROWS", 1)
    monkeypatch.setattr(writing, "FILE_BYTES", 100)
    result = run_job(make_shop(tmp_path), tmp_path)
    assert len(result.data) > 1
    assert sum(file.rows for file in result.data) == result.total("rows_published")
    assert written(result, tmp_path).equals(whole)


def test_the_counts_tell_each_submodule_and_reason(tmp_path: Path) -> None:
    counts = run_job(make_shop(tmp_path), tmp_path).counts["orion"]
    assert sum(source.rows_read for source in counts.sources.values()) == counts.rows_read
    rejected = [n for source in counts.sources.values() for n in source.rejected.values()]
    assert sum(rejected) == counts.rows_rejected == 2


KEYS = st.sampled_from(["", "1", "2", "3", " 3 ", "4.0", "x"])
FEW = examples(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _as_int(text: str) -> int | None:
    return int(float(text)) if text.strip() else None


@FEW
@given(st.lists(KEYS, max_size=8), st.lists(KEYS, max_size=8))
def test_the_balance_always_closes(tmp_path: Path, left: list[str], right: list[str]) -> None:
    """Whatever is delivered: read = rejected + merged + published, or the join is refused."""
    for name, keys in (("left", left), ("right", right)):
        lines = ["k,i", *(f'"{k}",{i}' for i, k in enumerate(keys)), ""]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    sources = [
        source(tmp_path / f"{name}.csv", key("k"), mapped(name, "int64", "i"), submodule=name)
        for name in ("left", "right")
    ]
    result = run_job(job(*sources), tmp_path)
    if not left + right:
        assert codes(result) == ["SRC-002"]
        return
    if set(left + right) == {"x"}:
        assert codes(result) == ["DAT-004"]
        return

    good = [[_as_int(k) for k in keys if k != "x"] for keys in (left, right)]
    counts = [Counter(k for k in keys if k is not None) for keys in good]
    if any(counts[0][k] > 1 and n > 1 for k, n in counts[1].items()):
        assert codes(result) == ["DAT-001"]
        return
    joined = sum(max(counts[0][k], n) for k, n in (counts[0] | counts[1]).items())
    rejected = (left + right).count("x")
    read, merged = len(left) + len(right), sum(1 for k in counts[0] if k in counts[1])
    published = joined + good[0].count(None) + good[1].count(None)
    assert count_rows(result) == {"orion": (read, rejected, merged, published)}
    assert read == rejected + merged + published
    assert len(left_out(result, tmp_path)) == rejected
