"""The profiles of a card, merged: of two versions at once, without losing what all clients have."""

from __future__ import annotations

from typing import Any

import polars as pl

from ai_dataflow.cli.card.card_profiles import BOTH, NOW, SIDE, THEN, merged
from ai_dataflow.workstation.profiles import SCHEMA


def _profile(client: str, side: str, common: int, rows: int = 200) -> dict[str, Any]:
    """Give the profile of a client that lists 19 values of its own, and one that all have."""
    own = [{"value": f"{client} {number}", "rows": 10} for number in range(19)]
    return {
        "client_code": client, "product_code": "ORION", "ai_column": "city", SIDE: side,
        "ai_type": "string", "rows": rows, "nulls": rows - 190 - common, "mapping_cell": "C2",
        "mapping": f"sale · City of {client}", "frequent": [*own, {"value": "all", "rows": common}],
    }  # fmt: skip


def test_a_value_that_is_rare_in_each_client_is_the_most_frequent_of_all() -> None:
    profiles = [
        _profile("acme", BOTH, 5), _profile("bolt", BOTH, 4), _profile("cirrus", NOW, 6),
        _profile("cirrus", THEN, 1, 300),
    ]  # fmt: skip
    card = merged(pl.DataFrame(profiles, SCHEMA))
    for frame in (card.products, card.columns):
        row = frame.row(0, named=True)
        assert row["frequent"][0] == {"value": "all", "rows": 15}
        assert (len(row["frequent"]), row["rows"]) == (20, 600)
    assert card.filling == {"city": 3}
    assert card.sources["ORION", "city"][1] == tuple(
        f"sale · City of {client}" for client in ("acme", "bolt", "cirrus")
    )
