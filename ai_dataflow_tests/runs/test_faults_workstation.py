"""A local workstation that somebody removed or damaged: what is left, what is told, what heals."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow_tests.projects import CONTROL, MAPPING, project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli, dagster_statuses, run_project

TWO_MODULES = f"{CONTROL}    ORION,fees,fee,acme,data/claims.csv,Y\n"
BOTH = f"{MAPPING}    fees,ORION,fee,ClaimNo,fee_id,int64\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project of two modules that has run once."""
    folder = project(tmp_path / "p", control=TWO_MODULES, mapping=BOTH)
    assert spine.run(folder).exit_code == 0
    return folder


def _is_published(folder: Path, module: str = "claims") -> bool:
    return load(module, config=folder).collect().height == 2


@pytest.mark.proves("write", "missing", "what is gone is made anew; all is published")
@pytest.mark.parametrize("gone", ["", "claims", "claims/client_code=acme", "_staging", "_leases"])
def test_what_is_gone_from_the_workstation_is_made_anew(shop: Path, gone: str) -> None:
    shutil.rmtree(shop / "workstation" / gone)
    assert spine.run(shop).exit_code == 0
    assert _is_published(shop)


@pytest.mark.proves(
    "commit", "missing", "a table without its log is made anew; all clients of the run are in it"
)
def test_a_table_whose_log_is_gone_is_made_anew(shop: Path) -> None:
    shutil.rmtree(shop / "workstation/claims/_delta_log")
    report = spine.run(shop)
    assert (report.exit_code, report.versions) == (0, {"claims": 0, "fees": 1})
    assert _is_published(shop)


@pytest.mark.proves(
    "commit",
    "corrupt",
    "WST-001: a damaged log fails its module; nothing is written over it, the others run",
)
def test_a_damaged_log_fails_its_module_and_no_other(shop: Path) -> None:
    """Nothing is written over it: somebody may yet mend it."""
    log = shop / f"workstation/claims/_delta_log/{0:020}.json"
    whole = log.read_bytes()
    log.write_bytes(whole[:200])
    report = run_project(shop)
    (failed,) = report.failed
    assert failed.partition == "claims|acme"
    assert {(e.code, e.owner) for e in failed.errors} == {("WST-001", "ai-platform")}
    assert dagster_statuses(shop, "ai_dataset")["fees|acme"] == "MATERIALIZED"
    log.write_bytes(whole)
    assert _is_published(shop)
    assert spine.run(shop).exit_code == 0


@pytest.mark.proves(
    "report",
    "missing",
    'the state of partitions is "never" until the next run; the data is there',
)
def test_reports_that_are_gone_cost_their_history_alone(shop: Path) -> None:
    shutil.rmtree(shop / "workstation/_runs")
    told = cli(shop, "status")
    assert (told.returncode, "2 never" in told.stdout) == (0, True)
    assert _is_published(shop)
    assert spine.run(shop).exit_code == 0
    assert cli(shop, "status").returncode == 0
