"""The extract stages: what they leave behind is what a merge on its own reads."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow.extracts.extracting import Extracted, extract_sources
from ai_dataflow.extracts.stages import EXTRACTS, STAGES, Stage
from ai_dataflow.extracts.staging import drop_copies, manifests_in
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.making import run
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.partition.jobs import (
    codes,
    csv_file,
    job,
    mapped,
    settings,
    source,
    workstation,
    written,
)

ONLY_MERGE: tuple[Stage, ...] = ("ai_dataset",)


def _run(partition: PartitionJob, folder: Path, *stages: Stage) -> PartitionResult:
    return run(partition, settings(folder, db="sqlite:///shop.sqlite"), "run-1", stages or STAGES)


def _database(folder: Path, *numbers: int) -> None:
    """Make the database anew; without numbers, without its table."""
    (folder / "shop.sqlite").unlink(missing_ok=True)
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        if numbers:
            connection.execute("CREATE TABLE t (n INTEGER, secret TEXT)")
        for number in numbers:
            connection.execute("INSERT INTO t VALUES (?, 'x')", (number,))
    connection.close()


@pytest.fixture
def shop(tmp_path: Path) -> PartitionJob:
    """Give a partition of a table with the rows 1 and 2 and of a file with the row 3."""
    _database(tmp_path, 1, 2)
    file = csv_file(tmp_path / "n.csv", "n 3")
    return job(
        source(SqlLocation("db", "t"), mapped("n", "int64"), submodule="table"),
        source(file, mapped("n", "int64"), submodule="file"),
    )


def _numbers(result: PartitionResult, folder: Path) -> list[int]:
    return written(result, folder)["n"].to_list()


def _staged(folder: Path) -> list[str]:
    staging = Path(workstation(folder).staging("sales", "USA").url)
    return sorted(path.suffix for path in staging.iterdir())


def test_a_merge_alone_reads_the_last_extracts(shop: PartitionJob, tmp_path: Path) -> None:
    _run(shop, tmp_path, *EXTRACTS)
    (tmp_path / "shop.sqlite").unlink()
    assert _numbers(_run(shop, tmp_path, *ONLY_MERGE), tmp_path) == [1, 2, 3]
    assert not (tmp_path / "shop.sqlite").exists()


def test_an_extract_alone_publishes_nothing(shop: PartitionJob, tmp_path: Path) -> None:
    result = _run(shop, tmp_path, *EXTRACTS)
    assert (result.failures, result.data, result.counts) == ((), (), {})
    assert [e.file_format for e in result.extracts] == ["parquet", "csv"]
    assert not Path(workstation(tmp_path).dataset("sales").url).exists()


@pytest.mark.parametrize(("stage", "format_"), [("adls_extract", "csv"),
                                                ("azure_sql_extract", "parquet")])  # fmt: skip
def test_one_extract_looks_only_at_its_own_sources(
    shop: PartitionJob, tmp_path: Path, stage: Stage, format_: str
) -> None:
    (tmp_path / ("shop.sqlite" if stage == "adls_extract" else "n.csv")).unlink()
    result = _run(shop, tmp_path, stage)
    assert not result.failures
    assert [extract.file_format for extract in result.extracts] == [format_]


def test_two_extracts_on_their_own_are_merged_together(shop: PartitionJob, tmp_path: Path) -> None:
    for stage in EXTRACTS:
        _run(shop, tmp_path, stage)
    assert _numbers(_run(shop, tmp_path, *ONLY_MERGE), tmp_path) == [1, 2, 3]


def test_a_merge_before_any_extract_names_every_source(shop: PartitionJob, tmp_path: Path) -> None:
    result = _run(shop, tmp_path, *ONLY_MERGE)
    assert codes(result) == ["SRC-009", "SRC-009"]
    assert result.failed_stages >= {"ai_dataset"}


def test_a_merge_alone_refuses_a_file_that_changed_since(
    shop: PartitionJob, tmp_path: Path
) -> None:
    _run(shop, tmp_path, *EXTRACTS)
    csv_file(tmp_path / "n.csv", "n 4 5")
    assert codes(_run(shop, tmp_path, *ONLY_MERGE)) == ["SRC-005"]


def test_an_extract_that_fails_leaves_the_last_one(shop: PartitionJob, tmp_path: Path) -> None:
    _run(shop, tmp_path)
    _database(tmp_path)
    assert codes(_run(shop, tmp_path)) == ["SRC-001"]
    assert _numbers(_run(shop, tmp_path, *ONLY_MERGE), tmp_path) == [1, 2, 3]


def test_a_new_extract_takes_the_place_of_the_last(shop: PartitionJob, tmp_path: Path) -> None:
    _run(shop, tmp_path)
    _database(tmp_path, 7)
    result = _run(shop, tmp_path)
    assert _numbers(result, tmp_path) == [7, 3]
    drop_copies(workstation(tmp_path).staging("sales", "USA"), result.superseded)
    assert _staged(tmp_path) == [".json", ".parquet"]
    assert _numbers(_run(shop, tmp_path, *ONLY_MERGE), tmp_path) == [7, 3]


def test_an_attempt_beside_another_costs_neither_its_copies(
    shop: PartitionJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster may run a job twice at once; here a whole run lies amid the other's."""
    _run(shop, tmp_path)
    between: list[PartitionResult] = []

    def interrupted(*given: Any) -> Extracted:
        monkeypatch.undo()
        extracted = extract_sources(*given)
        between.append(_run(shop, tmp_path))
        return extracted

    monkeypatch.setattr("ai_dataflow.partition.making.extract_sources", interrupted)
    results = [_run(shop, tmp_path), *between]
    assert [codes(result) for result in results] == [[], []]
    assert len({result.publication for result in results}) == 2
    assert all(_numbers(result, tmp_path) == [1, 2, 3] for result in results)
    for result in results:
        drop_copies(workstation(tmp_path).staging("sales", "USA"), result.superseded)
    assert codes(_run(shop, tmp_path, *ONLY_MERGE)) == []


def test_the_manifests_of_a_module_are_found_by_one_listing(
    shop: PartitionJob, tmp_path: Path
) -> None:
    for lease in (9, 10):
        for client in ("USA", "UK"):
            _run(replace(shop, client=client, lease=lease), tmp_path, *EXTRACTS)
    (Path(workstation(tmp_path).staging("sales").url) / "FR").mkdir()
    newest = "extracts-00000010.json"
    assert manifests_in(workstation(tmp_path).staging("sales")) == {"USA": newest, "UK": newest}
    (tmp_path / "shop.sqlite").unlink()
    for manifest, failures in ((newest, []), (None, []), ("", ["SRC-009", "SRC-009"])):
        result = _run(replace(shop, manifest=manifest, lease=11), tmp_path, *ONLY_MERGE)
        assert codes(result) == failures


def test_only_mapped_columns_are_copied(shop: PartitionJob, tmp_path: Path) -> None:
    _run(shop, tmp_path, "azure_sql_extract")
    staging = Path(workstation(tmp_path).staging("sales", "USA").url)
    (copy,) = staging.glob("*.parquet")
    assert b"secret" not in copy.read_bytes()


def test_a_manifest_that_is_damaged_is_no_extract(shop: PartitionJob, tmp_path: Path) -> None:
    _run(shop, tmp_path, *EXTRACTS)
    staging = Path(workstation(tmp_path).staging("sales", "USA").url)
    next(staging.glob("*.json")).write_text("[{")
    assert codes(_run(shop, tmp_path, *ONLY_MERGE)) == ["SRC-009", "SRC-009"]


def test_a_source_that_moved_is_not_merged_from_where_it_was(
    shop: PartitionJob, tmp_path: Path
) -> None:
    """The last extract is of another location than the control table names now."""
    _run(shop, tmp_path, *EXTRACTS)
    moved = source(csv_file(tmp_path / "new.csv", "n 9"), mapped("n", "int64"), submodule="file")
    result = _run(job(shop.sources[0], moved), tmp_path, *ONLY_MERGE)
    assert codes(result) == ["SRC-009"]


def test_a_column_that_is_mapped_since_the_last_extract_is_missed_by_name(
    shop: PartitionJob, tmp_path: Path
) -> None:
    _run(shop, tmp_path, *EXTRACTS)
    more = source(SqlLocation("db", "t"), mapped("secret"), submodule="table")
    assert codes(_run(job(more), tmp_path, *ONLY_MERGE)) == ["MAP-014"]
