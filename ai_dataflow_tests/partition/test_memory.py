"""Memory: large partitions wait for each other, small ones do not wait for anybody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.config.sections import ExecutionSettings
from ai_dataflow.partition import memory
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.memory import held_bytes, peak_bytes, reserved
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.finding import find_one
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.partition.jobs import job, mapped, source
from ai_dataflow_tests.services.processes import wait_until
from ai_dataflow_tests.sources.lake import pin, settings

GB = 1 << 30


@contextmanager
def taking(amount: int, limit: int) -> Iterator[threading.Event]:
    """Reserve memory in a thread of its own; the event tells that it has it."""
    there, over = threading.Event(), threading.Event()

    def take() -> None:
        with reserved(amount, limit):
            there.set()
            over.wait(30)

    threading.Thread(target=take).start()
    try:
        yield there
    finally:
        over.set()  # who still waits takes it later, and gives it back at once


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    """Wait until nobody has memory any more."""
    yield
    assert wait_until(lambda: memory._taken == 0, 30)


def test_what_does_not_fit_waits_and_what_fits_goes_first() -> None:
    with taking(3, limit=4) as first:
        assert first.wait(30)
        with taking(2, limit=4) as second, taking(1, limit=4) as third:
            assert third.wait(30)
            assert not second.wait(0.2)
    with taking(2, limit=4) as again:
        assert again.wait(30)


def test_what_is_more_than_all_is_made_alone() -> None:
    with taking(1, limit=4) as small:
        assert small.wait(30)
        with taking(9, limit=4) as large:
            assert not large.wait(0.2)
    with taking(9, limit=4) as large:
        assert large.wait(30)
        with taking(1, limit=4) as small:
            assert not small.wait(0.2)


def test_memory_is_given_back_by_what_fails() -> None:
    with pytest.raises(ZeroDivisionError), reserved(9, 4):
        _ = 1 / 0
    with taking(9, limit=4) as again:
        assert again.wait(30)


@pytest.mark.parametrize(
    ("name", "rows"), [("a.parquet", 200_000), ("a.csv", 20_000), ("small.parquet", 10)]
)
def test_what_rows_take_is_estimated_within_reason(tmp_path: Path, name: str, rows: int) -> None:
    number = pl.int_range(rows, eager=True)
    frame = pl.DataFrame({"n": number, "t": (number * 7919 % 10_007).cast(pl.String) + " text"})
    file = tmp_path / name
    frame.write_csv(file) if name.endswith("csv") else frame.write_parquet(file)
    given = settings()
    opened = open_files.opened(pin(str(file), given), "cell", given)
    own = source(file, mapped("n", "int64"), mapped("t"))
    taken = frame.estimated_size()
    assert taken / 3 < held_bytes(own, opened) < max(taken * 8, 100_000)


def test_sources_on_disk_count_as_what_is_kept_of_them() -> None:
    assert peak_bytes([GB, 10], spill_bytes=100) == 2 * (100 + 10)


def test_the_memory_of_the_machine_is_the_default() -> None:
    own = ExecutionSettings().memory
    assert 100 << 20 < own < 100 << 40
    assert ExecutionSettings.model_validate({"max_memory": "4 GB"}).memory == 4 * 10**9


def test_the_largest_jobs_begin_first(tmp_path: Path) -> None:
    jobs: list[PartitionJob] = []
    for client, rows in (("a", 1), ("b", 100), ("c", 10)):
        file = tmp_path / f"{client}.csv"
        file.write_text("n\n" + "1\n" * rows)
        seen = find_one(FileLocation(str(file)), "cell", settings())
        made = job(source(file, mapped("n")), client=client)
        jobs.append(replace(made, sources=tuple(replace(s, seen=seen) for s in made.sources)))
    assert [own.client for own in sorted(jobs, key=lambda own: -own.size)] == ["b", "c", "a"]
