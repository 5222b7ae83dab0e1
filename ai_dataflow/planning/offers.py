"""What the drop-downs of a workbook offer: the names of the project, the columns of its sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from ai_dataflow.planning.draft import Draft
from ai_dataflow.sources.schemas import Look
from ai_dataflow.tables.ai_mapping import EVERY_PRODUCT
from ai_dataflow.tables.cell_words import Column, Offers
from ai_dataflow.tables.locations import Location, table_of
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.table import Names
from ai_dataflow.tables.teams import ANY


def offers(draft: Draft, schemas: Mapping[Location, Look]) -> Offers:
    """Give what the cells of a project's tables may say.

    Args:
        draft: what the tables say.
        schemas: what was seen at the sources; those that could not be reached are left out.
    """
    return Offers(_names(draft.project), _source_columns(draft, schemas))


def _names(project: Project) -> dict[Column, tuple[str, ...]]:
    control = project.control
    modules = _distinct(row.module for row in control)
    products = _distinct(row.product for row in control)
    submodules = _distinct(row.submodule for row in control)
    clients = _distinct(row.client for row in control)
    lists = _distinct(project.code_lists.by_name)
    every_product = (*products, EVERY_PRODUCT)
    offered: dict[Column, tuple[str, ...]] = {
        ("control_table", "file_format"): tuple(project.settings.formats),
        ("control_table", "module_name"): modules,
        ("control_table", "product_code"): products,
        ("control_table", "submodule_name"): submodules,
        ("control_table", "client_code"): clients,
        ("ai_columns", "module_name"): modules,
        ("ai_columns", "ai_column"): _distinct(row.ai_column for row in project.mapping),
        ("teams", "module_name"): (*modules, ANY),
        ("teams", "product_code"): (*products, ANY),
        ("code_lists", "code_list"): lists,
        ("code_lists", "product_code"): every_product,
    }
    for setting in ("ai_mapping", "source_rules"):
        offered[setting, "module_name"] = modules
        offered[setting, "product_code"] = every_product
        offered[setting, "submodule_name"] = submodules
        offered[setting, "client_code"] = clients
    for setting in ("ai_mapping", "ai_columns"):
        offered[setting, "code_list"] = lists
    return offered


def _source_columns(draft: Draft, schemas: Mapping[Location, Look]) -> dict[Names, tuple[str, ...]]:
    """Give the columns of each source, those of all its clients, and of all products of a name."""
    columns: dict[Names, dict[str, None]] = {}
    for row, source in draft.sources.items():
        schema = schemas.get(table_of(source.location))
        if not isinstance(schema, pl.Schema):
            continue
        for product in (row.product, EVERY_PRODUCT):
            names = columns.setdefault((row.module, product, row.submodule), {})
            names.update(dict.fromkeys(schema))
    return {names: tuple(there) for names, there in sorted(columns.items()) if there}


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, names)))
