"""Files as sources: what a location finds, what it refuses, and that it reads what it listed."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.exceptions import ComputeError

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.finding import find_one
from ai_dataflow.sources.files.pinned import Pinned
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.lake import pinned

ROWS = pl.DataFrame({"n": [1, 2], "s": ["x", "ü"]})


def _write(path: Path, rows: pl.DataFrame = ROWS) -> Path:
    """Write rows in the format that the name tells; no suffix is a Delta table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".parquet":
            rows.write_parquet(path)
        case ".csv":
            rows.write_csv(path)
        case ".jsonl" | ".json" | ".ndjson":
            rows.write_ndjson(path)
        case _:
            rows.write_delta(path, mode="overwrite")
    return path


def _pin(folder: Path, path: str, file_format: str = "") -> Pinned:
    location = FileLocation(str(folder / path), file_format, path)
    return pinned(location, Settings(folder=folder))


def _listed(extract: Pinned, folder: Path) -> list[str]:
    """Give the listed files, relative to the test's folder."""
    return [str((Path(extract.folder) / f.path).relative_to(folder)) for f in extract.files]


def _open(extract: Pinned) -> open_files.Files:
    return open_files.opened(extract, "cell", Settings(folder=Path()))


def _read(extract: Pinned) -> pl.DataFrame:
    return lake.read(extract, Settings(folder=Path()))


def _code(error: pytest.ExceptionInfo[DataflowError]) -> str:
    (problem,) = error.value.diagnostics
    assert problem.place == "cell"
    return problem.code


def _refused(folder: Path, path: str, file_format: str = "") -> str:
    with pytest.raises(DataflowError) as error:
        _pin(folder, path, file_format)
    return _code(error)


@pytest.mark.parametrize(
    ("name", "file_format"),
    [
        ("rows.parquet", "parquet"), ("rows.PARQUET", "parquet"), ("rows.csv", "csv"),
        ("rows.jsonl", "jsonl"), ("rows.ndjson", "jsonl"), ("rows.json", "jsonl"),
        ("rows", "delta"),
    ],
)  # fmt: skip
def test_the_format_is_what_the_name_tells(tmp_path: Path, name: str, file_format: str) -> None:
    _write(tmp_path / name.lower()).rename(tmp_path / name)
    extract = _pin(tmp_path, name)
    assert extract.file_format == file_format
    assert list(_open(extract).schema()) == ["n", "s"]
    assert _read(extract).cast({"n": pl.Int64}).equals(ROWS)


def test_the_format_may_be_given(tmp_path: Path) -> None:
    _write(tmp_path / "rows.csv").rename(tmp_path / "export.txt")
    assert _pin(tmp_path, "export.txt", "csv").file_format == "csv"
    _write(tmp_path / "table")
    assert _pin(tmp_path, "table", "delta").file_format == "delta"


@pytest.mark.parametrize(
    ("path", "file_format"),
    [("rows.csv", "delta"), ("folder", "delta"), ("export.log", ""), ("mixed", "")],
)
def test_a_format_that_cannot_be_told_is_refused(
    tmp_path: Path, path: str, file_format: str
) -> None:
    for name in ("rows.csv", "folder/a.parquet", "mixed/a.csv", "mixed/b.parquet"):
        _write(tmp_path / name)
    (tmp_path / "export.log").write_text("n\n1\n")
    assert _refused(tmp_path, path, file_format) == "SRC-003"


@pytest.mark.parametrize("wrong", ["parquet", "jsonl"])
def test_a_file_that_is_not_what_it_is_called_is_refused(tmp_path: Path, wrong: str) -> None:
    _write(tmp_path / "rows.csv")
    extract = _pin(tmp_path, "rows.csv", wrong)
    with pytest.raises(DataflowError) as error:
        _open(extract).schema()
    assert _code(error) == "SRC-003"


@pytest.mark.parametrize("path", ["no.csv", "no/folder/x.csv", "rows.csv/x", "no*.csv", "**/no.csv",
                                  "empty", "hidden"])  # fmt: skip
def test_what_is_not_there_is_missing(tmp_path: Path, path: str) -> None:
    _write(tmp_path / "rows.csv")
    _write(tmp_path / "hidden" / "_SUCCESS.csv")
    (tmp_path / "empty").mkdir()
    assert _refused(tmp_path, path) == "SRC-001"


@pytest.mark.parametrize("path", ["a/zero.csv", "a"])
def test_a_file_of_zero_bytes_is_empty(tmp_path: Path, path: str) -> None:
    _write(tmp_path / "a" / "rows.csv")
    (tmp_path / "a" / "zero.csv").touch()
    assert _refused(tmp_path, path) == "SRC-002"


TREE = ("x/a.csv", "x/b1.csv", "x/b2.csv", "x/y/a.csv", "x/y/z/a.csv", "xy/a.csv", "x/c.parquet")
HIDDEN = ("x/.h.csv", "x/_a.csv", "x/_temporary/0/a.csv", "x/y/.tmp/a.csv")


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("x/*.csv", ["x/a.csv", "x/b1.csv", "x/b2.csv"]),
        ("x/?.csv", ["x/a.csv"]),
        ("x/b[12].csv", ["x/b1.csv", "x/b2.csv"]),
        ("x/[!b]*.csv", ["x/a.csv"]),
        ("x/b[!2-9].csv", ["x/b1.csv"]),
        ("*/a.csv", ["x/a.csv", "xy/a.csv"]),
        ("x/*/a.csv", ["x/y/a.csv"]),
        ("x/**/a.csv", ["x/a.csv", "x/y/a.csv", "x/y/z/a.csv"]),
        ("**/a.csv", ["x/a.csv", "x/y/a.csv", "x/y/z/a.csv", "xy/a.csv"]),
        ("x/y/**", ["x/y/a.csv", "x/y/z/a.csv"]),
        ("x/*.parquet", ["x/c.parquet"]),
    ],
)
def test_a_glob_finds_what_a_shell_would(tmp_path: Path, glob: str, found: list[str]) -> None:
    """Hidden files too are what they are to a shell: not matched by a wildcard."""
    for name in (*TREE, *HIDDEN):
        _write(tmp_path / name)
    assert _listed(_pin(tmp_path, glob), tmp_path) == found


@pytest.mark.parametrize("path", ["x/y", "x/y/"])
def test_a_folder_is_all_its_files_by_path_without_the_hidden_ones(
    tmp_path: Path, path: str
) -> None:
    for name in (*TREE, *HIDDEN):
        _write(tmp_path / name)
    assert _listed(_pin(tmp_path, path), tmp_path) == ["x/y/a.csv", "x/y/z/a.csv"]


def test_a_hidden_file_that_is_named_is_meant(tmp_path: Path) -> None:
    _write(tmp_path / "_landing" / "_rows.csv")
    assert _read(_pin(tmp_path, "_landing/_rows.csv")).height == 2


NAMES = [
    "two words",
    "ünï日本",
    "no #5 b",
    "50%",
    "a%20b",
    "a+b&c=d",
    "it's (1)",
    "semi;colon, comma",
]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", "/part.parquet"])
@pytest.mark.parametrize("name", NAMES)
def test_names_may_have_blanks_and_signs(tmp_path: Path, name: str, suffix: str) -> None:
    _write(tmp_path / "our lake" / (name + suffix))
    path = name + suffix if not suffix.startswith("/") else name
    assert _read(_pin(tmp_path / "our lake", path)).height == 2


@pytest.mark.parametrize("name", ["two words", "ünï日本", "no #5 b", "50%"])
def test_delta_tables_may_have_such_names_too(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name / "table")
    assert _read(_pin(tmp_path, f"{name}/table")).height == 2


def test_the_files_of_a_folder_are_read_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        _write(tmp_path / "x" / f"{number}.parquet", pl.DataFrame({"n": [number]}))
    assert _read(_pin(tmp_path, "x"))["n"].to_list() == [1, 2, 3]


def test_parquet_files_may_order_their_columns_differently(tmp_path: Path) -> None:
    _write(tmp_path / "x" / "1.parquet")
    _write(tmp_path / "x" / "2.parquet", ROWS.select("s", "n"))
    assert _read(_pin(tmp_path, "x")).equals(pl.concat([ROWS, ROWS]))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{"n": 1}', '{"n": 2, "m": "x"}'),
        ('{"n": 1}', '{"n": 1.5}'),
        ('{"n": 1}', '{"n": "one"}'),
        ('{"n": null}', '{"n": 1}'),
    ],
    ids=["another field", "fraction", "text", "null first"],
)
def test_json_lines_mean_the_same_in_one_file_and_in_two(
    tmp_path: Path, first: str, second: str
) -> None:
    (tmp_path / "one.jsonl").write_text(f"{first}\n{second}\n")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "1.jsonl").write_text(f"{first}\n")
    (tmp_path / "two" / "2.jsonl").write_text(f"{second}\n")
    assert _read(_pin(tmp_path, "two")).equals(_read(_pin(tmp_path, "one.jsonl")))


@pytest.mark.parametrize("content", [b'{"n": 1}\n{"n"', b'[{"n": 1}] 2\n', b"\n"])
def test_json_that_is_no_records_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    extract = _pin(tmp_path, "rows.jsonl")
    with pytest.raises(DataflowError) as error:
        _read(extract)
    assert _code(error) == "SRC-003"


def test_json_lines_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(b'{"n": 1}\n'))
    assert _read(_pin(tmp_path, "rows.jsonl.gz"))["n"].to_list() == [1]


@pytest.mark.proves(
    "read file", "corrupt", "SRC-003: not what its format promises; not one row of it is taken"
)
def test_a_parquet_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file = _write(tmp_path / "rows.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataflowError) as error:
        _read(_pin(tmp_path, "rows.parquet"))
    assert _code(error) == "SRC-003"


def _same_size(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"x", b"y"))


def _larger(file: Path) -> None:
    _write(file, pl.concat([ROWS, ROWS]))


def _gone(file: Path) -> None:
    file.unlink()


def _rewritten(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.with_suffix(".tmp").write_bytes(content)
    file.with_suffix(".tmp").rename(file)


@pytest.mark.proves(
    "read file", "concurrent", "SRC-005: replaced while it was read; never a mixture of both"
)
@pytest.mark.parametrize("change", [_same_size, _larger, _gone, _rewritten])
@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_file_that_changed_since_it_was_listed_is_refused(
    tmp_path: Path, suffix: str, change: Any
) -> None:
    file = _write(tmp_path / f"rows.{suffix}")
    extract = _pin(tmp_path, file.name)
    change(file)
    with pytest.raises(DataflowError) as error:
        _read(extract)
    assert _code(error) == "SRC-005"


@pytest.mark.parametrize(
    ("raised", "code"),
    [(PermissionError("closed"), "SRC-006"), (ComputeError("not what it promises"), "SRC-005")],
)
def test_what_may_not_be_read_is_not_looked_at_again(
    tmp_path: Path, raised: Exception, code: str
) -> None:
    """Whatever else goes wrong with a file that was replaced, it is that it was replaced."""
    file = _write(tmp_path / "rows.csv")
    extract = _pin(tmp_path, file.name)
    _larger(file)
    with pytest.raises(DataflowError) as error, _open(extract).reading():
        raise raised
    assert _code(error) == code


def test_a_file_that_is_added_later_is_not_read(tmp_path: Path) -> None:
    _write(tmp_path / "x" / "1.parquet")
    extract = _pin(tmp_path, "x")
    _write(tmp_path / "x" / "2.parquet")
    assert _read(extract).height == 2


def test_a_failure_names_the_location_as_the_control_table_spells_it(tmp_path: Path) -> None:
    location = FileLocation(str(tmp_path / "no.csv"), "", "/mnt/orion/no.csv")
    with pytest.raises(DataflowError) as error:
        pinned(location, Settings(folder=tmp_path))
    assert "/mnt/orion/no.csv" in error.value.diagnostics[0].message
    assert str(tmp_path) not in error.value.diagnostics[0].message


def test_a_glob_that_names_folders_reads_what_is_in_them(tmp_path: Path) -> None:
    for year in ("2025", "2026"):
        _write(tmp_path / f"sales/year={year}/month=01/a.csv")
        _write(tmp_path / f"sales/year={year}/month=02/a.csv")
    found = _read(_pin(tmp_path, "sales/year=*/month=01"))
    assert sorted(found["year"]) == ["2025", "2025", "2026", "2026"]
    assert set(found["month"]) == {"01"}


@pytest.mark.parametrize(("location", "code"), [("pipe.csv", "SRC-001"), (".", "SRC-015")])
def test_a_pipe_is_no_file(tmp_path: Path, location: str, code: str) -> None:
    """Nobody writes into it: to open it would take for ever."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataflowError) as error:
        find_one(FileLocation(str(tmp_path / location)), "cell", Settings(folder=tmp_path))
    assert [problem.code for problem in error.value.diagnostics] == [code]
