"""What the tiny broken projects of `golden_cases` are put together from."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from textwrap import dedent
from typing import Any

import polars as pl

from ai_dataflow_tests.projects import CONTROL, MAPPING

LOCATION = "data/claims.csv"
TYPED = CONTROL.replace(LOCATION, "data/typed.parquet")
TWO_PRODUCTS = CONTROL + "    VEGA,claims,claim,borealis,data/claims.csv,Y\n"
VEGA = "    claims,VEGA,claim,ClaimNo,claim_id,int64\n"
SQL = '[sql.policydb]\nurl = "sqlite:///data/policy.sqlite"\n'
# Port 1 of this machine, where nobody listens.
CLOSED = """
[sql.db]
url = "postgresql+psycopg://reader:secret@127.0.0.1:1/policy"
[execution]
retry_seconds = 0
"""
# A storage account that nobody has a way into, and one at port 1.
LAKE = "abfss://semantic@orionlake.dfs.core.windows.net/claims.csv"
NO_CERTIFICATE = """
[storage.orionlake]
tenant_id = "00000000-0000-0000-0000-000000000000"
client_id = "00000000-0000-0000-0000-000000000000"
client_certificate = "nowhere.pem"
endpoint = "http://127.0.0.1:1/orionlake"
"""
AWAY = """
[storage.orionlake]
account_key = "c2VjcmV0"
endpoint = "http://127.0.0.1:1/orionlake"
[execution]
retry_seconds = 0
"""
AI = '[workstation]\nurl = "abfss://ai-data@orionlake.dfs.core.windows.net/datasets"\n'
JOINED = TYPED + "    ORION,claims,line,acme,data/typed.parquet,Y\n"
CHOOSING = """
    team,email,concern,product_code,module_name,notify,remind
    orion-data,orion-data@example.org,source,ORION,*,,
    orion-data,orion-data@example.org,mapping,*,*,both,
    ai-platform,ai-platform@example.org,*,*,*,,
"""
HEADER = "    module_name,product_code,submodule_name,source_column,ai_column,ai_type"


def _mapping_in_sql() -> bytes:
    """Give a SQLite file with a mapping whose second row has the first one's position."""
    with closing(sqlite3.connect(":memory:")) as database:
        header, *rows = [line.strip().split(",") for line in MAPPING.strip().splitlines()]
        database.execute(f"CREATE TABLE ai_mapping (position INTEGER, {', '.join(header)})")
        for row in rows:
            database.execute("INSERT INTO ai_mapping VALUES (10, ?, ?, ?, ?, ?, ?)", row)
        database.commit()
        return database.serialize()


MAPPING_IN_SQL = _mapping_in_sql()


def located(location: str) -> str:
    return CONTROL.replace(LOCATION, location)


def parquet(rows: dict[str, list[Any]]) -> bytes:
    """Give rows as a Parquet file."""
    written = io.BytesIO()
    pl.DataFrame(rows).write_parquet(written)
    return written.getvalue()


def typed(fed: str, transform: str = "") -> dict[str, Any]:
    """Map one column of the typed source."""
    mapping = f"{HEADER},transform\n    claims,ORION,claim,{fed},{transform}\n"
    return {"control": TYPED, "mapping": mapping}


def joined(*rows: str, marked: str = "is_key") -> dict[str, Any]:
    """Merge two submodules of the typed source: `submodule,source_column,ai_column,type,marked`."""
    lines = "".join(f"    claims,ORION,{row}\n" for row in rows)
    return {"control": JOINED, "mapping": f"{HEADER},{marked}\n{lines}"}


def coded(columns: str, *rows: str, codes: str = "") -> dict[str, Any]:
    """Map columns of the typed source, each beside what the sheet says of its codes."""
    lines = "".join(f"    claims,{row}\n" for row in rows)
    header = "code_list,source_value,ai_value,product_code"
    listed = {"codes.csv": f"{header}\n{codes}"} if codes else {}
    toml = 'code_lists = "codes.csv"\n' if codes else ""
    return {
        "control": TYPED,
        "mapping": f"{HEADER},{columns}\n{lines}",
        "files": listed,
        "toml": toml,
    }


def explained(
    columns: str, *rows: str, mapped: str = "", required: str = "", control: str = CONTROL
) -> dict[str, Any]:
    """Give a dictionary of the project's columns, and of one that is mapped besides."""
    lines = "".join(f"claims,{row}\n" for row in rows)
    toml = 'ai_columns = "dictionary.csv"\n'
    mapping = MAPPING
    if mapped:
        row = mapped if mapped.startswith("claims,") else f"claims,ORION,claim,{mapped}"
        mapping += f"    {row}\n"
    if required:
        head, *rest = dedent(mapping).strip().splitlines()
        mapping = "\n".join([f"{head},required", *(f"{row},{required}" for row in rest)]) + "\n"
    return {
        "control": control,
        "mapping": mapping,
        "toml": toml,
        "files": {"dictionary.csv": f"module_name,ai_column,{columns}\n{lines}"},
    }


def computed(*rows: str, marked: str = "is_key") -> dict[str, Any]:
    """Compute columns of the rows: `source_column,ai_column,ai_type,transform,marked`."""
    lines = "".join(f"    claims,ORION,,{row}\n" for row in rows)
    brought = "    claims,ORION,claim,Amount,amount,float64,,\n"
    return {"mapping": f"{HEADER},transform,{marked}\n{brought}{lines}"}


def ruled(*rules: str) -> dict[str, Any]:
    """Give rules for the typed source, each beside its module."""
    header = "module_name,product_code,submodule_name,client_code,where,unique_by,keep"
    rules = tuple(rule + "," * (5 - rule.count(",")) for rule in rules)
    lines = "".join(f"claims,{rule}\n" for rule in rules)
    return {
        "control": TYPED,
        "mapping": f"{HEADER}\n    claims,ORION,claim,No,claim_id,int64\n",
        "files": {"rules.csv": f"{header}\n{lines}"},
        "toml": 'source_rules = "rules.csv"\n',
    }


def joining(*rules: str) -> dict[str, Any]:
    """Join the typed source's submodules by rules: `submodule,join,as_of`."""
    marked = joined(
        "claim,No,claim_id,int64,Y", "claim,Day,day,date,",
        "line,No,claim_id,int64,Y", "line,Note,note,string,", "line,Amount,amount,float64,",
        "line,Big,big,float64,",
        "more,Note,more,string,",
    )  # fmt: skip
    lines = "".join(f"claims,ORION,{rule}\n" for rule in rules)
    header = "module_name,product_code,submodule_name,join,as_of"
    return marked | {
        "control": JOINED + "    ORION,claims,more,acme,data/typed.parquet,Y\n",
        "files": {"rules.csv": f"{header}\n{lines}"},
        "toml": 'source_rules = "rules.csv"\n',
    }


def reshaped(unpivot: str, explode: str = "") -> dict[str, Any]:
    """Give a rule that makes several rows of one, for the typed source."""
    header = "module_name,product_code,submodule_name,unpivot,explode"
    rule = f'claims,ORION,claim,"{unpivot}",{explode}\n'
    return {**ruled(), "files": {"rules.csv": f"{header}\n{rule}"}}
