"""An acceptance, killed at each of its writes, publishes all that it is about or nothing.

A second one then ends well, and what it publishes are the files that were shown.
"""

from __future__ import annotations

import itertools
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ai_dataflow.runs.cleanup import clean
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.records import read_records
from ai_dataflow_tests.chaos import children
from ai_dataflow_tests.chaos.boundaries import Kill
from ai_dataflow_tests.chaos.world import World
from ai_dataflow_tests.partition.effort import VARIABLE
from ai_dataflow_tests.projects import project, table, text_file
from ai_dataflow_tests.runs import spine

# All writes take ten seconds; CI takes every second of them, `make properties` all.
STEP = 1 if VARIABLE in os.environ else 2
CLIENTS = ("acme", "borealis")
PARTITIONS = {f"claims|{client}" for client in CLIENTS}
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n" + "".join(
    f"ORION,claims,{name},{client},data/{client}/{name}.csv,Y\n"
    for client in CLIENTS
    for name in ("head", "line")
)
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key
    claims,ORION,head,No,claim_id,int64,Y
    claims,ORION,head,Name,name,string,
    claims,ORION,line,No,claim_id,int64,Y
    claims,ORION,line,Amount,amount,{kind},
"""


def _waiting(folder: Path) -> World:
    """Give a project whose amounts become numbers, which all clients wait for: a joined product."""
    project(folder, control=CONTROL, mapping=MAPPING.format(kind="string"))
    for client in CLIENTS:
        text_file(folder, f"data/{client}/head.csv", "No,Name\n1,a\n2,b\n3,c\n")
        text_file(folder, f"data/{client}/line.csv", "No,Amount\n1,1\n1,n/a\n2,2\n3,n/a\n3,n/a\n")
    assert spine.run(folder).exit_code == 0
    table(folder, "ai_mapping", MAPPING.format(kind="int64"))
    assert {p.status for p in spine.run(folder).partitions} == {"waiting"}
    return World(folder)


def _seen(world: World) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Give the data files and the rejects that readers see of each client."""
    current = reject_tables.current(world.workstation, "claims")
    return {client: (each.data, each.rejects) for client, each in current.items()}


def _shown(world: World) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Give the files that wait."""
    shown = {}
    for key, record in read_records(world.workstation, ["claims"]).items():
        assert record.waiting is not None
        files = record.waiting.data, record.waiting.rejects
        shown[key.client] = tuple(tuple(file.path for file in some) for some in files)
    return shown  # type: ignore[return-value]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.proves(
    "commit", "killed", "an acceptance, killed at any write, publishes all or nothing; again: all"
)
def test_an_acceptance_publishes_all_or_nothing(tmp_path: Path) -> None:
    world = _waiting(tmp_path / "shop")
    place, kept = tmp_path / "shop/workstation", tmp_path / "kept"
    shutil.copytree(place, kept)
    before, shown = _seen(world), _shown(world)
    for number in itertools.count(1, STEP):
        was_killed, told = children.run(world, f"accept-{number}", Kill(number, "before"), "accept")
        assert _seen(world) in (before, shown), told.last_write
        if not was_killed:
            break
        assert clean(world.workstation, "cleanup", timedelta(0))["claims"].problems == ()
        again = spine.accept(tmp_path / "shop", *sorted(PARTITIONS))
        assert {p.status for p in again.partitions} <= {"ok", "unchanged"}, told.last_write
        assert _seen(world) == shown, told.last_write
        after = spine.run_changed(tmp_path / "shop")
        assert {p.status for p in after.partitions} == {"unchanged"}, told.last_write
        assert clean(world.workstation, "cleanup", timedelta(0))["claims"].files == ()
        assert _seen(world) == shown, told.last_write
        shutil.rmtree(place)  # the sources stay as they are: copied, they would be others
        shutil.copytree(kept, place)
    assert number > 5
