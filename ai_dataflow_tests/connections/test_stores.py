"""One way to list, stat, read and write files, wherever they are."""

from __future__ import annotations

from pathlib import Path

import pytest

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
