"""Sources in storage accounts for tests: settings, files of every format, and reading them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.sections import ExecutionSettings, StorageAccount
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.columns import without_seen
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.differences import difference
from ai_dataflow.sources.files.finding import find_one
from ai_dataflow.sources.files.folder_columns import partition_values
from ai_dataflow.sources.files.pinned import Pinned
from ai_dataflow.sources.united import United, Wanted
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.services.azurite import Azurite

ACCOUNT = "orionlake"
ROWS = pl.DataFrame({"n": [1, 2], "s": ["x", "ü"]})


def settings(retry_seconds: int = 0, **accounts: Mapping[str, Any]) -> Settings:
    """Give settings with sections for some accounts."""
    return Settings(
        folder=Path(),
        storage={name: StorageAccount(**own) for name, own in accounts.items()},
        execution=ExecutionSettings(retry_seconds=retry_seconds),
    )


def with_key(server: Azurite, account: str = ACCOUNT, retry_seconds: int = 0) -> Settings:
    """Give settings with an account's key."""
    own = {"account_key": server.keys[account], "endpoint": server.endpoint(account)}
    return settings(retry_seconds, **{account: own})


def url(container: str, path: str = "", account: str = ACCOUNT) -> str:
    """Give the URL of a path in a container."""
    return f"abfss://{container}@{account}.dfs.core.windows.net/{path}"


def content(name: str, rows: pl.DataFrame = ROWS) -> bytes:
    """Give rows in the format that a name tells, compressed if it ends in `.gz`."""
    writers: dict[str, Callable[[io.BytesIO], object]] = {
        "parquet": rows.write_parquet, "csv": rows.write_csv, "jsonl": rows.write_ndjson,
        "json": rows.write_json, "avro": rows.write_avro,
        "xlsx": partial(rows.to_pandas().to_excel, index=False, sheet_name="Rows"),
    }  # fmt: skip
    written = io.BytesIO()
    writers[name.removesuffix(".gz").rpartition(".")[2]](written)
    return gzip.compress(written.getvalue()) if name.endswith(".gz") else written.getvalue()


def upload(
    server: Azurite, container: str, path: str, rows: pl.DataFrame = ROWS, account: str = ACCOUNT
) -> None:
    """Write rows in the format that the path tells; without a suffix it is a Delta table."""
    if "." in path.rpartition("/")[2]:
        return server.upload(account, container, path, content(path, rows))
    with TemporaryDirectory() as folder:
        rows.write_delta(folder)
        return server.upload_folder(account, container, Path(folder), f"{path}/")


def pinned(location: FileLocation, given: Settings) -> Pinned:
    """Find and pin a location."""
    return find_one(location, "cell", given).pin("cell", given)


def pin(location: str, given: Settings, file_format: str = "") -> Pinned:
    """Pin a location."""
    return pinned(FileLocation(location, file_format), given)


def wanted(files: open_files.Files, *names: str) -> Wanted:
    """Give columns as they are wanted of files, by default all that are not as people see them.

    Raises:
        DataflowError: SRC-010 or SRC-018: one of them cannot be read of all files.
    """
    schema, pinned = files.schema(), files.pinned
    types = pl.Schema(
        {name: schema[name] for name in names or sorted(without_seen(schema), key=[*schema].index)}
    )
    folders = {tuple(partition_values(file.path)) for file in pinned.files}
    is_json = pinned.file_format == "jsonl" and len(folders) == 1
    adds = is_json or bool(pinned.written and pinned.written.drift)
    for name in types:
        if wrong := difference(name, schema, adds=adds):
            raise DataflowError(wrong.at(pinned.name, "cell", ()))
    return Wanted(types, differ=isinstance(schema, United))


def read(extract: Pinned, given: Settings) -> pl.DataFrame:
    """Read an extract as a partition does, all its columns."""
    files = open_files.opened(extract, "cell", given)
    with files.reading():
        columns = wanted(files)
        if files.is_scanned:
            rows = files.rows(columns).collect()
        else:
            rows = pl.concat([batch for _, batch in files.rows_by_file(columns)])
    files.check_unchanged()
    return rows


def load(location: str, given: Settings, file_format: str = "") -> pl.DataFrame:
    """Pin a location and read it."""
    return read(pin(location, given, file_format), given)


def refusal(location: str, given: Settings, file_format: str = "") -> Diagnostic:
    """Give the one reason why a location cannot be read."""
    with pytest.raises(DataflowError) as error:
        load(location, given, file_format)
    (problem,) = error.value.diagnostics
    assert problem.place == "cell"
    return problem
