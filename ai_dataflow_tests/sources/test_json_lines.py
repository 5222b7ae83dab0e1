"""JSON lines: every number digit by digit, every text letter by letter, or no row."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.exceptions import PolarsError

from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.stores import open_folder
from ai_dataflow.sources.files.json_lines import JsonLines

JSON_NUMBER = r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?"
NUMBERS = st.one_of(
    st.from_regex(JSON_NUMBER, fullmatch=True),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(json.dumps),
    st.decimals(-(10**15), 10**15, places=2).map(str),
)
TEXTS = st.one_of(
    st.text(max_size=12), st.from_regex(JSON_NUMBER, fullmatch=True),
    st.sampled_from(["\ue000", '"', "\\", '\\"7"', "true", "null", "1.50", "{}", '": 1.5, "']),
)  # fmt: skip
examples = settings(deadline=None, suppress_health_check=list(HealthCheck))


def opened(folder: Path, *files: list[str] | str) -> JsonLines:
    """Write files of these lines."""
    for number, lines in enumerate(files):
        text = lines if isinstance(lines, str) else "".join(f"{line}\n" for line in lines)
        (folder / f"{number}.jsonl").write_text(text, encoding="utf-8")
    names = [f"{number}.jsonl" for number in range(len(files))]
    return JsonLines(open_folder(str(folder), Settings(folder=folder)), names)


def read(folder: Path, lines: list[str] | str) -> pl.DataFrame:
    (frame,) = opened(folder, lines).frames()
    return frame.collect()


def spelled(value: Any) -> Decimal:
    return Decimal(repr(value) if isinstance(value, float) else str(value))


@examples
@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_a_number_is_what_is_written(tmp_path: Path, numbers: list[str]) -> None:
    values = read(tmp_path, [f'{{"a": {number}}}' for number in numbers])["a"]
    if values.dtype == pl.String:
        assert values.to_list() == numbers
    assert [*map(spelled, values)] == [*map(Decimal, numbers)]


@examples
@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_a_number_in_a_list_or_a_struct_is_what_is_written(
    tmp_path: Path, numbers: list[str]
) -> None:
    lines = [f'{{"a": {{"b": {n}}}, "c": [{n}, {n}], "d": "x"}}' for n in numbers]
    rows = read(tmp_path, lines).to_dicts()
    wanted = [*map(Decimal, numbers)]
    assert [spelled(row["a"]["b"]) for row in rows] == wanted
    assert [[*map(spelled, row["c"])] for row in rows] == [[n, n] for n in wanted]


@examples
@given(st.lists(st.tuples(TEXTS, NUMBERS), min_size=1, max_size=4), st.booleans())
def test_a_text_is_what_is_written_whatever_numbers_stand_beside_it(
    tmp_path: Path, rows: list[tuple[str, str]], as_ascii: bool
) -> None:
    lines = [f'{{"s": {json.dumps(text, ensure_ascii=as_ascii)}, "n": {n}}}' for text, n in rows]
    assert read(tmp_path, lines)["s"].to_list() == [text for text, _ in rows]


@examples
@given(st.lists(st.tuples(TEXTS, NUMBERS), min_size=1, max_size=4))
def test_a_number_among_texts_is_the_text_that_is_written(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    lines = [f'{{"c": {value}}}' for text, n in rows for value in (json.dumps(text), n)]
    assert read(tmp_path, lines)["c"].to_list() == [value for row in rows for value in row]


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        (["1", "-2"], pl.Int64()),
        (["12345678901234567"], pl.Int64()),
        (["18446744073709551616", "1"], pl.Int128()),
        (["1.5", "1"], pl.Float64()),
        (["0.30000000000000004", "1e22"], pl.Float64()),
        (["1234567890123456.78", "1.5"], pl.Decimal(38, 2)),
        (["12345678901234567", "1.0"], pl.Decimal(38, 1)),
        (["1e400", "1"], pl.String()),
        (["1" * 42, "1"], pl.String()),
        (["1234567890123456.78", "1e3"], pl.String()),
    ],
)
def test_a_column_has_the_smallest_type_that_has_its_numbers(
    tmp_path: Path, numbers: list[str], dtype: pl.DataType
) -> None:
    assert read(tmp_path, [f'{{"a": {n}}}' for n in numbers]).schema == {"a": dtype}


LONG = "1234567890123456.78"


@pytest.mark.parametrize(
    "line",
    ['{"a": 1, "s": "x", "b": true, "o": {"p": "y", "q": false}, "l": ["z"], "e": [], "n": null}',
     '{"a": 1}', '{"s": "x\\u00e9\\ud83d\\ude00"}', '{"a": null}', '{"a": 1, "a": 2}', '{}'],
)  # fmt: skip
def test_lines_that_are_read_exactly_are_otherwise_as_polars_reads_them(
    tmp_path: Path, line: str
) -> None:
    wanted = read(tmp_path, [line, "", " ", '{"x": 1.5}'])
    found = read(tmp_path, [line, "", " ", f'{{"x": {LONG}}}'])
    assert found.columns == wanted.columns
    assert found.drop("x").equals(wanted.drop("x"))
    assert found.drop("x").schema == wanted.drop("x").schema


def test_files_of_a_location_agree_on_a_type_that_loses_nothing(tmp_path: Path) -> None:
    files = opened(tmp_path, ['{"a": 0.5}'], [f'{{"a": {LONG}}}'], ['{"a": 7}'])
    values = pl.concat([frame.collect() for frame in files.frames()])["a"]
    assert [*map(str, values)] == ["0.50", LONG, "7.00"]


@pytest.mark.parametrize("line", ['{"a": 01}', '{"a": 1.}', '{"a": 1-2}', '{"a": +1}', "x", "[1]",
                                  '{"a": 1', '{"a": NaN}', '{"a": 1 2}'])  # fmt: skip
@pytest.mark.parametrize("beside", ["1.5", LONG])
def test_what_is_no_json_is_refused_however_it_is_read(
    tmp_path: Path, line: str, beside: str
) -> None:
    with pytest.raises(PolarsError):
        read(tmp_path, [f'{{"b": {beside}}}', line])


HALVED = [r"\ud800", r"\udc00", r"\uDFFF", r"\ud800\ud800\udc00", r"\\\ud800", r"\ud800x\udc00"]
WHOLE = [r"\ud83d\ude00", r"\\ud800", r"\\\\ud800", r"\u00e9", "ud800", r"\\\ud83d\ude00"]


@pytest.mark.parametrize("half", HALVED)
def test_a_line_with_half_a_character_is_no_row(tmp_path: Path, half: str) -> None:
    line = f'{{"id": 1, "s": "a{half}b"}}'
    files = opened(tmp_path, [line, '{"id": 2, "s": "ok"}'])
    (frame,) = files.frames()
    assert frame.collect().rows() == [(2, "ok")]
    assert files.malformed == {"0.jsonl": [line]}


@pytest.mark.parametrize("whole", WHOLE)
def test_a_whole_character_is_read_however_it_is_written(tmp_path: Path, whole: str) -> None:
    line = f'{{"s": "a{whole}b"}}'
    files = opened(tmp_path, [line])
    assert files.frames()[0].collect()["s"].to_list() == [json.loads(line)["s"]]
    assert files.malformed == {}


def test_the_pattern_of_numbers_is_that_of_json() -> None:
    for text in ("0", "-0", "1.50", "1e5", "1E+05", "-12.5e-3"):
        assert re.fullmatch(JSON_NUMBER, text)
        assert json.loads(text, parse_int=str, parse_float=str) == text
