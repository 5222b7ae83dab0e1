"""Reading tables in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import SecretStr

from ai_dataflow.config.settings import ExecutionSettings, Settings, SqlConnection
from ai_dataflow.sources.sql import queries
from ai_dataflow.tables.locations import SqlLocation


def opened(
    folder: Path, url: str, *, odbc: str = "", retry_seconds: int = 0, **options: Any
) -> Settings:
    """Give settings with the connection `db`."""
    own = SqlConnection(
        url=SecretStr(url), odbc=SecretStr(odbc) if odbc else None, **options
    )  # fmt: skip
    execution = ExecutionSettings(retry_seconds=retry_seconds)
    return Settings(folder=folder, sql={"db": own}, execution=execution)


def read(settings: Settings, table: str, *columns: str, **located: Any) -> pl.DataFrame:
    """Read columns of a table as an extract does."""
    database = queries.database("db", settings)
    location = SqlLocation("db", table, **located)
    known = database.columns(location, "cell")
    return database.copy(location, known, columns or tuple(known), pl.concat, "cell")
