"""Profiles on their way through a run: as they came, however many, or a problem that says so."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.profiled import NOT_PROFILED, Profiled
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.runs import packed_profiles
from ai_dataflow.runs.packed_profiles import PackedProfiles
from ai_dataflow.workstation.profiles import SCHEMA


def rows_of(number: int) -> pl.DataFrame:
    """Give the profiles of two clients that were made together."""
    clients = [f"c{number}", f"d{number}"]
    columns = {"client_code": clients, "publication": clients, "hashes": [[number], [2**48]]}
    own = pl.DataFrame(columns, schema_overrides={"hashes": SCHEMA["hashes"]})
    return pl.concat([pl.DataFrame(schema=SCHEMA), own], how="diagonal")


def result_of(profiled: Profiled) -> PartitionResult:
    """Give a result that profiles came with."""
    return PartitionResult(PartitionJob("claims", "c0", (), ()), profiled=profiled)


@pytest.mark.parametrize("in_memory", [0, 1 << 24], ids=["in a file", "in memory"])
def test_what_was_put_comes_out(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    """Some rows at a time, in their order, and no more than is asked for."""
    monkeypatch.setattr(packed_profiles, "_BYTES", in_memory or 1)
    monkeypatch.setattr(packed_profiles, "_ROWS", 3)
    packed, made = PackedProfiles(), [rows_of(number) for number in range(5)]
    for rows in made:
        assert packed.taken_from(result_of(Profiled.of(rows))).profiled is NOT_PROFILED
    every = pl.concat(made)
    for wanted in (every["publication"].to_list(), ["c1", "d3"], []):
        frames = [*packed.frames(wanted)]
        assert_frame_equal(
            pl.concat([pl.DataFrame(schema=SCHEMA), *frames]),
            every.filter(pl.col("publication").is_in(wanted)),
        )
        assert [rows.height for rows in frames] == {10: [4, 4, 2], 2: [2], 0: []}[len(wanted)]


def test_what_could_not_be_computed_or_kept_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = PackedProfiles()
    packed.taken_from(result_of(Profiled(problem="ComputeError")))

    def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packed._file, "write", full)
    packed.taken_from(result_of(Profiled.of(rows_of(1))))
    assert packed.problems == [
        "computing them failed: ComputeError",
        "TMPDIR cannot take them: OSError",
    ]
    assert [*packed.frames(["c1"])] == []
