"""Jobs built by hand, small enough to be read beside their results."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import SecretStr

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import Settings, SqlConnection, WorkstationSettings
from ai_dataflow.partition import making
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.locations import FileLocation, Location
from ai_dataflow.tables.table import Sheet
from ai_dataflow.workstation.layout import Folders, open_workstation

PLACE = "control_table.csv:2:module_location"
_SHEET = Sheet("ai_mapping.csv")


def mapped(
    ai_column: str, ai_type: str = "string", source_column: str = "", **more: Any
) -> MappingRow:
    """Map a column; from the source column of the same name unless told otherwise."""
    fed_by = "" if "transform" in more else source_column or ai_column
    return MappingRow(
        sheet=_SHEET,
        line=0,
        module="sales",
        product="*",
        submodule="*",
        source_column=fed_by,
        ai_column=ai_column,
        ai_type=ai_type,
        **more,
    )


def key(ai_column: str, source_column: str = "") -> MappingRow:
    """Map a key column, a whole number."""
    return mapped(ai_column, "int64", source_column, is_key=True)


def source(
    location: Location | Path,
    *mappings: MappingRow,
    product: str = "orion",
    submodule: str = "line",
) -> SourceJob:
    """Make a source; its mapping rows are at the sheet's lines 2, 3 and so on."""
    where = (
        FileLocation(str(location), "", location.name) if isinstance(location, Path) else location
    )
    rows = tuple(replace(row, line=line) for line, row in enumerate(mappings, start=2))
    return SourceJob(product, submodule, where, PLACE, rows)


def job(*sources: SourceJob, client: str = "USA", columns: Iterable[AiColumn] = ()) -> PartitionJob:
    """Make a partition's job; its AI columns are all that are mapped, unless given."""
    of_rows = {
        row.ai_column: AiColumn(row.ai_column, row.ai_type) for s in sources for row in s.mappings
    }
    return PartitionJob("sales", client, tuple(columns) or tuple(of_rows.values()), sources)


def settings(folder: Path, **databases: str) -> Settings:
    """Give the settings of a project in a folder, with SQL connections by name and URL."""
    sql = {name: SqlConnection(url=SecretStr(url)) for name, url in databases.items()}
    return Settings(folder=folder, sql=sql, workstation=WorkstationSettings(url="workstation"))


def workstation(folder: Path) -> Folders:
    """Give the workstation of `settings(folder)`."""
    return open_workstation(settings(folder))


def written(result: PartitionResult, folder: Path) -> pl.DataFrame:
    """Read the file that a result would publish."""
    assert not result.failures, problems(result)
    assert result.data
    root = Path(workstation(folder).dataset(result.job.module).url)
    files = [root / file.path for file in result.data]
    return pl.read_parquet(files, glob=False, hive_partitioning=False)


def left_out(result: PartitionResult, folder: Path) -> list[dict[str, Any]]:
    """Read the rejects that a result would publish, their raw rows parsed."""
    assert not result.failures, problems(result)
    if not result.rejects:
        return []
    (only,) = result.rejects
    file = Path(workstation(folder).rejects(result.job.module).url) / only.path
    rows = pl.read_parquet(file, glob=False, hive_partitioning=False).to_dicts()
    return [row | {"raw_row": json.loads(row["raw_row"])} for row in rows]


def problems(result: PartitionResult) -> list[Diagnostic]:
    """Give what ended a partition."""
    return [failure.diagnostic for failure in result.failures]


def codes(error: DataflowError | PartitionResult) -> list[str]:
    """Give the codes of what went wrong."""
    found = error.diagnostics if isinstance(error, DataflowError) else problems(error)
    return [problem.code for problem in found]


def csv_file(path: Path, text: str) -> Path:
    """Write a CSV file, given as lines separated by blanks or line breaks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in text.split()), encoding="utf-8")
    return path


def run_job(partition: PartitionJob, folder: Path) -> PartitionResult:
    """Run a partition; its databases are in `shop.sqlite`."""
    return making.run(partition, settings(folder, db="sqlite:///shop.sqlite"), "run-1")


def count_rows(result: PartitionResult) -> dict[str, tuple[int, int, int, int]]:
    """Give each product's rows: read, rejected, merged, published."""
    return {
        product: (own.rows_read, own.rows_rejected, own.rows_merged, own.rows_published)
        for product, own in result.counts.items()
    }


def database(folder: Path, *statements: str) -> None:
    """Run statements in the shop's database."""
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def make_shop(folder: Path) -> PartitionJob:
    """Lines and orders of one product, sales of another; one line and one order are bad."""
    lines = csv_file(folder / "lines.csv", "No,Item,Qty 1,tea,2 1,jam,3 9,egg,x 7,oil,1")
    orders = csv_file(folder / "orders.csv", "No,Day 1,2024-01-31 2,2024-02-31 3,2024-03-31")
    sold = csv_file(folder / "sold.csv", "what,when pen,2024-04-30")
    return job(
        source(lines, key("id", "No"), mapped("item", "string", "Item"),
               mapped("quantity", "int64", "Qty"), submodule="line"),
        source(orders, key("id", "No"), mapped("day", "date", "Day"), submodule="order"),
        source(sold, mapped("item", "string", "what"), mapped("day", "date", "when"),
               product="vega", submodule="sale"),
    )  # fmt: skip
