"""A run, killed at each of its writes, leaves arrivals that are true; the next one completes them.

Nothing that readers see is called late, and what came is known by when its file changed, whoever
saw it. Of a table nobody knows when it changed: it came when a run saw it first.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow import load
from ai_dataflow.runs.freshness import stale_sources
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.arrivals import ENOUGH, Arrivals
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow_tests.chaos import children
from ai_dataflow_tests.chaos.boundaries import Kill
from ai_dataflow_tests.chaos.world import World
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine

DAY = 86_400
ACME, BOREALIS = "claims|acme", "claims|borealis"
CIRRUS, DUNE = "claims|cirrus", "claims|dune"  # the same, of tables
OLD, NEW = 4, 99  # what the last delivery of `acme` has, and the one that is killed
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,claim,borealis,data/borealis.csv,Y
    ORION,claims,claim,cirrus,sql://cirrus/policies,Y
    ORION,claims,claim,dune,sql://dune/policies,Y
"""


def _deliver(folder: Path, client: str, value: int, at: float) -> None:
    text_file(folder, f"data/{client}.csv", f"ClaimNo,Amount\n{value},1.5\n")
    os.utime(folder / f"data/{client}.csv", (at, at))


def _late(folder: Path) -> Path:
    """Give a project of which nothing new came for nine days.

    Then a file comes, that of `acme`, and a row of the table of `cirrus`. The others do not.
    """
    project(folder, control=CONTROL)
    for client in ("cirrus", "dune"):  # each in its own database: SQLite knows what changed in all
        with (folder / "ai_dataflow.toml").open("a", encoding="utf-8") as toml:
            toml.write(f'\n[sql.{client}]\nurl = "sqlite:///{client}.sqlite"\n')
        _query(folder, client, "CREATE TABLE policies AS SELECT 4 AS ClaimNo, 1.5 AS Amount")
    now = datetime.now(UTC).timestamp()
    for number in range(OLD + 1):
        for client in ("acme", "borealis"):
            _deliver(folder, client, number, now - (9 + OLD - number) * DAY)
        spine.run_changed(folder)
    _seen_daily(folder, ("cirrus", "dune"), int(now) - 9 * DAY)
    assert _overdue(folder) == [ACME, BOREALIS, CIRRUS, DUNE]
    _deliver(folder, "acme", NEW, now - DAY)
    _query(folder, "cirrus", "INSERT INTO policies VALUES (99, 1.5)")
    return folder


def _query(folder: Path, client: str, statement: str) -> None:
    with closing(sqlite3.connect(folder / f"{client}.sqlite")) as database, database:
        database.execute(statement)


def _seen_daily(folder: Path, clients: Sequence[str], last: int) -> None:
    """Let tables have changed daily, as runs then would have seen it, up to some moment."""
    file = folder / "workstation/_arrivals/claims.json"
    stored = json.loads(file.read_text())
    for client in clients:
        ((source, (content, *_)),) = stored["clients"][client].items()
        daily = Arrivals(content, last, (DAY,) * ENOUGH)
        row = [content, last, daily.usual, daily.limit, *daily.intervals]
        stored["clients"][client][source] = row
    file.write_text(json.dumps(stored))


def _overdue(folder: Path) -> list[str]:
    """Give the partitions that are late, as `status` tells them."""
    loaded = load_project(folder)
    stale = stale_sources(open_workstation(loaded.settings), loaded, datetime.now(UTC))
    return [each.partition for each in stale]


def _arrivals(folder: Path, begun: float) -> Any:
    """Give what came; what a run saw first of a table since some moment came since then."""
    clients = json.loads((folder / "workstation/_arrivals/claims.json").read_text())["clients"]
    ((source, (content, last, *_)),) = clients["cirrus"].items()
    clients["cirrus"] = {source: (content, "since" if last >= int(begun) else last)}
    return clients


def _seen(folder: Path, client: str) -> int:
    return int(load("claims", client, config=folder).collect()["claim_id"].max())


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
    begun = time.time()
    before = _arrivals(folder, begun)
    _, whole = children.run(World(folder), "run-whole", way="changed")
    after, kills = _arrivals(folder, begun), _kills(whole)
    assert {client for client in after if after[client] != before[client]} == {"acme", "cirrus"}
    assert {kill.label for kill in kills} >= {"put _arrivals", "commit data", "put _inputs"}
    for kill in kills:
        shutil.rmtree(place)
        shutil.copytree(kept, place)
        was_killed, _ = children.run(World(folder), "run-killed", kill, "changed")
        assert was_killed
        is_published = NEW in (_seen(folder, "acme"), _seen(folder, "cirrus"))
        assert _arrivals(folder, begun) in ([after] if is_published else [before, after]), kill
        late = _overdue(folder)
        assert late == [BOREALIS, DUNE] or (
            late == [ACME, BOREALIS, CIRRUS, DUNE] and not is_published
        ), kill
        spine.run_changed(folder)
        assert _arrivals(folder, begun) == after, kill
        assert _seen(folder, "acme") == _seen(folder, "cirrus") == NEW, kill
        assert _overdue(folder) == [BOREALIS, DUNE]
