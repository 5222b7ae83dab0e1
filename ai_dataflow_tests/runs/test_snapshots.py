"""Snapshots: all modules as they were when a run ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow.workstation.readers import DatasetNotFoundError
from ai_dataflow_tests.projects import CONTROL, MAPPING, project, text_file
from ai_dataflow_tests.runs import spine

MODULES = ("claims", "losses")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project of two modules that read the same file."""
    return project(
        tmp_path,
        control=CONTROL + "    ORION,losses,claim,acme,data/claims.csv,Y\n",
        mapping=MAPPING + "    losses,ORION,claim,ClaimNo,loss_id,int64\n",
    )


def _rows(folder: Path, snapshot: str | None = None) -> list[int]:
    return [load(m, snapshot=snapshot, config=folder).collect().height for m in MODULES]


def test_a_run_is_a_snapshot_of_all_modules_its_own_and_the_others(shop: Path) -> None:
    first = spine.run(shop)
    text_file(shop, "data/claims.csv", "ClaimNo,Amount\n1,10.5\n")
    only_claims = spine.run(shop, ["claims|acme"])
    both = spine.run(shop)
    assert _rows(shop, first.run_id) == [2, 2]
    assert _rows(shop, only_claims.run_id) == [1, 2]
    assert _rows(shop, both.run_id) == _rows(shop) == [1, 1]


def test_the_report_carries_the_version_of_each_module_and_partition(shop: Path) -> None:
    report = spine.run(shop)
    assert report.versions == {"claims": 0, "losses": 0}
    assert {p.version for p in report.partitions} == {0}


def test_what_a_run_did_not_know_cannot_be_read_as_of_it(shop: Path) -> None:
    report = spine.run(shop, ["claims|acme"])
    with pytest.raises(DatasetNotFoundError, match="losses"):
        load("losses", snapshot=report.run_id, config=shop)
    with pytest.raises(DatasetNotFoundError, match="no run"):
        load("claims", snapshot="nosuch", config=shop)
    with pytest.raises(ValueError, match="one of version, snapshot and at"):
        load("claims", version=0, snapshot=report.run_id, config=shop)
