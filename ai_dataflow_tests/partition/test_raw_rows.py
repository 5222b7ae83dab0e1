"""Raw rows: JSON that people read, and from it exactly the rows again."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from ai_dataflow.partition.raw_rows import decoded, encoded
from ai_dataflow.sources.schemas import schema_of, schema_text

BERLIN = pl.Datetime("us", "Europe/Berlin")
SHOWN = [
    (pl.Int64, 7, 7),
    (pl.UInt64, 2**64 - 1, 2**64 - 1),
    (pl.Boolean, True, True),
    (pl.String, " ü\u2028", " ü\u2028"),
    (pl.Float64, 0.1, "0.1"),
    (pl.Float64, float("inf"), "inf"),
    (pl.Decimal(10, 2), Decimal("1.20"), "1.20"),
    (pl.Date, dt.date(2024, 2, 29), "2024-02-29"),
    (pl.Datetime("us"), dt.datetime(2024, 1, 1, 2, 3, 4, 5), "2024-01-01T02:03:04.000005"),
    (BERLIN, dt.datetime(2024, 1, 1, 1), "2024-01-01T00:00:00Z"),
    (pl.Time, dt.time(1, 2, 3), "01:02:03"),
    (pl.Duration("ms"), dt.timedelta(seconds=2), 2000),
    (pl.Binary, b"\x00\xff", "AP8="),
    (pl.List(pl.Date), [dt.date(2024, 1, 1), None], ["2024-01-01", None]),
    (pl.Struct({"a": pl.Binary}), {"a": b"x"}, {"a": "eA=="}),
]
TYPES = [
    pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64,
    pl.Float32, pl.Float64, pl.Decimal, pl.String, pl.Binary, pl.Date, pl.Datetime, pl.Time,
    pl.Duration, pl.List, pl.Struct, pl.Array, pl.Categorical,
]  # fmt: skip


def texts(frame: pl.DataFrame) -> pl.DataFrame:
    row = encoded(frame.schema).struct.json_encode()
    # Beside the row count: a frame of literals alone would have one row.
    return frame.lazy().select(row.alias("raw")).collect()


def there_and_back(frame: pl.DataFrame) -> pl.DataFrame:
    schema = schema_of(schema_text(frame.schema))
    return decoded(texts(frame).lazy(), "raw", schema).collect()


@pytest.mark.parametrize(("dtype", "value", "shown"), SHOWN, ids=str)
def test_a_value_is_shown_as_people_read_it(
    dtype: pl.DataType, value: object, shown: object
) -> None:
    if dtype == BERLIN:
        frame = pl.DataFrame({"c": [value, None]}).cast(pl.Datetime("us"))
        frame = frame.with_columns(pl.col("c").dt.replace_time_zone("Europe/Berlin"))
    else:
        frame = pl.DataFrame({"c": [value, None]}, schema={"c": dtype})
    assert [json.loads(text)["c"] for text in texts(frame)["raw"]] == [shown, None]
    assert_frame_equal(there_and_back(frame), frame)


def test_days_that_no_calendar_has_come_back() -> None:
    frame = pl.DataFrame({"day": [-800_000, 3_000_000, 0]}).cast(pl.Int32)
    frame = frame.with_columns(pl.col("day").cast(pl.Date))
    shown = [json.loads(text)["day"] for text in texts(frame)["raw"]]
    assert shown == ["#-800000", "#3000000", "1970-01-01"]
    assert_frame_equal(there_and_back(frame), frame)


@examples(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(dataframes(min_cols=1, max_cols=4, min_size=1, max_size=8, allowed_dtypes=TYPES))
@pytest.mark.slow
def test_any_row_comes_back(frame: pl.DataFrame) -> None:
    assert_frame_equal(there_and_back(frame), frame)
