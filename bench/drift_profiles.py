"""Profiles of generated publications, made as those of real ones are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from ai_dataflow.config.computation import COMPUTATION
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.profiling import COARSE, profiles_of
from ai_dataflow.tables.ai_types import to_polars
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN
from ai_dataflow.workstation.profiles import SCHEMA
from bench.drift_clients import TYPES

COLUMNS = [AiColumn(name, ai_type) for name, ai_type in TYPES.items()]
_CELLS = {name: f"ai_mapping.xlsx!AI_Map!D{2 + place}" for place, name in enumerate(TYPES)}
Publication = Mapping[str, pl.DataFrame]  # a client's rows, by product


def profiled(publications: Sequence[tuple[str, Publication]], at: datetime) -> pl.DataFrame:
    """Give the profiles of the publications of some clients in a night, as the table has them."""
    types = {name: to_polars(ai_type) for name, ai_type in TYPES.items()}
    parts = [
        rows.cast(types).with_columns(
            pl.lit(number, pl.UInt32).alias(CLIENT), pl.lit(product).alias(PRODUCT_COLUMN)
        )
        for number, (_, products) in enumerate(publications)
        for product, rows in sorted(products.items())
    ]
    names = dict(enumerate(name for name, _ in publications))
    profiles = profiles_of(pl.concat(parts), COLUMNS, COARSE)
    clients = pl.col(CLIENT).replace_strict(names, return_dtype=pl.String)
    return (
        profiles.with_columns(clients.alias(PARTITION_COLUMN))
        .with_columns(
            pl.format("{}-{}", PARTITION_COLUMN, pl.lit(f"{at:%Y%m%d}")).alias("publication"),
            pl.lit(f"run-{at:%Y%m%d}").alias("run_id"),
            pl.lit(at).cast(SCHEMA["at"]).alias("at"),
            pl.col("ai_column").replace_strict(_CELLS, default="").alias("mapping_cell"),
            pl.lit("").alias("mapping"),
            pl.lit(int(COMPUTATION), pl.Int32).alias("computation"),
        )
        .select([*SCHEMA])
    )
