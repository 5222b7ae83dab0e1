"""Storage accounts that go wrong in the middle of a run: what is published is whole, or old."""

from __future__ import annotations

import io
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.runs.azure import (
    CLIENTS,
    ORION,
    ROWS,
    VEGA,
    WORKSTATION,
    Lake,
    abfss,
    frame_of,
    make_lake,
)
from ai_dataflow_tests.runs.runs import cli, cli_process, dagster_statuses
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.proxy import Answer, FaultyProxy, Reset, Stall, Truncate
from ai_dataflow_tests.services.traffic import Request

pytestmark = pytest.mark.slow

OF_ORION = {"claims|acme", "claims|borealis"}
ALL = {*OF_ORION, "claims|cirrus", "premiums|cirrus"}


@pytest.fixture(scope="module")
def own() -> Iterator[Azurite]:
    """Give an Azurite that tests may kill; they leave it running."""
    with Azurite() as server:
        yield server


@pytest.fixture
def before_own(own: Azurite) -> Iterator[FaultyProxy]:
    with FaultyProxy(own.port) as faulty:
        yield faulty


def killing(server: Azurite, away: float) -> tuple[Callable[[Request], bool], threading.Event]:
    """Give a rule that kills the server at its first request, and an event: it is back."""
    back = threading.Event()
    called = threading.Event()

    def revive() -> None:
        time.sleep(away)
        server.start()
        back.set()

    def kill(_: Request) -> bool:
        if not called.is_set():
            called.set()
            server.kill()
            threading.Thread(target=revive, daemon=True).start()
        return True

    return kill, back


def statuses(lake: Lake) -> dict[str, str]:
    return dagster_statuses(lake.folder, "ai_dataset")


def failed(lake: Lake) -> set[str]:
    return {key for key, status in statuses(lake).items() if status == "FAILED"}


@pytest.mark.proves(
    "read file",
    "killed",
    "a server killed and started again is waited out; all rows are published, once",
)
def test_a_kill_while_sources_are_read_is_waited_out(
    azurite: Azurite, own: Azurite, before_own: FaultyProxy, tmp_path: Path
) -> None:
    servers = {ORION: own, VEGA: azurite, WORKSTATION: azurite}
    lake = make_lake(tmp_path / "p", servers, endpoints={ORION: before_own.endpoint(ORION)})
    assert lake.run().exit_code == 0
    undisturbed = {module: lake.rows(module) for module in ("claims", "premiums")}

    lake.publish_at("again")
    kill, back = killing(own, away=1)
    # The first two GETs of a CSV are of its header; then it is read.
    before_own.inject(Reset(), method="GET", path=r"borealis\.csv", when=kill, skip=2, times=1)
    report = lake.run()
    assert back.wait(10)
    assert report.exit_code == 0
    for module, rows in undisturbed.items():
        assert_frame_equal(lake.rows(module), rows)


@pytest.mark.proves(
    "read file", "killed", "SRC-012 if it stays away; its own partitions fail, their old data stays"
)
def test_an_account_that_stays_away_fails_its_own_partitions(
    azurite: Azurite, own: Azurite, tmp_path: Path
) -> None:
    servers = {ORION: own, VEGA: azurite, WORKSTATION: azurite}
    lake = make_lake(tmp_path / "p", servers, retry_seconds=1)
    assert lake.run().exit_code == 0
    before = lake.rows()

    own.kill()
    try:
        report = lake.run_in_dagster()
    finally:
        own.start()
    assert report.exit_code == 1
    assert {p.partition for p in report.failed} == OF_ORION == failed(lake)
    for partition in report.failed:
        (error,) = partition.errors
        assert (error.code, error.transient, error.owner) == ("SRC-012", True, "orion-data")
        assert "orionlake" in error.message
    assert {p.version for p in report.partitions if p.status == "ok"} == {1}
    assert_frame_equal(lake.rows(), before)


# What a run asks of the workstation, in its order: data files, then a commit of each table.
DATA_FILE = {"method": "PUT", "path": r"ai/claims/client_code.*\.parquet"}
COMMIT = {"method": "PUT", "path": r"ai/claims/_delta_log/.*\.json"}


def deliver_more(lake: Lake, servers: dict[str, Azurite]) -> pl.DataFrame:
    """Let the products deliver other rows; give what then has to be published."""
    found = []
    for client, account in zip(CLIENTS, (ORION, ORION, VEGA), strict=True):
        rows = frame_of(client).with_columns(pl.col("ClaimNo") + 1000)
        servers[account].upload(account, lake.container, f"{client}.csv", rows.write_csv().encode())
        good = rows.head(ROWS - 1).with_columns(pl.col("Amount").cast(pl.Float64))
        found.append(good.with_columns(client=pl.lit(client)))
    return pl.concat(found).sort(pl.all())


def content(lake: Lake) -> pl.DataFrame:
    names = {"claim_id": "ClaimNo", "amount": "Amount", "client_code": "client"}
    return lake.rows().select(pl.col(name).alias(new) for name, new in names.items()).sort(pl.all())


@pytest.mark.proves(
    "write", "killed", "a server killed and started again is waited out; all is published, once"
)
@pytest.mark.proves(
    "commit", "killed", "a server killed at the commit is waited out; all is published, once"
)
@pytest.mark.parametrize(
    ("where", "first"),
    [(DATA_FILE, False), (COMMIT, True), (COMMIT, False)],
    ids=["at a data file", "at a table's first commit", "at a commit"],
)
def test_a_kill_while_publishing_is_waited_out(
    own: Azurite, before_own: FaultyProxy, tmp_path: Path, where: Any, first: bool
) -> None:
    servers = dict.fromkeys((ORION, VEGA, WORKSTATION), own)
    endpoints = {WORKSTATION: before_own.endpoint(WORKSTATION)}
    lake = make_lake(tmp_path / "p", servers, endpoints=endpoints)
    if not first:
        assert lake.run().exit_code == 0
    wanted = deliver_more(lake, servers)
    kill, back = killing(own, away=0.7)
    before_own.inject(Reset(), when=kill, times=1, **where)
    report = lake.run_in_dagster()
    assert back.wait(10)
    assert report.exit_code == 0, report.failed
    assert_frame_equal(content(lake), wanted, check_dtypes=False)
    assert set(statuses(lake).values()) == {"MATERIALIZED"}


def away_from(proxy: FaultyProxy, *, method: str, path: str) -> None:
    """Let the server be away from its first request of this kind on, until `proxy.clear()`."""
    began = threading.Event()

    def is_away(request: Request) -> bool:
        if request.method == method and re.search(path, request.target):
            began.set()
        return began.is_set()

    proxy.inject(Reset(), when=is_away)


@pytest.mark.proves(
    "write",
    "killed",
    "WST-004 if it stays away; all keeps its old data, the report is kept beside the project",
)
@pytest.mark.proves("commit", "killed", "WST-004 if it stays away; all keeps its old data")
@pytest.mark.parametrize("where", [DATA_FILE, COMMIT], ids=["a data file", "a commit"])
def test_a_workstation_that_goes_and_stays_away_keeps_its_old_data(
    azurite: Azurite, proxy: FaultyProxy, tmp_path: Path, where: Any
) -> None:
    servers = dict.fromkeys((ORION, VEGA, WORKSTATION), azurite)
    endpoints = {WORKSTATION: proxy.endpoint(WORKSTATION)}
    lake = make_lake(tmp_path / "p", servers, endpoints=endpoints, retry_seconds=1)
    assert lake.run().exit_code == 0
    old = content(lake)
    new = deliver_more(lake, servers)

    away_from(proxy, **where)
    # A process of its own: it cannot give its lease back, and its death is seen at once.
    ran = cli_process(lake.folder, "run")
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "WST-004" in ran.stdout + ran.stderr
    assert failed(lake) == ALL  # the claims' commit failed, and premiums come after them
    (kept,) = (lake.folder / ".cache/ai_dataflow/runs").glob("*.json")
    report = RunReport.model_validate_json(kept.read_text())
    assert {p.partition for p in report.failed} == ALL
    assert {e.code for p in report.failed for e in p.errors} == {"WST-004"}
    assert all(e.transient for p in report.failed for e in p.errors)

    proxy.clear()
    assert_frame_equal(content(lake), old)
    again = cli(lake.folder, "run", "--json")
    assert again.returncode == 0, again.stdout
    assert_frame_equal(content(lake), new, check_dtypes=False)
    assert not kept.exists()
    reports = azurite.blobs(WORKSTATION, lake.container, "ai/_runs/")
    assert f"ai/_runs/{kept.name}" in reports
    assert len(reports) == 3
    assert set(statuses(lake).values()) == {"MATERIALIZED"}


@pytest.mark.parametrize("skip", [0, 2, 3, 4, 5])
def test_a_workstation_that_refuses_what_was_just_written_is_away_and_no_defect(
    azurite: Azurite, proxy: FaultyProxy, tmp_path: Path, skip: int
) -> None:
    """Counting the written files is asking the workstation, at whichever request it fails."""
    servers = dict.fromkeys((ORION, VEGA, WORKSTATION), azurite)
    endpoints = {WORKSTATION: proxy.endpoint(WORKSTATION)}
    lake = make_lake(tmp_path / "p", servers, endpoints=endpoints, retry_seconds=1)
    proxy.inject(Answer(503), method="GET", path="claims/client_code=", skip=skip)
    errors = [error for partition in lake.run().failed for error in partition.errors]
    assert errors
    assert {(error.code, error.transient) for error in errors} == {("WST-004", True)}


@pytest.fixture
def behind_proxy(azurite: Azurite, proxy: FaultyProxy) -> Callable[..., Lake]:
    """Give what makes a project whose ORION is behind the proxy."""
    servers = dict.fromkeys((ORION, VEGA, WORKSTATION), azurite)
    endpoints = {ORION: proxy.endpoint(ORION)}

    def make(folder: Path, **options: Any) -> Lake:
        return make_lake(folder, servers, endpoints=endpoints, **options)

    return make


@pytest.mark.proves(
    "read file",
    "denied",
    "SRC-006 fails one partition; what is refused is not asked again, the others run",
)
def test_a_403_in_the_middle_fails_its_partition_and_is_not_asked_again(
    behind_proxy: Callable[..., Lake], proxy: FaultyProxy, tmp_path: Path
) -> None:
    lake = behind_proxy(tmp_path / "p")
    proxy.inject(Answer(403), path=r"acme\.csv", skip=3)
    report = lake.run_in_dagster()
    (partition,) = report.failed
    (error,) = partition.errors
    assert (partition.partition, error.code, error.transient) == ("claims|acme", "SRC-006", False)
    assert "answered 403 AuthorizationPermissionMismatch to a read" in error.message
    refused = Counter((r.method, r.target) for r in proxy.requests if r.status == 403)
    assert set(refused.values()) == {1}
    assert failed(lake) == {"claims|acme"}


@pytest.mark.proves("read file", "slow", "it costs its time; all is published")
def test_a_stall_costs_its_time_and_nothing_else(
    behind_proxy: Callable[..., Lake], proxy: FaultyProxy, tmp_path: Path
) -> None:
    lake = behind_proxy(tmp_path / "p")
    proxy.inject(Stall(5), method="GET", path=r"acme\.csv", times=1)
    assert lake.run().exit_code == 0
    assert proxy.stalled == 1
    assert lake.rows().height == 3 * (ROWS - 1)


def deliver_as(kind: str, server: Azurite, container: str, name: str, frame: pl.DataFrame) -> None:
    """Put a client's rows into ORION's account, in a format other than CSV."""
    if kind == "delta":
        key = {"account_name": ORION, "account_key": server.keys[ORION]}
        options = {**key, "endpoint": server.endpoint(ORION), "allow_http": "true"}
        frame.write_delta(abfss(ORION, container, name), storage_options=options)
        return
    buffer = io.BytesIO()
    write = {"parquet": frame.write_parquet, "jsonl": frame.write_ndjson}[kind]
    write(buffer)
    server.upload(ORION, container, f"{name}.{kind}", buffer.getvalue())


@pytest.mark.proves(
    "read file", "corrupt", "an answer that breaks off is asked for again; no row is lost"
)
@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "delta"])
@pytest.mark.parametrize("is_reset", [False, True], ids=["cut short", "reset"])
def test_an_answer_that_breaks_off_is_asked_for_again_and_no_row_is_lost(
    behind_proxy: Callable[..., Lake],
    azurite: Azurite,
    proxy: FaultyProxy,
    tmp_path: Path,
    kind: str,
    is_reset: bool,
) -> None:
    path = "{client_code}" if kind == "delta" else f"{{client_code}}.{kind}"
    lake = behind_proxy(tmp_path / "p", orion=path)
    if kind != "csv":
        for client in CLIENTS[:2]:
            deliver_as(kind, azurite, lake.container, client, frame_of(client))
    seen: Counter[str] = Counter()

    def is_first(request: Request) -> bool:
        """Tell whether a request, up to the range that it asks for, comes for the first time."""
        seen[asked := f"{request.target} {request.headers.get('x-ms-range')}"] += 1
        return seen[asked] == 1

    proxy.inject(Truncate(10, reset=is_reset), method="GET", path=r"/acme[^?]*\.", when=is_first)
    report = lake.run()
    assert seen
    assert report.exit_code == 0, report.failed
    assert lake.rows().filter(client_code="acme").height == ROWS - 1
    assert {p.rows_read for p in report.partitions} == {ROWS}
