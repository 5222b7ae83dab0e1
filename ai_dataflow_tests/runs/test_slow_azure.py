"""Storage accounts that are slow, or refuse while a project is compiled."""

from __future__ import annotations

from typing import Any

import pytest
from polars.testing import assert_frame_equal

from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.runs.azure import (
    ORION,
    VEGA,
    WORKSTATION,
    Lake,
    as_in_a_new_process,
    make_lake,
)
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.proxy import Answer, FaultyProxy, Stall

pytestmark = pytest.mark.slow

DATA_FILE = {"method": "PUT", "path": r"ai/claims/client_code.*\.parquet"}
COMMIT = {"method": "PUT", "path": r"ai/claims/_delta_log/.*\.json"}
REPORT = {"method": "PUT", "path": r"ai/_runs/.*\.json"}
ACME = {"path": r"acme\.csv"}


@pytest.mark.proves("write", "slow", "it costs its time; all is published")
@pytest.mark.proves("commit", "slow", "it costs its time; all is published, once")
@pytest.mark.proves("report", "slow", "it costs its time; the report is there")
def test_a_slow_workstation_costs_its_time_and_nothing_else(
    azurite: Azurite, proxy: FaultyProxy, tmp_path: Any
) -> None:
    servers = dict.fromkeys((ORION, VEGA, WORKSTATION), azurite)
    endpoints = {WORKSTATION: proxy.endpoint(WORKSTATION)}
    lake = make_lake(tmp_path / "p", servers, endpoints=endpoints)
    assert lake.run().exit_code == 0
    before = lake.rows()
    for where in (DATA_FILE, COMMIT, REPORT):
        proxy.inject(Stall(3), times=1, **where)
    report = lake.run()
    assert proxy.stalled == 3
    assert (report.exit_code, report.unreported) == (0, [])
    assert {p.version for p in report.partitions} == {1}
    assert_frame_equal(lake.rows(), before)


@pytest.fixture
def lake(azurite: Azurite, proxy: FaultyProxy, tmp_path: Any) -> Lake:
    """Give a project whose ORION is behind the proxy."""
    servers = dict.fromkeys((ORION, VEGA, WORKSTATION), azurite)
    return make_lake(tmp_path / "p", servers, endpoints={ORION: proxy.endpoint(ORION)})


def _compiled(lake: Lake) -> Plan:
    as_in_a_new_process()
    return look_live(make_draft(load_project(lake.folder))).plan


@pytest.mark.proves("compile", "slow", "it costs its time; nothing is held")
def test_a_slow_account_is_waited_for_while_compiling(lake: Lake, proxy: FaultyProxy) -> None:
    proxy.inject(Stall(3), times=1, **ACME)
    assert _compiled(lake).diagnostics == ()
    assert proxy.stalled == 1


@pytest.mark.proves(
    "compile", "denied", "SRC-006, told before the run with the owner; the others can run"
)
def test_a_source_that_may_not_be_read_is_told_while_compiling(
    lake: Lake, proxy: FaultyProxy
) -> None:
    proxy.inject(Answer(403), **ACME)
    made = _compiled(lake)
    (problem,) = made.diagnostics
    assert (problem.code, problem.owner) == ("SRC-006", "orion-data")
    assert problem.partitions == ("claims|acme",)
    assert (made.held, len(made.jobs)) == ({}, 4)  # it may have passed when the run reads it
