"""The kill test, in portions for CI: at one write of each kind, and a few at random.

`make chaos N=1000` goes through all writes, and kills at random until there are so many.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from ai_dataflow_tests.chaos.batches import Batch, Kinds, Moments, Place, azure, local, publish
from ai_dataflow_tests.chaos.summary import Summary
from ai_dataflow_tests.services.azurite import Azurite

SEED = 20_250_801  # the same in all runs of CI; `make chaos` takes a fresh one
LOCAL = {
    "a first run": Kinds(first=True),
    "a run, and one after a killed one": Kinds(again=True),
    "at random": Moments(3),
    "with a rival": Moments(2, rival=True),
    "by the command": Moments(1, way="cli"),
}
AZURE = {
    "a first run": Kinds(first=True, kinds="data"),
    "a run": Kinds(but="_"),  # what is beside the tables is written as in a folder
    "at random": Moments(2),
    "with a rival": Moments(1, rival=True),
}
# What a first run writes, at least, each at another place.
WRITES = {
    "put _leases", "close _staging", "put _staging", "close _common", "put _common",
    "sink data", "sink _rejects",
    "create table data", "create table _rejects", "put _arrivals", "put _inputs",
    "close _runs",
}  # fmt: skip
_SENT = {"sink data": "put data", "sink _rejects": "put _rejects"}  # small files, to an account


def killed(batch: Batch, place: Place) -> None:
    found = Summary()
    chance = random.Random(SEED)  # noqa: S311 - it chooses moments, not secrets
    found.add(batch.rounds(place, chance))
    print(found)
    assert found.total > 0
    assert found.reads > found.rounds


@pytest.mark.proves(
    "write",
    "killed",
    "a run killed at any write leaves the old version; the next run is as if it had not been",
)
@pytest.mark.proves(
    "commit",
    "killed",
    "a run killed at the commit leaves the old or the new version, whole; "
    "its lease is taken over at once",
)
@pytest.mark.proves("report", "killed", "what is published stays; the killed run has no report")
@pytest.mark.proves(
    "event",
    "killed",
    "what is published stays; Dagster shows the run as failed when its monitoring finds it",
)
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("batch", LOCAL.values(), ids=LOCAL)
def test_killed_runs_on_local_folders(batch: Batch, tmp_path: Path) -> None:
    killed(batch, local(tmp_path))


@pytest.mark.proves(
    "commit", "killed", "the same in a storage account; what was left over is removed by `cleanup`"
)
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("batch", AZURE.values(), ids=AZURE)
def test_killed_runs_on_azure(batch: Batch, tmp_path: Path, azurite: Azurite) -> None:
    killed(batch, azure(tmp_path, azurite))


@pytest.mark.parametrize("where", ["local", pytest.param("azure", marks=pytest.mark.slow)])
def test_every_kind_of_write_is_a_boundary(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A primitive that is not wrapped any more would be a write that nothing is killed at."""
    place = local(tmp_path)
    if where == "azure":
        place = azure(tmp_path, request.getfixturevalue("azurite"))
    with place(1) as world:
        told = publish(world)
        written = [label for label, _ in told.writes if not label.startswith("delete")]
        if where == "azure":
            written.remove("put _leases")  # the probe, which is deleted at once
        written.remove("put _under_way")  # of the run, which has ended
        files, root = Counter(written), world.workstation.root
        leases = len(root.folder("_leases").files())
        # A lease is written when it is taken and given back, and now and then in a long run.
        assert files.pop("put _leases") >= 2 * leases
        assert files.total() == len(root.files()) - leases
    expected = {_SENT.get(name, name) for name in WRITES} if where == "azure" else WRITES
    assert set(written) >= expected
    assert not told.imported, "put it into children._LATE: each child imports it again"
