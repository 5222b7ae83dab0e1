"""Publishing new types: what vanishes, what others commit meanwhile, what files are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.workstation import publish as publishing
from ai_dataflow.workstation.commit import TableColumn
from ai_dataflow.workstation.data_files import (
    DataFile,
    new_publication,
    publication_of,
    recast_name,
    write_partition,
)
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.lease import lease
from ai_dataflow.workstation.publish import Made, Publication, Recast, publish

OLD, NEW = [TableColumn("n", "long", "how many")], [TableColumn("n", "string")]
TEXT = {client: ["2"] for client in ("acme", "borealis")}
NUMBERS = {client: [1] for client in ("acme", "borealis")}


@pytest.fixture
def workstation(tmp_path: Path) -> Folders:
    """Give a workstation where both clients are published as numbers."""
    opened = open_workstation(Settings(folder=tmp_path))
    publish_all(opened, OLD, *(written(opened, client, 1) for client in NUMBERS))
    return opened


def written(workstation: Folders, client: str, value: Any) -> Made:
    rows = pl.LazyFrame({"n": [value]})
    return Made(client, write_partition(rows, workstation.dataset("claims"), client))


def publish_all(
    workstation: Folders, columns: list[TableColumn], *made: Made, **more: Any
) -> Publication:
    with lease(workstation.leases("claims"), "claims", "run") as held:
        return publish(workstation, "claims", columns, made, held, **more)


def recast_of(workstation: Folders, client: str) -> Recast:
    """Recast what is published of a client to text."""
    table = DeltaTable(workstation.dataset("claims").url)
    made = written(workstation, client, "1").data
    files = tuple(DataFile(file.path, file.size, file.rows, at=1) for file in made)
    return Recast({client: files}, table.version())


def seen(workstation: Folders) -> dict[str, list[Any]]:
    rows = pl.read_delta(workstation.dataset("claims").url)
    return {client: rows.filter(client_code=client)["n"].to_list() for client in NUMBERS}


def remove(workstation: Folders, *files: DataFile) -> None:
    for file in files:
        Path(workstation.dataset("claims").join(file.path)).unlink(missing_ok=True)


def vacuumed_meanwhile(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch, *files: DataFile
) -> None:
    """Take files away between the look before the commit and the commit."""
    commit = publishing.commit

    def vacuumed(*given: Any) -> int:
        remove(workstation, *files)
        return commit(*given)

    monkeypatch.setattr(publishing, "commit", vacuumed)


def test_what_is_recast_becomes_visible_with_what_was_made(workstation: Folders) -> None:
    done = publish_all(
        workstation,
        NEW,
        written(workstation, "acme", "2"),
        recast=recast_of(workstation, "borealis"),
    )
    assert (done.version, done.vanished) == (1, frozenset())
    assert seen(workstation) == {"acme": ["2"], "borealis": ["1"]}


def test_an_old_type_does_not_come_back_under_a_new_schema(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [written(workstation, client, "2") for client in TEXT]
    vacuumed_meanwhile(workstation, monkeypatch, *made[0].data)
    done = publish_all(workstation, NEW, *made)
    assert done.vanished == {"acme", "borealis"}
    assert seen(workstation) == NUMBERS
    fields = DeltaTable(workstation.dataset("claims").url).schema().fields
    assert fields[0].metadata == {"comment": "how many"}


def test_recast_files_that_go_take_all_back(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    recast = recast_of(workstation, "borealis")
    vacuumed_meanwhile(workstation, monkeypatch, *recast.files["borealis"])
    done = publish_all(workstation, NEW, written(workstation, "acme", "2"), recast=recast)
    assert "acme" in done.vanished
    assert seen(workstation) == NUMBERS


@pytest.mark.parametrize("gone", ["made", "recast"])
def test_files_that_are_gone_before_leave_all_as_it_was(workstation: Folders, gone: str) -> None:
    made, recast = written(workstation, "acme", "2"), recast_of(workstation, "borealis")
    remove(workstation, *(made.data if gone == "made" else recast.files["borealis"]))
    done = publish_all(workstation, NEW, made, recast=recast)
    assert (done.version, done.vanished) == (None, {"acme"})
    assert seen(workstation) == NUMBERS


def test_files_that_go_without_a_new_type_fail_their_client_alone(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [written(workstation, client, 2) for client in NUMBERS]
    vacuumed_meanwhile(workstation, monkeypatch, *made[0].data)
    assert publish_all(workstation, OLD, *made).vanished == {"acme"}
    assert seen(workstation) == {"acme": [1], "borealis": [2]}


def test_a_table_that_is_optimized_meanwhile_stops_no_recast(workstation: Folders) -> None:
    recast = recast_of(workstation, "borealis")
    DeltaTable(workstation.dataset("claims").url).optimize.z_order(["n"])
    publish_all(workstation, NEW, written(workstation, "acme", "2"), recast=recast)
    assert seen(workstation) == {"acme": ["2"], "borealis": ["1"]}


def test_what_was_published_after_the_recast_is_not_replaced_by_it(
    workstation: Folders,
) -> None:
    recast = recast_of(workstation, "borealis")
    publish_all(workstation, OLD, written(workstation, "borealis", 5))
    with pytest.raises(DataflowError) as error:
        publish_all(workstation, NEW, written(workstation, "acme", "2"), recast=recast)
    assert [problem.code for problem in error.value.diagnostics] == ["WST-003"]
    assert seen(workstation) == {"acme": [1], "borealis": [5]}


def test_recast_files_stay_of_their_publication() -> None:
    publication = new_publication()
    for name in (f"{publication}.parquet", f"{publication}-00007.parquet"):
        once = recast_name(f"client_code=acme/{name}")
        twice = recast_name(once)
        assert len({name, once, twice}) == 3
        assert publication_of(once) == publication_of(twice) == publication
        assert ("-00007" in name) == ("-00007" in twice)
        assert len(once) == len(twice)
    foreign = recast_name("client_code=acme/part-00000-c000.snappy.parquet")
    assert publication_of(foreign) == publication_of(recast_name(foreign)) == ""
    assert foreign.startswith("client_code=acme/recast.")
