"""Whether profiles are of what readers see."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ai_dataflow import Workstation
from ai_dataflow.tables import ai_types


def check_all_profiles(folder: Path) -> None:
    """Make sure that the profiles of all modules are of the rows that readers see.

    Raises:
        AssertionError: they are not.
    """
    for module in Workstation.of_project(folder):
        check_profiles(folder, module)


def check_profiles(folder: Path, module: str) -> None:
    """Make sure that the profiles of a module are of the rows that readers see.

    Raises:
        AssertionError: they are not.
    """
    dataset = Workstation.of_project(folder)[module]
    by = ["client_code", "product_code"]
    rows = dataset.scan().group_by(by).len("rows").collect()
    profiles = dataset.profile()
    told = profiles.filter(ai_column="").select(*by, pl.col("rows").cast(rows.schema["rows"]))
    assert told.sort(by).equals(rows.sort(by)), f"profiles of {module}: {told}, not {rows}"
    types = {column.name: column.type for column in dataset.schema}
    for name, ai_type in (
        profiles.filter(pl.col("ai_column") != "")
        .select("ai_column", "ai_type")
        .unique()
        .iter_rows()
    ):
        assert ai_types.to_polars(ai_type) == types[name], f"{name} was {ai_type}"
