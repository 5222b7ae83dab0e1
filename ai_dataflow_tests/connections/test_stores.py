"""One way to list, stat, read and write files, wherever they are."""

from __future__ import annotations

import os
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from ai_dataflow.connections.stores import Folder


def test_what_is_written_is_listed_and_read(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "new" / "folder"))
    folder.write("b/two.txt", b"12345")
    folder.write("a one.txt", b"1")
    assert [(f.path, f.size) for f in folder.files()] == [("a one.txt", 1), ("b/two.txt", 5)]
    assert [f.path for f in folder.files("b")] == ["b/two.txt"]
    assert folder.read("b/two.txt") == b"12345"
    assert folder.read_range("b/two.txt", 1, 3) == b"234"
    assert (tmp_path / "new" / "folder" / "b" / "two.txt").read_bytes() == b"12345"


def test_a_prefix_is_a_folder_and_not_a_beginning_of_names(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    for path in ("x/a", "xy/a", "x.csv"):
        folder.write(path, b"1")
    assert [f.path for f in folder.files("x")] == ["x/a"]


def test_what_is_not_there_is_no_file(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert folder.stat("nosuch") is None
    assert folder.files("nosuch") == []
    folder.delete(["nosuch"])
    assert not Folder(str(tmp_path / "nosuch")).exists()
    with pytest.raises(FileNotFoundError):
        folder.read("nosuch")


NAMES = (
    "a.csv", "a b", " a ", "é.csv", "😀", "a#b", "a%20b", "a%b", "k=v/a", "[1]", "a*b?", "a\\b",
    "...", "a:b", "~a",
)  # fmt: skip
REFUSED = ("x#1", "a\tb", "a\x7f", "a//b", "./a", "b/../a")


def _written(folder: Path, name: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("123")


@pytest.mark.parametrize("name", NAMES)
def test_a_local_file_is_as_obstore_tells_of_it(tmp_path: Path, name: str) -> None:
    _written(tmp_path, name)
    told = obstore.head(LocalStore(str(tmp_path)), name)
    seen = Folder(str(tmp_path)).stat(name)
    assert seen is not None
    assert (seen.path, seen.size) == (told["path"], told["size"])
    assert seen.etag.startswith(str(told["e_tag"]).strip('"') + "-")
    assert seen.changed == told["last_modified"]
    assert Folder(str(tmp_path)).files() == [seen]


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_obstore_does_not_list_is_refused(tmp_path: Path, name: str) -> None:
    _written(tmp_path, name)
    with pytest.raises((ValueError, BaseError)):
        Folder(str(tmp_path)).stat(name)


@pytest.mark.parametrize("moment", [-1_500_000_001, 0, 1_500, 1_999_999_999, 2**33 * 10**9])
def test_whenever_a_file_changed_it_is_as_it_is_listed(tmp_path: Path, moment: int) -> None:
    file = tmp_path / "a"
    file.write_text("123")
    os.utime(file, ns=(moment, moment))
    (listed,) = Folder(str(tmp_path)).files()
    seen = Folder(str(tmp_path)).stat("a")
    assert seen == listed
    assert seen is not None
    assert seen.changed == listed.changed


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert Folder(str(tmp_path)).stat("x") is None


def test_a_file_that_is_written_anew_is_another_one(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write("x", b"1")
    before = folder.stat("x")
    folder.write("x", b"2")
    assert folder.stat("x") != before
    assert folder.stat("x") == folder.stat("x")


def test_a_stream_is_a_file_once_it_ends_well(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with folder.create("x") as stream:
        for _ in range(1000):
            stream.write(b"0123456789")
        assert folder.stat("x") is None
    with folder.open(folder.files()[0]) as stream:
        assert stream.read() == b"0123456789" * 1000


def test_a_stream_that_ends_badly_leaves_no_file(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))

    def stop_halfway() -> None:
        with folder.create("x") as stream:
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_halfway()
    assert folder.stat("x") is None


def test_files_are_deleted(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    for path in ("a", "b", "c"):
        folder.write(path, b"1")
    folder.delete(["a", "nosuch", "c"])
    assert [f.path for f in folder.files()] == ["b"]
