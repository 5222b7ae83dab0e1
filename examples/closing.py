"""Say what the run of a demo came to, and what to try next: the last lines of `make demo`.

Example: python examples/closing.py demo
"""

import sys
from pathlib import Path

from ai_dataflow.config.settings import load_settings
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import RunReport, read_reports

COMMAND = ".venv/bin/ai-dataflow"


def _failures(report: RunReport) -> list[str]:
    """Return a line for each failed partition: its name, the reason, the owner."""
    rows = [
        (partition.partition, f"{error.code} {error.title}", f"owner: {error.owner}")
        for partition in report.failed
        if (error := partition.error)
    ]
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return [f"  {line.rstrip()}" for line in lines]


def _next(folder: str) -> list[str]:
    """Return the three commands to try next; of a demo with servers, those that it needs."""
    page = "make ui" if folder == "demo" else f"{COMMAND} status --config {folder}"
    about = "the same project in Dagster" if folder == "demo" else "every partition"
    samples = f"{COMMAND} rejects --samples 3 --config {folder}"
    feeds = f"{COMMAND} explain paid_amount --config {folder}"
    return [
        f"  {page:<56}  {about}",
        f"  {samples:<56}  the rows left out",
        f"  {feeds:<56}  a column's origin",
    ]


def main() -> None:
    """Run the command line."""
    folder = sys.argv[1]
    settings = load_settings(folder)
    report = next(read_reports(open_workstation(settings).reports()))
    done = [partition for partition in report.partitions if partition.status == "ok"]
    datasets = ", ".join(sorted({partition.module for partition in done}))
    rows = sum(partition.rows_published for partition in done)
    rejected = sum(partition.rows_rejected for partition in report.partitions)
    published = f"{len(done)} of {len(report.partitions)} partitions, {rows:,} rows"
    mails = len([*(Path(folder) / "mails").glob("*.eml")])
    print(
        f"\nPublished  {published}: {datasets}",
        f"Rejected   {rejected} rows",
        f"Failed     {len(report.failed)} partitions, on purpose: the demo's data has defects",
        *_failures(report),
        *([f"Mails      {mails} to the owners, in {folder}/mails"] if mails else []),
        "\nTry next:",
        *_next(folder),
        sep="\n",
    )


if __name__ == "__main__":
    main()
