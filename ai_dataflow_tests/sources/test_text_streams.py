"""What a section of the settings says of a text file is how it is read."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ai_dataflow_tests.sources.text_files import read, refusal, rows, written

ROWS = [("1", "2.50"), ("2", "3.50")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"1+|2.50+|x\n2+|3.50+|y\n",
         {"delimiter": "+|", "header": False, "columns": ["id", "amount", "note"]}),
        (b"id+|amount\n1+|2.50\n2+|3.50\n", {"delimiter": "+|"}),
        (b"1,2.50\n2,3.50\n", {"columns": ["id", "amount"]}),
        (b"a report\n\nid;amount\n1;2.50\n2;3.50\n", {"header": 3}),
        (b"a report\nof today\nid;amount\n1;2.50\n2;3.50\n", {"skip_rows": 2}),
        (b"id;amount\n1;2.50\n2;3.50\ntotal;6.00\n", {"skip_footer": 1}),
        (b"id;amount\n1;2.50\n2;3.50\n\ntotal;6.00;x;y\nby nobody\n\n", {"skip_footer": 2}),
        (b"id;amount\n1;2.50\n2;3.50\ntotal", {"skip_footer": 1}),
        (b"# a report\nid;amount\n# of\n1;2.50\n#;x;y\n2;3.50\n# end\n", {"comment": "#"}),
        (b"// a report\nid,amount\n1,2.50\n// x\n2,3.50\n", {"comment": "//"}),
        (b"id,amount\n\n1,2.50\n\n\n2,3.50\n\n", {"header": True, "delimiter": ","}),
        (b"'id','amount'\n'1','2.50'\n'2','3.50'\n", {"quote": "'"}),
        (b"id;amount\r1;2.50\r2;3.50\r", {"delimiter": ";"}),
        (b"id;amount\r\n1;2.50\n2;3.50\r\n", {"delimiter": ";"}),
        (b"id amount\n1 2.50\n2 3.50\n", {"delimiter": " "}),
        ("id§amount\n1§2.50\n2§3.50\n".encode("cp1252"),
         {"delimiter": "§", "encoding": "windows-1252"}),
        ("x\nid\tamount\n1\t2.50\n2\t3.50\nsum".encode("utf-16"),
         {"skip_rows": 1, "skip_footer": 1}),
    ],
)  # fmt: skip
def test_what_is_said_is_how_it_is_read(
    tmp_path: Path, content: bytes, said: dict[str, Any]
) -> None:
    assert rows(tmp_path, content, "id", "amount", said=written(**said)) == ROWS


@pytest.mark.parametrize(
    ("content", "said", "value"),
    [
        (b'id,note\n1,"5\\" pipe, long"\n', {"escape": "\\"}, '5" pipe, long'),
        (b"id,note\n1,a\\,b\n", {"escape": "\\"}, "a,b"),
        (b'id,note\n1,"a""b"\n', {"escape": "\\"}, 'a"b'),
        (b'id;note\n1;"a\r\nb;c"\n', {"delimiter": ";"}, "a\r\nb;c"),
        (b'id;note\n1;"a\n#b\nc"\n', {"comment": "#", "delimiter": ";"}, "a\n#b\nc"),
        (b'id+|note\n1+|"a+|b"\n', {"delimiter": "+|"}, "a+|b"),
        (b'id,note\n1,"x"\n', {"quote": ""}, '"x"'),
        (b'id,note\n1,5" pipe\n', {"quote": ""}, '5" pipe'),
        (b"id,note\n1,'it''s, so'\n", {"quote": "'"}, "it's, so"),
        (b'id;note\n1;5" pipe\n', {"delimiter": ";"}, '5" pipe'),
        (b'id;note\n1;""\n', {"delimiter": ";"}, ""),
        (b"id;note\n1;\n", {"delimiter": ";"}, None),
    ],
)
def test_quotes_and_escapes(
    tmp_path: Path, content: bytes, said: dict[str, Any], value: str | None
) -> None:
    assert rows(tmp_path, content, "id", "note", said=written(**said)) == [("1", value)]


def test_damaged_rows_are_kept_as_they_are_written(tmp_path: Path) -> None:
    content = b'id+|note\n1+|"x"y\n2+|a+|b\n3+|c\n'
    good, malformed = read(tmp_path, content, "id", "note", said=written(delimiter="+|"))
    assert (good, sorted(malformed)) == ([("3", "c")], ['1+|"x"y', "2+|a+|b"])


def test_a_quote_that_is_never_closed_swallows_no_lines(tmp_path: Path) -> None:
    assert refusal(tmp_path, b'id;note\n1;"x\n2;y\n', "id", "note").code == "SRC-003"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_file_whose_last_line_does_not_end_is_cut_off(tmp_path: Path, encoding: str) -> None:
    content = "id;città\n1;x\n2".encode(encoding)
    assert refusal(tmp_path, content, "id", "città").code == "SRC-004"


def test_a_file_that_ends_amid_a_letter_is_refused(tmp_path: Path) -> None:
    content = "id;città\n1;x\n".encode("utf-16")[:-1]
    assert refusal(tmp_path, content, "id", "città").code in ("SRC-003", "SRC-031")


def test_more_than_a_chunk_is_all_read(tmp_path: Path) -> None:
    text = "".join(f'{i};"{"ü" * 40}\n"\n' for i in range(100_000))
    read_rows = rows(tmp_path, f"id;straße\n{text}".encode("cp1252"), "id", "straße")
    assert [row[0] for row in read_rows] == [str(i) for i in range(100_000)]
    assert {row[1] for row in read_rows} == {"ü" * 40 + "\n"}


def _zip(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def _zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, "zstd", asbytes=True))


PLAIN, OTHER = b"id,amount\n1,2.50\n2,3.50\n", "id;amount\n1;2.50\n2;3.50\n".encode("utf-16")


@pytest.mark.parametrize("content", [PLAIN, OTHER], ids=["plain", "utf-16"])
@pytest.mark.parametrize(
    ("packed", "name"),
    [(gzip.compress, "rows.csv.gz"), (_zstd, "rows.csv.zst"),
     (lambda content: _zip(rows=content), "rows.csv.zip"), (gzip.compress, "rows.csv"),
     (_zstd, "rows.csv"), (lambda content: _zip(rows=content), "rows.txt")],
    ids=["gz", "zst", "zip", "gz unsaid", "zst unsaid", "zip unsaid"],
)  # fmt: skip
def test_what_is_packed_is_unpacked(tmp_path: Path, content: bytes, packed: Any, name: str) -> None:
    assert rows(tmp_path, packed(content), "id", "amount", name=name) == ROWS


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (gzip.compress(OTHER)[:-9], "rows.csv.gz"),
        (_zstd(OTHER * 50)[:-9], "rows.csv.zst"),
        (_zip(a=OTHER)[:-9], "rows.zip"),
        (_zip(a=OTHER, b=OTHER), "rows.zip"),
        (_zip(), "rows.zip"),
        (OTHER, "rows.csv.gz"),
        (OTHER, "rows.csv.zst"),
        (OTHER, "rows.csv.zip"),
    ],
    ids=["cut gzip", "cut zstd", "cut zip", "two in a zip", "none in a zip", "no gzip", "no zstd",
         "no zip"],
)  # fmt: skip
def test_what_is_packed_and_damaged_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    assert refusal(tmp_path, content, "id", "amount", name=name).code == "SRC-003"
