"""A storage account that is far away: a first run of small partitions, and one of a changed source.

    .venv/bin/python -m bench.far_account --partitions 200 --milliseconds 20

Sources and workstation are in an Azurite behind a proxy that lets each request wait. `make` is the
time from the first partition's start to the last one's end; the rest of the whole command are
requests one after the other, Dagster and imports. The emulator and the proxy share this machine's
cores with the command, so what they take of the processor is told, too.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.azure import ORION, WORKSTATION, abfss, storage
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.proxy import FaultyProxy, Stall
from bench.racing import as_users

CONTAINER = "semantic"
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n"
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,ClaimNo,claim_id,int64
    claims,ORION,claim,Amount,amount,float64
"""
_COMMAND = (sys.executable, "-c", "from ai_dataflow.cli import main; main()", "run", "--json")


def deliver(azurite: Azurite, client: str, rows: int) -> None:
    """Put a client's source there."""
    frame = pl.DataFrame({"ClaimNo": range(rows), "Amount": [f"{row}.5" for row in range(rows)]})
    frame.write_parquet(content := io.BytesIO())
    azurite.upload(ORION, CONTAINER, f"{client}.parquet", content.getvalue())


def make_project(
    folder: Path, azurite: Azurite, proxy: FaultyProxy, clients: list[str], workers: int
) -> None:
    """Write a project all of whose accounts are behind the proxy, and deliver its sources."""
    accounts = (ORION, WORKSTATION)
    for account in accounts:
        azurite.create_container(account, CONTAINER)
    for client in clients:
        deliver(azurite, client, 50)
    toml = [
        f'[workstation]\nurl = "{abfss(WORKSTATION, CONTAINER, "ai")}"',
        f"[execution]\nworkers = {workers}",
        storage(azurite, accounts, endpoints={name: proxy.endpoint(name) for name in accounts}),
    ]
    place = abfss(ORION, CONTAINER, "{client_code}.parquet")
    control = CONTROL + "".join(f"ORION,claims,claim,{client},{place},Y\n" for client in clients)
    project(folder, control=control, mapping=MAPPING, toml="\n".join(toml))


def measured(folder: Path, proxy: FaultyProxy) -> str:
    """Run what changed; tell what it took, and how many requests."""
    proxy.requests.clear()
    begun = time.perf_counter()
    ran = subprocess.run(_COMMAND, cwd=folder, env=as_users(), capture_output=True, check=True)
    seconds, report = time.perf_counter() - begun, json.loads(ran.stdout)
    made = sum(partition["status"] == "ok" for partition in report["partitions"])
    took = f"{seconds:.1f} s, {report['timings']['data']:.1f} s of them to make"
    return f"{made} partitions: {took}; {len(proxy.requests):,} requests"


def rounds(partitions: int, workers: int, seconds: float) -> Iterator[str]:
    """Run all partitions, then the one whose source has changed."""
    clients = [f"client{number:03}" for number in range(partitions)]
    with (
        tempfile.TemporaryDirectory() as name,
        Azurite((ORION, WORKSTATION)) as azurite,
        FaultyProxy(azurite.port) as proxy,
    ):
        folder = Path(name) / "project"
        make_project(folder, azurite, proxy, clients, workers)
        proxy.inject(Stall(seconds))
        yield measured(folder, proxy)
        deliver(azurite, clients[0], 60)
        yield measured(folder, proxy)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--partitions", type=int, default=200)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--milliseconds", type=float, default=20)
    given = parser.parse_args()
    for line in rounds(given.partitions, given.workers, given.milliseconds / 1000):
        print(line, flush=True)


if __name__ == "__main__":
    main()
