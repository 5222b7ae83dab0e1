"""Profiles of generated publications, as the profile table has them, by the shortest way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from bench.drift_clients import TYPES

POINTS = 33
LISTED = 20
SCHEMA: dict[str, Any] = {
    "client_code": pl.String,
    "product_code": pl.String,
    "ai_column": pl.String,
    "publication": pl.String,
    "run_id": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "ai_type": pl.String,
    "mapping_cell": pl.String,
    "mapping": pl.String,
    "computation": pl.Int32,
    "rows": pl.Int64,
    "nulls": pl.Int64,
    "distinct": pl.Int64,
    "distinct_error": pl.Float64,
    "least": pl.String,
    "greatest": pl.String,
    "mean": pl.Float64,
    "deviation": pl.Float64,
    "length_least": pl.Int64,
    "length_greatest": pl.Int64,
    "length_mean": pl.Float64,
    "quantiles": pl.List(pl.Float64),
    "frequent": pl.List(pl.Struct({"value": pl.String, "rows": pl.Int64})),
    "hashes": pl.List(pl.UInt64),
    "looks": pl.Struct(dict.fromkeys(("number", "date", "blank", "other"), pl.Int64)),
}


def profile(
    rows: pl.DataFrame, client: str, at: datetime, product: str = "P", **more: str
) -> list[dict[str, Any]]:
    """Give the profile rows of a publication of one product."""
    named = {
        "client_code": client,
        "product_code": product,
        "publication": f"{client}-{at:%Y%m%d}",
        "run_id": f"run-{at:%Y%m%d}",
        "at": at,
        "mapping_cell": "",
        "mapping": "",
        "computation": 7,
        "rows": rows.height,
        "nulls": 0,
    } | more
    whole = {**named, "ai_column": "", "ai_type": ""}
    return [whole, *(named | _column(rows[name], TYPES[name]) for name in rows.columns)]


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Give profile rows as a frame of the table's columns."""
    return pl.DataFrame(rows, schema=SCHEMA)


def _column(values: pl.Series, ai_type: str) -> dict[str, Any]:
    filled = values.drop_nulls()
    given: dict[str, Any] = {
        "ai_column": values.name,
        "ai_type": ai_type,
        "mapping_cell": f"ai_mapping.xlsx!AI_Map!D{2 + list(TYPES).index(values.name)}",
        "mapping": f"{values.name}, {ai_type}",
        "nulls": values.null_count(),
        "distinct": filled.n_unique(),
        "distinct_error": 0.0,
    }
    if filled.dtype not in (pl.String, pl.Boolean) and len(filled):
        ordered = np.sort(filled.to_physical().cast(pl.Float64).to_numpy())
        places = np.round(np.linspace(0, len(ordered) - 1, POINTS)).astype(int)
        given["quantiles"] = ordered[places].tolist()
    if filled.dtype == pl.String:
        given |= _texts(filled)
    if filled.dtype != pl.Float64:
        counts = filled.rename("value").cast(pl.String).value_counts(name="rows")
        listed = counts.sort(["rows", "value"], descending=[True, False]).head(LISTED)
        given["frequent"] = listed.to_dicts()
    return given


def _texts(filled: pl.Series) -> dict[str, Any]:
    looks = {
        "number": int(filled.str.contains(r"^-?\d+([.,]\d+)?$").sum()),
        "date": int(filled.str.contains(r"^\d{4}-\d\d-\d\d").sum()),
        "blank": int((filled.str.strip_chars() == "").sum()),
    }
    lengths = filled.str.len_chars()
    return {
        "looks": looks | {"other": len(filled) - sum(looks.values())},
        "length_least": lengths.min(),
        "length_greatest": lengths.max(),
        "length_mean": lengths.mean(),
    }
