"""The valid project that is mutated: three products, three kinds of sources, no diagnostics."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from textwrap import dedent

import openpyxl
import polars as pl

from ai_dataflow_tests.projects import text_file

Cell = str | int | float | bool | date | None
Rows = tuple[tuple[Cell, ...], ...]

_CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active,file_format
    ORION,claims,header,acme,/mnt/orion/claims/{client_code}/header.csv,Y,csv
    ORION,claims,line,acme,/mnt/orion/claims/{client_code}/line.csv,Y,
    ORION,claims,header,borealis,/mnt/orion/claims/{client_code}/header.csv,Y,
    ORION,claims,line,borealis,/mnt/orion/claims/{client_code}/line.csv,Y,
    VEGA,claims,claim,acme,data/vega/claims_{client_code}.parquet,Y,parquet
    VEGA,claims,claim,borealis,data/vega/claims_borealis.parquet,Y,
    LYRA,claims,claim,acme,sql://lyra/claims?client_column=client,Y,
    ORION,policies,policy,acme,/mnt/orion/policies/{client_code}.csv,Y,
    VEGA,policies,policy,acme,data/vega/policies_{client_code}.parquet,Y,
    LYRA,policies,policy,acme,sql://lyra/policies?client_column=client,Y,
    VEGA,policies,policy,cygnus,data/vega/policies_{client_code}.parquet,N,
"""
_MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key,required,description
    claims,ORION,header,ClaimNo,claim_id,int64,,Y,Y,Claim number
    claims,ORION,header,ClaimDate,claim_date,date,,,Y,Day of loss
    claims,ORION,header,Status,status,string,upper(trim(Status)),,,"Status, upper case"
    claims,ORION,line,ClaimNo,claim_id,int64,,Y,Y,
    claims,ORION,line,Amount,amount,"decimal(18,2)",,,,Amount claimed
    claims,VEGA,claim,id,claim_id,int64,,,Y,
    claims,VEGA,claim,loss_day,claim_date,date,,,Y,
    claims,VEGA,claim,total,amount,"decimal(18,2)",,,,
    claims,VEGA,claim,,status,string,"coalesce(state, 'open')",,,
    claims,LYRA,claim,number,claim_id,int64,,,Y,
    claims,LYRA,claim,day,claim_date,date,,,Y,
    claims,LYRA,claim,cents,amount,"decimal(18,2)","cast(cents / 100.0 as decimal(9,2))",,,
    policies,*,policy,policy_no,policy_no,string,,Y,Y,Policy number
    policies,*,policy,premium,premium,float64,,,,Premium per year
    policies,VEGA,policy,yearly,premium,float64,,,,
    policies,ORION,policy,holder,holder,string,,,,
"""
_TEAMS = """
    team,email,concern,product_code,module_name,notify,cc,remind
    orion-data,orion-data@example.org,source,ORION,*,both,lead@example.org;desk@example.org,weekly
    vega-data,vega-data@example.org,source,VEGA,claims,failures,,
    ai-mapping,ai-mapping@example.org,mapping,,,,map@example.org,always
    ai-platform,ai-platform@example.org,*,*,*,digest,,never
"""
_TOML = """
    [mounts]
    orion = "data/orion"
    [sql.lyra]
    url = "sqlite:///data/lyra.sqlite"
"""
_FILES = {
    "data/orion/claims/acme/header.csv": "ClaimNo,ClaimDate,Status\n1,2026-01-05,open\n",
    "data/orion/claims/acme/line.csv": "ClaimNo,Amount\n1,120.50\n",
    "data/orion/claims/borealis/header.csv": "ClaimNo,ClaimDate,Status\n2,2026-01-06,open\n",
    "data/orion/claims/borealis/line.csv": "ClaimNo,Amount\n2,75.25\n",
    "data/orion/policies/acme.csv": "policy_no,premium,holder\nP1,10.5,Ann\n",
}
_LYRA = """
    create table claims (client text, number integer, day date, cents integer);
    insert into claims values ('acme', 7, '2026-01-15', 31000);
    create table policies (client text, policy_no text, premium float);
    insert into policies values ('acme', 'P7', 12.0);
"""
TABLES = ("control_table", "ai_mapping", "teams")
SHEETS = {"control_table": "Control", "ai_mapping": "AI_Map", "teams": "Teams"}


def base_rows() -> dict[str, Rows]:
    """Give the valid tables, header first."""
    texts = (_CONTROL, _MAPPING, _TEAMS)
    return {
        name: tuple(map(tuple, csv.reader(io.StringIO(dedent(text).lstrip("\n")))))
        for name, text in zip(TABLES, texts, strict=True)
    }


def write_base(folder: Path, workbooks: Sequence[str]) -> dict[str, Rows]:
    """Write the valid project, the named tables as workbooks; give its tables."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = base_rows()
    names = [f'{name} = "{write_table(folder, name, rows[name], workbooks)}"\n' for name in rows]
    text_file(folder, "ai_dataflow.toml", "".join(names) + dedent(_TOML))
    for path, text in _FILES.items():
        text_file(folder, path, text)
    _write_vega(folder / "data/vega")
    with sqlite3.connect(folder / "data/lyra.sqlite") as database:
        database.executescript(_LYRA)
    database.close()
    return rows


def write_table(folder: Path, name: str, rows: Rows, workbooks: Sequence[str]) -> str:
    """Write one table; give its reference for the settings."""
    if name in workbooks:
        return _write_workbook(folder, name, rows)
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return f"{name}.csv"


def _write_workbook(folder: Path, name: str, rows: Rows) -> str:
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(SHEETS[name])
    for row in rows:
        page.append([None if cell == "" else cell for cell in row])
    book.save(folder / f"{name}.xlsx")
    return f"{name}.xlsx#{SHEETS[name]}"


def _write_vega(folder: Path) -> None:
    folder.mkdir(parents=True)
    day = date(2026, 1, 15)
    claims = pl.DataFrame({"id": [7], "loss_day": [day], "total": [310], "state": ["open"]})
    claims = claims.cast({"total": pl.Decimal(12, 2)})
    policies = pl.DataFrame({"policy_no": ["P5"], "premium": [1.0], "yearly": [12.0]})
    for client in ("acme", "borealis"):
        claims.write_parquet(folder / f"claims_{client}.parquet")
        policies.write_parquet(folder / f"policies_{client}.parquet")
