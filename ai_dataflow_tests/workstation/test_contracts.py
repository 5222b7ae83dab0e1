"""Contracts are what the Open Data Contract Standard asks for, and say what is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from ai_dataflow import Workstation
from ai_dataflow.cli.starter import write_project
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.commit import TableColumn
from ai_dataflow.workstation.contract_versions import next_version
from ai_dataflow.workstation.contracts import contract_of, typed
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,ClaimNo,claim_id,int64
    claims,ORION,claim,Amount,amount,"decimal(18,2)"
    claims,ORION,claim,Status,status,string
    claims,ORION,claim,Day,day,date
    claims,ORION,claim,Customer,customer_id,int64
    customers,ORION,customer,No,customer_id,int64
"""
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/claims.csv,Y
    ORION,customers,customer,acme,data/customers.csv,Y
"""
DICTIONARY = """
    module_name,ai_column,is_key,required,min,max,pattern,code_list,max_null,references,unit,sensitivity,severity
    claims,claim_id,Y,Y,1,,,,,,,,
    claims,amount,,,0,1000000.5,,,5%,,EUR,,
    claims,status,Y,Y,,,[a-z]+,Status,,,,internal,warn
    claims,day,,,2000-01-01,2100-12-31,,,,,,,
    claims,customer_id,,,1,,,,,customers.customer_id,,confidential,warn
"""
CODES = """
    code_list,source_value,ai_value
    Status,o,open
    Status,c,closed
"""
TOML = """
    ai_columns = "ai_columns.csv"
    code_lists = "code_lists.csv"
    [workstation]
    url = "workstation"
"""


@pytest.fixture
def insurer(tmp_path: Path) -> Path:
    """Give a project whose dictionary says all that it can."""
    project(tmp_path, control=CONTROL, mapping=MAPPING, toml=TOML)
    text_file(tmp_path, "ai_columns.csv", "\n".join(map(str.strip, DICTIONARY.split("\n"))).strip())
    text_file(tmp_path, "code_lists.csv", "\n".join(map(str.strip, CODES.split("\n"))).strip())
    text_file(tmp_path, "data/claims.csv",
              "ClaimNo,Amount,Status,Day,Customer\n1,7.77,open,2026-01-02,9\n")  # fmt: skip
    text_file(tmp_path, "data/customers.csv", "No\n9\n")
    return tmp_path


def checked(contract: dict[str, Any]) -> dict[str, Any]:
    """Give a contract that is one by the standard's JSON schema."""
    schema = json.loads(OpenDataContractStandard.json_schema())
    jsonschema.validate(contract, schema, jsonschema.Draft201909Validator)
    OpenDataContractStandard.model_validate(contract)
    return contract


def columns(contract: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (table,) = contract["schema"]
    return {column["name"]: column for column in table["properties"]}


def of_cli(folder: Path, module: str = "claims") -> dict[str, Any]:
    ran = cli(folder, "contract", module)
    assert ran.returncode == 0, ran.stderr
    return checked(yaml.safe_load(ran.stdout))


def test_a_contract_says_what_the_dictionary_says(insurer: Path) -> None:
    assert spine.run(insurer).exit_code == 0
    contract = of_cli(insurer)
    assert (contract["status"], contract["version"]) == ("active", "1.0.0")
    assert contract["servers"] == [
        {"server": "workstation", "type": "local", "path": f"{insurer}/workstation/claims",
         "format": "delta"},
    ]  # fmt: skip
    of = columns(contract)
    assert list(of) == [
        "claim_id", "amount", "status", "day", "customer_id", "product_code", "client_code",
    ]  # fmt: skip
    assert of["claim_id"] == {
        "name": "claim_id", "logicalType": "integer", "physicalType": "long", "required": True,
        "primaryKey": True, "primaryKeyPosition": 3, "logicalTypeOptions": {"minimum": 1},
    }  # fmt: skip
    assert of["amount"]["logicalTypeOptions"] == {"minimum": 0, "maximum": 1000000.5}
    assert of["amount"]["quality"][0]["mustBeLessOrEqualTo"] == 5
    assert of["amount"]["quality"][0]["severity"] == "error"
    assert of["amount"]["customProperties"] == [{"property": "unit", "value": "EUR"}]
    assert of["day"]["logicalTypeOptions"]["maximum"] == "2100-12-31"
    assert of["status"]["classification"] == "internal"
    assert of["customer_id"]["relationships"][0]["to"] == "customers.customer_id"
    assert of["client_code"]["partitioned"]
    assert contract["team"]["members"][0] == {"username": "orion-data", "role": "source"}
    assert contract["support"][0]["url"] == "mailto:ai-mapping@example.org"
    (once,) = contract["schema"][0]["quality"]
    assert once["arguments"]["properties"] == ["client_code", "product_code", "claim_id"]


def test_what_is_only_told_when_it_is_broken_is_no_promise(insurer: Path) -> None:
    of = columns(of_cli(insurer))
    assert not of["status"].keys() & {"required", "primaryKey", "logicalTypeOptions"}
    assert [(q["metric"], q.get("arguments"), q["severity"]) for q in of["status"]["quality"]] == [
        ("nullValues", None, "warning"),
        ("invalidValues", {"pattern": "[a-z]+"}, "warning"),
        ("invalidValues", {"validValues": ["closed", "open"]}, "warning"),
    ]
    (told,) = of["customer_id"]["quality"]
    assert (told["type"], told["description"], told["severity"]) == ("text", "min 1", "warning")


def test_the_workstation_alone_knows_columns_keys_units_and_references(insurer: Path) -> None:
    spine.run(insurer)
    contract = checked(Workstation(insurer / "workstation")["claims"].contract())
    of = columns(contract)
    assert of["claim_id"]["primaryKey"]
    assert of["amount"]["customProperties"] == [{"property": "unit", "value": "EUR"}]
    assert of["customer_id"]["relationships"][0]["to"] == "customers.customer_id"
    assert "team" not in contract
    assert columns(of_cli(insurer)).keys() == of.keys()


def test_no_row_value_and_no_secret_is_in_it(insurer: Path) -> None:
    spine.run(insurer)
    text = json.dumps(of_cli(insurer))
    assert "7.77" not in text
    assert "2026-01-02" not in text


def test_what_is_not_published_yet_has_a_draft(insurer: Path) -> None:
    draft = of_cli(insurer)
    assert draft["status"] == "draft"
    spine.run(insurer)
    assert of_cli(insurer) == draft | {"status": "active"}


def test_the_starter_has_one(tmp_path: Path) -> None:
    write_project(tmp_path / "p", "minimal")
    assert columns(of_cli(tmp_path / "p"))["claim_id"]["description"]


def test_a_file_keeps_its_version_until_something_changes(insurer: Path) -> None:
    file = insurer / "contracts" / "claims.odcs.yaml"

    def version() -> str:
        ran = cli(insurer, "contract", "claims", "--output", str(file))
        assert ran.returncode == 0, ran.stderr
        contract = checked(yaml.safe_load(file.read_text()))
        assert f"version {contract['version']}" in ran.stderr
        return str(contract["version"])

    assert [version(), version()] == ["1.0.0", "1.0.0"]
    spine.run(insurer)
    assert version() == "1.0.1"
    file.write_text("mine: yes\n")
    ran = cli(insurer, "contract", "claims", "--output", str(file))
    assert ran.returncode == 2
    assert "is no data contract" in ran.stderr
    assert file.read_text() == "mine: yes\n"


def test_a_file_that_cannot_be_written_is_told(insurer: Path) -> None:
    (insurer / "taken").write_text("a file, and no folder")
    ran = cli(insurer, "contract", "claims", "--output", str(insurer / "taken" / "claims.yaml"))
    assert ran.returncode == 2
    assert "CFG-033" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_module_that_there_is_not(insurer: Path) -> None:
    ran = cli(insurer, "contract", "claim", "--json")
    assert ran.returncode == 2
    (item,) = json.loads(ran.stdout)["items"]
    assert (item["code"], "claims" in item["message"]) == ("RUN-041", True)


BASE = [TableColumn("a", "long"), TableColumn("b", "string")]


@pytest.mark.parametrize(
    ("after", "version"),
    [
        (BASE, "1.0.0"),
        ([TableColumn("a", "long", "What a is."), BASE[1]], "1.0.1"),
        ([*BASE, TableColumn("c", "date")], "1.1.0"),
        ([TableColumn("a", "long", "", (("is_key", "true"),)), BASE[1]], "1.1.0"),
        ([BASE[0]], "2.0.0"),
        ([BASE[0], TableColumn("b", "long")], "2.0.0"),
        ([BASE[0], TableColumn("B", "string")], "2.0.0"),
    ],
    ids=["same", "text", "new", "key", "gone", "type", "name"],
)
def test_the_version_tells_what_changed(after: list[TableColumn], version: str) -> None:
    first, second = (contract_of("/ws/m", "m", each) for each in (BASE, after))
    assert next_version(first, checked(second)) == version


@pytest.mark.parametrize(
    "ai_type",
    [*ai_types.NAMES, "list(list(int32))", "list(struct(a int64,b list(string)))"],
)
def test_every_type_has_a_place_in_the_standard(ai_type: str) -> None:
    delta = ai_types.to_delta(ai_type)
    checked(contract_of("/ws/m", "m", [TableColumn("a", delta)]))
    assert typed(delta)["logicalType"]


@pytest.mark.parametrize("module", ["sales", "sales.2026", "sales-eu"])
def test_names_that_the_standard_has_no_spelling_for(module: str) -> None:
    notes = (("references", f"{module}.id"), ("is_key", "true"), ("valid_from", "since"))
    url = f"abfss://ai@workstation.dfs.core.windows.net/datasets/{module}"
    contract = checked(contract_of(url, module, [TableColumn("größe", "long", "", notes)]))
    assert contract["servers"][0]["location"] == url
    assert f"{module}.id" in json.dumps(contract)
