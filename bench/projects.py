"""Projects for benches: their settings, and one of many partitions of three modules."""

from __future__ import annotations

from pathlib import Path

import polars as pl

MODULES = ("claims", "policies", "payments")
ROWS = 500

SETTINGS = """\
control_table = "control_table.csv"
ai_mapping = "ai_mapping.csv"
teams = "teams.csv"
[workstation]
url = "workstation"
[execution]
workers = {workers}
"""

MAPPING_HEADER = (
    "module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,"
    "is_key,required\n"
)
MAPPING = """\
{module},ORION,header,No,id,int64,,Y,Y
{module},ORION,header,Day,day,date,,,
{module},ORION,line,No,id,int64,,Y,Y
{module},ORION,line,,amount,float64,CAST(Price AS DOUBLE) * CAST(Quantity AS DOUBLE),,
{module},VEGA,item,id,id,int64,,,Y
{module},VEGA,item,day,day,date,,,
{module},VEGA,item,amount,amount,float64,,,
"""


def make_project(folder: Path, partitions: int, workers: int, root: str = "") -> None:
    """Write a project of so many partitions, all of the same data; `root` is where that will be."""
    clients = [f"client{i:05d}" for i in range(partitions // len(MODULES))]
    (folder / "ai_dataflow.toml").write_text(SETTINGS.format(workers=workers))
    rows = "".join(MAPPING.format(module=module) for module in MODULES)
    (folder / "ai_mapping.csv").write_text(MAPPING_HEADER + rows)
    (folder / "teams.csv").write_text("team,email,concern\nteam,team@example.org,*\n")
    control = ["product_code,module_name,submodule_name,client_code,module_location,active"]
    for module in MODULES:
        for client in clients:
            for product, submodule, suffix in (
                ("ORION", "header", "csv"), ("ORION", "line", "csv"), ("VEGA", "item", "parquet"),
            ):  # fmt: skip
                path = f"{root}data/{module}/{client}/{submodule}.{suffix}"
                control.append(f"{product},{module},{submodule},{client},{path},Y")
    (folder / "control_table.csv").write_text("\n".join(control) + "\n")
    for module in MODULES:
        for client in clients:
            _write_data(folder / "data" / module / client)


def _write_data(folder: Path) -> None:
    folder.mkdir(parents=True)
    numbers = pl.DataFrame({"No": range(ROWS)})
    numbers.with_columns(Day=pl.lit("2026-01-31")).write_csv(folder / "header.csv")
    lines = pl.concat([numbers, numbers]).with_columns(Price=pl.lit(1.5), Quantity=pl.col("No") % 7)
    lines.write_csv(folder / "line.csv")
    items = numbers.select(id="No", day=pl.lit("2026-02-28").str.to_date(), amount=pl.lit(2.5))
    items.write_parquet(folder / "item.parquet")
