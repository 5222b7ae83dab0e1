"""`codes`: the lists, what they lack, and the rows to add."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ai_dataflow import cli
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine

MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,code_list,transform
    claims,*,claim,No,claim_id,int64,,
    claims,*,claim,Land,country,string,country,
    claims,*,claim,,upper,string,letter,UPPER(Land)
"""
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/a.csv,Y
    VEGA,claims,claim,acme,data/v.csv,Y
"""


@pytest.fixture
def lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that was run, whose list lacks two values, one of them for both products."""
    toml = 'code_lists = "codes.csv"\n'
    projects.project(tmp_path, control=CONTROL, mapping=MAPPING, toml=toml)
    codes = "code_list,source_value,ai_value\ncountry,CH,CHE\nletter,CH,C\nunused,a,b\n"
    text_file(tmp_path, "codes.csv", codes)
    text_file(tmp_path, "data/a.csv", "No,Land\n1,CH\n2,DE\n3,DE\n4,\n")
    text_file(tmp_path, "data/v.csv", 'No,Land\n1,DE\n2,"F, R"\n3,CH\n')
    spine.run(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> str:
    monkeypatch.setattr("sys.argv", ["ai-dataflow", "codes", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_lists_are_shown_with_their_users_and_what_they_lack(
    lacking: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _printed(monkeypatch, capsys)
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    assert lines["country"][1:] == ["1", "3", "4", "claims.country"]
    assert lines["letter"][1:] == ["1", "0", "0", "claims.upper"]  # of a transform nobody knows
    assert lines["unused"][1:] == ["1", "0", "0", "nothing"]
    values = _printed(monkeypatch, capsys, "--missing")
    assert "F, R" in values
    assert values.index("ORION") < values.index("F, R")  # the most rows come first
    assert "3 values missing, 4 rows left out" in values


def test_a_draft_has_a_row_for_each_value_and_one_for_what_products_share(
    lacking: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(csv.DictReader(io.StringIO(_printed(monkeypatch, capsys, "--draft"))))
    assert [tuple(row.values()) for row in rows] == [
        ("country", "DE", "", "*"), ("country", "F, R", "", "VEGA"),
    ]  # fmt: skip


def test_machines_get_values_only_where_they_ask_for_them(
    lacking: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, plain = (
        json.loads(_printed(monkeypatch, capsys, *words))["items"][0]
        for words in (("--json", "--missing"), ("--json",))
    )
    assert plain["missing"] == []
    assert asked["rows_missing"] == plain["rows_missing"] == 4
    assert {"product": "ORION", "value": "DE", "rows": 2} in asked["missing"]


def test_values_are_found_where_each_client_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By another name, in another case, in a column of its own; as a truth value; of one case."""
    control = """
        product_code,module_name,submodule_name,client_code,module_location,active
        ORION,claims,claim,acme,data/a.csv,Y
        ORION,claims,claim,beta,data/b.csv,Y
        ORION,claims,claim,coral,data/c.csv,Y
        ORION,claims,claim,delta,data/d.csv,Y
        VEGA,claims,flag,acme,data/f.jsonl,Y
    """
    mapping = """
        module_name,product_code,submodule_name,client_code,source_column,ai_column,ai_type,code_list
        claims,ORION,claim,,Land,land,string,
        claims,ORION,claim,,Kraj | Country,country,string,country
        claims,ORION,claim,delta,Land,country,string,country
        claims,VEGA,flag,,Yes,country,string,flag
    """
    toml = 'code_lists = "codes.csv"\n[mapping]\nignore_case = ["country"]\n'
    projects.project(tmp_path, control=control, mapping=mapping, toml=toml)
    text_file(tmp_path, "codes.csv", "code_list,source_value,ai_value\ncountry,CH,CH\nflag,-,x\n")
    for name, header in (("a", "Land,Kraj"), ("b", "Land,Country"), ("c", "Land,KRAJ")):
        text_file(tmp_path, f"data/{name}.csv", f"{header}\nX,ch\nX,de\nX,DE\n")
    # Of the last one nothing is left, so it is not published.
    text_file(tmp_path, "data/d.csv", "Land,Kraj\nFR,X\n")
    text_file(tmp_path, "data/f.jsonl", '{"Yes": true}\n')
    spine.run(tmp_path)
    monkeypatch.chdir(tmp_path)
    lists = json.loads(_printed(monkeypatch, capsys, "--json", "--missing"))["items"]
    found = {(m["value"], m["rows"]) for code_list in lists for m in code_list["missing"]}
    assert found == {("de", 6), ("fr", 1), ("true", 1)}
