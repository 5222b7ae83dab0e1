"""Project folders for tests: small tables as dedented text, written as CSV or as workbooks."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from textwrap import dedent

import openpyxl

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/claims.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,ClaimNo,claim_id,int64
    claims,ORION,claim,Amount,amount,float64
"""
TEAMS = """
    team,email,concern,product_code,module_name
    orion-data,orion-data@example.org,source,ORION,*
    ai-mapping,ai-mapping@example.org,mapping,*,*
    ai-platform,ai-platform@example.org,*,*,*
"""
TOML = """
    [workstation]
    url = "workstation"
"""
DATA = """
    ClaimNo,Amount
    1,10.5
    2,20
"""
SHEETS = {"control_table": "Control", "ai_mapping": "AI_Map", "teams": "Teams"}

# Lines of a module's settings with which nothing waits: for tests in which rows come and go at
# random, and of which that is not the point.
NO_LIMITS = 'max_rejected_rise = "100%"\nmax_rows_fall = "100%"\n'


def project(
    folder: Path,
    *,
    control: str = CONTROL,
    mapping: str = MAPPING,
    teams: str = TEAMS,
    toml: str = TOML,
    workbooks: bool = False,
) -> Path:
    """Write a project and give its folder; as it is, it runs and publishes two rows.

    `toml` is what follows the names of the tables. With `workbooks` the tables are in
    `<table>.xlsx`, on the sheets that `SHEETS` names.
    """
    tables = {"control_table": control, "ai_mapping": mapping, "teams": teams}
    names = [
        f'{name} = "{table(folder, name, text, SHEETS[name] if workbooks else "")}"'
        for name, text in tables.items()
    ]
    text_file(folder, "ai_dataflow.toml", "\n".join(names) + "\n" + dedent(toml))
    text_file(folder, "data/claims.csv", DATA)
    return folder


def table(folder: Path, name: str, text: str, sheet: str = "") -> str:
    """Write a table, as CSV or on a workbook's sheet; give its reference for the settings."""
    text = dedent(text).lstrip("\n")
    if not sheet:
        return text_file(folder, f"{name}.csv", text).name
    book = openpyxl.Workbook()
    page = book.create_sheet(sheet, 0)
    for row in csv.reader(io.StringIO(text)):
        page.append(row)
    book.save(folder / f"{name}.xlsx")
    return f"{name}.xlsx#{sheet}"


def text_file(folder: Path, path: str, text: str) -> Path:
    """Write a file of the project, its text dedented."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return file
