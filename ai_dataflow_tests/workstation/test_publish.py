"""Publishing two tables as one: wherever it is killed, it is known which rejects are open."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.workstation import publish as publishing
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.commit import TableColumn
from ai_dataflow.workstation.data_files import new_publication, publication_of, write_partition
from ai_dataflow.workstation.fencing import Writer, fence
from ai_dataflow.workstation.kept_rows import Kept, all_kept, keep
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.lease import LeaseError, lease
from ai_dataflow.workstation.publish import Made, publish, tidy
from ai_dataflow.workstation.reject_tables import Current

COLUMNS = [TableColumn("n", "long")]


class Killed(BaseException):
    """What nothing catches."""


@pytest.fixture
def workstation(tmp_path: Path) -> Folders:
    return open_workstation(Settings(folder=tmp_path))


def made(workstation: Folders, client: str, *, bad: int = 0, data: bool = True) -> tuple[str, Made]:
    """Make a partition of one row and so many rejects; give its publication too."""
    publication = new_publication()
    rows = pl.LazyFrame({"n": [1]})
    lost = pl.DataFrame({"reason": ["REJ-001"] * bad}, schema={"reason": pl.String})
    nulls = {n: pl.lit(None, dtype) for n, dtype in reject_tables.SCHEMA.items() if n != "reason"}
    files = write_partition(rows, workstation.dataset("claims"), client, publication)
    left_out = write_partition(
        lost.lazy().with_columns(**nulls), workstation.rejects("claims"), client, publication
    )
    return publication, Made(client, files if data else (), left_out if bad else ())


def publish_all(workstation: Folders, *partitions: Made) -> int | None:
    with lease(workstation.leases("claims"), "claims", "run") as held:
        return publish(workstation, "claims", COLUMNS, partitions, held).version


def publish_one(workstation: Folders, **more: Any) -> str:
    publication, partition = made(workstation, "acme", **more)
    publish_all(workstation, partition)
    return publication


def now(workstation: Folders) -> Current:
    return reject_tables.current(workstation, "claims")["acme"]


def publications(paths: tuple[str, ...]) -> set[str]:
    return {publication_of(path) for path in paths}


def test_a_run_replaces_the_rejects_of_the_one_before(workstation: Folders) -> None:
    publish_one(workstation, bad=2)
    second = publish_one(workstation, bad=1)
    own = now(workstation)
    assert publications(own.data) == publications(own.rejects) == {own.publication} == {second}
    assert (own.unpublished, own.superseded) == ((), ())
    table = pl.read_delta(workstation.rejects("claims").url)
    assert table.height == 1


def test_a_run_without_rejects_closes_those_of_the_one_before(workstation: Folders) -> None:
    publish_one(workstation, bad=2)
    publish_one(workstation)
    assert now(workstation).rejects == ()
    assert pl.read_delta(workstation.rejects("claims").url).height == 0


def test_what_is_not_published_leaves_its_rejects_beside_the_open_ones(
    workstation: Folders,
) -> None:
    first = publish_one(workstation, bad=1)
    for _ in range(2):
        refused = publish_one(workstation, bad=3, data=False)
        own = now(workstation)
        assert (own.publication, publications(own.rejects)) == (first, {first})
        assert publications(own.unpublished) == {refused}
    publish_one(workstation, bad=1)
    assert now(workstation).unpublished == ()


def test_rejects_of_a_first_run_that_is_not_published_are_there(workstation: Folders) -> None:
    refused = publish_one(workstation, bad=1, data=False)
    own = now(workstation)
    assert (own.publication, own.data, publications(own.unpublished)) == ("", (), {refused})
    assert not Path(workstation.dataset("claims").url, "_delta_log").exists()


KILLS: list[tuple[str, bool, bool]] = [
    ("amend", False, False), ("amend", True, False),
    ("commit", False, False), ("commit", True, True), ("tidy", False, True),
]  # fmt: skip


@pytest.mark.proves(
    "commit", "killed", "the open rejects are those of what readers see; wherever it was killed"
)
@pytest.mark.parametrize(("step", "after", "visible"), KILLS)
def test_whatever_is_killed_the_open_rejects_are_those_of_what_readers_see(
    workstation: Folders,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    after: bool,
    visible: bool,
) -> None:
    first = publish_one(workstation, bad=2)
    second, partition = made(workstation, "acme", bad=1)
    real: Callable[..., Any] = getattr(publishing, step)

    def kill(*arguments: Any) -> None:
        if after:
            real(*arguments)
        raise Killed

    monkeypatch.setattr(publishing, step, kill)
    with pytest.raises(Killed):
        publish_all(workstation, partition)
    monkeypatch.undo()
    own = now(workstation)
    assert own.publication == (second if visible else first)
    assert publications(own.rejects) == {own.publication}

    third = publish_one(workstation, bad=1)
    own = now(workstation)
    assert (own.publication, publications(own.rejects)) == (third, {third})
    assert pl.read_delta(workstation.rejects("claims").url).height == 1


def test_clients_of_one_commit_keep_apart(workstation: Folders) -> None:
    ids, both = zip(*(made(workstation, c, bad=1) for c in ("acme", "borealis")), strict=True)
    version = publish_all(workstation, *both)
    assert version == 0
    found = reject_tables.current(workstation, "claims")
    assert [found[c].publication for c in ("acme", "borealis")] == list(ids)
    publish_one(workstation)
    again = reject_tables.current(workstation, "claims")
    assert again["borealis"] == found["borealis"]


def test_kept_rows_stay_as_long_as_their_publication(workstation: Folders) -> None:
    publication, partition = made(workstation, "acme", bad=1)
    name = Kept("claims", "acme", publication, "ORION", "line.items")
    orphan = Kept("claims", "acme", new_publication(), "ORION", "line.items")
    for each in (name, orphan):
        keep(pl.LazyFrame({"n": [1]}), each, workstation)
    publish_all(workstation, partition)
    assert list(all_kept(workstation, "claims")) == [name]
    assert list(all_kept(workstation, "claims", "acme")) == [name]
    assert list(all_kept(workstation, "claims", "acm")) == []
    publish_one(workstation)
    assert list(all_kept(workstation, "claims")) == []


def test_tidying_twice_commits_once(workstation: Folders) -> None:
    publish_one(workstation, bad=1)
    before = DeltaTable(workstation.rejects("claims").url).version()
    with lease(workstation.leases("claims"), "claims", "again") as held:
        tidy(workstation, "claims", held)
    assert DeltaTable(workstation.rejects("claims").url).version() == before


def test_whoever_has_lost_the_lease_tidies_nothing_away(workstation: Folders) -> None:
    publish_one(workstation)
    with lease(workstation.leases("claims"), "claims", "slow") as held:
        workstation.leases("claims").write("00000009.json", b"{}")
        # The run that took over keeps rows for what it has not published yet.
        kept = Kept("claims", "acme", new_publication(), "P", "s")
        keep(pl.LazyFrame({"n": [1]}), kept, workstation)
        with pytest.raises(LeaseError):
            tidy(workstation, "claims", held)
    assert list(all_kept(workstation, "claims")) == [kept]


def test_a_reject_table_of_an_older_version_gets_the_new_columns(workstation: Folders) -> None:
    table = workstation.rejects("claims")
    old = pl.LazyFrame({"run_id": ["old"], "reason": ["REJ-001"]})
    publication = new_publication()
    files = write_partition(old, table, "borealis", publication)
    columns = [column for column in reject_tables.COLUMNS if column.name in ("run_id", "reason")]
    publishing.amend(table, columns, {"borealis": files}, (), Writer("old"))
    data = write_partition(
        pl.LazyFrame({"n": [1]}), workstation.dataset("claims"), "borealis", publication
    )
    publish_all(workstation, Made("borealis", data))
    publish_one(workstation, bad=1)
    assert set(pl.read_delta(table.url).columns) == {*reject_tables.SCHEMA, "client_code"}
    own = reject_tables.current(workstation, "claims")["borealis"]
    rows = (
        reject_tables.scan(workstation, "claims", own.rejects)
        .filter(reject_tables.IS_OPEN)
        .collect()
    )
    assert rows.schema == reject_tables.SCHEMA
    assert rows["run_id"].to_list() == ["old"]


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_clocks_of_two_machines_need_not_agree(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: real() + hours * 3600)
        publish_one(workstation, bad=2)
    refused = publish_one(workstation, bad=1, data=False)
    assert publications(now(workstation).unpublished) == {refused}
    last = publish_one(workstation, bad=1)
    own = now(workstation)
    assert (publications(own.rejects), own.unpublished) == ({last}, ())


def test_what_another_published_meanwhile_is_not_replaced(workstation: Folders) -> None:
    publish_one(workstation)
    before = now(workstation).data
    newer = publish_one(workstation)
    _, late = made(workstation, "acme")
    with pytest.raises(DataflowError) as error:
        publish_all(workstation, replace(late, replaces=before))
    assert error.value.diagnostics[0].code == "WST-003"
    assert now(workstation).publication == newer
    publish_all(workstation, replace(late, replaces=now(workstation).data))


def test_who_has_lost_the_lease_publishes_and_tidies_nothing(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_one(workstation, bad=1)
    seen = now(workstation)
    with lease(workstation.leases("claims"), "claims", "slow") as held:
        workstation.leases("claims").write("00000009.json", b"{}")
        _, partition = made(workstation, "acme", bad=1)
        with pytest.raises(DataflowError) as error:
            publish(workstation, "claims", COLUMNS, [partition], held)
    assert error.value.diagnostics[0].code == "WST-006"
    assert now(workstation) == seen


def test_files_that_another_program_wrote_anew_cost_no_rejects(workstation: Folders) -> None:
    publication = publish_one(workstation, bad=2)
    keep(pl.LazyFrame({"n": [1]}), Kept("claims", "acme", publication, "P", "s"), workstation)
    table = DeltaTable(workstation.dataset("claims").url)
    table.optimize.z_order(["n"])
    with lease(workstation.leases("claims"), "claims", "later") as held:
        tidy(workstation, "claims", held)
    assert now(workstation).publication == ""
    assert pl.read_delta(workstation.rejects("claims").url).height == 2
    assert list(all_kept(workstation, "claims"))


def _files(workstation: Folders, partition: Made) -> list[Path]:
    table = Path(workstation.dataset("claims").url)
    return [table / file.path for file in partition.data]


def test_files_that_are_gone_before_the_commit_fail_their_client_alone(
    workstation: Folders,
) -> None:
    (_, acme), (seen, borealis) = made(workstation, "acme"), made(workstation, "borealis")
    for file in _files(workstation, acme):
        file.unlink()
    with lease(workstation.leases("claims"), "claims", "run") as held:
        done = publish(workstation, "claims", COLUMNS, [acme, borealis], held)
    assert (done.version, done.vanished) == (0, {"acme"})
    assert publications(reject_tables.current(workstation, "claims")["borealis"].data) == {seen}


@pytest.mark.parametrize("had_some", [True, False])
def test_files_that_go_while_they_are_committed_give_way_to_those_before(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch, had_some: bool
) -> None:
    before = publish_one(workstation) if had_some else ""
    _, partition = made(workstation, "acme")
    commit = publishing.commit

    def vacuumed(*given: Any) -> int:
        for file in _files(workstation, partition):
            file.unlink(missing_ok=True)
        return commit(*given)

    monkeypatch.setattr(publishing, "commit", vacuumed)
    with lease(workstation.leases("claims"), "claims", "run") as held:
        done = publish(workstation, "claims", COLUMNS, [partition], held)
    assert done.vanished == {"acme"}
    assert publications(now(workstation).data if had_some else ()) == ({before} - {""})
    rows = pl.read_delta(workstation.dataset("claims").url)
    assert rows.height == int(had_some)


@pytest.mark.parametrize("is_late", [False, True])
def test_rejects_that_are_gone_fail_their_client_alone(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    before = publish_one(workstation, bad=1)
    _, acme = made(workstation, "acme", bad=2)
    seen, borealis = made(workstation, "borealis", bad=3)
    gone = [Path(workstation.rejects("claims").url) / file.path for file in acme.rejects]
    amend = publishing.amend

    def vacuumed(*given: Any) -> int:
        for file in gone:
            file.unlink(missing_ok=True)
        return amend(*given)

    if is_late:
        monkeypatch.setattr(publishing, "amend", vacuumed)
    else:
        gone[0].unlink()
    with lease(workstation.leases("claims"), "claims", "run") as held:
        done = publish(workstation, "claims", COLUMNS, [acme, borealis], held)
    assert done.vanished == {"acme"}
    assert publications(now(workstation).data) == {before}
    assert publications(reject_tables.current(workstation, "claims")["borealis"].data) == {seen}
    assert pl.read_delta(workstation.rejects("claims").url).height == 1 + 3


def test_a_foreign_vacuum_between_writing_and_committing_is_noticed(
    workstation: Folders,
) -> None:
    before = publish_one(workstation)
    _, partition = made(workstation, "acme")
    table = DeltaTable(workstation.dataset("claims").url)
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
    with lease(workstation.leases("claims"), "claims", "run") as held:
        done = publish(workstation, "claims", COLUMNS, [partition], held)
    assert done.vanished == {"acme"}
    assert publications(now(workstation).data) == {before}


def test_a_commit_of_a_lease_that_was_taken_over_is_refused(workstation: Folders) -> None:
    first, second = Writer("first", 1), Writer("second", 2)
    table = workstation.dataset("claims")
    _, partition = made(workstation, "acme")
    publishing.commit(table, COLUMNS, {"acme": partition.data}, second)
    _, late = made(workstation, "acme")
    with pytest.raises(DataflowError) as error:
        publishing.commit(table, COLUMNS, {"acme": late.data}, first)
    assert [problem.code for problem in error.value.diagnostics] == ["WST-006"]
    fence(table, Writer("third", 3))
    with pytest.raises(DataflowError):
        publishing.commit(table, COLUMNS, {"acme": late.data}, second)
