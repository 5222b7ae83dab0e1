"""Whoever stood still or was killed brings no older content back, and never says ok for nothing.

Here one call of each kind, of the ways that differ most; `make chaos` has every call of all ways.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from ai_dataflow_tests.paused.encounters import Encounter
from ai_dataflow_tests.paused.places import Place, azure, local
from ai_dataflow_tests.paused.series import at_each_kind
from ai_dataflow_tests.services.azurite import Azurite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SEED = 17  # the same in all runs of CI

_COMMIT = ("create_write_transaction", "create table")
_LOCAL: dict[Encounter, tuple[str, ...]] = {
    Encounter("run", "run"): ("put", "sink", "head data", "open", *_COMMIT),
    Encounter("run", "run", "killed"): (*_COMMIT, "put _inputs", "put _staging"),
    Encounter("run", "cleanup"): ("sink", "head data", *_COMMIT),
    Encounter("run", "vacuum"): ("sink", "head data", *_COMMIT),
    Encounter("replay", "run"): ("sink data", *_COMMIT),
    Encounter("replay", "replay"): _COMMIT,
    Encounter("accept", "run"): ("create_write_transaction",),
    Encounter("accept", "run", "killed"): ("create_write_transaction",),
    Encounter("cleanup", "run"): ("delete", *_COMMIT),
    Encounter("first run", "run"): _COMMIT,
}
_PUT_LOG = ("PUT new data/log", "PUT new _rejects/log")
_AZURE: dict[Encounter, tuple[str, ...]] = {
    Encounter("run", "run"): ("PUT new", "PUT _inputs", "PUT _staging", "DELETE"),
    Encounter("run", "run", "late"): ("PUT new data/log", "PUT _inputs", "PUT _staging"),
    Encounter("run", "vacuum"): ("HEAD data", *_PUT_LOG),
    Encounter("replay", "run"): _PUT_LOG,
    Encounter("accept", "run"): ("PUT new data/log",),
    Encounter("first run", "run"): _PUT_LOG,
    Encounter("beat", "run"): ("PUT _leases",),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Give a local place."""
    return local(tmp_path_factory.mktemp("paused"))


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite) -> Iterator[Place]:
    """Give a place in a storage account."""
    with azure(tmp_path_factory.mktemp("paused"), azurite) as place:
        yield place


def _played(encounter: Encounter, place: Place, kinds: tuple[str, ...]) -> None:
    chance = random.Random(SEED)  # noqa: S311 - which of a kind, no secret
    outcomes = list(at_each_kind(encounter, place, chance, kinds))
    print("\n".join(outcomes))
    assert len(outcomes) >= len(kinds)


@pytest.mark.proves(
    "commit",
    "concurrent",
    "a run that stood still while another published never brings older content back: WST-006",
)
@pytest.mark.parametrize(("encounter", "kinds"), _LOCAL.items(), ids=map(str, _LOCAL))
def test_nothing_older_comes_back_in_a_local_folder(
    encounter: Encounter, kinds: tuple[str, ...], folder: Place
) -> None:
    _played(encounter, folder, kinds)


@pytest.mark.parametrize(("encounter", "kinds"), _AZURE.items(), ids=map(str, _AZURE))
def test_nothing_older_comes_back_in_a_storage_account(
    encounter: Encounter, kinds: tuple[str, ...], account: Place
) -> None:
    _played(encounter, account, kinds)
