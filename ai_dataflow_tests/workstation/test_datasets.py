"""The workstation as its readers see it: versions, snapshots, moments, formats, credentials."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow import Workstation, load
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.workstation.datasets import Dataset
from ai_dataflow.workstation.readers import DatasetNotFoundError
from ai_dataflow_tests import projects
from ai_dataflow_tests.runs.runs import run_project
from ai_dataflow_tests.workstation.tables import publish

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def sales(tmp_path: Path) -> Dataset:
    """Give a dataset that was published three times, an hour between."""
    for hour, numbers in enumerate(([1], [1, 2], [1, 2, 3])):
        publish(tmp_path, f"run-{hour}", USA={"n": numbers})
        log = tmp_path / "workstation" / "sales" / "_delta_log" / f"{hour:020}.json"
        then = LONG_AGO + timedelta(hours=hour)
        text = re.sub(r'("commitInfo":{.*?"timestamp":)\d+', rf"\g<1>{_ms(then)}", log.read_text())
        log.write_text(text)
        os.utime(log, (then.timestamp(), then.timestamp()))
    return Workstation(tmp_path / "workstation")["sales"]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _numbers(rows: pl.LazyFrame) -> list[int]:
    return rows.collect()["n"].to_list()


def test_versions_say_when_they_were_published_and_by_whom(sales: Dataset) -> None:
    versions = sales.versions()
    assert [(v.number, v.run_id) for v in versions] == [(2, "run-2"), (1, "run-1"), (0, "run-0")]
    assert [v.at - LONG_AGO for v in versions] == [timedelta(hours=h) for h in (2, 1, 0)]
    assert [v.number for v in sales.versions(limit=1)] == [2]


@pytest.mark.parametrize(
    ("at", "numbers"),
    [
        (LONG_AGO, [1]),
        (LONG_AGO + timedelta(hours=1, minutes=59), [1, 2]),
        ("2020-01-01T02:00", [1, 2, 3]),
        ("2020-01-01T02:30:00+01:00", [1, 2]),
        (datetime(2020, 1, 1, 1, 30), [1, 2]),
        (date(2020, 1, 2), [1, 2, 3]),
    ],
)
def test_a_moment_is_what_readers_saw_then(
    sales: Dataset, at: date | str, numbers: list[int]
) -> None:
    assert _numbers(sales.scan(at=at)) == numbers


def test_before_the_first_version_there_is_none(sales: Dataset) -> None:
    with pytest.raises(DatasetNotFoundError, match="no version of sales from before 2019-12-31"):
        sales.scan(at="2019-12-31")
    with pytest.raises(ValueError, match="one of version, snapshot and at"):
        sales.scan(version=1, at=LONG_AGO)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"version": -1}, "there is no version -1"),
        ({"version": 3}, "there is no version 3"),
        ({"at": "yesterday"}, "'yesterday' is no moment: write 2026-12-31"),
        ({"columns": ["n", "n"]}, "n is asked for twice"),
        ({"columns": "m"}, "has no column `m`"),
    ],
)
def test_what_cannot_be_read_is_told_in_our_words(
    sales: Dataset, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises((LookupError, ValueError), match=says):
        sales.scan(**asked)


def test_one_column_needs_no_list(sales: Dataset) -> None:
    assert sales.scan(columns="n").collect().columns == ["n"]


def test_columns_have_their_types_and_clients_their_codes(sales: Dataset) -> None:
    assert [(c.name, c.type) for c in sales.schema] == [
        ("n", pl.Int64()), ("client_code", pl.String()),
    ]  # fmt: skip
    assert sales.clients() == ["USA"]


def test_it_can_be_had_as_what_people_use(sales: Dataset) -> None:
    assert sales.arrow(columns=["n"]).to_pydict() == {"n": [1, 2, 3]}
    assert sales.pandas("USA", ["n"], version=1)["n"].tolist() == [1, 2]
    assert sales.duckdb().aggregate("sum(n)").fetchall() == [(6,)]
    batches = [batch.num_rows for batch in sales.batches(rows=2)]
    assert sum(batches) == 3
    assert max(batches) <= 2


def test_a_run_is_a_snapshot_of_all_modules(tmp_path: Path) -> None:
    projects.project(tmp_path)
    first = run_project(tmp_path)
    workstation = Workstation.of_project(tmp_path)
    assert list(workstation) == workstation.modules == ["claims"]
    (snapshot,) = workstation.snapshots()
    assert workstation.snapshots(0) == []
    assert (snapshot.run_id, snapshot.versions) == (first.run_id, first.versions)
    claims = workstation["claims"]
    then = claims.scan(snapshot=snapshot.run_id).collect()
    assert then.equals(load("claims", config=tmp_path).collect())
    with pytest.raises(DatasetNotFoundError, match="there is no run nobody"):
        claims.scan(snapshot="nobody")


def test_a_module_that_is_none_has_no_empty_rejects(sales: Dataset, tmp_path: Path) -> None:
    assert sales.rejects().collect().is_empty()
    with pytest.raises(DatasetNotFoundError, match="nothing is published"):
        Workstation(tmp_path / "workstation")["sails"].rejects()


def test_what_is_left_out_can_be_read(tmp_path: Path) -> None:
    projects.project(tmp_path)
    data = tmp_path / "data" / "claims.csv"
    data.write_text(data.read_text() + "x,y\n")
    report = run_project(tmp_path)
    rejects = Workstation.of_project(tmp_path)["claims"].rejects("acme").collect()
    assert len(rejects) == report.partitions[0].rows_rejected == 1
    assert rejects["reason"].to_list() == ["REJ-001"]


def test_a_reader_needs_nothing_of_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, USA={"n": [1]})
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    (tmp_path / "ai_dataflow.toml").write_text(
        'control_table = "${NO_SUCH_KEY}"\n[workstation]\nurl = "workstation"\n'
        '[storage.orionlake]\naccount_key = "${NO_SUCH_KEY}"\n[sql.db]\nurl = "${NO_SUCH_KEY}"\n'
        "[nonsense]\n"
    )
    assert _numbers(load("sales", config=tmp_path)) == [1]


def test_it_needs_the_credentials_of_the_workstation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    (tmp_path / "ai_dataflow.toml").write_text(
        '[workstation]\nurl = "abfss://ai-data@workstation.dfs.core.windows.net/datasets"\n'
        '[storage.workstation]\naccount_key = "${NO_SUCH_KEY}"\n'
    )
    with pytest.raises(DataflowError, match="NO_SUCH_KEY"):
        Workstation.of_project(tmp_path)


@pytest.mark.parametrize("url", ["", "  "])
def test_no_name_is_not_the_current_folder(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataflowError, match=r"CFG-003.*\n.*\n.*the URL is blank"):
        Workstation(url)
    folder = projects.project(tmp_path, toml=f'[workstation]\nurl = "{url}"\n')
    with pytest.raises(DataflowError, match="CFG-003"):
        Workstation.of_project(folder)


@pytest.mark.parametrize(
    ("url", "credentials", "says"),
    [
        (
            "abfss://ai-data@workstation.dfs.core.windows.net/d",
            {"account_key": "no base 64!"},
            "Base64",
        ),
        ("abfss://ai-data@workstation.dfs.core.windows.net/d", {"password": "secret"}, "password"),
        ("https://workstation.blob.core.windows.net/ai-data", {}, "abfss://ai-data@workstation"),
        ("folder", {"account_key": "c2VjcmV0"}, "the workstation is a folder"),
    ],
)
def test_credentials_that_cannot_be_used_are_told_without_them(
    url: str, credentials: dict[str, str], says: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        Workstation(url, **credentials)
    assert not any(value in str(error.value) for value in credentials.values())
