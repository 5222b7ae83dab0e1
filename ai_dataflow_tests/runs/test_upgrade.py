"""What the version before has stored is understood: made anew where it computed otherwise, once.

The files of `made_by_0_1_0` were written by that version, of the job that is built here.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from ai_dataflow.config.keys import PartitionKey, SourceKey
from ai_dataflow.config.settings import Settings, SqlConnection, WorkstationSettings
from ai_dataflow.extracts.copies import _origins
from ai_dataflow.extracts.staging import last_extracts
from ai_dataflow.notifications.delivery import MAILS, deliver
from ai_dataflow.notifications.mail_places import open_places
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.planning import inputs
from ai_dataflow.planning.changes import changes
from ai_dataflow.tables.locations import FileLocation, SqlLocation, identity
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.records import read_records, updated_records
from ai_dataflow_tests.partition.jobs import job, key, mapped, source

OLD = Path(__file__).parent / "made_by_0_1_0"
PARTITION = PartitionKey("sales|USA")
PUBLICATION = "0" * 32
FILES = FileLocation("/lake/it's/a.csv", "csv", "/mnt/lake/it's/a.csv")
TABLE = SqlLocation("erp", "lines", "dbo", client_column="client", client="USA", change_column="at")
JOB: PartitionJob = job(
    source(FILES, key("id"), mapped("name", required=True, description="who")),
    replace(
        source(TABLE, key("id", "No"), mapped("qty", "int32", transform="qty * 2"),
               submodule="item"),
        append_by="No",
    ),
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copytree(OLD, tmp_path / "workstation")
    url = SecretStr("sqlite:////project/erp.sqlite")
    return Settings(
        folder=tmp_path,
        sql={"erp": SqlConnection(url=url)},
        workstation=WorkstationSettings(url="workstation"),
    )


@pytest.fixture
def workstation(settings: Settings) -> Folders:
    return open_workstation(settings)


def _states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ai_dataflow.planning.changes.content_seen",
                        lambda own: f"state of {own.submodule}")  # fmt: skip


def test_what_was_computed_otherwise_is_made_anew(
    settings: Settings, workstation: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.1.0 had Polars' SQL compile transforms: whole numbers wrapped around."""
    _states(monkeypatch)
    records = read_records(workstation, ["sales"])
    found = changes({PARTITION: JOB}, records, {PARTITION: PUBLICATION}, settings)
    (reason,) = found.due[PARTITION]
    assert reason.kind == "code"
    assert "another version of ai_dataflow computes it" in str(reason)


def test_it_is_made_anew_once(
    settings: Settings, workstation: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    _states(monkeypatch)
    (record,) = read_records(workstation, ["sales"]).values()
    made = inputs.inputs_of(JOB, settings, lambda own: f"state of {own.submodule}")
    assert record.inputs is not None
    assert record.inputs.model_copy(update={"code": made.code}) == made  # nothing else is new
    with updated_records(workstation, "sales") as records:
        records.put("USA", record.model_copy(update={"inputs": made}))
    records = read_records(workstation, ["sales"])
    found = changes({PARTITION: JOB}, records, {PARTITION: PUBLICATION}, settings)
    assert found.due == {}
    assert found.unchanged[PARTITION].version == 3


def test_the_last_extracts_are_known_by_their_locations(
    settings: Settings, workstation: Folders
) -> None:
    extracts = last_extracts(workstation.staging("sales", "USA"))
    files, table = (extracts[SourceKey("orion", name)] for name in ("line", "item"))
    assert (files.source, table.source) == (identity(FILES), identity(TABLE))
    assert files.files[0].changed == datetime(2026, 1, 1, tzinfo=UTC)
    assert table.staged
    # It may have rows of another client, whose code a collation takes for the same: copied anew.
    assert table.origin not in _origins(TABLE, settings)


def test_a_mail_that_waited_is_sent(settings: Settings) -> None:
    delivery = deliver(open_places(settings))
    assert [entry.letter.subject for entry in delivery.sent] == ["FAILED 1 of 3 partitions"]
    assert len(list((settings.folder / MAILS).iterdir())) == 1
