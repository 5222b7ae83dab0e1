"""A catalogue of lineage hears of runs where OpenLineage is configured; no data fails for it."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai_dataflow.cli.starter import write_project
from ai_dataflow.config.settings import load_settings
from ai_dataflow.runs.lineage import emitting
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import RunReport, read_report
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.projects import table as project_table
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.catalogue import Catalogue, Event, checked, listening, once, problems
from ai_dataflow_tests.runs.runs import cli, run_project

RUN, ACME, BOREALIS = "ai_dataflow", "ai_dataflow.claims|acme", "ai_dataflow.claims|borealis"


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    """Give a catalogue that runs send to."""
    with listening() as catalogue:
        monkeypatch.setenv("OPENLINEAGE_URL", catalogue.url)
        yield catalogue


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """Give the project that `ai-dataflow init` writes: two submodules joined, a rule, rejects."""
    write_project(tmp_path / "p", "minimal")
    return tmp_path / "p"


@pytest.fixture(autouse=True)
def _forget_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_CONFIG", "")
    monkeypatch.delenv("OPENLINEAGE_CONFIG")


def fields(event: Event) -> dict[str, list[tuple[str, str, str, str]]]:
    """Give what each column of what was published comes from: the file, its column, how."""
    lineage = event["outputs"][0]["facets"]["columnLineage"]["fields"]
    return {
        name: [
            (Path(i["name"]).name, i["field"], t["type"], t["subtype"])
            for i in of_column["inputFields"]
            for t in i["transformations"]
        ]
        for name, of_column in lineage.items()
    }


def test_a_catalogue_hears_of_a_run_and_of_each_of_its_partitions(
    starter: Path, catalogue: Catalogue
) -> None:
    report = spine.run(starter)
    assert not problems(report)
    assert [e["eventType"] for e in catalogue.of(ACME)] == ["START", "COMPLETE"]
    assert len(catalogue.events) == 6
    ids = {e["run"]["runId"] for e in catalogue.of(ACME)}
    assert len(ids) == 1
    parent = catalogue.end(ACME)["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == catalogue.end(RUN)["run"]["runId"] not in ids
    assert parent["job"] == {"namespace": "ai_dataflow", "name": RUN, "facets": {}}
    assert {e["job"]["namespace"] for e in catalogue.events} == {"ai_dataflow"}


def test_what_it_hears_of_a_partition(starter: Path, catalogue: Catalogue) -> None:
    report = spine.run(starter)
    acme = next(p for p in report.partitions if p.partition == "claims|acme")
    event = catalogue.end(ACME)
    dataset, rejects = event["outputs"]
    assert (dataset["namespace"], dataset["name"]) == ("file", f"{starter}/workstation/claims")
    assert rejects["name"] == f"{starter}/workstation/_rejects/claims"
    assert rejects["outputFacets"]["outputStatistics"]["rowCount"] == acme.rows_rejected
    statistics = dataset["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["size"]) == (acme.rows_published, acme.bytes)
    (part,) = dataset["outputFacets"]["subset"]["outputCondition"]["partitions"]
    assert part["dimensions"] == {"client_code": "acme"}
    facets = dataset["facets"]
    assert facets["version"]["datasetVersion"] == str(acme.version)
    assert [f["name"] for f in facets["schema"]["fields"]][-2:] == ["product_code", "client_code"]
    counts = facets["dataQualityMetrics"]
    assert counts["rowCount"] == acme.rows_published
    filled = sum(product.filled["amount"] for product in acme.products.values())
    assert counts["columnMetrics"]["amount"] == {"nullCount": acme.rows_published - filled}
    inputs = {Path(each["name"]).name: each for each in event["inputs"]}
    assert inputs.keys() == {"header.csv", "line.csv", "claims_acme.csv"}
    assert inputs["line.csv"]["inputFacets"]["inputStatistics"]["rowCount"] == 4
    owners = [owner["name"] for owner in event["job"]["facets"]["ownership"]["owners"]]
    assert "team:orion-data" in owners


def test_lineage_of_columns_says_which_cell_made_them_and_what_decided_the_rows(
    starter: Path, catalogue: Catalogue
) -> None:
    spine.run(starter)
    event = catalogue.end(BOREALIS)
    assert fields(event)["amount"] == [("line.csv", "Amount", "DIRECT", "TRANSFORMATION")]
    assert fields(event)["claim_id"] == [
        ("header.csv", "ClaimNo", "DIRECT", "TRANSFORMATION"),
        ("line.csv", "ClaimNo", "DIRECT", "TRANSFORMATION"),
    ]
    lineage = event["outputs"][0]["facets"]["columnLineage"]
    (by,) = lineage["fields"]["amount"]["inputFields"][0]["transformations"]
    assert by["description"] == "ai_mapping.xlsx!AI_Map!D6"
    shaped = {(Path(i["name"]).name, i["field"], t["type"], t["subtype"])
              for i in lineage["dataset"] for t in i["transformations"]}  # fmt: skip
    assert shaped == {
        ("header.csv", "Status", "INDIRECT", "FILTER"),
        ("header.csv", "ClaimNo", "INDIRECT", "JOIN"),
        ("line.csv", "ClaimNo", "INDIRECT", "JOIN"),
    }


def test_no_row_value_is_sent(starter: Path, catalogue: Catalogue) -> None:
    spine.run(starter)
    sent = json.dumps(catalogue.events)
    for value in ("1999.99", "2026-02-30", "120.5", "draft", '"min"', '"max"', "quantiles"):
        assert value not in sent


def test_what_is_taken_as_it_is_is_told_from_what_is_made(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
        claims,ORION,claim,Name,name,string,
        claims,ORION,claim,No,no,int64,
        claims,ORION,claim,,shown,string,UPPER(Name)
        claims,ORION,,,twice,int64,no * 2
    """
    project(tmp_path, mapping=mapping)
    text_file(tmp_path, "data/claims.csv", "No,Name\n1,x\n")
    spine.run(tmp_path)
    how = {name: of_column[0][1:] for name, of_column in fields(catalogue.end(ACME)).items()}
    assert how == {
        "name": ("Name", "DIRECT", "IDENTITY"),
        "no": ("No", "DIRECT", "TRANSFORMATION"),  # from text
        "shown": ("Name", "DIRECT", "TRANSFORMATION"),
        "twice": ("No", "DIRECT", "TRANSFORMATION"),
    }


def test_what_failed_and_what_waits_is_told_as_such(tmp_path: Path, catalogue: Catalogue) -> None:
    control = """
        product_code,module_name,submodule_name,client_code,module_location,active
        ORION,claims,claim,acme,data/acme.csv,Y
        ORION,claims,claim,borealis,data/borealis.csv,Y
    """
    project(tmp_path, control=control)
    rows = "".join(f"{n},{n}\n" for n in range(8))
    text_file(tmp_path, "data/acme.csv", "ClaimNo,Amount\n" + rows)
    spine.run(tmp_path)
    failed = catalogue.end(BOREALIS)
    assert failed["eventType"] == "FAIL"
    assert failed["run"]["facets"]["errorMessage"]["message"].startswith("SRC-001")
    assert "outputStatistics" not in failed["outputs"][0]["outputFacets"]
    assert catalogue.end(ACME)["eventType"] == "COMPLETE"
    assert catalogue.end(RUN)["eventType"] == "FAIL"
    catalogue.events.clear()
    text_file(tmp_path, "data/acme.csv", "ClaimNo,Amount\n1,1\n")
    spine.run(tmp_path, ["claims|acme"])
    assert catalogue.end(ACME)["eventType"] == "ABORT"
    catalogue.events.clear()
    spine.accept(tmp_path, "claims|acme")
    assert catalogue.end(ACME)["eventType"] == "COMPLETE"
    assert fields(catalogue.end(ACME)).keys() == {"claim_id", "amount"}


def test_a_run_that_finds_nothing_changed_is_not_told(starter: Path, catalogue: Catalogue) -> None:
    spine.run(starter)
    catalogue.events.clear()
    spine.run_changed(starter)
    assert catalogue.events == []


def test_the_report_is_there_before_anything_is_sent(starter: Path, catalogue: Catalogue) -> None:
    there: list[bool] = []

    def look(_: Event) -> int:
        there.append(bool(list((starter / "workstation/_runs").glob("*.json"))))
        return 201

    catalogue.answer = look
    spine.run(starter)
    assert len(there) == 6
    assert all(there)


def test_runs_in_dagster_are_told_as_well(starter: Path, catalogue: Catalogue) -> None:
    report = run_project(starter)
    assert catalogue.end(RUN)["run"]["runId"] == report.run_id  # Dagster's own
    assert catalogue.end(ACME)["eventType"] == "COMPLETE"


def test_the_namespace_is_the_settings_or_the_variables(
    tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "theirs")
    spine.run(project(tmp_path))
    toml = '[workstation]\nurl = "workstation"\n[openlineage]\nnamespace = "ours"\n'
    spine.run(project(tmp_path, toml=toml))
    assert [e["job"]["namespace"] for e in catalogue.of(RUN, "START")] == ["theirs", "ours"]


def test_events_go_to_a_file_where_the_configuration_says_so(starter: Path) -> None:
    once(starter, type="file", log_file_path=f"{starter}/events.jsonl", append=True)
    assert not problems(spine.run(starter))
    lines = (starter / "events.jsonl").read_text().splitlines()
    events = [checked(json.loads(line)) for line in lines]
    assert [(e["job"]["name"], e["eventType"]) for e in events] == [
        (name, state) for name in (RUN, ACME, BOREALIS) for state in ("START", "COMPLETE")
    ]


def test_checks_are_told_as_what_was_looked_at(tmp_path: Path, catalogue: Catalogue) -> None:
    control = """
        product_code,module_name,submodule_name,client_code,module_location,active
        ORION,claims,claim,acme,data/claims.csv,Y
        ORION,persons,all,acme,data/persons.csv,Y
    """
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type
        claims,ORION,claim,ClaimNo,claim_id,int64
        persons,ORION,all,No,person_id,int64
    """
    toml = 'ai_columns = "ai_columns.csv"\n[workstation]\nurl = "workstation"\n'
    project(tmp_path, control=control, mapping=mapping, toml=toml)
    text_file(tmp_path, "data/persons.csv", "No\n1\n")
    rule = "module_name,ai_column,references\nclaims,claim_id,persons.person_id\n"
    text_file(tmp_path, "ai_columns.csv", rule)
    spine.run(tmp_path)
    (dataset,) = catalogue.end(RUN)["inputs"]
    (check,) = dataset["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (check["assertion"], check["column"], check["success"]) == (
        "references", "claim_id", False,
    )  # fmt: skip
    assert check["actual"] == "1 of 2 rows break it"


@pytest.mark.proves(
    "report", "missing", "a catalogue of lineage that is away is a warning; data is published"
)
def test_a_server_that_is_away_is_a_warning_and_no_more(starter: Path) -> None:
    once(starter, url="http://127.0.0.1:1", auth={"type": "api_key", "apiKey": "hunter2"})
    report = spine.run(starter)
    assert report.exit_code == 0
    (problem,) = problems(report)
    assert (problem["severity"], problem["owner"]) == ("warning", "ai-platform")
    assert "OpenLineage was not told of this run: all of it" in problem["message"]
    assert "hunter2" not in report.model_dump_json()
    settings = load_settings(starter)
    stored = read_report(open_workstation(settings).reports(), report.run_id)
    assert stored
    assert problems(stored) == [problem]


def test_what_a_server_refuses_is_counted(starter: Path, catalogue: Catalogue) -> None:
    catalogue.answer = lambda event: 400 if event["job"]["name"] == ACME else 201
    (problem,) = problems(spine.run(starter))
    assert "1 of 3 runs in it: 400 Client Error" in problem["message"]
    assert catalogue.end(BOREALIS)["eventType"] == "COMPLETE"


def test_a_server_that_is_silent_holds_nobody_up(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emitting, "_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        once(starter, url=f"http://127.0.0.1:{server.getsockname()[1]}", timeout=5)
        (problem,) = problems(spine.run(starter))
    assert "it was too slow" in problem["message"]


def test_who_asks_the_run_to_end_does_not_wait_for_a_silent_server(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emitting, "_SECONDS_ASKED", 0.1)
    monkeypatch.setattr(emitting, "asked", lambda: "Ctrl-C")
    with socket.create_server(("127.0.0.1", 0)) as server:
        once(starter, url=f"http://127.0.0.1:{server.getsockname()[1]}", timeout=60)
        (problem,) = problems(spine.run(starter))
    assert "it was too slow" in problem["message"]


def test_a_replay_is_told_as_the_run_that_it_is(tmp_path: Path, catalogue: Catalogue) -> None:
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
        claims,ORION,claim,ClaimNo,claim_id,int64,
        claims,ORION,claim,{source},amount,float64,{transform}
    """
    project(tmp_path, mapping=mapping.format(source="Amount", transform=""))
    text_file(tmp_path, "data/claims.csv", "ClaimNo,Amount\n1,1\n2,two\n")
    spine.run(tmp_path)
    catalogue.events.clear()
    transform = "TRY_CAST(Amount AS DOUBLE)"
    project_table(tmp_path, "ai_mapping", mapping.format(source="", transform=transform))
    spine.replay(tmp_path, dry_run=True)
    assert catalogue.events == []
    assert spine.replay(tmp_path).exit_code == 0
    assert {e["job"]["name"] for e in catalogue.events} == {RUN, ACME}
    end = catalogue.end(ACME)
    assert end["outputs"][0]["facets"]["dataQualityMetrics"]["rowCount"] == 2
    assert end["run"]["facets"]["parent"]["run"]["runId"] == catalogue.end(RUN)["run"]["runId"]


def test_a_file_without_a_transport_is_told(
    starter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = text_file(starter, "openlineage.yml", "tags: {job: {a: b}}\n")
    os.environ["OPENLINEAGE_CONFIG"] = str(file)
    (problem,) = problems(spine.run(starter))
    assert "no transport with a type" in problem["message"]
    assert capsys.readouterr().out == ""


def test_the_package_is_needed_only_where_it_is_configured(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openlineage", None)
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    assert not problems(spine.run(starter))
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    (problem,) = problems(spine.run(starter))
    assert problem["fix"] == "pip install 'ai_dataflow[openlineage]'"
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    assert not problems(spine.run(starter))


def test_nothing_of_it_is_printed_or_left_behind(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "hunter2")
    once(starter, url="http://127.0.0.1:1")
    before = dict(os.environ)
    told = cli(starter, "run", "--json")
    assert problems(RunReport.model_validate_json(told.stdout))
    assert "urllib3" not in told.stderr
    said = cli(starter, "run", "--full")
    assert (said.stdout + said.stderr).count("OpenLineage was not told of this run") == 1
    assert dict(os.environ) == before
    assert logging.getLogger("openlineage").level == logging.NOTSET


def test_one_of_several_transports_that_fails_is_told(starter: Path, catalogue: Catalogue) -> None:
    away = {"type": "http", "url": "http://127.0.0.1:1", "retry": {"total": 0}}
    both = {"away": away, "there": {"type": "http", "url": catalogue.url}}
    os.environ["OPENLINEAGE_CONFIG"] = str(
        text_file(starter, "openlineage.yml", json.dumps(
            {"transport": {"type": "composite", "transports": both}}
        ))
    )  # fmt: skip
    (problem,) = problems(spine.run(starter))
    assert "failed to emit event" in problem["message"]
    assert len(catalogue.events) >= 6
