"""One partition, from its sources to uncommitted files: what comes out, and that it never raises."""

from __future__ import annotations

import datetime as dt
import pickle
import random
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ai_dataflow.config.locations import SqlLocation
from ai_dataflow.engine import run as engine
from ai_dataflow.engine import scratch
from ai_dataflow.engine.job import AiColumn, PartitionJob, PartitionResult, ProductCounts
from ai_dataflow.engine.merge import Merged
from ai_dataflow_tests.engine.jobs import (
    PLACE,
    codes,
    csv_file,
    job,
    key,
    left_out,
    mapped,
    problems,
    settings,
    source,
    workstation,
    written,
)


def _run(partition: PartitionJob, folder: Path) -> PartitionResult:
    return engine.run(partition, settings(folder), "run-1")


def _shop(folder: Path) -> PartitionJob:
    """Two products: orders and their lines here, a list of sales there; two rows are bad."""
    orders = csv_file(folder / "orders.csv", "No,Day 1,2024-01-31 2,2024-02-31 3,2024-03-31")
    lines = csv_file(folder / "lines.csv", "No,Item,Qty 1,tea,2 1,jam,3 9,egg,x 7,oil,1")
    sold = csv_file(folder / "sold.csv", "what,when pen,2024-04-30")
    return job(
        source(lines, key("id").from_("No"), mapped("item", "string", "Item"),
               mapped("quantity", "int64", "Qty"), submodule="line"),
        source(orders, key("id").from_("No"), mapped("day", "date", "Day"), submodule="order"),
        source(sold, mapped("item", "string", "what"), mapped("day", "date", "when"),
               product="vega", submodule="sale"),
    )  # fmt: skip
