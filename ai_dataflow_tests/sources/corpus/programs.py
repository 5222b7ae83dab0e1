"""Files of programs that take long to start: Spark writes all of its own at once, LibreOffice too.

LibreOffice is not installed for the tests (`apt-get install --no-install-recommends
libreoffice-calc` takes longer than all files of the corpus): where it is not, they are skipped.
"""

from __future__ import annotations

import atexit
import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow_tests.services.spark import java_home
from ai_dataflow_tests.sources.corpus import spark_writer
from ai_dataflow_tests.sources.corpus.books import DAY
from ai_dataflow_tests.sources.corpus.cases import Case, Rows

OFFICE = shutil.which("soffice")
FLAT = spark_writer.FLAT
_SECONDS = 300
_BOOK: list[list[Any]] = [["code", "ort", "amount", "open", "day", "sum"],
                          [7, "Köln", 2.5, True, DAY, "=C2*2"],
                          [123, "a;b, \"c\"", -3.25, False, DAY, "=C3*2"]]  # fmt: skip
_SUMS = (5.0, -6.5)
# What is asked of its filter for text: the signs' numbers, the character set, the first line.
_UTF8, _WESTERN = (
    "csv:Text - txt - csv (StarCalc):44,34,76,1",
    "csv:Text - txt - csv (StarCalc):59,34,1,1",
)


def spark() -> Iterator[Case]:
    """Give what Spark writes: folders, with what it leaves beside the data."""
    kinds = {"INT96": "INT96, as Spark writes timestamps",
             "TIMESTAMP_MICROS": "days, times, timestamps with a zone or without",
             "TIMESTAMP_MILLIS": "days, times, timestamps with a zone or without",
             "v2": "all encodings, pages of both versions, groups of rows, checksums",
             "legacy": "Spark's older forms of decimals and lists",
             "with-empty-part": "parts without rows"}  # fmt: skip
    codecs = {f"codec-{codec}": "all codecs: none, snappy, gzip, brotli, lz4, zstd"
              for codec in ("uncompressed", "gzip", "zstd", "lz4", "lz4_raw")}  # fmt: skip
    for name, what in (kinds | codecs).items():
        yield _of_spark("Parquet", what, name, _by_pyarrow)
    yield _of_spark("Parquet", "partitions in folders, as texts", "parted", _parted,
                    names=("id", "amount", "year", "ort"))  # fmt: skip
    yield _of_spark("Parquet", "ORC", "orc", None, refused="SRC-003")
    backslash = FormatSettings(type="csv", escape="\\")
    what = "quotes as needed, around all, or others that the settings say"
    for name in ("csv", "csv-gzip"):
        yield _of_spark("CSV and text", what, name, _lines(escapechar="\\", doublequote=False),
                        said=backslash, names=FLAT)  # fmt: skip
    yield _of_spark("CSV and text", "delimiters of one sign or several, found out",
                    "csv-semicolons", _lines(delimiter=";"), names=FLAT)  # fmt: skip
    yield _of_spark("CSV and text", "UTF-16 and UTF-32, with a mark or without", "csv-utf16",
                    _lines("utf-16"), names=FLAT)  # fmt: skip
    yield _of_spark("JSON", "objects, one a line", "json", _objects, names=FLAT)
    yield _of_spark("JSON", "gzip, zstd, a zip of one member", "json-gzip", _objects, names=FLAT)


def office() -> Iterator[Case]:
    """Give what LibreOffice saves."""
    plain = "numbers, texts, true and false, empty cells"
    rows: Rows = [(*line[1:5], total) for line, total in zip(_BOOK[1:], _SUMS, strict=True)]
    for suffix, what in (("xlsx", plain), ("ods", ".ods"), ("xls", ".xls")):
        yield _of_office("Excel", what, f"rows.{suffix}", suffix, lambda _: rows,
                         names=tuple(_BOOK[0][1:]))  # fmt: skip
        yield _of_office("Excel", "codes as people see them: 7 in the format 000 is 007",
                         f"codes.{suffix}", suffix, lambda _: [("007",), ("123",)],
                         names=("code (as seen)",))  # fmt: skip
    yield _of_office("CSV and text", "UTF-8 with commas, also with a mark", "rows.csv", _UTF8,
                     _read_text())  # fmt: skip
    yield _of_office("CSV and text", "Windows-1252, found out (SRC-032 warns)", "western.csv",
                     _WESTERN, _read_text("cp1252", delimiter=";"))  # fmt: skip


def _of_spark(kind: str, what: str, name: str, read: Any, **more: Any) -> Case:
    write = lambda path: shutil.copytree(_written_by_spark() / name, path)  # noqa: E731
    return Case(kind=kind, what=what, by="Spark", name=name, write=write, read=read, **more)


@cache
def _written_by_spark() -> Path:
    folder = _own_folder()
    command = [sys.executable, "-m", spark_writer.__name__, str(folder)]
    env = {**os.environ, "JAVA_HOME": java_home(), "SPARK_LOCAL_IP": "127.0.0.1"}
    subprocess.run(command, check=True, capture_output=True, env=env, timeout=_SECONDS)
    return folder


def _own_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="corpus-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _of_office(kind: str, what: str, name: str, to: str, read: Any, **more: Any) -> Case:
    write = lambda path: shutil.copyfile(_saved_by_office(to), path)  # noqa: E731
    return Case(kind=kind, what=what, by="LibreOffice", name=name, write=write, read=read, **more)


@cache
def _saved_by_office(to: str) -> Path:
    folder, made = _own_folder(), openpyxl.Workbook()
    page = made.worksheets[0]
    for line in _BOOK:
        page.append(line)
    for cell in page["A"][1:]:
        cell.number_format = "000"
    made.save(folder / "book.xlsx")
    command = [OFFICE or "soffice", f"-env:UserInstallation={(folder / 'home').as_uri()}",
               "--headless", "--convert-to", to, "--outdir", folder / "saved",
               folder / "book.xlsx"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    return next((folder / "saved").iterdir())


def _by_pyarrow(path: Path) -> Rows:
    read = pq.read_table(path, partitioning=None, coerce_int96_timestamp_unit="us")
    return [tuple(map(_entries, row.values())) for row in read.to_pylist()]


def _entries(value: Any) -> Any:
    """Give the entries of a map."""
    is_map = isinstance(value, list) and value and isinstance(value[0], tuple)
    return [{"key": key, "value": each} for key, each in value] if is_map else value


def _parted(path: Path) -> Rows:
    read = pq.read_table(path, partitioning="hive").to_pylist()
    return [(row["id"], row["amount"], str(row["year"]), row["ort"]) for row in read]


def _lines(encoding: str = "utf-8", **how: Any) -> Callable[[Path], Rows]:
    def read(path: Path) -> Rows:
        (part,) = path.glob("part-*")
        return _read_text(encoding, **how)(part)

    return read


def _read_text(encoding: str = "utf-8", **how: Any) -> Callable[[Path], Rows]:
    def read(path: Path) -> Rows:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding=encoding, newline="") as lines:
            return [tuple(row) for row in list(csv.reader(lines, **how))[1:]]

    return read


def _objects(path: Path) -> Rows:
    (part,) = path.glob("part-*")
    opened = gzip.open if part.suffix == ".gz" else open
    with opened(part, "rt", encoding="utf-8") as lines:
        return [tuple(map(json.loads(line).get, FLAT)) for line in lines]
