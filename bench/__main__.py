"""All benchmarks: `python -m bench`, or `--short` for a smoke test; some of them by their names.

Prints one table and writes `bench/results.json` (of a short run, nothing). Each case is measured
beside what one would do instead, in turns, in processes of their own, and counts only if the
outputs are equal. This machine may be busy: believe the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import (
    card,
    growth,
    growth_plot,
    large_partition,
    location,
    profiles,
    sheet_features,
    skewed,
    small_partitions,
    spark_partitions,
    sql_extraction,
    storage,
    text_files,
    transforms,
    typed_partitions,
    validation,
    what_changed,
)
from bench.peers import cases, page
from bench.racing import Case

RESULTS = Path(__file__).with_name("results.json")
Measure = Callable[[Path], Case]

LONG: dict[str, Measure] = {
    "small": lambda folder: small_partitions.measure(folder, 1_000, 3, spark=20, each=10),
    "typed": lambda folder: typed_partitions.measure(folder, 1_000, 3),
    "large": lambda folder: large_partition.case(folder, 20_000_000, 3),
    "text": lambda folder: text_files.case(folder, 200, 3),
    "skewed": lambda folder: skewed.measure(folder, 990, 9, 10_000_000, "4 GB", 1),
    "extraction": lambda folder: sql_extraction.case(1_000_000, 3),
    "changed": lambda folder: what_changed.case(folder, 999),
    "sheet": lambda folder: sheet_features.measure(folder, 1_000, 3),
    "profiles": lambda folder: profiles.measure(folder, 1_000, 3),
    "validation": lambda folder: validation.case(folder, 10, 3),
    "transforms": lambda folder: transforms.case(folder, 5_000, 3),
    "location": lambda folder: location.measure(folder, 1_000, 5),
    "growth": lambda folder: growth.measure(folder, (100, 1_000, 10_000)),
    "card": lambda folder: card.measure(folder, 1_000, 100, 12, 3, (1, 3)),
    "storage": lambda folder: storage.measure(folder, 300, 1),
    "spark": lambda folder: spark_partitions.case(200, 20_000, 300),
    "peers_100": lambda folder: cases.small(folder, 100, 3),
    "peers_1000": lambda folder: cases.small(folder, 1_000, 3),
    "peers_10000": lambda folder: cases.small(folder, 10_000, 3, peers=[cases.BY_HAND]),
    "peers_broken": lambda folder: cases.small(folder, 1_000, 3, broken=1),
    "peers_tenth": lambda folder: cases.small(folder, 1_000, 3, broken=100, peers=[cases.BY_HAND]),
    "peers_large": lambda folder: cases.large(folder, 20_000_000, 3),
}
SHORT: dict[str, Measure] = {
    "small": lambda folder: small_partitions.measure(folder, 4, 1, spark=0, each=1),
    "typed": lambda folder: typed_partitions.measure(folder, 4, 1),
    "large": lambda folder: large_partition.case(folder, 200_000, 1),
    "text": lambda folder: text_files.case(folder, 2, 1),
    "skewed": lambda folder: skewed.measure(folder, 6, 2, 60_000, "1 GB", 1),
    "extraction": lambda folder: sql_extraction.case(20_000, 1),
    "changed": lambda folder: what_changed.case(folder, 60),
    "sheet": lambda folder: sheet_features.measure(folder, 4, 1),
    "profiles": lambda folder: profiles.measure(folder, 4, 1, ("full", "counts, not compared")),
    "validation": lambda folder: validation.case(folder, 1, 1),
    "transforms": lambda folder: transforms.case(folder, 100, 1),
    "location": lambda folder: location.measure(folder, 6, 1),
    "growth": lambda folder: growth.measure(folder, (2, 4)),
    "card": lambda folder: card.measure(folder, 3, 10, 2, 1, (3,)),
    "storage": lambda folder: storage.measure(folder, 3, 1),
    "spark": lambda folder: spark_partitions.case(2, 100, 2),
    "peers_broken": lambda folder: cases.small(
        folder, 4, 1, broken=1, peers=cases.AT_HAND, here=True
    ),
}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("cases", nargs="*", help=f"some of {', '.join(LONG)}; by default all")
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it works")
    options = parser.parse_args()
    known = SHORT if options.short else LONG
    if unknown := set(options.cases) - set(known):
        parser.error(f"there is no case {', '.join(sorted(unknown))}")
    console = Console(width=140)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:  # see `racing.set_aside`
        for name in options.cases or known:
            begun = time.monotonic()
            case = known[name](Path(folder) / name)
            minutes = (time.monotonic() - begun) / 60
            console.print(table_of(case), f"{name} took {minutes:.1f} minutes")
            if not options.short:
                write(name, case, minutes)
            if name == "growth" and not options.short:
                growth_plot.write()
    if not options.short:
        page.write()
        console.print(page.table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def table_of(case: Case) -> Table:
    """Give the table of a case: medians, what ours takes of each, and where the time goes."""
    notes = "\n".join((f"outputs: {case.checked}", *case.notes))
    table = Table(title=case.name, title_justify="left", caption=notes, caption_justify="left")
    table.add_column("")
    for column in ("seconds", "processor s", "peak MB", "ours takes"):
        table.add_column(column, justify="right")
    table.add_column("where the time goes")
    for row in case.rows:
        parts = ", ".join(_spelled(kind, seconds) for kind, seconds in _several(row.parts))
        ratio = f"{row.ratio:.2f} x" if row.ratio is not None else ""
        mb = f"{row.mb:,.0f}" if row.mb else ""
        told = "; ".join(filter(None, (parts, _shares(row.work), row.note)))
        cpu = f"{row.cpu:,.2f}" if row.cpu else ""
        table.add_row(row.contender, f"{row.seconds:,.2f}", cpu, mb, ratio, told)
    return table


def _several(parts: Mapping[str, float]) -> list[tuple[str, float]]:
    return [*parts.items()] if len(parts) > 1 else []


def _shares(work: Mapping[str, float]) -> str:
    """Say how the data work divides."""
    total = sum(work.values())
    shares = (f"{kind} {seconds / total:.0%}" for kind, seconds in work.items())
    return f"data is {', '.join(shares)}" if total else ""


def _spelled(kind: str, seconds: float) -> str:
    return f"{kind} {seconds:.2f}" if seconds >= 1 else f"{kind} {seconds * 1000:.0f} ms"


def write(name: str, case: Case, minutes: float) -> None:
    """Note a case in the results, beside those of other cases."""
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    libraries = ("polars", "dagster", "deltalake", "pyspark")
    machine = {
        "cores": os.cpu_count(), "python": platform.python_version(),
        **{library: version(library) for library in libraries},
    }  # fmt: skip
    at = datetime.now(UTC).isoformat(timespec="seconds")
    found[name] = {"at": at, "minutes": round(minutes, 1), "machine": machine, **case.to_json()}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
