"""List, stat, read and write in a storage account: as in a local folder."""

from __future__ import annotations

import pytest

from ai_dataflow.connections.globs import split_glob
from ai_dataflow.connections.stores import Folder, open_folder
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.proxy import FaultyProxy, Reset
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.lake import ACCOUNT


@pytest.fixture(params=["", "deep", "a b/ü #1 50%"])
def folder(request: pytest.FixtureRequest, azurite: Azurite) -> Folder:
    container = azurite.create_container(ACCOUNT)
    return open_folder(lake.url(container, request.param), lake.with_key(azurite))


def test_what_is_written_is_listed_and_read(folder: Folder) -> None:
    folder.write("b/two.txt", b"12345")
    folder.write("a one.txt", b"1")
    assert [(f.path, f.size) for f in folder.files()] == [("a one.txt", 1), ("b/two.txt", 5)]
    assert [f.path for f in folder.files("b")] == ["b/two.txt"]
    assert [f.path for f in folder.folder("b").files()] == ["two.txt"]
    assert folder.read("b/two.txt") == b"12345"
    assert folder.read_range("b/two.txt", 1, 3) == b"234"
    assert folder.folders() == ["b"]


def test_a_file_is_the_same_when_it_is_listed_and_when_it_is_looked_at(folder: Folder) -> None:
    folder.write("x", b"1")
    (listed,) = folder.files()
    assert folder.stat("x") == listed
    folder.write("x", b"2")
    assert folder.stat("x") != listed


def test_a_prefix_is_a_folder_and_not_a_beginning_of_names(folder: Folder) -> None:
    for path in ("x/a", "xy/a", "x.csv"):
        folder.write(path, b"1")
    assert [f.path for f in folder.files("x")] == ["x/a"]
    assert [f.path for f in folder.folder("x").files()] == ["a"]
    assert folder.folder("x").exists()
    assert not folder.folder("x.c").exists()


def test_what_is_not_there_is_no_file(folder: Folder) -> None:
    assert folder.stat("nosuch") is None
    assert folder.files("nosuch") == folder.folders() == []
    folder.delete(["nosuch"])
    assert not folder.folder("nosuch").exists()
    with pytest.raises(FileNotFoundError):
        folder.read("nosuch")


def test_a_folder_is_no_file(folder: Folder) -> None:
    folder.write("x/a", b"1")
    assert folder.stat("x") is None


def test_a_stream_is_a_file_once_it_ends_well(folder: Folder) -> None:
    large = bytes(range(256)) * 80_000  # more than one block
    with folder.create("x") as stream:
        for start in range(0, len(large), 1 << 20):
            stream.write(large[start : start + (1 << 20)])
        assert folder.stat("x") is None
    with folder.open(folder.files()[0]) as stream:
        assert stream.read() == large


@pytest.mark.parametrize("size", [4, 20_000_000])
def test_a_stream_that_ends_badly_leaves_no_file(folder: Folder, size: int) -> None:
    folder.write("x", b"old")

    def stop_halfway() -> None:
        with folder.create("x") as stream:
            stream.write(b"0" * size)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_halfway()
    assert folder.read("x") == b"old"


def test_files_are_deleted(folder: Folder) -> None:
    for path in ("a", "b", "c d/é%"):
        folder.write(path, b"1")
    folder.delete(["a", "nosuch", "c d/é%"])
    assert [f.path for f in folder.files()] == ["b"]


@pytest.mark.parametrize("late", [False, True], ids=["before it is done", "after it is done"])
def test_what_is_deleted_as_the_connection_ends_is_deleted(azurite: Azurite, late: bool) -> None:
    with FaultyProxy(azurite.port) as proxy:
        key = azurite.keys[ACCOUNT]
        account = {"account_key": key, "endpoint": proxy.endpoint(ACCOUNT)}
        given = lake.settings(**{ACCOUNT: account})
        folder = open_folder(lake.url(azurite.create_container(ACCOUNT)), given)
        folder.write("x", b"1")
        proxy.inject(Reset(late), method="POST", times=1)
        folder.delete(["x"])
        assert folder.files() == []
        assert sum(request.method == "POST" for request in proxy.requests) == 2


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a.csv", ("", "a.csv")),
        ("", ("", "")),
        ("x/y/a.csv", ("x/y", "a.csv")),
        ("x/*/a.csv", ("x", "*/a.csv")),
        ("*/a.csv", ("", "*/a.csv")),
        ("**", ("", "**")),
        ("x/y=1/z", ("x/y=1", "z")),
        ("a b/ü#%/[ab].csv", ("a b/ü#%", "[ab].csv")),
    ],
)
def test_a_location_is_split_where_it_is_no_longer_certain(
    path: str, parts: tuple[str, str]
) -> None:
    assert split_glob(lake.url("data", path)) == (lake.url("data", parts[0]), parts[1])
