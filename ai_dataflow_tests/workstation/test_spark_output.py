"""A real session of Spark gets a dataset's rows through Arrow, as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow import Workstation
from ai_dataflow_tests.services.spark import java_home
from ai_dataflow_tests.workstation.tables import publish_as

ROWS = pl.DataFrame(
    {
        "n": [1, None],
        "f": [0.5, None],
        "s": ["Köln", None],
        "b": [True, None],
        "d": [date(2026, 1, 31), None],
        "t": [datetime(2026, 1, 31, 23, 59, 58, 123_456, tzinfo=UTC), None],
    }
)
# In a process of its own: that of the tests has no Spark.
SCRIPT = """
import json, sys
from pyspark.sql import SparkSession
from ai_dataflow import Workstation
from ai_dataflow_tests.sources.corpus.spark_writer import _CONF

builder = SparkSession.builder.master("local[1]")
for name, value in _CONF.items():
    builder = builder.config(name, value)
frame = Workstation(sys.argv[1])["sales"].spark(builder.getOrCreate(), "USA")
rows = [row.asDict() for row in frame.collect()]
print("read:", json.dumps([frame.dtypes, rows], default=str))
"""


@pytest.mark.slow
def test_spark_has_the_rows_that_polars_has(tmp_path: Path) -> None:
    publish_as(tmp_path, "sales", {"USA": ROWS, "CAN": ROWS})
    workstation = tmp_path / "workstation"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(workstation)],
        env={"JAVA_HOME": java_home(), "TZ": "UTC", "PATH": "/usr/bin:/bin",
             "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *_, last = done.stdout.splitlines()
    types, rows = json.loads(last.removeprefix("read:"))
    assert [dtype for _, dtype in types] == [
        "bigint", "double", "string", "boolean", "date", "timestamp", "string",
    ]  # fmt: skip
    here = Workstation(workstation)["sales"].scan("USA").collect()
    plain = here.with_columns(pl.col("t").dt.replace_time_zone(None)).to_dicts()
    assert rows == json.loads(json.dumps(plain, default=str))
