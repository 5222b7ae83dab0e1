"""Whole partitions from SQL Server, through both drivers, though it breaks off and throttles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.sources.mssql import DRIVERS, PLAIN, url
from ai_dataflow_tests.tds.faults import Break, Refuse
from ai_dataflow_tests.tds.server import TdsServer
from ai_dataflow_tests.tds.statements import Table

pytestmark = pytest.mark.slow

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    VEGA,claims,claim,acme,sql://db/dbo.Claims?client_column=Client,Y
    VEGA,claims,claim,coral,sql://db/dbo.Claims?client_column=Client,Y
    VEGA,claims,claim,delta,sql://db/dbo.Closed,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,VEGA,claim,ClaimNo,claim_id,int64
    claims,VEGA,claim,Amount,amount,"decimal(18,4)"
    claims,VEGA,claim,Reported At,reported,timestamp
    claims,VEGA,claim,Subject,subject,string
"""
ROWS = 1_500
START = datetime(2024, 2, 29, 23, tzinfo=UTC)
COLUMNS = [("ClaimNo", "bigint"), ("Amount", "money"), ("Reported At", "datetimeoffset(7)"),
           ("Subject", "nvarchar(max)"), ("Client", "varchar(10)"), ("Secret", "xml")]  # fmt: skip


def _tables() -> list[Table]:
    rows = [
        (
            n,
            Decimal(n) / 10_000,
            f"{START + timedelta(minutes=n + 330):%Y-%m-%d %H:%M:%S} +05:30",
            None if n % 7 == 0 else f"Schaden 字😀 {n}",
            ("acme", "coral")[n % 2],
            "<a/>",
        )
        for n in range(ROWS)
    ]
    return [Table("dbo", "Claims", COLUMNS, rows),
            Table("dbo", "Closed", COLUMNS, [], is_denied=True)]  # fmt: skip


@pytest.mark.parametrize("driver", DRIVERS)
def test_partitions_of_a_troubled_server_are_whole(tmp_path: Path, driver: str) -> None:
    with TdsServer(*_tables()) as server:
        server.inject("login", Refuse(40613))
        server.inject("read", Break(after=300))
        server.inject("read", Refuse(40501, after=500))
        toml = f"""
            [workstation]
            url = "workstation"
            [execution]
            retry_seconds = 30
            [sql.db]
            url = "{url(server, driver, PLAIN[driver])}"
        """
        report = spine.run(project(tmp_path, control=CONTROL, mapping=MAPPING, toml=toml))
        assert report.statuses() == {"ok": 2, "failed": 1}
        assert [e.code for p in report.failed for e in p.errors] == ["SRC-022"]
        assert {tuple(asked.parameters) for asked in server.reads()} == {("acme",), ("coral",)}
        assert not any("Secret" in asked.text for asked in server.reads())
    found = load("claims", config=tmp_path).collect().sort("claim_id")
    assert found["claim_id"].to_list() == list(range(ROWS))
    assert found["amount"].to_list() == [Decimal(n) / 10_000 for n in range(ROWS)]
    reported = found["reported"].dt.replace_time_zone("UTC").to_list()
    assert reported == [START + timedelta(minutes=n) for n in range(ROWS)]
    assert found["subject"].to_list() == [
        None if n % 7 == 0 else f"Schaden 字😀 {n}" for n in range(ROWS)
    ]
