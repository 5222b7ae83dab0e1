"""The reject tables: every row left out of a dataset, and why.

A partition's rejects belong to its published version: they are replaced with it.
"""

from __future__ import annotations

import polars as pl

from ai_dataflow.workstation.commit import TableColumn

COLUMNS = (
    TableColumn("run_id", "string", "the run that rejected the row"),
    TableColumn("module_name", "string"),
    TableColumn("product_code", "string"),
    TableColumn("submodule_name", "string"),
    TableColumn("reason", "string", "a code of the REJ family: see `ai-dataflow help`"),
    TableColumn("ai_column", "string", "the first AI column that could not be filled"),
    TableColumn("mapping_cell", "string", "the mapping sheet's cell of that column"),
    TableColumn("raw_row", "string", "the source columns that were read, as JSON"),
)
SCHEMA = pl.Schema({column.name: pl.String() for column in COLUMNS})
