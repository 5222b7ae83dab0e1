"""Sources that are Delta tables, or partitions of one: what is pinned is one version of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files.pinned import Pinned
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.lake import ROWS

HERE = Settings(folder=Path())
_MAPPED = '{"delta.columnMapping.mode":"name","delta.columnMapping.maxColumnId":"2"}'


def _write(path: Path, rows: pl.DataFrame = ROWS) -> Path:
    rows.write_delta(path, mode="overwrite")
    return path


def _pin(path: Path) -> Pinned:
    return lake.pin(str(path), HERE)


def _read(path: Path) -> pl.DataFrame:
    return lake.read(_pin(path), HERE)


def test_a_delta_table_is_read_at_the_version_that_was_pinned(tmp_path: Path) -> None:
    _write(tmp_path / "table")
    extract = _pin(tmp_path / "table")
    _write(tmp_path / "table", ROWS.head(1))
    assert extract.version == 0
    assert lake.read(extract, HERE).height == 2
    assert _read(tmp_path / "table").height == 1


def test_the_size_of_a_delta_table_is_that_of_its_files(tmp_path: Path) -> None:
    """It decides whether a partition's rows are held in memory."""
    table = _write(tmp_path / "table")
    _write(tmp_path / "table", ROWS.head(1))  # the first version's files stay, unread
    newest = max(table.glob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)
    assert _pin(tmp_path / "table").size == newest.stat().st_size


def test_a_delta_table_without_rows_still_has_its_columns(tmp_path: Path) -> None:
    _write(tmp_path / "table", ROWS.clear())
    extract = _pin(tmp_path / "table")
    assert list(lake.read(extract, HERE).columns) == ["n", "s"]
    assert lake.read(extract, HERE).height == 0


@pytest.mark.parametrize(
    "protocol",
    [
        '{"minReaderVersion":2,"minWriterVersion":5}',
        '{"minReaderVersion":3,"minWriterVersion":7,'
        '"readerFeatures":["columnMapping"],"writerFeatures":["columnMapping"]}',
    ],
)
def test_a_delta_table_whose_columns_have_no_names_in_files_is_refused_with_a_fitting_fix(
    tmp_path: Path, protocol: str
) -> None:
    log = _write(tmp_path / "table") / "_delta_log" / "00000000000000000000.json"
    others = [line for line in log.read_text().splitlines() if '{"protocol":' not in line]
    others = [line.replace('"configuration":{}', f'"configuration":{_MAPPED}') for line in others]
    log.write_text("\n".join([f'{{"protocol":{protocol}}}', *others]))
    problem = lake.refusal(str(tmp_path / "table"), HERE)
    assert problem.code == "SRC-003"
    assert "delta.columnMapping.mode" in problem.fix


def test_a_delta_table_whose_log_is_damaged_is_refused(tmp_path: Path) -> None:
    table = _write(tmp_path / "table")
    next((table / "_delta_log").glob("*.json")).write_text("nonsense")
    assert lake.refusal(str(tmp_path / "table"), HERE).code == "SRC-003"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("client", pl.Series(["acme", "b c", None])),
        ("number", pl.Series([1, 20, None])),
        ("day", pl.Series(["2026-01-01", "2026-12-31", None]).str.to_date()),
        ("is_open", pl.Series([True, False, None])),
    ],
)
def test_a_partition_of_a_delta_table_is_what_its_version_has_of_it(
    tmp_path: Path, column: str, values: pl.Series
) -> None:
    rows = pl.DataFrame({"n": [1, 2, 3], column: values})
    table = str(tmp_path / "t")
    for mode in ("append", "overwrite"):  # the files of the first version are still there
        rows.write_delta(table, mode=mode, delta_write_options={"partition_by": [column]})
    folders = sorted(folder.name for folder in Path(table).glob(f"{column}=*"))
    found = [_read(tmp_path / "t" / folder) for folder in folders]
    assert [frame.height for frame in found] == [1, 1, 1]
    assert sorted(pl.concat(found)["n"]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("location", "file_format"),
    [
        ("", ""), ("*", ""), ("*/*/*.parquet", ""), ("t/**/*.parquet", ""), ("t/k=*", ""),
        ("t/k=a/*.parquet", ""), ("t", "parquet"), ("FILE", ""),
    ],
)  # fmt: skip
def test_files_of_a_delta_table_without_its_log_are_refused(
    tmp_path: Path, location: str, file_format: str
) -> None:
    """They have the rows of all versions."""
    rows = pl.DataFrame({"n": [1], "k": ["a"]})
    for mode in ("append", "overwrite"):
        rows.write_delta(
            str(tmp_path / "t"), mode=mode, delta_write_options={"partition_by": ["k"]}
        )
    one = next((tmp_path / "t" / "k=a").iterdir()).relative_to(tmp_path)
    named = tmp_path / (str(one) if location == "FILE" else location)
    problem = lake.refusal(str(named), HERE, file_format)
    assert problem.code == "SRC-015"
    assert "the Delta table" in problem.message
    assert problem.fix.startswith("name the table's folder")


def test_files_of_a_hudi_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t" / ".hoodie").mkdir(parents=True)
    (tmp_path / "t" / ".hoodie" / "hoodie.properties").write_text("hoodie.table.name=t")
    ROWS.write_parquet(tmp_path / "t" / "a.parquet")
    assert "Hudi" in lake.refusal(str(tmp_path / "t"), HERE).message


def test_files_beside_a_delta_table_are_read(tmp_path: Path) -> None:
    _write(tmp_path / "t")
    ROWS.write_csv(tmp_path / "rows.csv")
    ROWS.write_parquet(tmp_path / "part-rows.parquet")
    for name in ("*.csv", "*.parquet", "part-rows.parquet"):
        assert lake.load(str(tmp_path / name), HERE).height == ROWS.height


def test_a_partition_that_left_its_delta_table_is_not_there(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": [1, 2], "client": ["acme", "borealis"]})
    by = {"partition_by": ["client"]}
    rows.write_delta(str(tmp_path / "t"), delta_write_options=by)
    rows[:1].write_delta(str(tmp_path / "t"), mode="overwrite", delta_write_options=by)
    assert lake.refusal(str(tmp_path / "t/client=borealis"), HERE).code == "SRC-001"


@pytest.mark.parametrize("feature", ["variantShredding-preview", "catalogManaged", "ofTheFuture"])
def test_a_feature_that_nobody_here_has_is_named_and_how_to_turn_it_off(
    tmp_path: Path, feature: str
) -> None:
    write_deltalake(tmp_path / "t", pl.DataFrame({"n": [1]}))
    log = tmp_path / "t" / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    needed = {"minReaderVersion": 3, "minWriterVersion": 7,
              "readerFeatures": [feature], "writerFeatures": [feature]}  # fmt: skip
    changed = [{"protocol": needed} if "protocol" in action else action for action in actions]
    log.write_text("".join(f"{json.dumps(action)}\n" for action in changed))
    problem = lake.refusal(str(tmp_path / "t"), Settings(folder=tmp_path), "delta")
    assert problem.code == "SRC-003"
    assert f"needs {feature} of its readers" in problem.message
    assert f"DROP FEATURE {feature}" in problem.fix
