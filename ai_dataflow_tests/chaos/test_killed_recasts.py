"""A run that changes a type, killed at each of its writes, changes it for all clients or none."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ai_dataflow.runs.cleanup import clean
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.reject_tables import Current
from ai_dataflow_tests.chaos import children
from ai_dataflow_tests.chaos.boundaries import Kill
from ai_dataflow_tests.chaos.world import World
from ai_dataflow_tests.partition.effort import VARIABLE
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.fitting import (
    Rows,
    codes,
    kind_of,
    lose,
    published,
    retype,
    shop,
    workstation,
)
from ai_dataflow_tests.workstation.profiled import check_profiles

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
# The old type, the new one, and what the failing client had delivered. The first is recast; the
# second has a text that is no number, so that the others are.
CHANGES = {
    "what failed is recast": ("int64", "string", "7 x"),
    "what is made is recast": ("string", "int64", "7 x"),
}


# All writes take a minute; CI takes every third of them, `make properties` all.
STEP = 1 if VARIABLE in os.environ else 3


def _prepared(folder: Path, old: str, new: str, acme: str) -> Path:
    """Give a project whose type has changed, and one client of which cannot run."""
    shop(folder, old, acme=acme, borealis="1 y")
    lose(folder, "acme")
    retype(folder, new)
    return folder


def _copies(folder: Path) -> Iterator[Path]:
    for number in range(1000):
        yield shutil.copytree(folder, folder.with_name(f"{folder.name}-{number}"))


def _seen(folder: Path) -> tuple[str, Rows, Current]:
    check_profiles(folder, "claims")
    acme = reject_tables.current(workstation(folder), "claims")["acme"]
    return str(kind_of(folder)), published(folder), acme


@pytest.mark.proves(
    "commit", "killed", "a run that changes a type, killed at any write, changes it for all or none"
)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_type_changes_for_all_clients_or_for_none(
    change: tuple[str, str, str], tmp_path: Path
) -> None:
    folder = _prepared(tmp_path / "shop", *change)
    before = _seen(folder)
    copies = _copies(folder)
    whole = next(copies)
    assert children.run(World(whole), "run-whole", way="changed")[0] is False
    after = _seen(whole)
    assert after[1] != before[1]
    for number, copy in zip(itertools.count(1, STEP), copies, strict=False):
        was_killed, told = children.run(
            World(copy), f"run-{number}", Kill(number, "before"), "changed"
        )
        seen = _seen(copy)
        # Files that are recast have new names; whose they are, and which rejects are open, stays.
        assert seen[:2] in [before[:2], after[:2]], told.last_write
        acme, acme_before = seen[2], before[2]
        assert (acme.publication, acme.rejects) == (acme_before.publication, acme_before.rejects)
        if not was_killed:
            break
        again = spine.run_changed(copy)
        assert set(codes(again)) == {"acme"}, told.last_write
        assert _seen(copy)[:2] == after[:2], told.last_write
        assert clean(workstation(copy), "cleanup", timedelta(0))["claims"].problems == ()
        assert _seen(copy)[:2] == after[:2], told.last_write
        shutil.rmtree(copy)
    assert number > 5
