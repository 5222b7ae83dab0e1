"""A run, killed at each of its writes, leaves arrivals that are true; the next one completes them.

Nothing that readers see is called late, and what came is known by when its file changed, whoever
saw it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow import load
from ai_dataflow.runs.freshness import stale_sources
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow_tests.chaos import children
from ai_dataflow_tests.chaos.boundaries import Kill
from ai_dataflow_tests.chaos.world import World
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine

DAY = 86_400
ACME, BOREALIS = "claims|acme", "claims|borealis"
OLD, NEW = 4, 99  # what the last delivery of `acme` has, and the one that is killed
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,claim,borealis,data/borealis.csv,Y
"""


def _deliver(folder: Path, client: str, value: int, at: float) -> None:
    text_file(folder, f"data/{client}.csv", f"ClaimNo,Amount\n{value},1.5\n")
    os.utime(folder / f"data/{client}.csv", (at, at))


def _late(folder: Path) -> Path:
    """Give a project of which nothing new came for nine days: then `acme` comes, `borealis` not."""
    project(folder, control=CONTROL)
    now = datetime.now(UTC).timestamp()
    for number in range(OLD + 1):
        for client in ("acme", "borealis"):
            _deliver(folder, client, number, now - (9 + OLD - number) * DAY)
        spine.run_changed(folder)
    assert _overdue(folder) == [ACME, BOREALIS]
    _deliver(folder, "acme", NEW, now - DAY)
    return folder


def _overdue(folder: Path) -> list[str]:
    """Give the partitions that are late, as `status` tells them."""
    loaded = load_project(folder)
    stale = stale_sources(open_workstation(loaded.settings), loaded, datetime.now(UTC))
    return [each.partition for each in stale]


def _arrivals(folder: Path) -> Any:
    return json.loads((folder / "workstation/_arrivals/claims.json").read_text())["clients"]


def _seen(folder: Path) -> list[int]:
    return load("claims", "acme", config=folder).collect()["claim_id"].to_list()


def _kills(whole: children.Told) -> list[Kill]:
    """Give a kill before each write; how often a lease is renewed, the machine decides."""
    counts, kills = Counter[str](), list[Kill]()
    for label, _ in whole.writes:
        counts[label] += 1
        if counts[label] == 1 or label != "put _leases":
            kills.append(Kill(counts[label], "before", label=label))
    return kills


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.proves(
    "write",
    "killed",
    "a run killed at any write leaves true arrivals: what readers see is not late",
)
def test_what_readers_see_is_not_called_late(tmp_path: Path) -> None:
    folder = _late(tmp_path / "shop")
    place, kept = folder / "workstation", tmp_path / "kept"
    shutil.copytree(place, kept)
    before = _arrivals(folder)
    _, whole = children.run(World(folder), "run-whole", way="changed")
    after, kills = _arrivals(folder), _kills(whole)
    assert after["borealis"] == before["borealis"]
    assert {kill.label for kill in kills} >= {"put _arrivals", "commit data", "put _inputs"}
    for kill in kills:
        shutil.rmtree(place)
        shutil.copytree(kept, place)
        was_killed, _ = children.run(World(folder), "run-killed", kill, "changed")
        assert was_killed
        is_published = _seen(folder) == [NEW]
        assert _arrivals(folder) in ([after] if is_published else [before, after]), kill
        late = _overdue(folder)
        assert late == [BOREALIS] or (late == [ACME, BOREALIS] and not is_published), kill
        spine.run_changed(folder)
        assert (_arrivals(folder), _seen(folder)) == (after, [NEW]), kill
        assert _overdue(folder) == [BOREALIS]
