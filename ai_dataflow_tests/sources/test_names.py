"""Names of files that elsewhere mean something: wildcards, links, what a listing passes over."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.config.visible import visible
from ai_dataflow.connections.globs import with_names
from ai_dataflow.sources.files.finding import Listing, find_one
from ai_dataflow.tables.locations import FileLocation

# Names as people and programs give them, of letters that mean something in a glob or a class.
NAMES = st.text("ab1[]*?!-^.\\", min_size=1, max_size=6).filter(lambda n: n[0] != ".")
EXACTLY = examples(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _write(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(os.fsencode(path))


def _find(folder: Path, path: str) -> Listing:
    location = FileLocation(str(folder / path), "csv", path)
    return find_one(location, "cell", Settings(folder=folder))


def _found(folder: Path, path: str) -> list[str]:
    """Give the files that a location names, relative to the folder."""
    listing = _find(folder, path)
    return [str((Path(listing.folder) / f.path).relative_to(folder)) for f in listing.files]


def _refused(folder: Path, path: str) -> tuple[str, str]:
    with pytest.raises(DataflowError) as error:
        _find(folder, path)
    (problem,) = error.value.diagnostics
    assert problem.place == "cell"
    assert problem.fix
    return problem.code, problem.message


@EXACTLY
@given(names=st.sets(NAMES, min_size=1, max_size=5), folder=st.sampled_from(["", "x", "y[1]"]))
def test_a_file_is_found_by_its_name_whatever_it_is(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], folder: str
) -> None:
    root = tmp_path_factory.mktemp("names[1]")
    files = [f"{folder}/{name}".lstrip("/") for name in names]
    _write(root, *files)
    for file in files:
        assert _found(root, file) == [file]


@EXACTLY
@given(names=st.sets(NAMES, min_size=1, max_size=6), glob=NAMES)
def test_a_glob_names_what_it_matches_where_nothing_is_called_so(
    names: set[str], glob: str
) -> None:
    paths = {f"d/{name}" for name in names}
    meant = with_names(f"d/{glob}", paths)
    if f"d/{glob}" in paths:
        assert [p for p in paths if fnmatchcase(p, meant)] == [f"d/{glob}"]
    else:
        assert meant == f"d/{glob}"


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("claims[1].csv", ["claims[1].csv"]),
        ("claims[12].csv", ["claims1.csv", "claims2.csv"]),
        ("year[1]/*.csv", ["year[1]/a.csv"]),
        ("year[12]/*.csv", ["year1/a.csv"]),
        ("year[1]", ["year[1]/a.csv"]),
        ("year?/[ab].csv", ["year1/a.csv"]),
        ("*/[ab].csv", ["year1/a.csv", "year[1]/a.csv"]),
        ("**/[12]x", ["deep/[12]x"]),
    ],
)
def test_a_location_is_a_name_first(tmp_path: Path, location: str, found: list[str]) -> None:
    _write(tmp_path, "claims[1].csv", "claims1.csv", "claims2.csv", "year[1]/a.csv", "year1/a.csv",
           "deep/[12]x", "deep/1x")  # fmt: skip
    assert _found(tmp_path, location) == found


@pytest.mark.parametrize("glob", ["claims[z-a].csv", "[!]", "[]", "a["])
def test_a_class_that_is_none_matches_nothing(tmp_path: Path, glob: str) -> None:
    _write(tmp_path, "claims1.csv")
    assert _refused(tmp_path, glob)[0] == "SRC-001"


def _link(folder: Path, target: str) -> Callable[[str], None]:
    return lambda path: (folder / path).symlink_to(target)


def _socket(folder: Path) -> Callable[[str], None]:
    def make(path: str) -> None:
        with pytest.MonkeyPatch.context() as patch, socket.socket(socket.AF_UNIX) as listener:
            patch.chdir(folder)  # a socket's whole path may not be long
            listener.bind(path)

    return make


def _misfits(folder: Path) -> dict[str, tuple[str, Callable[[str], None]]]:
    """Give what is no file to read: what is said of it, and how it is made."""
    return {
        "gone.csv": ("leads nowhere", _link(folder, "../nothing.csv")),
        "self.csv": ("to itself", _link(folder, "self.csv")),
        "up": ("a folder that it is in", _link(folder, "../out")),
        "pipe.csv": ("a pipe", lambda path: os.mkfifo(folder / path)),
        "socket.csv": ("a socket", _socket(folder)),
        "part.csv#1": ("ends with `#`", lambda path: _write(folder, path)),
        "a\nb.csv": ("cannot be seen", lambda path: _write(folder, path)),
        os.fsdecode(b"\xff.csv"): ("no text in UTF-8", lambda path: _write(folder, path)),
    }


KINDS = list(_misfits(Path()))


@pytest.mark.parametrize("name", KINDS, ids=ascii)
def test_what_is_no_file_to_read_is_told(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    _write(out, "jan.csv")
    reason, make = _misfits(out)[name]
    make(name)
    code, message = _refused(tmp_path, "out")
    assert (code, reason in message, visible(name) in message) == ("SRC-015", True, True)
    assert message.isprintable()
    assert _found(tmp_path, "out/jan*") == ["out/jan.csv"]  # the others are not named


@pytest.mark.parametrize("name", ["_gone.csv", ".gone.csv", "_temporary/gone.csv"])
def test_what_is_no_data_may_be_anything(tmp_path: Path, name: str) -> None:
    _write(tmp_path, "out/jan.csv", "out/_temporary/x")
    (tmp_path / "out" / name).symlink_to("nothing")
    assert _found(tmp_path, "out") == ["out/jan.csv"]


def test_links_are_followed(tmp_path: Path) -> None:
    _write(tmp_path, "elsewhere/jan.csv", "more/feb.csv", "out/mar.csv")
    (tmp_path / "out" / "jan.csv").symlink_to("../elsewhere/jan.csv")
    (tmp_path / "out" / "more").symlink_to("../more")
    assert _found(tmp_path, "out") == ["out/jan.csv", "out/mar.csv", "out/more/feb.csv"]


@examples(EXACTLY, max_examples=60)
@given(
    files=st.sets(st.from_regex(r"([ab]/){0,2}[c-f]{1,2}", fullmatch=True), min_size=1),
    links=st.sets(st.from_regex(r"([ab]/){0,2}[g-i]", fullmatch=True), max_size=2),
)
def test_a_folder_is_all_its_files_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, files: set[str], links: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    _write(folder, *files)
    for link in links:
        (folder / link).parent.mkdir(parents=True, exist_ok=True)
        (folder / link).symlink_to("nothing")
    if links:
        assert _refused(folder, "")[0] == "SRC-015"
    else:
        assert _found(folder, "") == sorted(files)


def test_a_file_rewritten_in_place_has_changed(tmp_path: Path) -> None:
    """Its size is the same, and somebody set back the time at which it changed."""
    file = tmp_path / "a.csv"
    file.write_text("n\n1\n")
    before, state = _find(tmp_path, "a.csv"), file.stat()
    with file.open("r+") as content:
        content.write("n\n2\n")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert file.stat().st_mtime_ns == state.st_mtime_ns
    assert _find(tmp_path, "a.csv").fingerprint != before.fingerprint
