"""The real case in Azure: files in two storage accounts, tables in a database, and a workstation.

The figures are those of `expected.json`, whichever way the rows come.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ai_dataflow import load
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.real_case import MODULES, assert_expected_figures
from ai_dataflow_tests.runs.real_case_azure import in_azure
from ai_dataflow_tests.runs.runs import dagster_statuses, run_project
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.postgres import Postgres


@pytest.mark.slow
@pytest.mark.parametrize("bulk", [False, True], ids=["as tuples", "over ODBC"])
def test_every_figure_is_the_expected_one(
    real_case: Path, azurite: Azurite, postgres: Postgres, chinook: str, bulk: bool
) -> None:
    odbc = f'\nodbc = "{postgres.odbc(chinook)}"' if bulk else ""
    in_azure(real_case, azurite, f'url = "{postgres.url(chinook)}"{odbc}')
    report = run_project(real_case)
    assert report.exit_code == 0, report.failed
    assert len(report.partitions) == 18
    assert_expected_figures(real_case)
    assert set(dagster_statuses(real_case, "ai_dataset").values()) == {"MATERIALIZED"}


@pytest.mark.slow
def test_signatures_do_what_keys_do_and_reruns_add_nothing(
    real_case: Path, azurite: Azurite, postgres: Postgres, chinook: str
) -> None:
    in_azure(real_case, azurite, f'url = "{postgres.url(chinook)}"', signed=True)
    assert run_project(real_case).exit_code == 0
    assert_expected_figures(real_case)
    first = {m: _ordered(real_case, m) for m in MODULES}
    for _ in range(2):  # a table's third commit is the first that lists a part of its log
        assert spine.run(real_case, ["sales|UK", "customers|UK"]).exit_code == 0
        assert all(_ordered(real_case, m).equals(first[m]) for m in MODULES)


def _ordered(folder: Path, module: str) -> pl.DataFrame:
    """Give a module's rows, those of a client in the order in which they are stored."""
    return load(module, config=folder).collect().sort("client_code", maintain_order=True)
