"""Events that are stored many at once are those that Dagster stores one by one."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from alembic import util
from alembic.script import ScriptDirectory
from dagster import AssetMaterialization, EventRecordsFilter, OpExecutionContext
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.event import listen, remove

from ai_dataflow.definitions import build_definitions
from ai_dataflow.orchestration.dagster_names import JOB
from ai_dataflow.orchestration.events import _rows, materialized, observed, planned, store
from ai_dataflow.orchestration.instance import _read_migrations_once, open_instance
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import run_project

_READ = ScriptDirectory.from_config  # as it is in a process that has opened no instance
MADE = [
    AssetMaterialization(
        asset,
        partition=f"claims|client{number}",
        metadata={"rows": number, "table": dg.MetadataValue.md("| a |")},
        tags={"dagster/data_version": f"v{number}"},
    )
    for number in range(3)
    for asset in ("adls_extract", "ai_dataset")
]
SEEN = [
    dg.AssetObservation("ai_dataset", f"why {number}", {"fix": "it"}, f"claims|client{number}")
    for number in range(2)
]
_LEFT_OUT = (
    "id", "event", "timestamp", "event_timestamp", "last_materialization", "create_timestamp",
    "last_materialization_timestamp", "event_id", "asset_details", "run_id", "last_run_id",
)  # fmt: skip


def _one_by_one(context: OpExecutionContext) -> None:
    for happened in (*MADE, *SEEN):
        context.log_event(happened)


def _at_once(context: OpExecutionContext) -> None:
    store(context.instance, [materialized(context, made) for made in MADE])
    store(context.instance, [observed(context, seen) for seen in SEEN])


def _run(home: Path, work: Any) -> dg.DagsterInstance:
    home.mkdir()
    instance = dg.DagsterInstance.local_temp(str(home))

    @dg.op(name="work")
    def op(context) -> None:  # type: ignore[no-untyped-def]  # Dagster takes no text for a type
        work(context)

    @dg.job
    def job() -> None:
        op()

    job.execute_in_process(instance=instance)
    return instance


def _tables(home: Path, pattern: str) -> dict[str, Any]:
    """Give what the event files have in their tables, but for times and ids."""
    found: dict[str, Any] = {}
    for file in sorted((home / "history" / "runs").glob(pattern)):
        with closing(sqlite3.connect(file)) as database:
            for table in ("event_logs", "asset_keys", "asset_event_tags"):
                cursor = database.execute(f"SELECT * FROM {table}")  # noqa: S608
                names = [column[0] for column in cursor.description]
                keep = [i for i, name in enumerate(names) if name not in _LEFT_OUT]
                rows = [tuple(row[i] for i in keep) for row in cursor]
                found[table] = [*found.get(table, []), *sorted(rows, key=repr)]
    return found


@pytest.mark.parametrize("files", ["index.db", "[!i]*.db"], ids=["shared", "of the run"])
def test_the_tables_are_as_dagster_leaves_them(tmp_path: Path, files: str) -> None:
    with _run(tmp_path / "one", _one_by_one), _run(tmp_path / "many", _at_once):
        expected = _tables(tmp_path / "one", files)
        assert _tables(tmp_path / "many", files) == expected
    assert len(expected["event_logs"]) > len(MADE)


def test_what_dagster_reads_back_is_the_same(tmp_path: Path) -> None:
    with _run(tmp_path / "one", _one_by_one) as one, _run(tmp_path / "many", _at_once) as many:
        for asset in ("adls_extract", "ai_dataset"):
            key = dg.AssetKey(asset)
            told = [
                [record.asset_materialization for record in instance.fetch_materializations(
                    key, limit=10).records]
                for instance in (one, many)
            ]  # fmt: skip
            assert told[0] == told[1]
            assert len(told[0]) == 3
            last = [instance.get_latest_materialization_event(key) for instance in (one, many)]
            events = [
                event.get_dagster_event()._replace(pid=None, logging_tags={})
                for event in last
                if event
            ]
            assert events[0] == events[1]
            kind = dg.DagsterEventType.ASSET_MATERIALIZATION
            looks = [
                [record.asset_observation for record in instance.fetch_observations(
                    key, limit=10).records]
                for instance in (one, many)
            ]  # fmt: skip
            assert looks[0] == looks[1]
            known = [i.get_latest_storage_id_by_partition(key, kind) for i in (one, many)]
            assert set(known[0]) == set(known[1])


def test_an_event_is_spelled_as_dagster_spells_it(tmp_path: Path) -> None:
    """Also where text looks like what is put in its place, and where many have the same object."""
    odd = '"metadata_entries": [], \\ é \ud83d\ude00 \n{"__class__": "x"}'.encode(
        "utf-16", "surrogatepass"
    ).decode("utf-16")
    columns = dg.TableSchema([dg.TableColumn("a", "int64", odd)])
    lineage = dg.TableColumnLineage({"a": [dg.TableColumnDep(dg.AssetKey("b"), odd)]})
    shared = {"columns": dg.MetadataValue.table_schema(columns), odd: dg.MetadataValue.md(odd)}
    values: list[Any] = [1, 1.5, odd, True, None, [odd, {"a": 1}], Path("p"), lineage]
    made = [
        AssetMaterialization(
            "ai_dataset", odd, shared | {f"{number}": value for number, value in enumerate(values)},
            partition=f"{odd}{times}", tags={"dagster/data_version": "v1"},
        )
        for times in range(3)
    ]  # fmt: skip

    def compare(context: OpExecutionContext) -> None:
        events = [materialized(context, one) for one in made]
        events.append(planned(context, "work", "ai_dataset", "claims|a"))
        storage: Any = context.instance.event_log_storage
        assert _rows(storage, events) == [storage._event_to_row(event) for event in events]

    _run(tmp_path / "home", compare).dispose()


def test_planned_partitions_are_stored_too(tmp_path: Path) -> None:
    keys = [f"claims|client{number}" for number in range(3)]

    def plan(context: OpExecutionContext) -> None:
        store(context.instance, [planned(context, "work", "ai_dataset", key) for key in keys])

    with _run(tmp_path / "home", plan) as instance:
        wanted = EventRecordsFilter(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
        records = instance.get_event_records(wanted)
    assert sorted(str(record.partition_key) for record in records) == keys


def test_the_migrations_of_tables_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster asks for them at each database; here at those of an instance and of a run."""
    settings, read = load_project(project(tmp_path)).settings, list[str]()
    monkeypatch.setattr(ScriptDirectory, "from_config", _READ)
    _read_migrations_once.cache_clear()
    load = util.load_python_file

    def loaded(folder: Any, name: str) -> Any:
        read.append(name)
        return load(folder, name)

    monkeypatch.setattr(util, "load_python_file", loaded)
    with open_instance(settings) as instance:
        storage: Any = instance.event_log_storage
        with storage.run_connection("some-run") as connection:
            tables = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
            assert len(tables.all()) == 1
    migrations = Counter(name for name in read if name != "env.py")
    assert set(migrations.values()) == {1}
    assert len(migrations) > 50
    _read_migrations_once.cache_clear()  # what was laid over Alembic ends with this test


def test_a_run_makes_the_engine_of_each_database_once(tmp_path: Path) -> None:
    """Each compiles its statements anew."""
    engines: dict[str, set[int]] = {}

    def connected(connection: Connection) -> None:
        engines.setdefault(str(connection.engine.url), set()).add(id(connection.engine))

    listen(Engine, "engine_connect", connected)
    try:
        report = run_project(project(tmp_path))
    finally:
        remove(Engine, "engine_connect", connected)
    assert any(report.run_id in url for url in engines)
    assert {len(some) for some in engines.values()} == {1}


def test_a_run_of_the_command_has_the_snapshot_that_dagster_would_give_it(tmp_path: Path) -> None:
    """Though it has other definitions, and another manager for what goes through none."""
    report = run_project(project(tmp_path))
    settings = load_project(tmp_path).settings
    with open_instance(settings) as instance:
        run = instance.get_run_by_id(report.run_id)
    served = build_definitions(str(settings.file)).resolve_job_def(JOB)
    assert run
    assert run.job_snapshot_id == served.as_ephemeral_job({}, {}).get_job_snapshot_id()
