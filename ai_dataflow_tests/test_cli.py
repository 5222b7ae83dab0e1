"""The command line, as a user meets it: what it prints and its exit codes.

Most commands are called in this process; a few are started as a user does, in one of their own.
"""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import openpyxl
import pytest

from ai_dataflow import load
from ai_dataflow.cli.starter import write_project
from ai_dataflow.sources.schemas import CACHE_FILE
from ai_dataflow_tests import projects
from ai_dataflow_tests.runs.runs import cli, cli_process, dagster_statuses
from ai_dataflow_tests.services.ports import ClosedPort

_cli = partial(cli, columns=120)
_started = partial(cli_process, columns=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    write_project(folder)
    return folder


@pytest.mark.slow
def test_init_writes_a_project_that_runs(tmp_path: Path) -> None:
    made = _started(tmp_path, "init", "mine")
    assert made.returncode == 0
    assert "ai-dataflow run" in made.stdout
    ran = _started(tmp_path / "mine", "run")
    assert ran.returncode == 0, ran.stderr
    assert "claims" in ran.stdout
    assert "_rejects" in ran.stdout
    assert load("claims", client="acme", config=tmp_path / "mine").collect().height == 4


def test_init_does_not_touch_a_folder_with_something_in_it(project: Path) -> None:
    again = _cli(project.parent, "init", "project")
    assert again.returncode == 2
    assert "CFG-003" in again.stderr


@pytest.mark.slow
def test_run_json_is_the_report_and_nothing_else(project: Path) -> None:
    ran = _started(project, "run", "--json")
    report = json.loads(ran.stdout)
    saved = json.loads((project / f"workstation/_runs/{report['run_id']}.json").read_text())
    assert report == saved
    acme = next(p for p in report["partitions"] if p["partition"] == "claims|acme")
    assert (acme["status"], acme["rows_read"], acme["rows_rejected"]) == ("ok", 10, 2)
    assert (acme["rows_filtered"], acme["rows_unmatched"]) == (1, 1)  # a draft, and its line
    assert acme["products"]["VEGA"] == {
        "rows_read": 2, "rows_rejected": 1, "rows_merged": 0, "rows_published": 1,
        "rows_replayed": 0,
        "filled": {"claim_id": 1, "claim_date": 1, "status": 0, "amount": 1},
        "sources": {"claim": {"rows_read": 2, "rejected": {"REJ-001": 1}}},
    }  # fmt: skip


@pytest.mark.slow
def test_a_failed_partition_is_exit_code_1_and_no_traceback(project: Path) -> None:
    (project / "data/vega/claims_acme.csv").unlink()
    ran = _started(project, "run")
    assert ran.returncode == 1
    assert "failed[SRC-001]: source not found" in ran.stdout
    assert "control_table.csv:6:module_location" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.slow
def test_a_report_that_the_workstation_cannot_take_is_told_where_it_is_kept(
    tmp_path: Path,
) -> None:
    url = "abfss://lake@workstation.dfs.core.windows.net/ai"
    with ClosedPort() as nobody:
        away = f"""
            [workstation]
            url = "{url}"
            [storage.workstation]
            account_key = "aHVudGVyMg=="
            endpoint = "http://127.0.0.1:{nobody.port}/workstation"
            [execution]
            retry_seconds = 0
        """
        ran = _cli(projects.project(tmp_path, toml=away), "run")
    assert ran.returncode == 2, ran.stderr
    (kept,) = (tmp_path / ".cache/ai_dataflow/runs").glob("*.json")
    assert f"report      {kept}\n" in ran.stdout
    assert f"not delivered yet: WST-004 {url}/_runs cannot be reached" in ran.stdout
    assert f"{url}/_runs/" not in ran.stdout


def test_only_the_partitions_asked_for_are_run(project: Path) -> None:
    report = json.loads(_cli(project, "run", "-p", "claims|borealis", "--json").stdout)
    assert [p["partition"] for p in report["partitions"]] == ["claims|borealis"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("-p", "claims|amce"), "RUN-001"), (("--config", "nowhere"), "CFG-001")],
)
@pytest.mark.slow
def test_what_cannot_run_is_exit_code_2(
    project: Path, arguments: tuple[str, ...], code: str
) -> None:
    ran = _started(project, "run", *arguments)
    assert ran.returncode == 2
    assert code in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_when_everything_is_held_back_the_exit_code_is_2(project: Path) -> None:
    control = project / "control_table.csv"
    control.write_text(control.read_text().replace("/mnt/orion", "/mnt/orino"))
    ran = _cli(project, "run")
    assert ran.returncode == 2
    assert ran.stdout.count("CTL-007") == 4  # one for each row


def test_errors_are_json_too(project: Path) -> None:
    (project / "ai_dataflow.toml").write_text('[workstation]\nurl = "${NO_SUCH_VARIABLE}"\n')
    ran = _cli(project, "run", "--json")
    assert ran.returncode == 2
    document = json.loads(ran.stdout)
    assert (document["schema"], document["schema_version"]) == ("ai_dataflow.error", 1)
    (problem,) = document["items"]
    assert problem["code"] == "CFG-004"
    assert "NO_SUCH_VARIABLE" in problem["message"]


@pytest.mark.slow
def test_status_tells_what_is_wrong_and_since_when(project: Path) -> None:
    assert _cli(project, "status").returncode == 0
    _cli(project, "run")
    vega = project / "data/vega/claims_acme.csv"
    text = vega.read_text()
    vega.unlink()
    _cli(project, "run")
    _cli(project, "run", "-p", "claims|acme")
    told = _cli(project, "status", "--json")
    assert told.returncode == 1
    acme, borealis = json.loads(told.stdout)["items"]
    assert (acme["state"], acme["rows"], acme["version"]) == ("failed", 4, 0)
    assert acme["failed_runs"] == 2
    assert acme["error"]["code"] == "SRC-001"
    assert acme["published"] < acme["failing_since"]
    assert (borealis["state"], borealis["version"]) == ("ok", 0)  # nothing of it changed
    vega.write_text(text)
    _cli(project, "run")
    assert _cli(project, "status").returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        "init",
        "run",
        "retry",
        "status",
        "validate",
        "plan",
        "explain",
        "help",
        "rejects",
        "replay",
        "cleanup",
        "notify",
        "notify send",
        "notify status",
        "notify preview",
    ],
)
def test_every_command_has_help_with_an_example(tmp_path: Path, command: str) -> None:
    told = _cli(tmp_path, *command.split(), "--help")
    assert told.returncode == 0
    assert "ai-dataflow" in told.stdout.split("Example", 1)[1]


def test_usage_errors_are_exit_code_2(tmp_path: Path) -> None:
    assert _cli(tmp_path, "run", "--no-such-option").returncode == 2


def test_the_instance_can_be_given(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = project.parent / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert _cli(project, "run").returncode == 0
    assert (home / "history").is_dir()
    assert not (project / ".dagster/history").exists()


def _set_cell(project: Path, cell: str, value: str) -> None:
    """Change a cell of the mapping sheet; row 9 is VEGA's amount, from `total`."""
    book = openpyxl.load_workbook(project / "ai_mapping.xlsx")
    book["AI_Map"][cell] = value
    book.save(project / "ai_mapping.xlsx")


def test_validate_of_a_good_project_is_exit_code_0(project: Path) -> None:
    told = _cli(project, "validate")
    assert told.returncode == 0, told.stdout + told.stderr
    verdict = told.stdout.splitlines()[-1]
    assert verdict.startswith("0 errors, ")
    assert verdict.endswith("2 of 2 partitions can run")


def test_validate_tells_the_cell_and_is_exit_code_1(project: Path) -> None:
    _set_cell(project, "D9", "totl")
    told = _cli(project, "validate")
    assert told.returncode == 1
    assert "error[MAP-014]: source column not found" in told.stdout
    assert "  --> ai_mapping.xlsx!AI_Map!D9   (VEGA · claims · claim → amount)" in told.stdout
    assert told.stdout.splitlines()[-1] == (
        "1 error, 0 warnings · 1 of 2 module × product pairs held · 1 of 2 partitions can run"
    )


@pytest.mark.parametrize(
    ("cell", "value", "code"), [("D2", "ClaimNr", "MAP-014"), ("F1", "ai_typ", "MAP-001")]
)
def test_validate_is_exit_code_2_where_nothing_could_run(
    project: Path, cell: str, value: str, code: str
) -> None:
    _set_cell(project, cell, value)
    told = _cli(project, "validate")
    assert told.returncode == 2
    assert f"error[{code}]" in told.stdout + told.stderr


def test_validate_json_is_the_problems_and_nothing_else(project: Path) -> None:
    _set_cell(project, "D9", "totl")
    told = _cli(project, "validate", "--json")
    (problem,) = json.loads(told.stdout)["items"]
    assert (told.returncode, problem["code"], problem["severity"]) == (1, "MAP-014", "error")
    assert (problem["place"], problem["owner"]) == ("ai_mapping.xlsx!AI_Map!D9", "ai-mapping")
    assert problem["partitions"] == ["claims|acme"]
    assert "did you mean `total`?" in problem["message"]


def test_validate_for_github_marks_the_line_of_the_file(project: Path) -> None:
    control = project / "control_table.csv"
    control.write_text(control.read_text().replace("data/vega", "../vega", 1))
    told = _cli(project, "validate", "--format", "github")
    (line,) = told.stdout.splitlines()
    assert told.returncode == 1
    assert line.startswith(
        "::error file=control_table.csv,line=6,title=CTL-013 location leaves its folder::"
    )


def test_validate_offline_touches_no_source(project: Path) -> None:
    shutil.rmtree(project / "data")
    assert _cli(project, "validate", "--offline").returncode == 0
    assert not (project / CACHE_FILE).exists()
    online = _cli(project, "validate")
    assert online.returncode == 1
    assert online.stdout.count("error[SRC-001]") == 5


def test_plan_tells_what_a_run_would_do_now(project: Path) -> None:
    _cli(project, "run", "-p", "claims|acme")
    control = project / "control_table.csv"
    control.write_text(control.read_text().replace(",acme,", ",coral,"))
    _set_cell(project, "D9", "totl")
    data = project / "data"
    (data / "orion/claims/acme").rename(data / "orion/claims/coral")
    (data / "vega/claims_acme.csv").rename(data / "vega/claims_coral.csv")
    planned = json.loads(_cli(project, "plan", "--json").stdout)
    assert (planned["run"], planned["new"]) == (["claims|borealis"], ["claims|borealis"])
    assert planned["removed"] == ["claims|acme"]
    ((key, (problem,)),) = planned["held"].items()
    assert (key, problem["code"]) == ("claims|coral", "MAP-014")
    assert planned["coverage"]["claims"]["columns"]["status"] == {
        "ORION": "mapped", "VEGA": "missing",
    }  # fmt: skip
    shown = _cli(project, "plan").stdout
    assert "held back: claims|coral: MAP-014 at ai_mapping.xlsx!AI_Map!D9" in shown
    assert "removed: claims|acme is not in the control table; its data stays" in shown


def test_plan_explains_what_a_partition_compiles_to(project: Path) -> None:
    told = _cli(project, "plan", "--explain", "claims|acme")
    assert told.returncode == 0
    assert (
        "status: string <- upper(trim(Status)): String   [codes claim_status]   "
        "(ai_mapping.xlsx!AI_Map!G4)" in told.stdout
    )
    assert "left join of line on claim_id" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "--explain", "claims|amce"), "did you mean `claims|acme`?"),
        (("explain", "amout"), "no partition that can run maps `amout`; did you mean `amount`?"),
        (("explain", "amount", "--module", "policies"), "RUN-030"),
        (("help", "MAP-01"), "did you mean"),
    ],
)
def test_what_is_not_there_is_exit_code_2_with_what_was_meant(
    project: Path, arguments: tuple[str, ...], says: str
) -> None:
    told = _cli(project, *arguments)
    assert told.returncode == 2
    assert says in told.stderr
    assert "Traceback" not in told.stderr


def test_explain_tells_where_a_column_comes_from_and_for_how_many_clients(project: Path) -> None:
    _cli(project, "run")
    told = _cli(project, "explain", "amount")
    assert [line.split("   ")[0].strip() for line in told.stdout.splitlines()] == [
        "claims · ORION · line", "claims · VEGA · claim", "claims: must hold: min 0",
    ]  # fmt: skip
    told = _cli(project, "explain", "amount", "--json")
    orion, vega = json.loads(told.stdout)["items"]
    assert (orion["source"], orion["clients"], orion["filled"]) == ("Amount", 2, 2)
    assert (vega["cell"], vega["clients"], vega["filled"]) == ("ai_mapping.xlsx!AI_Map!D9", 1, 1)


def test_help_explains_a_code_in_any_case(tmp_path: Path) -> None:
    told = _cli(tmp_path, "help", "map-014")
    assert told.returncode == 0
    assert "MAP-014: source column not found" in told.stdout
    assert "What to do:" in told.stdout


@pytest.mark.slow
def test_a_run_holds_back_exactly_the_partitions_that_a_wrong_cell_touches(project: Path) -> None:
    _set_cell(project, "D9", "totl")
    ran = _cli(project, "run", "--json")
    assert ran.returncode == 1
    acme, borealis = json.loads(ran.stdout)["partitions"]
    assert (acme["partition"], acme["status"]) == ("claims|acme", "held")
    assert acme["error"]["code"] == "MAP-014"
    assert (acme["error"]["place"], acme["error"]["owner"]) == (
        "ai_mapping.xlsx!AI_Map!D9", "ai-mapping",
    )  # fmt: skip
    assert (borealis["partition"], borealis["status"]) == ("claims|borealis", "ok")
    assert dagster_statuses(project, "ai_dataset") == {
        "claims|acme": "FAILED",
        "claims|borealis": "MATERIALIZED",
    }
