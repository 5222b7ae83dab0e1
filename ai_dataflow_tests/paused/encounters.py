"""One encounter: an act stands still or is killed at a call, another comes in between, it goes on.

What has to hold in every encounter:

- readers see what was published last and never go back to what was before, whole, by Polars and by
  deltalake;
- whoever says of a partition that it is ok has published it, and who failed has not;
- the next run ends well; what is merged again from the last extracts is not older; rejects can be
  replayed; `cleanup` leaves nothing that nothing names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import pytest
from deltalake import DeltaTable

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.connections.scans import delta_options, delta_uri
from ai_dataflow.workstation.commit import files_in, open_table
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.chaos.left_over import OF_ITS_OWN, listed, named, profiles_named
from ai_dataflow_tests.paused.acts import DEAD_SECONDS, LOOK_SECONDS, Act, Actor, Done, cleaned
from ai_dataflow_tests.paused.gates import Gate
from ai_dataflow_tests.paused.places import Place
from ai_dataflow_tests.paused.scene import (
    CLIENTS,
    LAST,
    MODULE,
    NEW,
    OLD,
    OURS,
    SHRUNK,
    Rows,
    Scene,
    rows_of,
)
from ai_dataflow_tests.runs import spine

Rival = Literal["run", "replay", "cleanup", "vacuum"]
Way = Literal["stopped", "killed", "late"]
# Overtaken, fenced, or without the files that another program took away.
_CODES = {"WST-003", "WST-006", "WST-008"}
_NOT_AS_SHOWN = {"RUN-025", "RUN-026"}
_UNREADABLE = "WST-001"  # what such a program took before it was read back


@dataclass(frozen=True)
class Encounter:
    """An act that is stopped or killed before a call, and who comes in between.

    `late` is killed, and its last request arrives after the other has done its work.
    """

    act: Act
    rival: Rival
    way: Way = "stopped"

    def __str__(self) -> str:
        """Say it, so that a failure can be repeated."""
        return f"{self.act} {self.way}, {self.rival} in between"

    @property
    def sheet(self) -> int:
        """The sheet that the act publishes."""
        return SHRUNK if self.act == "accept" else OURS

    @property
    def ours(self) -> Rows:
        """What readers see if the act alone publishes."""
        if self.act == "cleanup":
            return rows_of(OLD)
        return rows_of(OLD, replayed=OURS) if self.act == "replay" else rows_of(self.sheet)


def play(encounter: Encounter, place: Place, number: int) -> str | None:
    """Play an encounter at the n-th call; say where it was and what came of it.

    None where the act had ended before that call.

    Raises:
        AssertionError: something does not hold.
    """
    place.prepare(encounter.act)
    scene, gate = place.scene, place.gate(number, "PUT _leases" if encounter.act == "beat" else "")
    actor = Actor(encounter.act, scene.folder, gate, place.endpoint)
    try:
        if not actor.stands_still():
            return None
        return f"{gate.where}: {_meet(encounter, scene, gate, actor)}"
    except Exception as error:
        error.add_note(f"{encounter}; before call {number}, {gate.where}")
        raise
    finally:
        actor.close()


def _meet(encounter: Encounter, scene: Scene, gate: Gate, actor: Actor) -> str:
    done = None
    if encounter.way == "stopped":
        actor.stop()
    else:
        actor.kill()
    if encounter.way == "killed":
        gate.open(lost=True)
    _come_between(encounter.rival, scene)
    between = scene.rows()
    if encounter.way == "stopped":
        done = actor.go_on()
    else:
        gate.open_and_wait()
    outcome = _check(encounter, scene, between, done)
    _settle(encounter, scene)
    return outcome


def _come_between(rival: Rival, scene: Scene) -> None:
    with short_patience():
        if rival == "run":
            scene.deliver(NEW)
            assert spine.run_changed(scene.folder).exit_code == 0
            assert scene.rows() == dict.fromkeys(CLIENTS, rows_of(NEW))
        elif rival == "replay":
            assert spine.replay(scene.folder).exit_code == 0
        elif rival == "cleanup":
            assert cleaned(scene.folder) == Done()
        else:
            _vacuum(scene)


@contextmanager
def short_patience() -> Iterator[None]:
    """Take a run for dead, in the block, after less than a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ai_dataflow.workstation.lease.DEAD_SECONDS", DEAD_SECONDS)
        patch.setattr("ai_dataflow.workstation.lease._LOOK_SECONDS", LOOK_SECONDS)
        yield


def _vacuum(scene: Scene) -> None:
    """Take away all files that no version names, as another program may."""
    for folder in (scene.workstation.dataset(MODULE), scene.workstation.rejects(MODULE)):
        uri, options = delta_uri(folder), delta_options(folder)
        if DeltaTable.is_deltatable(uri, options):
            DeltaTable(uri, storage_options=options).vacuum(
                retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True
            )


def _check(encounter: Encounter, scene: Scene, between: dict[str, Rows], done: Done | None) -> str:
    """See what readers see, and whether the act says what is; tell what came of it."""
    seen = scene.rows()
    for client, rows in seen.items():
        if encounter.rival == "run":
            assert rows == rows_of(NEW), f"{client} went back to {sorted(rows, key=str)}"
        allowed = (between[client], encounter.ours)
        assert rows in allowed or encounter.rival == "run", f"{client}: {sorted(rows, key=str)}"
    if encounter.rival == "run":
        copied = scene.copied()
        assert copied == dict.fromkeys(CLIENTS, NEW), f"what is merged next is older: {copied}"
    lacking = {c: sum(amount is None for *_, amount in rows) for c, rows in seen.items() if rows}
    rejects = {c: n for c, n in scene.open_rejects().items() if c in lacking}
    assert rejects == lacking, f"open rejects: {rejects} of {lacking}"
    if done is None:
        return "killed"
    if done.report is None:
        assert set(done.problems) <= _CODES, done.problems
        return ", ".join(done.problems) or "ok"
    _check_report(done.report, scene, seen, encounter)
    return _outcome(done.report)


def _check_report(
    report: RunReport, scene: Scene, seen: dict[str, Rows], encounter: Encounter
) -> None:
    failed = [p for p in report.partitions if p.status not in ("ok", "unchanged")]
    assert bool(report.exit_code) == bool(failed or report.unreported), report.exit_code
    for partition in report.partitions:
        client = PartitionKey(partition.partition).client
        if partition.status == "ok":
            assert partition.version is not None, f"{client} is ok and in no version"
            assert scene.has_published(report.run_id, client, partition.version), client
        if partition.status in ("ok", "unchanged"):
            wanted = rows_of(NEW) if encounter.rival == "run" else encounter.ours
            assert seen[client] == wanted, f"{client} is {partition.status}, and not there"
    codes = {error.code for p in failed for error in p.errors}
    allowed = _CODES | ({_UNREADABLE} if encounter.rival == "vacuum" else set())
    allowed |= _NOT_AS_SHOWN if encounter.act == "accept" else set()
    assert codes <= allowed, [error for p in failed for error in p.errors]


def _outcome(report: RunReport) -> str:
    codes = {error.code for p in report.partitions for error in p.errors}
    came = sorted({p.status for p in report.partitions} - {"failed"} | codes)
    return ", ".join(came) or "nothing to do"


def _settle(encounter: Encounter, scene: Scene) -> None:
    """Run again and clean up; what later merges and replays begin with is what belongs there."""
    newest = NEW if encounter.rival == "run" else encounter.sheet
    with short_patience():
        if encounter.act == "accept":
            _accept_what_waits(scene)
        assert spine.run_changed(scene.folder).exit_code == 0
        assert cleaned(scene.folder) == Done()
    assert scene.rows() == dict.fromkeys(CLIENTS, rows_of(newest))
    assert scene.copied() == dict.fromkeys(CLIENTS, newest), f"copies: {scene.copied()}"
    assert scene.kept() == {c: {"head", "line"} for c in CLIENTS}, f"kept: {scene.kept()}"
    _check_nothing_is_left(scene)
    if scene.workstation.root.account is None:  # where it costs little
        _make_more_of_it(scene, newest)


def _accept_what_waits(scene: Scene) -> None:
    """Accept what was not published; where its files are gone, make it anew."""
    if spine.accept(scene.folder, module=MODULE).exit_code:
        spine.run(scene.folder)
        assert spine.accept(scene.folder, module=MODULE).exit_code == 0


def _make_more_of_it(scene: Scene, newest: int) -> None:
    """Merge the last extracts again, then replay the rejects."""
    assert spine.run(scene.folder, stages=["ai_dataset"]).exit_code == 0
    assert scene.rows() == dict.fromkeys(CLIENTS, rows_of(newest)), "older when merged again"
    scene.deliver(LAST)
    assert spine.replay(scene.folder).exit_code == 0
    replayed = rows_of(newest, replayed=LAST)
    assert scene.rows() == dict.fromkeys(CLIENTS, replayed), "rejects cannot be replayed"


def _check_nothing_is_left(scene: Scene) -> None:
    """See that what is there is named by something, and that what readers see is there."""
    there = {path for path in listed(scene) if not path.startswith("_leases/")}
    needed = named(scene) | profiles_named(scene)
    left = {path for path in there - needed if not OF_ITS_OWN.fullmatch(path)}
    assert not left, f"cleanup left {left}"
    delta = open_table(scene.workstation.dataset(MODULE))
    assert delta is not None
    assert {f"{MODULE}/{file.path}" for file in files_in(delta)} <= there
