"""What always holds, on random partitions: each row, value and reject against a plain oracle."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given

from ai_dataflow.partition import counting, pieces, scratch
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.generated import ID, Partition, partitions
from ai_dataflow_tests.partition.jobs import PLACE, codes, count_rows, run_job, workstation, written
from ai_dataflow_tests.partition.oracle import Expected, Reject, expected
from ai_dataflow_tests.partition.values import SOME
from ai_dataflow_tests.partition.written import partition_job, write_source


@contextmanager
def made(partition: Partition) -> Iterator[tuple[PartitionJob, Path]]:
    """Write a partition's sources to a folder of their own; give its job and the folder."""
    with TemporaryDirectory() as name:
        yield partition_job(partition, Path(name)), Path(name)


def rejects_of(result: PartitionResult, folder: Path) -> list[dict[str, Any]]:
    """Read the rejects that a result would publish."""
    root = Path(workstation(folder).rejects(result.job.module).url)
    files = [root / file.path for file in result.rejects]
    if not files:
        return []
    rows = pl.read_parquet(files, glob=False, hive_partitioning=False)
    return rows.drop("rejected_at").to_dicts()


def assert_as_expected(
    partition: Partition, wanted: Expected, result: PartitionResult, folder: Path
) -> None:
    """Compare what a partition came to with what it has to."""
    left_out = Counter(map(_reject, rejects_of(result, folder)))
    if wanted.code:
        assert set(codes(result)) == {wanted.code}
        assert result.data == ()
        assert left_out == Counter(map(_placed, wanted.rejects))
        return
    assert not result.failures, [failure.diagnostic for failure in result.failures]
    assert count_rows(result) == wanted.counts
    _assert_rows(partition, wanted, written(result, folder).to_dicts())
    assert left_out == Counter(map(_placed, wanted.rejects))


def _assert_rows(partition: Partition, wanted: Expected, found: list[dict[str, Any]]) -> None:
    """Compare rows by their numbers; in their order, unless a database has none."""
    assert len(found) == len(wanted.rows)
    names = [f"id_{source.name}" for source in partition.sources]

    def number(row: dict[str, Any]) -> str:
        return str([row.get(name) for name in names])

    full = [dict.fromkeys(partition.columns) | row | {"product_code": product}
            for product, row in wanted.rows]  # fmt: skip
    if any(source.stored == "sql" for source in partition.sources):
        full, found = sorted(full, key=number), sorted(found, key=number)
    for row, other in zip(full, found, strict=True):
        assert row.keys() == other.keys()
        for name, value in row.items():
            got = other[name]
            is_right = got is not None if value is SOME else got == value
            assert is_right, f"{name} of row {number(row)} is {got!r}, not {value!r}"


def _reject(row: dict[str, Any]) -> Reject:
    raw = json.loads(row["raw_row"])
    return Reject(
        row["product_code"], row["submodule_name"], row["reason"], row["ai_column"],
        row["mapping_cell"], str(raw.get(ID, "")),
    )  # fmt: skip


def _placed(reject: Reject) -> Reject:
    return reject if reject.cell else Reject(**{**vars(reject), "cell": PLACE})


@settings_of()
@given(partitions())
@pytest.mark.slow
def test_every_row_and_every_value_is_accounted_for(partition: Partition) -> None:
    wanted = expected(partition)
    with made(partition) as (job, folder):
        assert_as_expected(partition, wanted, run_job(job, folder), folder)


def content(result: PartitionResult, folder: Path) -> Any:
    """Give all that a result would publish: rows and rejects in their order, or the failures."""
    if result.failures:
        return codes(result)
    rows = [tuple(map(repr, row)) for row in written(result, folder).rows()]
    return rows, rejects_of(result, folder), result.counts


@settings_of(share=4)
@given(partitions())
@pytest.mark.slow
def test_the_same_inputs_give_the_same_content(partition: Partition) -> None:
    """Whatever is kept in memory or in scratch files, read back or told by footers.

    Only a join in pieces has another order.
    """
    with made(partition) as (job, folder), pytest.MonkeyPatch.context() as patch:
        first = content(run_job(job, folder), folder)
        _store_in_another_order(partition, folder)
        assert content(run_job(job, folder), folder) == first
        patch.setattr(counting, "LARGE", 0)
        assert content(run_job(job, folder), folder) == first
        patch.setattr(scratch, "SPILL_BYTES", 0)
        assert content(run_job(job, folder), folder) == first
        patch.setattr(pieces, "_FEW_ROWS", 0)
        patch.setattr(scratch, "PIECE_BYTES", 64)
        in_pieces = content(run_job(job, folder), folder)
        assert content(run_job(job, folder), folder) == in_pieces
        assert _sorted(in_pieces) == _sorted(first)


def _store_in_another_order(partition: Partition, folder: Path) -> None:
    """Insert the rows of tables the other way round: a database promises no order."""
    for source in partition.sources:
        if source.stored == "sql":
            write_source(replace(source, rows=source.rows[::-1]), folder)


def _sorted(found: Any) -> Any:
    return (sorted(found[0]), *found[1:]) if isinstance(found, tuple) else found
