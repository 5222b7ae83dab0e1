"""Runs over workbooks, JSON documents and Avro: exact values, rejects, whose rows they are."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import openpyxl
import polars as pl
import pytest

from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import TOML, project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

HEADER = "product_code,module_name,submodule_name,client_code,module_location,active,file_format"
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,Code,code,string
    claims,ORION,claim,Amount,amount,"decimal(18,2)"
    claims,ORION,claim,Day,day,date
"""
HOW = f"""{TOML}
    [formats.report]
    type = "excel"
    header = 3

    [formats.export]
    type = "json"
    records = "data.items"
"""


def _project(folder: Path, *rows: str, mapping: str = MAPPING) -> Path:
    control = "\n".join([HEADER, *(f"ORION,claims,claim,{row}" for row in rows)])
    return project(folder, control=control, mapping=mapping, toml=HOW)


def _book(file: Path, sheets: dict[str, list[list[Any]]], above: int = 0) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in [["Report"]] * above + rows:
            sheet.append(row)
        for cell in sheet["A"]:
            cell.number_format = "000"
    book.save(file)


def _published(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    rows = pl.read_delta(str(folder / "workstation/claims"))
    columns = [name for name in ("code", "amount", "day") if name in rows.columns]
    by_client = rows.sort("client_code", *columns).group_by("client_code", maintain_order=True)
    return {str(client): part.select(columns).rows() for (client,), part in by_client}


def _counts(folder: Path) -> dict[str, tuple[str, int, int, int]]:
    return {
        p.partition: (p.status, p.rows_read, p.rows_rejected, p.rows_published)
        for p in spine.run(folder).partitions
    }


def test_a_sheet_for_each_client_and_one_for_many(tmp_path: Path) -> None:
    folder = _project(
        tmp_path, "acme,data/all.xlsx#Acme,Y,", "borealis,data/all.xlsx#Borealis,Y,",
        "007,data/many.xlsx?client_column=Code,Y,", "012,data/many.xlsx?client_column=Code,Y,",
        "report,data/report/*.xlsx,Y,report", "bad,data/bad.xlsx,Y,",
    )  # fmt: skip
    head, day = ["Code", "Amount", "Day"], date(2026, 1, 5)
    acme = [head, [7, 12.5, day], ["A8", "#N/A", day], [None, None, None], [9, 0.1, None]]
    _book(folder / "data/all.xlsx", {"Acme": acme, "Borealis": [head, [1, 2, day]]})
    _book(folder / "data/many.xlsx", {"S": [head, [7, 1, day], [12, 2, day], [12, 3, day]]})
    (folder / "data/report").mkdir()
    for number in (1, 2):
        file = folder / f"data/report/{number}.xlsx"
        _book(file, {"S": [head, [number, number, day]]}, above=2)
    (folder / "data/bad.xlsx").write_bytes(b"PK\x03\x04")
    assert _counts(folder) == {
        "claims|acme": ("ok", 3, 1, 2), "claims|borealis": ("ok", 1, 0, 1),
        "claims|007": ("ok", 1, 0, 1), "claims|012": ("ok", 2, 0, 2),
        "claims|report": ("ok", 2, 0, 2), "claims|bad": ("failed", 0, 0, 0),
    }  # fmt: skip
    assert _published(folder) == {
        "007": [("007", Decimal("1.00"), day)],
        "012": [("012", Decimal("2.00"), day), ("012", Decimal("3.00"), day)],
        "acme": [("007", Decimal("12.50"), day), ("009", Decimal("0.10"), None)],
        "borealis": [("001", Decimal("2.00"), day)],
        "report": [("001", Decimal("1.00"), day), ("002", Decimal("2.00"), day)],
    }
    (raw,) = pl.read_delta(str(folder / "workstation/_rejects/claims"))["raw_row"]
    told = json.loads(json.loads(raw)["line"])
    assert (told["cell"], told["row"]["Code"]) == ("Acme!B3", "A8")


def test_a_sheet_that_two_clients_name_is_an_error_of_both(tmp_path: Path) -> None:
    folder = _project(
        tmp_path, "a,data/all.xlsx#A,Y,", "b,data/all.xlsx#B,Y,", "c,data/*.xlsx#B,Y,",
    )  # fmt: skip
    head = ["Code", "Amount", "Day"]
    _book(folder / "data/all.xlsx", {"A": [head, [1, 2, None]], "B": [head, [1, 2, None]]})
    plan = look_live(make_draft(load_project(folder))).plan
    assert [(p.code, p.partitions) for p in plan.errors] == [("CTL-016", ("claims|b", "claims|c"))]


def test_a_reject_of_a_workbook_is_replayed(tmp_path: Path) -> None:
    folder = _project(tmp_path, "acme,data/a.xlsx,Y,")
    _book(folder / "data/a.xlsx", {"S": [["Code", "Amount", "Day"], [7, "x", None], [8, 1, None]]})
    assert _counts(folder) == {"claims|acme": ("ok", 2, 1, 1)}
    mended = """
        module_name,product_code,submodule_name,source_column,transform,ai_column,ai_type
        claims,ORION,claim,Code,,code,string
        claims,ORION,claim,,"nullif(Amount, 'x')",amount,"decimal(18,2)"
        claims,ORION,claim,Day,,day,date
    """
    text_file(folder, "ai_mapping.csv", mended)
    done = cli(folder, "replay")
    assert done.returncode == 0, done.stdout
    assert _published(folder)["acme"] == [("007", None, None), ("008", Decimal("1.00"), None)]


@pytest.mark.parametrize("kind", ["json", "avro"])
def test_nested_records(tmp_path: Path, kind: str) -> None:
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type
        claims,ORION,claim,claim.code,code,string
        claims,ORION,claim,claim.amount,amount,"decimal(18,2)"
        claims,ORION,claim,tags,tags,string
    """
    named = "export" if kind == "json" else ""
    rows = [f"{client},data/all.{kind}?client_column=client,Y,{named}" for client in ("a", "b")]
    folder = _project(tmp_path, *rows, mapping=mapping)
    records = [
        {"client": client, "claim": {"code": f"0{i}", "amount": 1.25 * i}, "tags": ["x", str(i)]}
        for i, client in enumerate("abb")
    ]
    if kind == "json":
        text_file(folder, "data/all.json", json.dumps({"n": 3, "data": {"items": records}}))
    else:
        claim = {
            "type": "record", "name": "claim",
            "fields": [{"name": "code", "type": "string"}, {"name": "amount", "type": "double"}],
        }  # fmt: skip
        schema = {
            "type": "record", "name": "row",
            "fields": [{"name": "client", "type": "string"}, {"name": "claim", "type": claim},
                       {"name": "tags", "type": {"type": "array", "items": "string"}}],
        }  # fmt: skip
        with (folder / "data/all.avro").open("wb") as file:
            fastavro.writer(file, fastavro.parse_schema(schema), records, codec="deflate")
    assert _counts(folder) == {"claims|a": ("ok", 1, 0, 1), "claims|b": ("ok", 2, 0, 2)}
    published = pl.read_delta(str(folder / "workstation/claims")).sort("code")
    assert published.select("client_code", "code", "amount", "tags").rows() == [
        ("a", "00", Decimal("0.00"), '["x","0"]'),
        ("b", "01", Decimal("1.25"), '["x","1"]'),
        ("b", "02", Decimal("2.50"), '["x","2"]'),
    ]
