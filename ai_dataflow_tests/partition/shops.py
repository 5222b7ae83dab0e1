"""Generated partitions as a whole project: tables, settings, each source where they say."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.partition.generated import Partition, Source
from ai_dataflow_tests.partition.written import DATABASE, write_source

CLIENTS = ("acme", "borealis")
_CONTROL = ("product_code", "module_name", "submodule_name", "client_code", "module_location",
            "active")  # fmt: skip
_MAPPING = ("module_name", "product_code", "submodule_name", "source_column", "ai_column",
            "ai_type", "transform", "is_key", "required")  # fmt: skip


def write_shop(folder: Path, modules: Mapping[str, Partition], workers: int) -> Path:
    """Write a project in which each client has all the rows of each module's partition."""
    control = [
        (source.product, module, source.submodule, client,
         _located(source, folder, module, client), "Y")
        for module, partition in modules.items()
        for client in CLIENTS
        for source in partition.sources
    ]  # fmt: skip
    mapping = [
        (module, source.product, source.submodule, row.source_column, row.ai_column, row.ai_type,
         row.transform, "Y" * row.is_key, "Y" * row.required)
        for module, partition in modules.items()
        for source in partition.sources
        for row in (feed.row for feed in source.feeds)
    ]  # fmt: skip
    _table(folder / "control_table.csv", _CONTROL, control)
    _table(folder / "ai_mapping.csv", _MAPPING, mapping)
    _table(folder / "teams.csv", ("team", "email", "concern"), [("all", "all@example.org", "*")])
    databases = "".join(
        f'[sql.{module}{client}]\nurl = "sqlite:///data/{module}/{client}/{DATABASE}"\n'
        for module in modules
        for client in CLIENTS
    )
    (folder / "ai_dataflow.toml").write_text(
        'control_table = "control_table.csv"\nai_mapping = "ai_mapping.csv"\nteams = "teams.csv"\n'
        f'[workstation]\nurl = "workstation"\n[execution]\nworkers = {workers}\n{databases}'
    )
    return folder


def _located(source: Source, folder: Path, module: str, client: str) -> str:
    """Write a source; give its location as the control table spells it."""
    where = write_source(source, folder / "data" / module / client)
    if isinstance(where, SqlLocation):
        return f"sql://{module}{client}/{where.table}"
    assert isinstance(where, Path)
    return where.relative_to(folder).as_posix()


def _table(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
