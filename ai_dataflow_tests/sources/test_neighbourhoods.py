"""Neighbourhoods on Azurite: few requests for many locations, the answers of asking for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pytest

from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.scans import delta_options, delta_uri
from ai_dataflow.connections.stores import open_folder
from ai_dataflow.sources.files import neighbourhoods
from ai_dataflow.sources.files.finding import Listing, find_one
from ai_dataflow.sources.survey import Sight, survey
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.lake import ACCOUNT, url, with_key

ROWS = b"n\n1\n"
CLIENTS = [f"client{i:03}" for i in range(60)]


@contextmanager
def counted(azurite: Azurite, container: str) -> Iterator[Counter[str]]:
    """Count the requests for a container in the block: listings, and others by method."""
    found: Counter[str] = Counter()
    before = len(azurite.requests(container))
    yield found
    asked = azurite.requests(container)[before:]
    found.update("LIST" if request.is_listing else request.method for request in asked)


def looked(settings: Settings, *locations: str) -> list[Sight]:
    """Survey locations."""
    wanted = {FileLocation(location): f"cell {i}" for i, location in enumerate(locations)}
    return list(survey(wanted, settings).values())


@pytest.fixture
def container(azurite: Azurite) -> str:
    """Give a container in which each client has a file, and a folder of two."""
    name = azurite.create_container(ACCOUNT)
    for client in CLIENTS:
        for path in ("one.csv", "folder/a.csv", "folder/b.csv"):
            azurite.upload(ACCOUNT, name, f"lake/{client}/{path}", ROWS)
    return name


def test_many_locations_are_one_listing_and_found_as_if_each_were_asked_for(
    azurite: Azurite, container: str
) -> None:
    settings = with_key(azurite)
    paths = [f"lake/{c}/{p}" for c in CLIENTS for p in ("one.csv", "folder", "fo*/*.csv", "none")]
    locations = [url(container, path) for path in paths]
    with counted(azurite, container) as asked:
        seen = looked(settings, *locations)
    assert asked == {"LIST": 1}
    with counted(azurite, container) as each:
        alone = [looked(settings, location)[0] for location in locations]
    assert each.total() >= len(locations)
    for one, other in zip(seen, alone, strict=True):
        if isinstance(one, Listing):
            assert isinstance(other, Listing)
            assert (one.files, one.folder, one.fingerprint) == (
                other.files, other.folder, other.fingerprint
            )  # fmt: skip
        else:
            assert not isinstance(other, str | Listing)
            assert [p.code for p in one] == [p.code for p in other] == ["SRC-001"]


def test_a_folder_with_much_else_is_not_listed_to_its_end(
    azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbourhoods, "_PAGE", 10)
    for i in range(40):
        azurite.upload(ACCOUNT, container, f"other/{i}.csv", ROWS)
    wanted = [url(container, f"lake/{CLIENTS[0]}/folder/{n}.csv") for n in "ab"]
    with counted(azurite, container) as asked:
        seen = looked(with_key(azurite), *wanted, url(container, "other/7.csv"))
    assert all(isinstance(sight, Listing) for sight in seen)
    assert asked["LIST"] == 2  # given up at the root, done where two are together
    assert asked["HEAD"] == 1


def test_who_may_not_list_is_asked_for_each(azurite: Azurite, container: str) -> None:
    token = azurite.sas(ACCOUNT, container, permissions="r")
    settings = lake.settings(
        **{ACCOUNT: {"sas_token": token, "endpoint": azurite.endpoint(ACCOUNT)}}
    )
    seen = looked(settings, *(url(container, f"lake/{c}/one.csv") for c in CLIENTS[:3]))
    assert all(isinstance(sight, Listing) for sight in seen)


def test_a_delta_table_and_its_partitions_are_told_by_its_log(
    azurite: Azurite, container: str
) -> None:
    settings = with_key(azurite)
    root = url(container, "lake/table")
    folder = open_folder(root, settings)
    table, options = delta_uri(folder), delta_options(folder)

    def write(client: str, value: int) -> None:
        pl.DataFrame({"n": [value], "client": [client]}).write_delta(
            table, mode="append", storage_options=options,
            delta_write_options={"partition_by": ["client"]},
        )  # fmt: skip

    write("acme", 1)
    write("borealis", 2)
    wanted = [root, f"{root}/client=acme", f"{root}/client=borealis"]
    before = [find_one(FileLocation(w), "cell", settings).fingerprint for w in wanted]
    write("acme", 3)
    after = [sight.fingerprint for sight in looked(settings, *wanted) if isinstance(sight, Listing)]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, False, True]
