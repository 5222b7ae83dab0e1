"""CSV and other text, as pandas, Polars, pyarrow, DuckDB, Python, R, SAS and Excel write it."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import zstandard

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow_tests.sources.corpus.cases import NAMES, TABLE, Case, Rows, content, table

FRAME = pd.DataFrame(TABLE, columns=list(NAMES))
TEXT = "id,ort,amount\n1,Köln,2.50\n2,Bonn,-3.25\n"
ROWS: Rows = [("1", "Köln", "2.50"), ("2", "Bonn", "-3.25")]
# A text that the encoding has, and no other that is usual.
ENCODINGS = {
    "cp1250": "Łódź", "cp1251": "Москва", "cp1253": "Αθήνα", "cp1254": "İzmir", "cp1257": "Rīga",
    "iso8859-15": "Cœur €", "koi8-r": "Казань", "cp932": "東京", "gb18030": "北京", "big5": "臺北",
    "euc-kr": "서울", "mac-roman": "Zürich", "cp437": "Köln", "cp037": "Koeln",
}  # fmt: skip


def said(**how: Any) -> FormatSettings:
    """Give a section of the settings for text."""
    return FormatSettings(type="csv", **how)


def zipped(data: bytes, *more: str) -> bytes:
    """Pack data into a zip, with more members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("rows.csv", *more):
            archive.writestr(name, data)
    return packed.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "zip": zipped,
}


def by_pandas(**how: Any) -> Callable[[Path], Rows]:
    """Read by pandas, all as text."""

    def read(path: Path) -> Rows:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, **how)
        return [tuple(row) for row in frame.itertuples(index=False)]

    return read


def by_csv(encoding: str = "utf-8", **how: Any) -> Callable[[Path], Rows]:
    """Read by Python's `csv`."""

    def read(path: Path) -> Rows:
        with path.open(encoding=encoding, newline="") as opened:
            return [tuple(row) for row in list(csv.reader(opened, **how))[1:]]

    return read


def _python(path: Path, encoding: str = "utf-8", **how: Any) -> None:
    with path.open("w", encoding=encoding, newline="") as opened:
        csv.writer(opened, **how).writerows([NAMES, *TABLE])


def _pandas(**how: Any) -> Callable[[Path], object]:
    return lambda path: FRAME.to_csv(path, index=False, **how)


def _duckdb(options: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        frame = FRAME  # noqa: F841 - DuckDB finds it by its name
        duckdb.sql(f"COPY (SELECT * FROM frame) TO '{path}' ({options})")  # noqa: S608

    return write


def _case(what: str, by: str, write: Any, read: Any, **more: Any) -> Case:
    return Case(kind="CSV and text", what=what, by=by, write=write, read=read,
                **{"name": "rows.csv", "names": NAMES, **more})  # fmt: skip


def _refused(what: str, code: str, data: bytes | str, **more: Any) -> Case:
    return _case(what, "by hand", content(data), None, refused=code, **more)


def _plain_ones() -> Iterator[Case]:
    what = "UTF-8 with commas, also with a mark"
    arrow = pa.Table.from_pandas(FRAME)
    yield _case(what, "pandas", _pandas(), by_csv())
    yield _case(what, "pandas", _pandas(encoding="utf-8-sig"), by_csv("utf-8-sig"))
    yield _case(what, "Polars", lambda path: pl.DataFrame(FRAME).write_csv(path), by_pandas())
    yield _case(what, "Polars", lambda path: pl.DataFrame(FRAME).write_csv(path, include_bom=True),
                by_csv("utf-8-sig"))  # fmt: skip
    yield _case(what, "pyarrow", lambda path: pyarrow.csv.write_csv(arrow, path), by_pandas())
    yield _case(what, "DuckDB", _duckdb("HEADER"), by_pandas())
    yield _case(what, "Python", _python, by_pandas())


def _written_otherwise() -> Iterator[Case]:
    for sign in ";\t|^~¦§\x01\x1f":
        write = lambda path, sign=sign: _python(path, delimiter=sign)  # noqa: E731
        yield _case("delimiters of one sign or several, found out", "Python", write,
                    by_csv(delimiter=sign))  # fmt: skip
    for sign in ("||", "::"):
        text = TEXT.replace(",", sign)
        how = said(delimiter=sign) if sign == "::" else None
        yield _case("delimiters of one sign or several, found out" if how is None else
                    "delimiters of one sign or several, said", "by hand", content(text),
                    by_pandas(sep=sign.replace("|", r"\|"), engine="python"), said=how)  # fmt: skip
    yield _case("delimiters of one sign or several, found out", "DuckDB",
                _duckdb("HEADER, DELIMITER ';'"), by_pandas(sep=";"))  # fmt: skip
    yield _case("delimiters of one sign or several, found out", "pandas", _pandas(sep="\t"),
                by_csv(delimiter="\t"), name="rows.tsv")  # fmt: skip
    quoted = "quotes as needed, around all, or others that the settings say"
    yield _case(quoted, "Python", lambda path: _python(path, quoting=csv.QUOTE_ALL), by_pandas())
    yield _case(quoted, "pandas", _pandas(quoting=csv.QUOTE_NONNUMERIC), by_csv())
    yield _case(quoted, "Python", lambda path: _python(path, quotechar="'"),
                by_pandas(quotechar="'"), said=said(quote="'"))  # fmt: skip
    escaped = {"doublequote": False, "escapechar": "\\"}
    yield _case(quoted, "Python", lambda path: _python(path, **escaped), by_csv(**escaped),
                said=said(escape="\\"))  # fmt: skip
    yield _case(quoted, "by hand", content('id|ort|amount\n1|5" pipe|2\n'),
                by_csv(delimiter="|", quoting=csv.QUOTE_NONE), said=said(quote=""))  # fmt: skip
    for end in ("\n", "\r\n", "\r"):
        text = TEXT.replace("\n", end)
        yield _case("lines that end with LF, CRLF or CR", "by hand", content(text), by_csv())
    lines = 'id,ort,amount\n1,"two\nlines","2\r\n3"\n'
    yield _case("line breaks between quotes", "by hand", content(lines), by_pandas())
    yield _case("blank lines between rows", "by hand", content(TEXT.replace("\n", "\n\n")),
                by_pandas())  # fmt: skip
    trailing = "id,ort,amount,\n1,Köln,2,\n2,Bonn,3,\n"
    yield _case("a delimiter at the end of every row", "by hand", content(trailing),
                by_pandas(usecols=list(NAMES)))  # fmt: skip


def _encoded() -> Iterator[Case]:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"):
        yield _case("UTF-16 and UTF-32, with a mark or without", "by hand", content(TEXT, encoding),
                    by_pandas(encoding=encoding))  # fmt: skip
    western = "id;ort;amount\n1;Köln;2,50\n2;Forlì;3,00\n3;Müller & Söhne;1\n4;Hélène;2\n"
    yield _case("Windows-1252, found out (SRC-032 warns)", "by hand", content(western, "cp1252"),
                by_pandas(encoding="cp1252", sep=";"))  # fmt: skip
    for encoding, text in ENCODINGS.items():
        yield _case("any encoding that Python knows, said", "by hand",
                    content(f"id,ort,amount\n1,{text},2\n", encoding),
                    by_pandas(encoding=encoding), said=said(encoding=encoding))  # fmt: skip


def _of_programs() -> Iterator[Case]:
    names = ("id", "ort", "amount")
    yield _case("row names of R, as a column without a name", "R",
                content('"","id","ort","amount"\n"1",1,"Köln",2.5\n"2",2,NA,-3\n'),
                by_pandas(usecols=list(names)), names=names)  # fmt: skip
    yield _case("semicolons and decimal commas", "R",
                content('"id";"ort";"amount"\n1;"Köln";2,5\n2;NA;-3\n'),
                by_pandas(sep=";"))  # fmt: skip
    yield _case("tabs", "R", content("id\tort\tamount\n1\tKöln\t2.5\n"),
                by_pandas(sep="\t"), name="rows.txt")  # fmt: skip
    yield _case("points where SAS has no number", "SAS",
                content("id,ort,amount\n1,Köln,.\n2,Bonn,31JAN2025\n"), by_csv())  # fmt: skip
    yield _case("`sep=;` in the first line", "Excel", content(f"sep=;\n{TEXT.replace(',', ';')}"),
                by_pandas(sep=";", skiprows=1))  # fmt: skip
    yield _case("lines before the header and after the rows, said", "by hand",
                content(f"Report\nof May\n{TEXT}Total 2\n"),
                by_pandas(skiprows=2, skipfooter=1, engine="python"),
                said=said(skip_rows=2, skip_footer=1))  # fmt: skip
    yield _case("lines before the header and after the rows, said", "by hand",
                content(f"Report\n{TEXT}"), by_pandas(skiprows=1), said=said(header=2))  # fmt: skip
    yield _case("comments, said", "by hand", content(f"# of May\n{TEXT}# end\n"),
                by_pandas(comment="#"), said=said(comment="#"))  # fmt: skip
    yield _case("no header, with `columns`", "pandas", _pandas(header=False),
                by_pandas(header=None), said=said(columns=NAMES))  # fmt: skip


def _packed() -> Iterator[Case]:
    what = "gzip, zstd, a zip of one member"
    for suffix, pack in PACKED.items():
        yield _case(
            what, "Python", content(pack(TEXT.encode())), table(ROWS), name=f"a.csv.{suffix}"
        )
    for kind in ("gzip", "zstd", "zip"):
        suffix = {"gzip": "gz", "zstd": "zst", "zip": "zip"}[kind]
        yield _case(what, "pandas", _pandas(compression=kind), by_pandas(compression=kind),
                    name=f"b.csv.{suffix}")  # fmt: skip
    yield _case("packed without a name that says so", "Python",
                content(gzip.compress(TEXT.encode())), table(ROWS))  # fmt: skip
    yield _case(what, "DuckDB", _duckdb("HEADER, COMPRESSION gzip"), by_pandas(),
                name="c.csv.gz")  # fmt: skip


def _damaged() -> Iterator[Case]:
    yield _case("rows with too few or too many fields are rejects", "by hand",
                content(f"{TEXT}3,short\n4,a,b,c\n"), table(ROWS), rejects=2)  # fmt: skip
    yield _case("text after a closing quote is a reject", "by hand",
                content(f'{TEXT}3,"x"y,1\n'), table(ROWS), rejects=1)  # fmt: skip
    yield _refused("bytes that are no letters of the encoding", "SRC-031",
                   TEXT.encode() + b"3,K\xf6ln,1\n", said=said(encoding="utf-8"))  # fmt: skip
    yield _refused("UTF-16 that is cut off amid a letter", "SRC-031", TEXT.encode("utf-16")[:-1],
                   said=said(encoding="utf-16"))  # fmt: skip
    yield _refused("a last line that does not end", "SRC-004", TEXT.rstrip("\n"))
    yield _refused("a name that stands twice in the header", "SRC-003", "id,id,amount\n1,2,3\n",
                   names=("id",))  # fmt: skip
    yield _refused("a quote that is never closed", "SRC-003", f'{TEXT}3,"x,1\n')
    yield _refused("no header, without `columns`", "SRC-031", "1;Köln;2\n2;Bonn;3\n")
    yield _refused("nothing, not even a header", "SRC-002", "")
    yield _refused("several delimiters that would do", "SRC-031", "id;ort,amount\n1;a,2\n",
                   names=("id", "amount"))  # fmt: skip
    yield _refused("an encoding that several could be", "SRC-031",
                   "id,ort,amount\n1,Dvořák,2\n".encode("cp1250"))  # fmt: skip
    yield _refused("gzip, zstd or zip that is damaged", "SRC-003",
                   gzip.compress(TEXT.encode() * 99)[:-9], name="a.csv.gz")  # fmt: skip
    yield _refused("gzip, zstd or zip that is damaged", "SRC-003",
                   PACKED["zst"](TEXT.encode() * 99)[:-9], name="a.csv.zst")  # fmt: skip
    yield _refused("a zip of several members", "SRC-003", zipped(TEXT.encode(), "b.csv"),
                   name="a.csv.zip")  # fmt: skip


def cases() -> Iterator[Case]:
    """Give all files of text."""
    yield from _plain_ones()
    yield from _written_otherwise()
    yield from _encoded()
    yield from _of_programs()
    yield from _packed()
    yield from _damaged()
