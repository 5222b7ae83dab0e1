"""The workstation in a storage account: files, commits, reports and readers, also when it fails."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.io.plugins import register_io_source

from ai_dataflow import load
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.sections import ExecutionSettings, StorageAccount, WorkstationSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections import accounts
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import TableColumn, commit
from ai_dataflow.workstation.data_files import DataFile, write_batches, write_partition
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import Folders, check_workstation, open_workstation
from ai_dataflow.workstation.readers import (
    DatasetNotFoundError,
    partitions_of,
    published,
    read_dataset,
)
from ai_dataflow.workstation.reports import read_report, read_reports, store_report, write_report
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.identity import IdentityEndpoint
from ai_dataflow_tests.services.ports import ClosedPort
from ai_dataflow_tests.services.processes import unique
from ai_dataflow_tests.services.proxy import Answer, FaultyProxy, Reset, Stall
from ai_dataflow_tests.workstation.runs import partition, report

ACCOUNT = "workstation"
SECRET = "aHVudGVyMg=="  # noqa: S105 - what must not appear
COLUMNS = [TableColumn("n", "long", "how many")]
LOG = r"_delta_log/0+\d+\.json"


@pytest.fixture(autouse=True)
def _nothing_is_down() -> Iterator[None]:
    accounts.DOWN.clear()
    yield
    accounts.DOWN.clear()


@pytest.fixture
def container(azurite: Azurite) -> str:
    return azurite.create_container(ACCOUNT)


@pytest.fixture
def place(azurite: Azurite, container: str) -> Folders:
    """Give a workstation in a folder of a container."""
    return _opened(container, account_key=azurite.keys[ACCOUNT], endpoint=azurite.endpoint(ACCOUNT))


@pytest.fixture
def behind(azurite: Azurite, proxy: FaultyProxy, container: str) -> Folders:
    """Give the same workstation behind the proxy."""
    return _opened(container, account_key=azurite.keys[ACCOUNT], endpoint=proxy.endpoint(ACCOUNT))


def _url(container: str) -> str:
    return f"abfss://{container}@{ACCOUNT}.dfs.core.windows.net/data sets"


def _settings(container: str, retry_seconds: int = 2, **section: Any) -> Settings:
    return Settings(
        folder=Path(),
        storage={ACCOUNT: StorageAccount(**section)},
        workstation=WorkstationSettings(url=_url(container)),
        execution=ExecutionSettings(retry_seconds=retry_seconds),
    )


def _opened(container: str, retry_seconds: int = 2, **section: Any) -> Folders:
    return open_workstation(_settings(container, retry_seconds, **section))


def _written(
    table: Folder, clients: Mapping[str, list[int] | None]
) -> dict[str, tuple[DataFile, ...]]:
    return {
        client: ()
        if numbers is None
        else write_partition(pl.LazyFrame({"n": numbers}), table, client)
        for client, numbers in clients.items()
    }


def _publish(table: Folder, **clients: list[int] | None) -> int:
    return commit(table, COLUMNS, _written(table, clients), Writer("run-1"))


def _published(table: Folder, version: int | None = None) -> dict[str, list[int]]:
    rows = read_dataset(table, version=version).sort("client_code", "n").collect()
    return {str(client): own["n"].to_list() for (client,), own in rows.group_by("client_code")}


def _code(error: pytest.ExceptionInfo[DataflowError]) -> str:
    (problem,) = error.value.diagnostics
    shown = f"{problem} {problem!r} {problem.to_json()}"
    assert SECRET not in shown
    assert "sig=" not in shown
    return problem.code


def test_partitions_are_published_and_replaced(place: Folders) -> None:
    table = place.dataset("sales")
    assert _publish(table, USA=[1, 2], CAN=[3], MEX=[4]) == 0
    assert _publish(table, CAN=[5], MEX=None, FRA=[]) == 1
    assert _published(table) == {"USA": [1, 2], "CAN": [5]}
    assert _published(table, version=0) == {"USA": [1, 2], "CAN": [3], "MEX": [4]}
    assert partitions_of(published(place)) == {"sales|USA", "sales|CAN", "sales|FRA"}


def test_nothing_is_visible_before_the_commit(place: Folders) -> None:
    table = place.dataset("sales")
    _publish(table, USA=[1])
    ((file,),) = _written(table, {"USA": [9]}).values()
    assert (file.rows, file.size) == (1, table.stat(file.path).size)  # type: ignore[union-attr]
    assert _published(table) == {"USA": [1]}


def test_batches_become_one_file_or_none(place: Folders) -> None:
    staging = place.staging("sales", "USA")
    rows = pl.DataFrame({"n": range(1000)})

    def broken() -> Iterator[pl.DataFrame]:
        for _ in range(50):
            yield rows.with_columns(pl.lit("x" * 5000).alias("s"))
        raise RuntimeError

    file = write_batches([rows, rows], staging, "copy.parquet")
    assert (file.rows, file.size) == (2000, staging.files()[0].size)
    with pytest.raises(RuntimeError):
        write_batches(broken(), staging, "other.parquet")
    assert [stored.path for stored in staging.files()] == ["copy.parquet"]


@pytest.mark.proves(
    "commit", "concurrent", "WST-003, or one after the other; a client has the rows of one of them"
)
@pytest.mark.parametrize("first", [True, False], ids=["a new table", "an old one"])
@pytest.mark.parametrize("overlap", [True, False])
def test_those_that_publish_at_once_are_never_mixed(
    place: Folders, tmp_path: Path, first: bool, overlap: bool
) -> None:
    """A client that two publish for the first time has the rows of one of them."""
    number = 4
    for table in (place.dataset("sales"), Folder(str(tmp_path / "sales"))):
        if not first:
            _publish(table, CAN=[0])
        clients = ["USA"] * number if overlap else [f"C{n}" for n in range(number)]
        files = [_written(table, {c: [n]}) for n, c in enumerate(clients)]

        def publish(own: dict[str, tuple[DataFile, ...]], table: Folder = table) -> int | str:
            try:
                return commit(table, COLUMNS, own, Writer(unique()))
            except DataflowError as error:
                return error.diagnostics[0].code

        with ThreadPoolExecutor(number) as pool:
            outcomes = list(pool.map(publish, files))
        versions = [outcome for outcome in outcomes if isinstance(outcome, int)]
        assert versions
        assert len(set(versions)) == len(versions)
        assert set(outcomes) - {"WST-003"} == set(versions)
        expected: dict[str, list[int]] = {} if first else {"CAN": [0]}
        for version in sorted(versions):
            (n,) = (n for n, outcome in enumerate(outcomes) if outcome == version)
            expected[clients[n]] = [n]
            assert _published(table, version) == expected
        assert first or overlap or len(versions) == number


@pytest.mark.proves(
    "commit", "slow", "a commit whose answer is lost is known again; it is there once"
)
@pytest.mark.parametrize("again", [False, True], ids=["first", "replaced"])
def test_a_commit_whose_answer_is_lost_is_known_again(
    proxy: FaultyProxy, behind: Folders, place: Folders, again: bool
) -> None:
    table = behind.dataset("sales")
    if again:
        _publish(place.dataset("sales"), USA=[0], CAN=[0])
    files = _written(table, {"USA": [1]})
    proxy.inject(Reset(late=True), method="PUT", path=LOG, times=1)
    version = commit(table, COLUMNS, files, Writer("run-1"))
    assert version == int(again)
    assert _published(place.dataset("sales")) == {"USA": [1]} | ({"CAN": [0]} if again else {})
    with pytest.raises(DatasetNotFoundError):
        read_dataset(place.dataset("sales"), version=version + 1)


@pytest.mark.parametrize("fault", [Answer(503), Reset()], ids=str)
def test_a_commit_that_a_passing_fault_stops_is_made(
    proxy: FaultyProxy, behind: Folders, fault: Answer | Reset
) -> None:
    table = behind.dataset("sales")
    files = _written(table, {"USA": [1]})
    proxy.inject(fault, method="PUT", path=LOG, times=1)
    commit(table, COLUMNS, files, Writer("run-1"))
    assert _published(table) == {"USA": [1]}


def test_a_new_column_is_looked_for_in_the_files_of_many_clients_at_once(
    proxy: FaultyProxy, behind: Folders, place: Folders
) -> None:
    table = behind.dataset("sales")
    _publish(place.dataset("sales"), **{f"C{n}": [n] for n in range(30)})
    rows = pl.LazyFrame({"n": [1], "s": ["x"]})
    files = write_partition(rows, table, "C0")
    proxy.inject(Stall(0.2), path=r"\.parquet")
    commit(table, [*COLUMNS, TableColumn("s", "string")], {"C0": files}, Writer("run-2"))
    assert proxy.stalled_at_once > 1
    assert _published(place.dataset("sales"))["C0"] == [1]


def test_an_account_that_is_away_is_told_and_nothing_is_published(
    proxy: FaultyProxy, behind: Folders, place: Folders, tmp_path: Path
) -> None:
    _publish(place.dataset("sales"), USA=[1])
    files = _written(behind.dataset("sales"), {"USA": [2]})
    proxy.inject(Answer(503), method="PUT")
    with pytest.raises(DataflowError) as error:
        commit(behind.dataset("sales"), COLUMNS, files, Writer("run-2"))
    assert _code(error) == "WST-004"
    assert _published(place.dataset("sales")) == {"USA": [1]}


def test_reports_are_written_and_read(place: Folders) -> None:
    folder = place.reports()
    assert read_report(folder, "run-1") is None
    for number in (2, 1):
        assert write_report(folder, report(number)) == f"{folder.url}/run-{number}.json"
    folder.write("broken.json", b"{")
    assert [r.run_id for r in read_reports(folder)] == ["run-1", "run-2"]
    assert read_report(folder, "run-1") == report(1)


@pytest.mark.proves(
    "report",
    "missing",
    "WST-004 if the account is away; the report is kept here and delivered by the next run",
)
def test_a_report_that_cannot_be_delivered_is_delivered_later(
    place: Folders, container: str, tmp_path: Path
) -> None:
    spare = Folder(str(tmp_path / "spare"))
    with ClosedPort() as nobody:
        away = _opened(
            container, 0, account_key=SECRET, endpoint=f"http://127.0.0.1:{nobody.port}/{ACCOUNT}"
        )
        lost = report(1, partition("sales|USA", "ok"))
        store_report(away.reports(), lost, spare)
    assert [d["code"] for d in lost.diagnostics] == ["WST-004"]
    assert lost.unreported
    assert [r.run_id for r in read_reports(spare)] == ["run-1"]
    store_report(place.reports(), report(2), spare)
    assert [r.run_id for r in read_reports(place.reports())] == ["run-2", "run-1"]
    assert spare.files() == []


def test_what_a_run_that_was_killed_while_it_looked_left_is_removed_by_the_next(
    place: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Folder, "delete", lambda *_: None)
        check_workstation(place)
    assert place.root.files()
    assert check_workstation(place) == ()
    assert place.root.files() == []


@pytest.mark.proves(
    "write", "denied", "WST-005: the missing right is named; readers keep the old version"
)
@pytest.mark.proves(
    "commit", "denied", "WST-005: nothing is published; readers keep the old version"
)
def test_a_signature_that_may_not_write_is_told(azurite: Azurite, container: str) -> None:
    owner = _opened(
        container, account_key=azurite.keys[ACCOUNT], endpoint=azurite.endpoint(ACCOUNT)
    )
    _publish(owner.dataset("sales"), USA=[1])
    files = _written(owner.dataset("sales"), {"USA": [2]})
    sas = azurite.sas(ACCOUNT, container, "rl")
    reader = _opened(container, sas_token=sas, endpoint=azurite.endpoint(ACCOUNT))
    assert [problem.code for problem in check_workstation(reader)] == ["WST-005"]
    table = reader.dataset("sales")
    staged = [pl.DataFrame({"n": [1]})]
    for write in (
        lambda: write_partition(pl.LazyFrame({"n": [1]}), table, "USA"),
        lambda: write_batches(staged, reader.staging("sales", "USA"), "copy.parquet"),
        lambda: commit(table, COLUMNS, files, Writer("run-1")),
        lambda: commit(reader.dataset("new"), COLUMNS, files, Writer("run-1")),
        lambda: write_report(reader.reports(), report(1)),
    ):
        with pytest.raises(DataflowError, match="`c and w` in its sas_token is missing") as error:
            write()
        assert _code(error) == "WST-005"
    assert _published(table) == {"USA": [1]}


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ({"account_key": SECRET}, "WST-005"),
        ({"sas_token": "se=2020-01-01&sp=rl&sig=huntersig2"}, "WST-005"),
        ({"account_key": SECRET, "endpoint": "http://127.0.0.1:1/workstation"}, "WST-004"),
    ],
)
def test_a_workstation_that_lets_nobody_in_is_told_by_every_way_in(
    azurite: Azurite, container: str, section: dict[str, str], code: str
) -> None:
    closed = _opened(container, 0, **{"endpoint": azurite.endpoint(ACCOUNT)} | section)
    (problem,) = check_workstation(closed)
    assert (problem.code, "huntersig2" in repr(problem)) == (code, False)
    for ask in (
        lambda: published(closed),
        lambda: read_dataset(closed.dataset("sales")),
        lambda: read_dataset(closed.dataset("sales"), version=3),
        lambda: list(read_reports(closed.reports())),
        lambda: read_report(closed.reports(), "run-1"),
        lambda: write_partition(pl.LazyFrame({"n": [1]}), closed.dataset("sales"), "USA"),
        lambda: commit(closed.dataset("sales"), COLUMNS, {"USA": ()}, Writer("run-1")),
    ):
        with pytest.raises(DataflowError) as error:
            ask()
        assert _code(error) == code


def test_a_container_that_is_not_there_can_be_neither_written_nor_read(azurite: Azurite) -> None:
    nowhere = _opened(
        unique(), account_key=azurite.keys[ACCOUNT], endpoint=azurite.endpoint(ACCOUNT)
    )
    for use in (
        lambda: write_report(nowhere.reports(), report(1)),
        lambda: list(read_reports(nowhere.reports())),
    ):
        with pytest.raises(DataflowError, match=r"cannot be used: .*ContainerNotFound") as error:
            use()
        assert _code(error) == "WST-001"


def test_datasets_are_loaded_by_those_who_read_them(
    azurite: Azurite, container: str, place: Folders, tmp_path: Path
) -> None:
    _publish(place.dataset("sales"), USA=[1, 2], CAN=[3])
    (tmp_path / "ai_dataflow.toml").write_text(
        f'[storage.workstation]\naccount_key = "{azurite.keys[ACCOUNT]}"\n'
        f'endpoint = "{azurite.endpoint(ACCOUNT)}"\n[workstation]\nurl = "{_url(container)}"\n'
    )
    rows = load("sales", ["USA"], ["client_code", "n"], config=tmp_path).collect()
    assert rows.rows() == [("USA", 1), ("USA", 2)]
    for wrong in ({"client": "FRA"}, {"version": 7}):
        with pytest.raises(DatasetNotFoundError):
            load("sales", config=tmp_path, **wrong)  # type: ignore[arg-type]
    with pytest.raises(DatasetNotFoundError):
        load("nosuch", config=tmp_path)


def test_tokens_are_renewed_while_a_long_partition_is_written_and_published(
    azurite_tls: Azurite, identity: IdentityEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert azurite_tls.certificates
    monkeypatch.setenv("SSL_CERT_FILE", str(azurite_tls.certificates.authority))
    identity.lifetime = 5  # a busy machine may stand still for a second or two
    container = azurite_tls.create_container(ACCOUNT)
    place = _opened(container, client_id=unique(), endpoint=azurite_tls.endpoint(ACCOUNT))
    table, rows = place.dataset("sales"), pl.DataFrame({"n": range(100_000)})

    def slowly(*_: object) -> Iterator[pl.DataFrame]:
        for _ in range(3):
            yield rows
            time.sleep(2)

    frame = register_io_source(slowly, schema=rows.schema)
    file = write_partition(frame, table, "USA")
    staged = write_batches(slowly(), place.staging("sales", "USA"), "copy.parquet")
    assert file[0].rows == staged.rows == 300_000
    assert commit(table, COLUMNS, {"USA": file}, Writer("run-1")) == 0
    assert read_dataset(table).select(pl.len()).collect().item() == 300_000
