"""Random projects, run and published: the content is the oracle's, however they are run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow import load
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.outcome import NOBODY
from ai_dataflow.runs.prospect import look_at
from ai_dataflow.runs.run import execute
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.generated import Partition, partitions
from ai_dataflow_tests.partition.oracle import Expected, expected
from ai_dataflow_tests.partition.shops import CLIENTS, write_shop
from ai_dataflow_tests.partition.values import SOME

pytestmark = pytest.mark.slow


def _run(folder: Path, keys: Sequence[str], run_id: str) -> RunReport:
    return execute(look_at(make_draft(load_project(folder)), keys), STAGES, run_id, NOBODY)


def _content(folder: Path, report: RunReport, modules: Sequence[str]) -> dict[str, Any]:
    """Give what readers see of each partition and its rejects, in order; or what ended it."""
    seen: dict[str, Any] = {p.partition: [e.code for e in p.errors] for p in report.failed}
    for key in (f"{module}|{client}" for module in modules for client in CLIENTS):
        if key in seen:
            continue
        module, client = key.split("|")
        rows = load(module, client=client, config=folder).collect().to_dicts()
        seen[key] = (list(map(repr, rows)), _rejects(folder, module, client))
    return seen


def _rejects(folder: Path, module: str, client: str) -> list[str]:
    table = folder / "workstation/_rejects" / module
    if not table.exists():
        return []
    rows = (
        pl.scan_delta(str(table)).filter(client_code=client).drop("run_id", "rejected_at").collect()
    )
    return list(map(repr, rows.to_dicts()))


def _assert_counts(report: RunReport, wanted: dict[str, Expected]) -> None:
    """Compare status, counts and reasons of each partition with the oracle's."""
    for partition in report.partitions:
        own = wanted[partition.module]
        if own.code:
            assert (partition.status, {e.code for e in partition.errors}) == ("failed", {own.code})
            continue
        assert partition.status == "ok", partition.errors
        counts = {product: (p.rows_read, p.rows_rejected, p.rows_merged, p.rows_published)
                  for product, p in partition.products.items()}  # fmt: skip
        assert counts == own.counts


def _assert_nulls(folder: Path, report: RunReport, wanted: dict[str, Expected]) -> None:
    """Compare the nulls of each published column with the oracle's: no cast has made one."""
    for partition in report.partitions:
        if partition.status != "ok":
            continue
        module, client = partition.partition.split("|")
        rows = load(module, client=client, config=folder).collect()
        for name in set(rows.columns) - {"product_code", "client_code"}:
            missing = sum(row.get(name) is None for _, row in wanted[module].rows)
            assert rows[name].null_count() == missing, (partition.partition, name)
            known = [row.get(name) for _, row in wanted[module].rows]
            if SOME not in known and not rows[name].dtype.is_nested():
                assert rows[name].sort().equals(pl.Series(known, dtype=rows[name].dtype).sort())


@pytest.mark.proves(
    "transform", "concurrent", "1 or 8 workers, in any order; the content is the same"
)
@settings_of(share=10)
@given(st.lists(partitions(), min_size=1, max_size=2))
def test_the_content_is_the_same_however_a_project_is_run(made: list[Partition]) -> None:
    modules = {f"m{i}": partition for i, partition in enumerate(made)}
    wanted = {module: expected(partition) for module, partition in modules.items()}
    keys = [f"{module}|{client}" for module in modules for client in CLIENTS]
    found = []
    for workers, order in ((8, keys), (1, keys[::-1])):
        with TemporaryDirectory() as name:
            folder = write_shop(Path(name), modules, workers)
            report = _run(folder, order, "run-1")
            _assert_counts(report, wanted)
            _assert_nulls(folder, report, wanted)
            found.append(_content(folder, report, list(modules)))
            if workers == 1:  # a rerun adds nothing
                again = _run(folder, keys, "run-2")
                found.append(_content(folder, again, list(modules)))
    assert found[0] == found[1] == found[2]
