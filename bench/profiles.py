"""What profiles cost: many small partitions with all of a profile, with counts alone, with none.

By them a run also compares what it published with what was before and with other clients; what that
costs is the difference to a run that does not.

The partitions are those of `small_partitions`. What the profiles say of the rows is compared with
what is published. The figure is the processor seconds of all processes, medians of rounds in turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ai_dataflow import Workstation
from bench import small_partitions
from bench.peers.measuring import run_whole
from bench.racing import Case, Contender, race
from bench.small_partitions import MODULE

_APART = "unusual = false\n"
# What is said of the module, by what comes of it.
LEVELS = {
    "full": 'profile = "full"\n',
    "full, not compared": f'profile = "full"\n{_APART}',
    "counts": 'profile = "counts"\n',
    "counts, not compared": f'profile = "counts"\n{_APART}',
    "off": 'profile = "off"\n',
}


def make_project(folder: Path, clients: int, level: str) -> None:
    """Write a project of so many clients that keeps so much of profiles."""
    small_partitions.make_project(folder, clients)
    with (folder / "ai_dataflow.toml").open("a") as settings:
        settings.write(f"\n[modules.{MODULE}]\n{LEVELS[level]}")


def measure(folder: Path, clients: int, rounds: int, levels: Sequence[str] = tuple(LEVELS)) -> Case:
    """Measure a run at each level, of which `full` has to be one."""
    for level in levels:
        make_project(folder / level, clients, level)

    def check() -> str:
        dataset = Workstation(folder / "full" / "workstation")[MODULE]
        rows = dataset.scan().select(pl.len()).collect().item()
        profiled = dataset.profile(by=["ai_column"])
        assert profiled["rows"].unique().to_list() == [rows]  # noqa: S101
        size = sum(f.stat().st_size for f in (folder / "full").glob("workstation/_profiles/*/*"))
        return f"{profiled.height - 1} columns of {rows:,} rows, {size / 1e6:,.1f} MB of profiles"

    def run_at(level: str) -> Contender:
        return Contender(level, lambda: run_whole(folder / level))

    return race(f"{clients:,} small partitions, profiles", [*map(run_at, levels)], rounds, check)
