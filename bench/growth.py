"""What a partition costs as their number grows: time and memory at 100, 1,000 and 10,000."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from bench.peaks import watched
from bench.peers.measuring import told_and_whole
from bench.racing import Case, Row, Took
from bench.small_partitions import MODULE, make_project

COMMAND, WORKER = "the command", "its largest worker"
_COMMAND = 2  # below this process: who measures is between them


def measure(folder: Path, sizes: tuple[int, ...]) -> Case:
    """Run projects of these many small partitions, once each."""
    rows, counted = list[Row](), []
    for clients in sizes:
        own = folder / str(clients)
        make_project(own, clients)
        took, worker = _run(own)
        published = pl.scan_delta(str(own / "workstation" / MODULE)).select(pl.len()).collect()
        counted.append(f"{published.item():,} rows of {clients:,} partitions")
        each, first = took.cpu / clients, rows[0].cpu / sizes[0] if rows else took.cpu / clients
        parts = {kind: seconds / clients for kind, seconds in took.parts.items()}
        note = f"{each * 1000:.0f} ms of processor time a partition, start-up among it"
        name = f"{clients:,} partitions"
        rows += [
            Row(f"{name}, {COMMAND}", took.seconds, took.mb, each / first, parts, note,
                took.work, took.cpu),
            Row(f"{name}, {WORKER}", took.seconds, worker, None, {}),
        ]  # fmt: skip
    notes = ("The ratio is that of processor seconds of a partition to those of the first row; the "
             "kinds of work are seconds of a partition.",)  # fmt: skip
    return Case("cost of a partition as they grow", tuple(rows), ", ".join(counted), notes)


def _run(folder: Path) -> tuple[Took, float]:
    """Run a project whole; `mb` is the command's own memory, beside it that of a worker."""
    with watched() as peaks:
        told, whole = told_and_whole("cli", "run", "--full", cwd=folder)
    workers = [mb for below, mb in peaks.values() if below > _COMMAND]
    return replace(told, cpu=whole.cpu), max(workers, default=0.0)
