"""Whatever is in a file of a table: a table, or a `DataflowError`; it ends, in little memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.tables import ai_mapping, control_table, mapping_sheet, teams
from ai_dataflow.tables.table import CellTable, Layout, read_table
from ai_dataflow_tests.tables import bombs

MAX_GROWTH_MB = 500
TABLES: dict[str, tuple[Layout, Callable[[CellTable], Any]]] = {
    "control_table": (control_table.LAYOUT, control_table.control_rows),
    "ai_mapping": (ai_mapping.LAYOUT, mapping_sheet.mapping_rows),
    "teams": (teams.LAYOUT, teams.team_rows),
}
each_table = pytest.mark.parametrize("table", TABLES)
bounded = settings(
    max_examples=50,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read(file: Path, content: bytes, table: str) -> bool:
    """Read a file of this content; tell whether it is a table. Only a `DataflowError` may rise."""
    layout, to_rows = TABLES[table]
    file.write_bytes(content)
    try:
        to_rows(read_table(file.name, file.parent, layout))
    except DataflowError:
        return False
    return True


def workbook(table: str) -> bytes:
    """Give a workbook with the table's header and two rows of it."""
    book = openpyxl.Workbook()
    header = list(TABLES[table][0].columns)
    for row in (header, header, ["*", 7, 7.5, True, None, "=1+1"]):
        book.worksheets[0].append(row)
    book.worksheets[0].merge_cells("A2:B3")
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def repacked(content: bytes, changed: str, spoil: Callable[[bytes], bytes]) -> bytes:
    """Spoil one part of a workbook, its checksum made good."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.infolist():
            part = old.read(entry)
            new.writestr(entry, spoil(part) if entry.filename == changed else part)
    return stream.getvalue()


@each_table
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
@bounded
@given(content=st.binary(max_size=400))
def test_random_bytes(tmp_path: Path, table: str, suffix: str, content: bytes) -> None:
    read(tmp_path / f"t.{suffix}", content, table)


@each_table
@bounded
@given(content=st.binary(max_size=400))
def test_random_bytes_after_the_mark_of_a_zip_archive(
    tmp_path: Path, table: str, content: bytes
) -> None:
    read(tmp_path / "t.xlsx", b"PK\x03\x04" + content, table)
    read(tmp_path / "t.xlsx", content + b"PK\x05\x06" + b"\0" * 18, table)


@each_table
@bounded
@given(lines=st.lists(st.lists(st.text(max_size=12), max_size=12), max_size=5))
def test_random_text_under_a_good_header(
    tmp_path: Path, table: str, lines: list[list[str]]
) -> None:
    header = ",".join(TABLES[table][0].columns)
    text = "\n".join([header, *map(",".join, lines)])
    read(tmp_path / "t.csv", text.encode(errors="replace"), table)


@each_table
@bounded
@given(data=st.data())
def test_random_values_under_a_good_header_of_a_workbook(
    tmp_path: Path, table: str, data: st.DataObject
) -> None:
    xml = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=12)
    value = st.none() | st.booleans() | st.integers() | st.floats() | st.datetimes() | xml
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.append(list(TABLES[table][0].columns))
    for row in data.draw(st.lists(st.lists(value, max_size=12), max_size=4)):
        page.append(row)
    stream = io.BytesIO()
    book.save(stream)
    read(tmp_path / "t.xlsx", stream.getvalue(), table)


@each_table
def test_a_workbook_cut_off_anywhere(tmp_path: Path, table: str) -> None:
    content = workbook(table)
    assert read(tmp_path / "whole.xlsx", content, table)
    for end in range(0, len(content) - 1, 50):
        assert not read(tmp_path / "t.xlsx", content[:end], table)


@each_table
def test_a_workbook_with_a_flipped_byte(tmp_path: Path, table: str) -> None:
    content = workbook(table)
    for at in range(0, len(content), 23):
        flipped = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        read(tmp_path / "t.xlsx", flipped, table)


PARTS = (bombs.SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml",
         "xl/_rels/workbook.xml.rels")  # fmt: skip


def _spoilers(part: bytes, step: int) -> Iterator[Callable[[bytes], bytes]]:
    for at in range(0, len(part), step):
        yield lambda text, at=at: text[:at] + bytes([text[at] ^ 0x05]) + text[at + 1 :]  # type: ignore[misc]
        yield lambda text, at=at: text[:at]  # type: ignore[misc]
        yield lambda text, at=at: text[:at] + text[at + 7 :]  # type: ignore[misc]


@pytest.mark.parametrize("part", PARTS)
def test_a_workbook_with_a_spoiled_part(tmp_path: Path, part: str) -> None:
    content = workbook("control_table")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read(part)
    for spoil in _spoilers(text, max(11, len(text) // 60)):
        read(tmp_path / "t.xlsx", repacked(content, part, spoil), "control_table")


@each_table
def test_archives_that_are_no_workbooks(tmp_path: Path, table: str) -> None:
    inner = workbook(table)
    for name in ("a.xlsx", "xl/workbook.xml", "[Content_Types].xml"):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(name, inner)
        assert not read(tmp_path / "t.xlsx", stream.getvalue(), table)
    assert not read(tmp_path / "t.xlsx", repacked(inner, bombs.SHEET, lambda _: inner), table)


def test_a_part_that_is_larger_than_it_says(tmp_path: Path) -> None:
    rows = (f"{chunk}" for chunk in (bombs._OPEN, " " * (8 << 20), bombs._CLOSE))
    valid = bombs.valid_workbook(tmp_path / "valid.xlsx")
    content = bombs.with_part(valid, tmp_path / "t.xlsx", bombs.SHEET, rows).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo(bombs.SHEET).file_size.to_bytes(4, "little")
    lying = content.replace(size, (1_000).to_bytes(4, "little"))
    assert lying != content
    assert not read(tmp_path / "t.xlsx", lying, "control_table")


@pytest.mark.slow
def test_bombs_do_not_go_off(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", bombs.__name__, str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    ends = [json.loads(line) for line in done.stdout.splitlines()]
    assert [end["bomb"] for end in ends] == list(bombs.BOMBS), done.stderr
    for end in ends:
        assert end["grown_mb"] < MAX_GROWTH_MB, end
        assert end["end"] != "a table", end
