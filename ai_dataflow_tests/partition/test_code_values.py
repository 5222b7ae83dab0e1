"""Code lists, defaults and null words, against an oracle in plain Python that reads the sheet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ai_dataflow.compiler.mappings import compile_source
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.mapping import REASON, count, good_rows, map_chunk, map_rows, reasons
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.code_lists import CodeList
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import mapped, source

CODES = {"A": "1", "b": "2", "ä": "3", "n/a": "9"}
VALUES = [None, "", "  ", "A", " A ", "a", "b", "B", "Ä", "ä", "n/a", " n/a", "7", "x", "1"]


def _row(**said: Any) -> MappingRow:
    codes = said.pop("codes")
    listed = CodeList("letters", {k.lower() if codes else k: v for k, v in CODES.items()}, codes)
    row = mapped("letter", said.pop("ai_type"), "Letter")
    return replace(row, code_list="letters", codes=listed, **said)


def _expected(value: str | None, row: MappingRow) -> int | str | None:
    """Give the value, or in a tuple's stead the code of what rejects the row; by the docs alone."""
    text = "" if value is None else value.strip()
    is_none = text in ("", *row.null_values)
    codes = row.codes.codes if row.codes else {}
    ignores = row.codes is not None and row.codes.ignores_case
    made: str | None = None
    if not is_none:
        key = text.lower() if ignores else text
        kept = text if row.trim else value
        unknown = {"": None, "reject": None, "keep": kept, "null": None}.get(
            row.unmapped, row.unmapped
        )
        if key not in codes and row.unmapped in ("", "reject"):
            return "REJ-006"
        made = codes.get(key, unknown)
    if made is not None and row.ai_type == "int64" and made.strip():
        if not made.strip().isdecimal():
            return "REJ-001"
        return int(made)
    if made is None or not made.strip():
        made = row.default or None
        if made is None:
            return "REJ-002" if row.required else None
    return int(made) if row.ai_type == "int64" else made


@given(
    values=st.lists(st.sampled_from(VALUES), max_size=12),
    ai_type=st.sampled_from(["int64", "string"]),
    codes=st.booleans(),
    unmapped=st.sampled_from(["", "reject", "keep", "null", "77"]),
    default=st.sampled_from(["", "0"]),
    required=st.booleans(),
    null_values=st.sampled_from([(), ("n/a",)]),
    trim=st.booleans(),
)
@settings_of()
def test_each_value_becomes_what_the_sheet_says(values: list[str | None], **said: Any) -> None:
    row = _row(**said)
    rows = pl.DataFrame({"Letter": values}, schema={"Letter": pl.String})
    compiled = compile_source(source(Path("letters.csv"), row), rows.schema)
    good, bad = map_chunk(rows, compiled, (), 0)
    expected = [_expected(value, row) for value in values]
    codes = [e for e in expected if isinstance(e, str) and e.startswith("REJ")]
    assert good["letter"].to_list() == [e for e in expected if e is None or e not in codes]
    told = [] if bad is None else bad.select(**reasons(compiled))["reason"].to_list()
    assert told == codes
    by_the_rules = map_rows(rows.lazy(), compiled)
    assert_frame_equal(
        good, good_rows(by_the_rules, compiled, count(by_the_rules, compiled)).collect()
    )
    assert by_the_rules.collect()[REASON].count() == len(codes)


@pytest.mark.parametrize(
    ("values", "shown"),
    [([7, 8, None], ["seven", "8", None]), ([True, False, None], ["yes", "false", None])],
)
def test_a_code_is_the_text_of_a_whole_number_or_a_truth(values: Any, shown: Any) -> None:
    listed = CodeList("x", {"7": "seven", "true": "yes"})
    row = replace(mapped("x", "string", "X"), code_list="x", unmapped="keep", codes=listed)
    rows = pl.DataFrame({"X": values})
    compiled = compile_source(source(Path("x.parquet"), row), rows.schema)
    assert map_chunk(rows, compiled, (), 0)[0]["x"].to_list() == shown


@pytest.mark.parametrize(
    "dtype", [pl.Float64, pl.Decimal(9, 2), pl.Datetime("us"), pl.List(pl.Int8)]
)
def test_what_has_no_one_text_has_no_codes(dtype: Any) -> None:
    row = replace(mapped("x", "string", "X"), code_list="x", codes=CodeList("x", {"7": "seven"}))
    with pytest.raises(DataflowError) as error:
        compile_source(source(Path("x.parquet"), row), pl.Schema({"X": dtype}))
    assert [problem.code for problem in error.value.diagnostics] == ["MAP-044"]


def test_two_columns_of_one_long_transform_may_have_lists_of_their_own() -> None:
    listed = CodeList("x", {"A": "1"}), CodeList("y", {"A": "2"})
    text = "CASE WHEN UPPER(TRIM(X)) = 'B' THEN 'A' ELSE REPLACE(X, 'c', 'A') END"
    rows = [
        replace(mapped(f"x{n}", "int64", "", transform=text), code_list=codes.name, codes=codes)
        for n, codes in enumerate(listed)
    ]
    frame = pl.DataFrame({"X": ["A", "b", "c"]})
    compiled = compile_source(source(Path("x.csv"), *rows), frame.schema)
    assert map_chunk(frame, compiled, (), 0)[0].rows() == [(1, 2)] * 3


def test_a_default_never_replaces_what_failed() -> None:
    row = replace(mapped("x", "int64", "X"), default="0", required=True)
    frame = pl.DataFrame({"X": ["5", None, " ", "many"]})
    compiled = compile_source(source(Path("x.csv"), row), frame.schema)
    good, bad = map_chunk(frame, compiled, (), 0)
    assert good["x"].to_list() == [5, 0, 0]
    assert bad is not None
    assert bad.select(**reasons(compiled))["reason"].to_list() == ["REJ-001"]


def test_null_words_are_nothing_to_a_transform_too() -> None:
    row = replace(
        mapped("x", "string", "", transform="COALESCE(X, 'none')"), null_values=("n/a", "-")
    )
    frame = pl.DataFrame({"X": ["a", " n/a ", "-", "--"]})
    compiled = compile_source(source(Path("x.csv"), row), frame.schema)
    assert map_chunk(frame, compiled, (), 0)[0]["x"].to_list() == ["a", "none", "none", "--"]
