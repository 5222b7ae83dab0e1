"""What a small source in a storage account costs: requests, counted at a slow proxy."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.azure import ORION, WORKSTATION, abfss, as_in_a_new_process, storage
from ai_dataflow_tests.runs.runs import run_project
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.processes import unique
from ai_dataflow_tests.services.proxy import FaultyProxy, Stall

pytestmark = pytest.mark.slow

HEADER = "product_code,module_name,submodule_name,client_code,module_location,active\n"
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,ClaimNo,claim_id,int64
    claims,ORION,claim,Amount,amount,float64
"""
CLIENTS = [f"client{number:02}" for number in range(24)]


def test_a_small_source_is_two_requests_beside_the_listing(
    azurite: Azurite, proxy: FaultyProxy, tmp_path: Path
) -> None:
    container = unique()
    for account in (ORION, WORKSTATION):
        azurite.create_container(account, container)
    for number, client in enumerate(CLIENTS):
        rows = pl.DataFrame({"ClaimNo": [number], "Amount": [f"{number}.5"], "Beside": ["x"]})
        rows.write_parquet(content := io.BytesIO())
        azurite.upload(ORION, container, f"{client}.parquet", content.getvalue())
    toml = [
        f'[workstation]\nurl = "{abfss(WORKSTATION, container, "ai")}"',
        "[execution]\nworkers = 32",
        storage(azurite, [ORION, WORKSTATION], endpoints={ORION: proxy.endpoint(ORION)}),
    ]
    place = abfss(ORION, container, "{client_code}.parquet")
    control = HEADER + "".join(f"ORION,claims,claim,{client},{place},Y\n" for client in CLIENTS)
    project(tmp_path / "p", control=control, mapping=MAPPING, toml="\n".join(toml))
    proxy.inject(Stall(0.02))
    as_in_a_new_process()
    report = run_project(tmp_path / "p")
    assert [p.status for p in report.partitions] == ["ok"] * len(CLIENTS)
    assert sum(p.rows_published for p in report.partitions) == len(CLIENTS)
    asked = Counter(r.method for r in proxy.requests if r.target.split("?")[0].endswith(".parquet"))
    assert asked == {"GET": 2 * len(CLIENTS)}
    assert len(proxy.requests) <= 2 * len(CLIENTS) + 4  # listings
