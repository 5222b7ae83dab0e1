"""ROW_KEY against its documented spelling, in plain Python: one value has one key in all types."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from decimal import Decimal
from importlib import resources
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.compiler.transforms import TransformError, compile_transform

NAIVE = pl.Datetime("us")
TYPES: dict[str, pl.DataType] = {
    "text": pl.String(), "whole": pl.Int64(), "small": pl.Int16(), "amount": pl.Decimal(12, 3),
    "day": pl.Date(), "moment": NAIVE, "there": pl.Datetime("us", "Europe/Zurich"),
    "flag": pl.Boolean(),
}  # fmt: skip
moments = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(codec="utf-8"), max_size=9),
    "whole": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(-(2**15), 2**15 - 1),
    "amount": st.decimals(-999_999_999, 999_999_999, places=3),
    "day": st.dates(),
    "moment": moments,
    "there": moments.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    "flag": st.booleans(),
}
ROWS = st.lists(st.fixed_dictionaries({n: st.none() | v for n, v in VALUES.items()}), max_size=5)


def key(*values: Any) -> str | None:
    """Give the key of values as docs/transforms.md has it."""
    if any(value is None for value in values):
        return None
    spelled = "".join(f"{len(text.encode())}:{text}," for text in map(_spelled, values))
    return hashlib.sha256(spelled.encode()).hexdigest()[:32]


def _spelled(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            whole, _, digits = f"{abs(value) if value == 0 else value:f}".partition(".")
            return f"{whole}.{digits}".rstrip("0").rstrip(".")
        case dt.datetime():
            utc = value.astimezone(dt.UTC) if value.tzinfo else value
            return f"{utc:%Y-%m-%dT%H:%M:%S.%f}Z".rjust(27, "0")
        case dt.date():
            return value.isoformat()
        case _:
            return str(value)


def _keys(call: str, rows: pl.DataFrame) -> list[str | None]:
    made = compile_transform(call, rows.schema)
    frame = rows.lazy()
    for step in made.steps:
        frame = frame.with_columns(step)
    done = frame.with_columns(key=made.value, failed=made.failed).collect(engine="streaming")
    assert not done["failed"].any()
    return done["key"].to_list()


@given(ROWS, st.lists(st.sampled_from(list(TYPES)), min_size=1, max_size=9))
def test_values_have_the_key_that_is_documented(
    rows: list[dict[str, Any]], names: list[str]
) -> None:
    frame = pl.DataFrame(rows, schema=TYPES)
    wanted = [key(*(row[name] for name in names)) for row in rows]
    assert _keys(f"ROW_KEY({', '.join(names)})", frame) == wanted


@pytest.mark.parametrize("call", ["7", "7.00", "'7'", "CAST('7' AS DECIMAL(9, 4))"])
def test_what_has_one_spelling_has_one_key_whatever_its_type(call: str) -> None:
    assert _keys(f"ROW_KEY({call})", pl.DataFrame({"a": [1, 2]})) == [key("7")] * 2


def test_where_values_end_counts() -> None:
    frame = pl.DataFrame({"a": ["ab", "a", ""], "b": ["c", "bc", "abc"]})
    assert len({*_keys("ROW_KEY(a, b)", frame)}) == 3
    assert _keys("ROW_KEY(a || b)", frame) == [key("abc")] * 3


def test_a_null_makes_no_key() -> None:
    assert _keys("ROW_KEY(a, NULL)", pl.DataFrame({"a": [1]})) == [None]


@pytest.mark.parametrize("call", ["CAST(a AS DOUBLE)", "many", "CAST('10:00' AS TIME)"])
def test_what_has_no_one_spelling_is_refused(call: str) -> None:
    columns = pl.Schema({"a": pl.Int64(), "many": pl.List(pl.Int64())})
    with pytest.raises(TransformError, match="ROW_KEY takes"):
        compile_transform(f"ROW_KEY({call})", columns)


def test_the_page_says_the_keys_that_are_made() -> None:
    page = resources.files("ai_dataflow.compiler").joinpath("transforms.md").read_text("utf-8")
    vectors = re.findall(r"^\| (`ROW_KEY.*?) \| `(.*)` \| `([0-9a-f]{32})` \|$", page, re.M)
    assert len(vectors) > 3
    for calls, spelled, told in vectors:
        assert hashlib.sha256(spelled.encode()).hexdigest()[:32] == told
        for call in re.findall(r"`([^`]+)`", calls):
            assert _keys(call, pl.DataFrame({"a": [1]})) == [told]
