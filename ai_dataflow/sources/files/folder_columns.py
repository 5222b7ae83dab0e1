"""Columns that folders name, as Hive and Spark write them."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote

import polars as pl

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def partition_values(path: str) -> dict[str, str | None]:
    """Give the columns that a file's folders name, as Hive and Spark write them.

    Example:
        >>> partition_values("year=2026/month=01/part-0.parquet")
        {'year': '2026', 'month': '01'}
    """
    if "=" not in path:
        return {}
    folders = (folder.partition("=") for folder in PurePosixPath(path).parts[:-1] if "=" in folder)
    return {
        key: None if value == _HIVE_NULL else unquote(value) for key, _, value in folders if key
    }


def typed(value: str, dtype: pl.DataType) -> pl.Expr:
    """Give a partition's value, which folders spell as text, in the type of its column."""
    text = pl.lit(value, pl.String())
    match dtype:
        case pl.Boolean():
            return text.str.to_lowercase() == "true"
        case pl.Date():
            return text.str.to_date()
        case pl.Datetime():
            return text.str.to_datetime().cast(dtype)
        case _:
            return text.cast(dtype)
