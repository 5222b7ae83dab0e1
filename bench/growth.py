"""What a partition costs as their number grows: time and memory at 100, 1,000 and 10,000."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bench.racing import Case, Row, child
from bench.small_partitions import MODULE, make_project


def measure(folder: Path, sizes: tuple[int, ...]) -> Case:
    """Run projects of these many small partitions, once each."""
    rows, counted = [], []
    for clients in sizes:
        own = folder / str(clients)
        make_project(own, clients)
        took = child("cli", "run", "--full", cwd=own)
        published = pl.scan_delta(str(own / "workstation" / MODULE)).select(pl.len()).collect()
        counted.append(f"{published.item():,} rows of {clients:,} partitions")
        each = took.seconds / clients
        rows.append(
            Row(
                f"{clients:,} partitions",
                took.seconds,
                took.mb,
                each / (rows[0].seconds / sizes[0]) if rows else 1.0,
                {kind: seconds / clients for kind, seconds in took.parts.items()},
                f"{each * 1000:.0f} ms a partition, start-up among it",
                took.work,
            )
        )
    notes = ("The ratio is that of a partition's seconds to those of the first row's; the kinds of "
             "work are seconds of a partition.",)  # fmt: skip
    return Case("cost of a partition as they grow", tuple(rows), ", ".join(counted), notes)
