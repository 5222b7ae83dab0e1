"""JSON, in lines and as documents, as pandas, Polars, DuckDB and Python write it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow_tests.sources.corpus.cases import Case, Rows, content
from ai_dataflow_tests.sources.corpus.texts import PACKED

RECORDS: list[dict[str, Any]] = [
    {"id": 1, "ort": "Köln", "amount": 2.5, "open": True},
    {"id": 2, "ort": None, "amount": -3.25, "open": False},
    {"id": 3, "ort": 'say "hi"\n', "amount": 0.1, "open": None},
]
FRAME = pl.DataFrame(RECORDS)
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)


def _records(path: Path, number: Callable[[str], Any]) -> list[dict[str, Any]]:
    """Read by Python, whatever it is packed in."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    if text.lstrip().startswith("["):
        return list(json.loads(text, parse_float=number))
    return [json.loads(line, parse_float=number) for line in text.splitlines() if line.strip()]


def by_json(*names: str, number: Callable[[str], Any] = float) -> Callable[[Path], Rows]:
    """Read fields by Python's `json`; those of an object are `a.b`."""

    def value(record: dict[str, Any], name: str) -> Any:
        for key in name.split("."):
            record = (record or {}).get(key, {})
        return None if record == {} else record

    return lambda path: [tuple(value(r, name) for name in names) for r in _records(path, number)]


def _lines(what: str, by: str, write: Any, name: str = "rows.jsonl", **more: Any) -> Case:
    names = more.pop("names", ("id", "ort", "amount", "open"))
    read = more.pop("read", by_json(*names))
    return Case(kind="JSON", what=what, by=by, name=name, write=write, read=read, names=names,
                **more)  # fmt: skip


def _refused(what: str, data: str | bytes, name: str = "rows.jsonl") -> Case:
    return _lines(what, "by hand", content(data), name, read=None, refused="SRC-003", names=("id",))


def _written() -> Iterator[Case]:
    pandas = pd.DataFrame(RECORDS).astype({"open": object})
    lines, array = "objects, one a line", "an array of objects"
    yield _lines(lines, "Python", content(LINES))
    yield _lines(lines, "Polars", FRAME.write_ndjson)
    yield _lines(lines, "pandas", lambda p: pandas.to_json(p, orient="records", lines=True))
    yield _lines(lines, "DuckDB", _duckdb("FORMAT json"))
    yield _lines(array, "Python", content(json.dumps(RECORDS)), "rows.json")
    yield _lines(array, "Python", content(json.dumps(RECORDS, indent=2)), "indented.json")
    yield _lines(array, "Polars", FRAME.write_json, "rows.json")
    yield _lines(array, "pandas", lambda p: pandas.to_json(p, orient="records"), "rows.json")
    yield _lines(array, "DuckDB", _duckdb("FORMAT json, ARRAY true"), "rows.json")
    yield _lines("a byte order mark", "by hand", content("\ufeff" + LINES))
    yield _lines("lines of CRLF, and blank ones", "by hand", content(LINES.replace("\n", "\r\n\n")))
    yield _lines("lines under the name of a document", "by hand", content(LINES), "rows.json")


def _duckdb(options: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        frame = FRAME  # noqa: F841 - DuckDB finds it by its name
        duckdb.sql(f"COPY (SELECT * FROM frame) TO '{path}' ({options})")  # noqa: S608

    return write


def _packed() -> Iterator[Case]:
    def unpacked(_: Path) -> Rows:
        return [tuple(record.values()) for record in RECORDS]

    for suffix, pack in PACKED.items():
        yield _lines("gzip, zstd, a zip of one member", "Python", content(pack(LINES.encode())),
                     f"rows.jsonl.{suffix}", read=unpacked)  # fmt: skip
        data = pack(json.dumps(RECORDS).encode())
        yield _lines("gzip, zstd, a zip of one member", "Python", content(data),
                     f"rows.json.{suffix}", read=unpacked)  # fmt: skip


def _shaped() -> Iterator[Case]:
    nested = [{"id": 1, "at": {"ort": "Köln", "no": 7}}, {"id": 2, "at": None}, {"id": 3}]
    text = "".join(json.dumps(record) + "\n" for record in nested)
    names = ("id", "at.ort", "at.no")
    yield _lines("fields of objects, as `a.b`", "Python", content(text), names=names)
    yield _lines("fields of objects, as `a.b`", "Python", content(json.dumps(nested)), "rows.json",
                 names=names)  # fmt: skip
    under = FormatSettings(type="json", records="data.items")
    document = json.dumps({"data": {"items": RECORDS}, "next": None})
    yield _lines("an array that `records` leads to", "Python", content(document), "rows.json",
                 said=under, read=lambda _: [tuple(r.values()) for r in RECORDS])  # fmt: skip
    long = '{"id": 123456789012345678, "a": 1234567890123456.78}\n{"id": 1, "a": 0.05}\n'
    yield _lines("numbers digit by digit, of up to 38 digits", "by hand", content(long),
                 names=("id", "a"), read=by_json("id", "a", number=Decimal))  # fmt: skip
    beyond = '{"id": 170141183460469231731687303715884105727}\n'
    yield _lines("whole numbers of up to 128 bits", "by hand", content(beyond), names=("id",))
    yield _lines("text beyond the first plane, escaped", "Python",
                 content(json.dumps({"id": "\U0001f600 ü"}) + "\n"), names=("id",))  # fmt: skip
    yield _lines("a field that some lines lack is null there", "by hand",
                 content('{"id": 1}\n{"id": 2, "ort": "x"}\n'), names=("id", "ort"))  # fmt: skip
    yield _lines("a record with a key twice, or with half a letter, is a reject", "by hand",
                 content('{"id": 1}\n{"id": 2, "id": 3}\n{"id": "\\ud800"}\n'),
                 names=("id",), read=lambda _: [(1,)], rejects=2)  # fmt: skip


def _damaged() -> Iterator[Case]:
    yield _refused("what is no JSON, or is cut off", '{"id": 1}\n{"id": \n')
    yield _refused("what is no JSON, or is cut off", '[{"id": 1}, {"id"', "rows.json")
    yield _refused("NaN and Infinity, which JSON does not have", '{"id": NaN}\n')
    yield _refused("another encoding than UTF-8", '{"id": "Köln"}\n'.encode("latin-1"))
    yield _refused("an object over several lines without `records`", '{"id": 1,\n"b": {"c": 2}}\n')


def cases() -> Iterator[Case]:
    """Give all files of JSON."""
    yield from _written()
    yield from _packed()
    yield from _shaped()
    yield from _damaged()
