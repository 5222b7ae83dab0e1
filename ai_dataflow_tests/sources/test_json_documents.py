"""JSON documents: arrays and nested fields, every number digit by digit, or no row."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.finding import find_one
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.test_json_lines import NUMBERS, TEXTS, spelled

examples = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.none(), st.booleans(), TEXTS, st.integers(), FLOATS)
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def opened(folder: Path, *texts: str | bytes, records: str = "", suffix: str = ".json") -> Files:
    """Write files of these contents and open them."""
    for number, text in enumerate(texts):
        content = text if isinstance(text, bytes) else text.encode()
        (folder / f"{number}{suffix}").write_bytes(content)
    used = Settings(folder=folder)
    how = FormatSettings(type="json", records=records) if records else None
    at = FileLocation(f"{folder}/*{suffix}", "json" if how else "", written=how)
    return open_files.opened(find_one(at, "cell", used).pin("cell", used), "cell", used)


def rows(files: Files, *columns: str) -> list[dict[str, Any]]:
    names = columns or list(files.schema())
    if files.is_scanned:
        return files.frame.select(names).collect().to_dicts()
    return [
        row
        for _, frame in files.rows_by_file(lake.wanted(files, *names))
        for row in frame.to_dicts()
    ]


def refused(folder: Path, *texts: str | bytes, records: str = "") -> str:
    with pytest.raises(DataflowError) as error:
        rows(opened(folder, *texts, records=records))
    (problem,) = error.value.diagnostics
    return f"{problem.code}: {problem.cause}"


@examples
@given(st.lists(NUMBERS, min_size=1, max_size=6), st.sampled_from(["array", "lines", "records"]))
def test_a_number_is_what_is_written(tmp_path: Path, numbers: list[str], form: str) -> None:
    made = [f'{{"a": {n}, "o": {{"n": {n}}}, "l": [{n}]}}' for n in numbers]
    text = "\n".join(made) if form == "lines" else f"[{','.join(made)}]"
    records = "x.y" if form == "records" else ""
    text = f'{{"w": [1], "x": {{"y": {text}, "z": null}}}}' if records else text
    read = rows(opened(tmp_path, text, records=records))
    for name in ("a", "o.n"):
        assert [spelled(row[name]) for row in read] == [*map(Decimal, numbers)]
    assert [row["l"] for row in read] == [f"[{n}]" for n in numbers]
    assert [row["o"] for row in read] == [f'{{"n":{n}}}' for n in numbers]


@examples
@given(st.lists(st.dictionaries(st.sampled_from("abc"), NESTED), min_size=1, max_size=4))
def test_what_json_writes_is_read_exactly(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    assume(any(records))
    read = rows(opened(tmp_path, json.dumps(records)))
    for row, record in zip(read, records, strict=True):
        for name in "abc":
            value, wanted = row.get(name), record.get(name)
            if isinstance(wanted, list | dict):
                assert json.loads(value) == wanted
            elif not isinstance(value, str) or isinstance(wanted, str):
                assert value == wanted
            else:  # beside values of other kinds
                assert json.loads(value) == wanted


def test_a_field_is_named_by_the_keys_that_lead_to_it(tmp_path: Path) -> None:
    files = opened(
        tmp_path, '[{"a": {"b": {"c": 1}}, "a.b": "itself"}, {"a": {"b": {"c": 2}}}, {}]'
    )
    assert rows(files, "a.b", "a.b.c") == [
        {"a.b": "itself", "a.b.c": 1}, {"a.b": None, "a.b.c": 2}, {"a.b": None, "a.b.c": None}
    ]  # fmt: skip


def test_a_key_twice_or_half_a_letter_is_no_row(tmp_path: Path) -> None:
    bad = ['{"a":2,"a":2}', '{"a":3,"o":{"x":1,"x":1}}', '{"a":"\\ud800"}']
    files = opened(tmp_path, f'[{{"a":1}},{",".join(bad)},{{"a":5}}]')
    assert [row["a"] for row in rows(files)] == [1, 5]
    assert files.malformed == {"0.json": bad}


def test_a_key_twice_in_a_flat_line_is_no_row(tmp_path: Path) -> None:
    files = opened(tmp_path, '{"a":1,"b":1}\n{"a":2,"b":3,"a":2}\n')
    assert rows(files) == [{"a": 1, "b": 1}]
    assert files.malformed == {"0.json": ['{"a":2,"b":3,"a":2}']}


def test_files_agree_on_their_columns_and_types(tmp_path: Path) -> None:
    files = opened(tmp_path, '[{"a": 1}]', '{"a": 0.1, "b": [1]}\n', '[{"a": 2}]', "[]")
    assert dict(files.schema()) == {"a": pl.Float64(), "b": pl.String()}
    assert rows(files) == [{"a": 1, "b": None}, {"a": 0.1, "b": "[1]"}, {"a": 2, "b": None}]


@pytest.mark.parametrize("texts", [["[]"], ["[]", " [ ]\n"]])
def test_no_record_is_no_wrong_name(tmp_path: Path, texts: list[str]) -> None:
    """It is the delivery that lacks something, and not the sheet."""
    with pytest.raises(DataflowError, match=r"SRC-002.*(\n.*)+there is not one row in"):
        opened(tmp_path, *texts).schema()


def test_a_byte_order_mark_and_gzip(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}\n'
    assert rows(opened(tmp_path, text)) == [{"a": 1}, {"a": 2}]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.jsonl", '{"a": 1}\n')
    assert rows(opened(tmp_path, zipped.getvalue(), suffix=".jsonl.zip")) == [{"a": 1}]
    packed = gzip.compress(b'[{"a": 1}]')
    assert rows(opened(tmp_path, packed, suffix=".json.gz")) == [{"a": 1}]


def test_flat_lines_are_scanned(tmp_path: Path) -> None:
    assert opened(tmp_path, '{"a": 1}\n{"a": 2}\n').is_scanned


def test_an_object_that_is_keyed_by_data_is_there_as_a_whole(tmp_path: Path) -> None:
    made = [{"o": {f"id{i}{j}": 1 for j in range(9)}} for i in range(500)]
    files = opened(tmp_path, json.dumps(made))
    assert list(files.schema()) == ["o"]
    assert [json.loads(row["o"]) for row in rows(files)] == [each["o"] for each in made]


@pytest.mark.parametrize(
    ("text", "records", "why"),
    [
        ("[{}]", "", "its records have no fields"),
        ("[1]", "", "a record in it is no object"),
        ('[{"a":1}', "", "it is no JSON"),
        ('[{"a":1}] x', "", "it goes on after its end"),
        ('[{"a":NaN}]', "", "NaN is no JSON"),
        ('[{"a":01}]', "", "it is no JSON"),
        ("[" * 100_000, "", "nested too deeply"),
        ('[{"a":' + "[" * 100_000, "", "nested too deeply"),
        ('{"data": {"items": 1}}', "data.items", "there is no array"),
        ('{"data": {}}', "data.items", "there is no key items where records says"),
        ('{"data": [{"a":1}], "data": []}', "data", "the key data twice"),
        ('{\n"a": {"b": 1}\n}', "", "over several lines"),
        ('{\n"a": 1\n}', "", "over several lines"),
        (b'[{"a":"\xff"}]', "", "not UTF-8"),
    ],
)
def test_what_is_no_json_says_why(
    tmp_path: Path, text: str | bytes, records: str, why: str
) -> None:
    assert why in refused(tmp_path, text, records=records)


def test_damage_is_told_of_the_file_and_nothing_else(tmp_path: Path) -> None:
    chance = random.Random(19)  # noqa: S311 - the same damage each time
    codes: set[str] = set()
    whole = json.dumps([{"a": i, "o": {"t": f"é {i}"}} for i in range(40)], ensure_ascii=False)
    for number in range(120):
        damaged = bytearray(whole.encode())
        if number % 2:
            damaged = damaged[: chance.randrange(1, len(damaged))]
        else:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        try:
            read = rows(opened(tmp_path, bytes(damaged)))
        except DataflowError as error:
            codes |= {problem.code for problem in error.diagnostics}
        else:
            assert not number % 2, read  # what is cut off is never less
    assert codes == {"SRC-003"}
