"""Skewed partitions: many small ones, some of 500,000 rows, one of 10 million.

None may keep the others waiting, and memory stays within `max_memory`, whatever meets: the run must
not take longer than its work on all cores, or than its largest partition alone. Beside it the
same with partitions in the order of their names, as they come.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl

from bench.peers.measuring import child
from bench.projects import SETTINGS
from bench.racing import Case, Contender, Took, race, set_aside

MAPPING = """\
module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
claims,ORION,claim,id,claim_id,int64,
claims,ORION,claim,amount,amount,float64,
claims,ORION,claim,state,status,string,UPPER(state)
claims,ORION,claim,day,day,date,
"""
LARGEST = "z-largest"  # the last by its name


def make_project(folder: Path, small: int, middle: int, largest: int, memory: str) -> None:
    """Write the project: so many small partitions, so many of 500,000 rows, one of `largest`."""
    folder.mkdir(parents=True)
    (folder / "ai_dataflow.toml").write_text(
        f'{SETTINGS.format(workers=4)}max_memory = "{memory}"\n'
    )
    (folder / "ai_mapping.csv").write_text(MAPPING)
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    control = ["product_code,module_name,submodule_name,client_code,module_location,active"]
    sizes = {f"a{i:05d}": 2_000 for i in range(small)}
    sizes |= {f"m{i}": largest // 20 for i in range(middle)} | {LARGEST: largest}
    made: dict[int, Path] = {}
    for client, rows in sizes.items():
        file = folder / "data" / f"{client}.parquet"
        file.parent.mkdir(exist_ok=True)
        if rows in made:
            os.link(made[rows], file)
        else:
            made[rows] = _write(file, rows)
        control.append(f"ORION,claims,claim,{client},data/{client}.parquet,Y")
    (folder / "control_table.csv").write_text("\n".join(control) + "\n")


def _write(file: Path, rows: int) -> Path:
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    days = pl.lit("2026-01-01").str.to_date() + pl.duration(days=number % 300)
    frame = pl.LazyFrame({"i": pl.Series([0], dtype=pl.Int8)}).select(
        pl.col("i").repeat_by(rows).explode()
    )
    frame.select(
        id=number,
        amount=(number * 7919 % 100_003 / 100).cast(pl.String),
        state=pl.when(number % 3 == 0).then(pl.lit("open")).otherwise(pl.lit("closed")),
        day=days.dt.to_string("%Y-%m-%d"),
    ).sink_parquet(file, row_group_size=500_000)
    return file


def measure(folder: Path, small: int, middle: int, largest: int, memory: str, rounds: int) -> Case:
    """Measure all of it, and the largest partition alone."""
    project = folder / "skewed"
    make_project(project, small, middle, largest, memory)

    def check() -> str:
        table = pl.scan_delta(str(project / "workstation/claims"))
        rows = table.select(pl.len()).collect().item()
        expected = small * 2_000 + middle * (largest // 20) + largest
        assert rows == expected, (rows, expected)  # noqa: S101
        return f"{rows:,} rows are published"

    def run(*arguments: str) -> Took:
        return child("cli", "run", *arguments, cwd=project)

    contenders = [
        Contender("all of them", lambda: run("--full")),
        Contender("the largest alone", lambda: run("-p", f"claims|{LARGEST}")),
        Contender("the others alone", lambda: _others(project)),
    ]
    case = race(f"skewed, max_memory = {memory}", contenders, rounds, check)
    together, alone, others = (row.seconds for row in case.rows)
    notes = (f"One after the other they would take {alone + others:.1f} s; at once, "
             f"{together:.1f} s.",)  # fmt: skip
    return Case(case.name, case.rows, case.checked, notes)


def _others(project: Path) -> Took:
    """Run a copy of the project that has no largest partition."""
    copy = project.with_name("others")
    set_aside(copy)
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("workstation", ".dagster", "data"))
    (copy / "data").symlink_to(project / "data")
    control = (copy / "control_table.csv").read_text().splitlines()
    kept = [line for line in control if LARGEST not in line]
    (copy / "control_table.csv").write_text("\n".join(kept) + "\n")
    return child("cli", "run", "--full", cwd=copy)
