"""CSV files: every line is a row, a malformed line, or the reason why the file is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.pinned import Pinned
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.sources.lake import pinned

Row = tuple[str | None, ...]


def _pin(folder: Path, content: bytes, name: str = "rows.csv") -> Pinned:
    (folder / name).write_bytes(content)
    location = FileLocation(str(folder / name), "", name)
    return pinned(location, Settings(folder=folder))


def _open(extract: Pinned) -> open_files.Files:
    return open_files.opened(extract, "cell", Settings(folder=Path()))


def _read(extract: Pinned, *columns: str) -> tuple[list[Row], list[str]]:
    """Give the rows and the malformed lines, as a partition's job reads them."""
    opened = _open(extract)
    with opened.reading():
        wanted = list(columns or opened.schema())
        files = list(opened.csv_files)
        rows = [row for f in files for batch in f.batches(wanted) for row in batch.rows()]
    opened.check_unchanged()
    return rows, [line for file in files for line in file.malformed]


def _rows(folder: Path, content: bytes, name: str = "rows.csv") -> list[Row]:
    rows, malformed = _read(_pin(folder, content, name))
    assert malformed == []
    return rows


def _refused(folder: Path, content: bytes, name: str = "rows.csv") -> str:
    """Give the code with which a file is refused."""
    with pytest.raises(DataflowError) as error:
        _read(_pin(folder, content, name))
    (problem,) = error.value.diagnostics
    assert problem.place == "cell"
    return problem.code


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,x\n2,y\n",
        b"a,b\r\n1,x\r\n2,y\r\n",
        b"\xef\xbb\xbfa,b\n1,x\n2,y\n",
        b'\xef\xbb\xbf"a",b\r\n1,x\r\n2,y\r\n',
        b'"a","b"\n"1","x"\n"2","y"\n',
        b"a,b\n1,x\n\n2,y\n\n",
    ],
    ids=["lf", "crlf", "bom", "bom and quotes", "quotes", "blank lines"],
)
def test_the_ways_to_write_the_same_rows(tmp_path: Path, content: bytes) -> None:
    extract = _pin(tmp_path, content)
    assert _open(extract).schema() == {"a": pl.String, "b": pl.String}
    assert _read(extract) == ([("1", "x"), ("2", "y")], [])


def test_every_value_is_the_text_that_was_written(tmp_path: Path) -> None:
    content = "a,b\n007,NULL\n 1.50 ,NaN\nü€,true\n".encode()
    assert _rows(tmp_path, content) == [("007", "NULL"), (" 1.50 ", "NaN"), ("ü€", "true")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b'"x\ny"', "x\ny"),
        (b'"x\r\ny"', "x\r\ny"),
        (b'"x,y"', "x,y"),
        (b'"say ""hi"""', 'say "hi"'),
        (b'5" pipe', '5" pipe'),
    ],
)
def test_quotes_keep_what_is_between_them(tmp_path: Path, field: bytes, value: str) -> None:
    assert _rows(tmp_path, b"a,b\n" + field + b",1\n2,2\n") == [(value, "1"), ("2", "2")]


def test_an_empty_field_is_null_and_a_quoted_one_is_empty_text(tmp_path: Path) -> None:
    assert _rows(tmp_path, b'a,b\n,""\n"",\n') == [(None, ""), ("", None)]


def test_lines_with_too_few_or_too_many_fields_are_kept_as_they_are(tmp_path: Path) -> None:
    extract = _pin(tmp_path, b'a,b\n1\n1,"x, y",3\n1,2\n')
    assert _read(extract) == ([("1", "2")], ["1", '1,"x, y",3'])


def test_a_stray_quote_in_a_malformed_line_costs_only_that_line(tmp_path: Path) -> None:
    extract = _pin(tmp_path, b'a,b\n1,5" pipe,x\n1,2\n')
    assert _read(extract) == ([("1", "2")], ['1,5" pipe,x'])


@pytest.mark.parametrize(
    "row",
    ['1,"x"y', '1,"x" ', '"1"2,3', '1,"x""y"z', '1,"5\\" pipe, long"', '1,"5\\" pipe"', '1,"x"y"z"',
     '"a\nb"c,1', '1,""x', '1,"a,"b'],
)  # fmt: skip
@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_text_after_a_closing_quote_damages_its_row_alone(
    tmp_path: Path, row: str, name: str
) -> None:
    content = f'a,b\n0,"x"\n{row}\n2,5" pipe\n3,"""y"" z"\n'.encode()
    extract = _pin(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    assert _read(extract) == ([("0", "x"), ("2", '5" pipe'), ("3", '"y" z')], [row])


def test_a_quote_that_is_never_closed_is_found_after_a_damaged_row(tmp_path: Path) -> None:
    assert _refused(tmp_path, b'a,b\n1,"x"y\n2,"z\n3,w\n') == "SRC-003"


@pytest.mark.parametrize("content", [b'"a"x,b\n1,2\n', b'a,"b"x\n1,2\n3,4\n'])
@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_a_damaged_header_is_refused_and_no_row_takes_its_place(
    tmp_path: Path, content: bytes, name: str
) -> None:
    content = gzip.compress(content) if name.endswith("gz") else content
    assert _refused(tmp_path, content, name) == "SRC-003"


@pytest.mark.parametrize(
    "content",
    [
        b'a,b\n"x,1\n2,y\n3,z\n',
        b'a,b\n1,"x\n2,y\n3,z\n',
        b'a\n"x\n2\n',
        b'a,b\n1,2\n3,"x\n',
    ],
    ids=["first column", "last column", "only column", "last line"],
)
def test_a_quote_that_is_never_closed_swallows_no_lines(tmp_path: Path, content: bytes) -> None:
    assert _refused(tmp_path, content) == "SRC-003"


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n3", b"a,b\n1,2\n3,4", b"a,b", b'a\n"x', "a,b\n1,ü".encode()[:-1]]
)
def test_a_file_whose_last_line_does_not_end_is_cut_off(tmp_path: Path, content: bytes) -> None:
    assert _refused(tmp_path, content) == "SRC-004"


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,\xff\n",
        b"a,\xff\n1,2\n",
        "a,b\n1,ü\n".encode("latin-1"),
        "a,b\n1,2\n".encode("utf-16"),
        b"a,b\n" + b"1,2\n" * 300_000 + b"1,\xff\n",
    ],
    ids=["value", "header", "latin-1", "utf-16", "far below"],
)
def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path, content: bytes) -> None:
    assert _refused(tmp_path, content) == "SRC-003"


def test_a_header_that_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    assert _refused(tmp_path, b"a,b,a\n1,2,3\n") == "SRC-003"


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n1,2\n", b"\xef\xbb\xbf\n"])
def test_a_file_without_a_header_is_empty(tmp_path: Path, content: bytes) -> None:
    assert _refused(tmp_path, content) == "SRC-002"


def test_a_header_alone_is_no_rows(tmp_path: Path) -> None:
    assert _rows(tmp_path, b"a,b\n") == []


def test_a_header_may_have_a_line_break_in_a_name(tmp_path: Path) -> None:
    extract = _pin(tmp_path, b'"net\namount",b\n1,2\n')
    assert list(_open(extract).schema()) == ["net\namount", "b"]
    assert _read(extract) == ([("1", "2")], [])


def test_only_the_wanted_columns_are_read_in_the_wanted_order(tmp_path: Path) -> None:
    assert _read(_pin(tmp_path, b"a,b,c\n1,2,3\n"), "c", "a") == ([("3", "1")], [])


def test_more_rows_than_a_block_are_all_read(tmp_path: Path) -> None:
    text = "".join(f'{i},"{"x" * 40}\n"\n' for i in range(250_000))
    rows = _rows(tmp_path, f"a,b\n{text}".encode())
    assert [row[0] for row in rows] == [str(i) for i in range(250_000)]


WHOLE = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    assert _rows(tmp_path, gzip.compress(b"a,b\r\n1,x\r\n"), "rows.csv.gz") == [("1", "x")]
    several = gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n")
    assert _rows(tmp_path, several, "rows.CSV.GZ") == [("1", "x"), ("2", "y")]


@pytest.mark.parametrize("end", [len(WHOLE) // 2, -8, -1])
def test_gzip_that_is_cut_off_is_refused(tmp_path: Path, end: int) -> None:
    assert _refused(tmp_path, WHOLE[:end], "rows.csv.gz") == "SRC-003"


def test_a_name_that_promises_gzip_must_keep_it(tmp_path: Path) -> None:
    assert _refused(tmp_path, b"a,b\n1,2\n", "rows.csv.gz") == "SRC-003"
