"""What a small source in a storage account costs: requests, counted at a slow proxy."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.azure import (
    ORION,
    VEGA,
    WORKSTATION,
    abfss,
    as_in_a_new_process,
    make_lake,
    storage,
)
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


def test_a_small_source_is_two_requests_and_so_is_what_is_made_of_it(
    azurite: Azurite, proxy: FaultyProxy, tmp_path: Path
) -> None:
    container, accounts = unique(), (ORION, WORKSTATION)
    for account in accounts:
        azurite.create_container(account, container)
    for number, client in enumerate(CLIENTS):
        rows = pl.DataFrame({"ClaimNo": [number], "Amount": [f"{number}.5"], "Beside": ["x"]})
        rows.write_parquet(content := io.BytesIO())
        azurite.upload(ORION, container, f"{client}.parquet", content.getvalue())
    toml = [
        f'[workstation]\nurl = "{abfss(WORKSTATION, container, "ai")}"',
        "[execution]\nworkers = 32",
        storage(azurite, accounts, endpoints={name: proxy.endpoint(name) for name in accounts}),
    ]
    place = abfss(ORION, container, "{client_code}.parquet")
    control = HEADER + "".join(f"ORION,claims,claim,{client},{place},Y\n" for client in CLIENTS)
    project(tmp_path / "p", control=control, mapping=MAPPING, toml="\n".join(toml))
    proxy.inject(Stall(0.02))
    as_in_a_new_process()
    report = run_project(tmp_path / "p")
    assert [p.status for p in report.partitions] == ["ok"] * len(CLIENTS)
    assert report.diagnostics == []
    assert sum(p.rows_published for p in report.partitions) == len(CLIENTS)
    of_sources = [r for r in proxy.requests if r.path.startswith(f"/{ORION}/")]
    assert Counter(r.method for r in of_sources if not r.is_listing) == {"GET": 2 * len(CLIENTS)}
    assert len(of_sources) <= 2 * len(CLIENTS) + 4  # listings
    published = Counter(r.method for r in proxy.requests if "/ai/claims/client_code=" in r.path)
    # Whether they are there is asked before the commit and after it.
    assert published == {"PUT": len(CLIENTS), "GET": len(CLIENTS), "HEAD": 2 * len(CLIENTS)}


def test_a_run_of_one_partition_makes_few_requests_in_a_row(
    azurite: Azurite, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """Each of them costs what the account is away, whatever the run is about."""
    lake = make_lake(
        tmp_path / "p",
        dict.fromkeys((ORION, VEGA, WORKSTATION), azurite),
        endpoints={WORKSTATION: proxy.endpoint(WORKSTATION)},
    )
    assert lake.run().diagnostics == []
    proxy.clear()
    report = spine.run(lake.folder, ["claims|acme"])
    assert [(p.status, p.version) for p in report.partitions] == [("ok", 1)]
    assert len(proxy.requests) <= 160
