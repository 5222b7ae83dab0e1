"""Text files of all kinds through a whole run; what is right says pandas."""

from __future__ import annotations

import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl
import pytest

from ai_dataflow.extracts.staging import last_extracts
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import cli
from ai_dataflow_tests.runs.spine import replay, run, run_changed

HEAD = "product_code,module_name,submodule_name,client_code,module_location,active,file_format"
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
    claims,ORION,claim,id,claim_id,int64,
    claims,ORION,claim,ort,place,string,
    claims,ORION,claim,amount,amount,"decimal(18,2)",
"""
FRAME = pd.DataFrame({"id": ["1", "2"], "ort": ["Köln", "Gießen"], "amount": ["2.50", "3.50"]})


class Case(NamedTuple):
    """A file: its bytes, what pandas needs to read it, what the settings say."""

    content: bytes
    pandas: dict[str, Any]
    said: str = ""
    name: str = "a.csv"


def _text(sign: str = ",", encoding: str = "utf-8", end: str = "\n", **more: Any) -> bytes:
    return FRAME.to_csv(None, sep=sign, index=False, lineterminator=end, **more).encode(encoding)


_AS_NAMES = {"header": None, "names": ["id", "ort", "amount"]}
CASES = {
    "utf8": Case(_text(), {}),
    "bom": Case(_text(encoding="utf-8-sig"), {"encoding": "utf-8-sig"}),
    "semicolon": Case(_text(";"), {"sep": ";"}),
    "tabs": Case(_text("\t"), {"sep": "\t"}, name="a.tsv"),
    "pipes": Case(_text("|"), {"sep": "|"}, name="a.dat"),
    "cp1252": Case(_text(";", "cp1252") + "3;Zürich;1\n".encode("cp1252"),
                   {"sep": ";", "encoding": "cp1252"}, "encoding = 'windows-1252'"),
    "found1252": Case(_text(";", "cp1252") + "3;Zürich;1\n".encode("cp1252"),
                      {"sep": ";", "encoding": "cp1252"}),
    "utf16": Case(_text("\t", "utf-16", "\r\n"), {"sep": "\t", "encoding": "utf-16"}, name="a.txt"),
    "utf16le": Case(_text("\t", "utf-16-le"), {"sep": "\t", "encoding": "utf-16-le"}),
    "utf32": Case(_text(",", "utf-32"), {"encoding": "utf-32"}),
    "cr": Case(_text(";", end="\r"), {"sep": ";"}),
    "sep": Case(b"sep=;\r\n" + _text(";", end="\r\n"), {"sep": ";", "skiprows": 1}),
    "line3": Case(b"Report\n\n" + _text(";"), {"sep": ";", "skiprows": 2}, "header = 3"),
    "footer": Case(_text(";") + b"total;;6.00\n",
                   {"sep": ";", "skipfooter": 1, "engine": "python"}, "skip_footer = 1"),
    "comment": Case(b"# by nobody\n" + _text(";") + b"#1;2;3\n", {"sep": ";", "comment": "#"},
                    "comment = '#'"),
    "none": Case(_text("+|".replace("+|", "\x02"), header=False).replace(b"\x02", b"+|"),
                 {"sep": r"\+\|", "engine": "python", **_AS_NAMES},
                 "delimiter = '+|'\nheader = false\ncolumns = ['id', 'ort', 'amount']"),
    "single": Case(_text(quotechar="'", quoting=1), {"quotechar": "'"}, "quote = \"'\""),
    "gz": Case(gzip.compress(_text(";")), {"sep": ";", "compression": "gzip"}, name="a.csv.gz"),
}  # fmt: skip


def _published(folder: Path) -> pl.DataFrame:
    return pl.read_delta(str(folder / "workstation" / "claims"))


def _project(folder: Path, cases: dict[str, Case], mapping: str = MAPPING) -> Path:
    """Write a project with a client for each case."""
    rows, sections = [HEAD], ["[workstation]", 'url = "workstation"']
    for client, case in cases.items():
        kind = f"of_{client}" if case.said else ""
        rows.append(f"ORION,claims,claim,{client},data/{client}/{case.name},Y,{kind}")
        sections += [f"[formats.{kind}]", 'type = "csv"', case.said] if kind else []
        (folder / "data" / client).mkdir(parents=True)
        (folder / "data" / client / case.name).write_bytes(case.content)
    toml = "\n".join(sections)
    return project(folder, control="\n".join(rows), mapping=mapping, toml=toml)


def test_each_file_gives_what_pandas_reads(tmp_path: Path) -> None:
    folder = _project(tmp_path, CASES)
    report = run(folder)
    assert {str(p.partition): p.error for p in report.partitions if p.error} == {}
    made = _published(folder)
    for client, case in CASES.items():
        right = pd.read_csv(io.BytesIO(case.content), dtype=str, **case.pandas)
        mine = made.filter(pl.col("client_code") == client).sort("claim_id")
        wanted = [(int(r.id), r.ort, Decimal(r.amount)) for r in right.itertuples()]
        assert mine.select("claim_id", "place", "amount").rows() == wanted, client


SPELLED = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
    claims,ORION,claim,id,claim_id,int64,
    claims,ORION,claim,amount,amount,"decimal(18,2)",
    claims,ORION,claim,amount,text,string,
    claims,ORION,claim,amount,doubled,"decimal(18,2)","CAST(amount AS DECIMAL(18,2)) * 2"
    claims,ORION,claim,day,day,date,
    claims,ORION,claim,at,at,timestamp,
"""
GERMAN = "\n".join([
    "decimal = ','", "thousands = '.'", "dates = '%d.%m.%Y'", "timestamps = '%d.%m.%Y %H:%M'",
    "null_values = ['NULL', '-', 'n/a']",
])  # fmt: skip


def _rejects(folder: Path) -> list[dict[str, Any]]:
    rows = pl.read_delta(str(folder / "workstation" / "_rejects" / "claims"))
    return [json.loads(raw) for raw in rows["raw_row"]]


def test_numbers_and_days_are_read_as_the_format_says(tmp_path: Path) -> None:
    good = [
        "1;2,50;31.01.2026;31.01.2026 10:30",
        '2;"1.003,25";01.02.2026;01.02.2026 00:00',
        "3;1003,25;;",
        "4;NULL;-;n/a",
        '5;"-";"n/a";"NULL"',
        "6;-7;31.12.9999;",
    ]
    bad = [
        "7;1.5;;", "8;1.00,25;;", "9;1,003.25;;", "10;2,50;2026-01-31;", "11;2,50;1.2.2026;",
        "12;2,50;30.02.2026;", "13;2,50;;2026-01-31 10:00", "14;null;;", "15;2,505;;",
    ]  # fmt: skip
    text = "\n".join(["id;amount;day;at", *good, *bad, ""])
    folder = _project(tmp_path, {"acme": Case(text.encode(), {}, GERMAN)}, SPELLED)
    run(folder)
    made = _published(folder).sort("claim_id")
    amounts = [Decimal("2.50"), Decimal("1003.25"), Decimal("1003.25"), None, None, Decimal(-7)]
    assert made["amount"].to_list() == amounts
    assert made["doubled"].to_list() == [a and 2 * a for a in amounts]
    assert made["text"].to_list() == ["2,50", "1.003,25", "1003,25", None, None, "-7"]
    assert [str(day) for day in made["day"]] == [
        "2026-01-31", "2026-02-01", "None", "None", "None", "9999-12-31"
    ]  # fmt: skip
    assert [at and f"{at:%m-%d %H:%M}" for at in made["at"]] == [
        "01-31 10:30", "02-01 00:00", None, None, None, None
    ]  # fmt: skip
    assert [row["amount"] for row in _rejects(folder)] == [
        "1.5", "1.00,25", "1,003.25", "2,50", "2,50", "2,50", "2,50", "null", "2,505"
    ]  # fmt: skip


def test_without_a_format_a_comma_in_a_number_is_a_reject(tmp_path: Path) -> None:
    content = b"id;ort;amount\n1;x;2.50\n2;y;2,50\n"
    folder = _project(tmp_path, {"acme": Case(content, {})})
    run(folder)
    assert _published(folder)["amount"].to_list() == [Decimal("2.50")]
    assert _rejects(folder) == [{"id": "2", "ort": "y", "amount": "2,50"}]


def test_rejects_are_replayed_under_the_format_of_now(tmp_path: Path) -> None:
    content = b"id;ort;amount\n1;x;2.50\n2;y;2,50\n"
    folder = _project(tmp_path, {"acme": Case(content, {}, "delimiter = ';'")})
    run(folder)
    settings = folder / "ai_dataflow.toml"
    settings.write_text(settings.read_text().replace("delimiter", "decimal = ','\ndelimiter"))
    replay(folder)
    assert sorted(_published(folder)["amount"]) == [Decimal("2.50"), Decimal("2.50")]


def test_files_of_one_location_may_be_written_in_different_ways(tmp_path: Path) -> None:
    folder = _project(tmp_path, {"acme": Case(_text(";", "cp1252"), {}, name="*")})
    data = folder / "data" / "acme"
    (data / "*").unlink()
    (data / "1.csv").write_bytes(_text())
    (data / "2.txt").write_bytes(_text("\t", "utf-16"))
    (data / "3.csv.gz").write_bytes(gzip.compress(_text(";")))
    report = run(folder)
    assert [p.status for p in report.partitions] == ["ok"]
    assert _published(folder)["place"].to_list() == ["Köln", "Gießen"] * 3


def test_nothing_has_to_be_made_again_and_what_is_said_anew_is(tmp_path: Path) -> None:
    folder = _project(tmp_path, {"acme": CASES["found1252"], "orbis": CASES["utf8"]})
    run_changed(folder)
    assert {p.status for p in run_changed(folder).partitions} == {"unchanged"}
    control = folder / "control_table.csv"
    rows = control.read_text().replace("acme/a.csv,Y,", "acme/a.csv,Y,said")
    control.write_text(rows)
    with (folder / "ai_dataflow.toml").open("a") as settings:
        settings.write("\n[formats.said]\ntype = 'csv'\nencoding = 'windows-1252'\n")
    again = run_changed(folder)
    assert {str(p.partition): p.status for p in again.partitions} == {
        "claims|acme": "ok", "claims|orbis": "unchanged"
    }  # fmt: skip


@pytest.mark.parametrize("strays", ["fail", "reject"])
def test_clients_share_a_file_that_is_no_plain_one(tmp_path: Path, strays: str) -> None:
    lines = ["id\tort\tamount\tclient", "1\tKöln\t2,50\tacme", "2\tŁódź\t3,50\torbis",
             "3\tGießen\t4,50\tacme", "4\tx\t1\tNULL", ""]  # fmt: skip
    rows = [
        "product_code,module_name,submodule_name,client_code,module_location,active,file_format"
    ]
    rows += [f"ORION,claims,claim,{client},data/all.txt?client_column=client,Y,export"
             for client in ("acme", "orbis")]  # fmt: skip
    toml = f"""
        [workstation]
        url = "workstation"
        [modules.claims]
        without_client = "{strays}"
        [formats.export]
        type = "csv"
        decimal = ","
        null_values = ["NULL"]
    """
    folder = project(tmp_path, control="\n".join(rows), mapping=MAPPING, toml=toml)
    (folder / "data" / "all.txt").write_bytes("\r\n".join(lines).encode("utf-16"))
    report = run(folder)
    if strays == "fail":
        assert {p.error.code for p in report.partitions if p.error} == {"SRC-016"}
        return
    made = _published(folder).sort("claim_id")
    assert made.select("client_code", "place").rows() == [
        ("acme", "Köln"), ("orbis", "Łódź"), ("acme", "Gießen")
    ]  # fmt: skip


def test_how_files_are_read_is_told(tmp_path: Path) -> None:
    folder = _project(tmp_path, {"acme": CASES["found1252"], "orbis": CASES["utf8"]})
    shown = cli(folder, "validate")
    assert shown.returncode == 0
    assert "data/acme/a.csv: read as cp1252, `;`" in shown.stdout
    assert "SRC-032" in shown.stdout
    assert "orbis" not in shown.stdout
    (plain,) = json.loads(cli(folder, "validate", "--json").stdout)["sources"]
    assert plain.pop("doubt") == "it is not in UTF-8 and is taken for cp1252"
    assert plain == {
        "location": "data/acme/a.csv", "product": "ORION", "submodule": "claim",
        "partition": "claims|acme", "files": 1, "encoding": "cp1252", "delimiter": ";",
        "quote": '"', "packing": "", "begins": 1, "columns": 3,
    }  # fmt: skip
    assert "read as cp1252, `;`" in cli(folder, "plan", "--explain", "claims|acme").stdout
    run(folder)
    staging = open_workstation(load_project(folder).settings).staging("claims", "acme")
    assert [each.note for each in last_extracts(staging).values()] == ["read as cp1252, `;`"]
