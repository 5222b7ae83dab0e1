"""The real case's figures, compared with those that were computed without the product."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow import load

MODULES = ("sales", "customers")
Figures = dict[str, dict[str, dict[str, dict[str, object]]]]


def assert_expected_figures(folder: Path) -> None:
    """Compare what is published, for every client, module and product, with `expected.json`."""
    expected: Figures = json.loads((folder / "expected.json").read_text())
    found = _figures(folder)
    assert found.keys() == expected.keys()
    for client, modules in expected.items():
        assert found[client].keys() == modules.keys()
        for module, products in modules.items():
            assert found[client][module].keys() == products.keys()
            for product, figures in products.items():
                assert found[client][module][product] == pytest.approx(figures, abs=1e-6)


def _figures(folder: Path) -> Figures:
    found: Figures = {}
    for module in MODULES:
        table = load(module, config=folder).collect()
        for (client, product), rows in table.group_by("client_code", "product_code"):
            figures = _sales(rows) if module == "sales" else {"rows": rows.height}
            found.setdefault(str(client), {}).setdefault(module, {})[str(product)] = figures
    return found


def _sales(frame: pl.DataFrame) -> dict[str, object]:
    days = frame["sale_date"].sort()
    return {
        "rows": frame.height,
        "quantity": frame["quantity"].sum(),
        "discounted_amount": frame["discounted_amount"].sum(),
        "sales": frame["sale_id"].n_unique(),
        "first_date": str(days[0]),
        "last_date": str(days[-1]),
    }
