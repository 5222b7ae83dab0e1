"""Running a random company, step by step, and comparing what came of it with the oracle."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import astuple
from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow.workstation.reports import PartitionReport, RunReport
from ai_dataflow_tests.partition.values import SOME
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.oracle.companies import make_company
from ai_dataflow_tests.runs.oracle.formats import Row
from ai_dataflow_tests.runs.oracle.history import History
from ai_dataflow_tests.runs.oracle.merging import Counts, Outcome
from ai_dataflow_tests.runs.oracle.references import references
from ai_dataflow_tests.runs.oracle.tables import Key, read_tables

STEPS = 3
PARTITIONS = 70  # of a company, about


def check_company(folder: Path, seed: int, partitions: int = PARTITIONS, settings: str = "") -> int:
    """Make a company and run it, three times, each time over what changed; give the partitions.

    Raises:
        AssertionError: with all that is not as the oracle says.
    """
    company, history = make_company(folder, seed, partitions, settings), History(folder)
    for step in range(1, STEPS + 1):
        if step > 1:
            company.change()
        made = history.run()
        report = spine.run_changed(folder)
        wrong = differences(folder, history, made, report)
        told = "\n".join(wrong[:20])
        assert not wrong, f"company {seed}, step {step}, in {folder}: {len(wrong)} wrong\n{told}"
    return len(history.seen)


def differences(
    folder: Path,
    history: History,
    made: dict[Key, Outcome | None],
    report: RunReport,
) -> list[str]:
    """Compare what was reported, published and left out with what has to be."""
    wrong, reports = [], {p.partition: p for p in report.partitions}
    if made.keys() != {tuple(key.split("|")) for key in reports}:
        wrong.append(f"reported are {sorted(reports)}, not {sorted(made)}")
    for key, outcome in made.items():
        if reported := reports.get("|".join(key)):
            wrong += [f"{'|'.join(key)}: {what}" for what in _report(reported, outcome)]
    modules = read_tables(folder).modules
    counted = {(r.module, r.column): (r.clients, r.rows_checked, r.orphans, r.clients_with_orphans)
               for r in report.references}  # fmt: skip
    if counted != (wanted := references(history, made, modules)):
        wrong.append(f"references come to {counted}, not {wanted}")
    for module in sorted({module for module, _ in history.seen}):
        rows, rejects = _published(folder, module), _rejects(folder, module)
        for client in sorted({client for m, client in history.seen if m == module}):
            seen = history.seen[module, client]
            outcome = seen.outcome or Outcome()
            left = [*outcome.rejects, *(seen.unpublished.rejects if seen.unpublished else [])]
            found = rows.pop(client, pl.DataFrame())
            wrong += [f"{module}|{client}: {what}" for what in (
                *_rows(found, outcome.rows, [*modules[module].types]),
                *_counted("rejects", rejects.pop(client, Counter()), Counter(map(astuple, left))),
            )]  # fmt: skip
        wrong += [f"{module}|{client}: nobody asked for it" for client in {*rows, *rejects}]
    return wrong


def _report(report: PartitionReport, outcome: Outcome | None) -> list[str]:
    """Compare a partition's report with its outcome."""
    status = outcome.status if outcome else "unchanged"
    codes = {error.code for error in report.errors}
    if report.status != status:
        return [f"is {report.status} {codes or ''}, not {status} {outcome and outcome.codes}"]
    if outcome is None:
        return []
    if status == "held" and codes != outcome.codes:
        return [f"is held for {codes}, not {outcome.codes}"]
    if status == "failed" and not (codes and codes <= outcome.codes):
        return [f"failed for {codes}, not {outcome.codes}"]
    found = {name: _counts(product) for name, product in report.products.items()}
    is_same = status != "ok" or found == {p: _plain(c) for p, c in outcome.counts.items()}
    return [] if is_same else [f"counts are {found}, not {outcome.counts}"]


def _counts(product: Any) -> tuple[Any, ...]:
    sources = {name: (source.rows_read, source.rejected)
               for name, source in product.sources.items()}  # fmt: skip
    filled = {name: number for name, number in product.filled.items() if number}
    return (product.rows_read, product.rows_rejected, product.rows_merged, product.rows_published,
            product.rows_filtered, product.rows_superseded, product.rows_unmatched,
            product.rows_produced, product.rows_not_found, filled, sources,
            dict(product.broken))  # fmt: skip


def _plain(counts: Counts) -> tuple[Any, ...]:
    return (counts.read, counts.rejected, counts.merged, counts.published, counts.filtered,
            counts.superseded, counts.unmatched, counts.produced, counts.not_found, counts.filled,
            counts.sources, counts.broken)  # fmt: skip


def _rows(found: pl.DataFrame, wanted: list[tuple[str, Row]], columns: list[str]) -> list[str]:
    """Compare the rows that readers see of a client, in their order."""
    if found.height != len(wanted):
        return [f"{found.height} rows are published, not {len(wanted)}"]
    if found.height and found.columns != [*columns, "product_code", "client_code"]:
        return [f"the columns are {found.columns}"]
    for i, (row, (product, values)) in enumerate(zip(found.to_dicts(), wanted, strict=True)):
        full = {name: values.get(name) for name in columns} | {"product_code": product}
        for name, value in full.items():
            if row[name] is None if value is SOME else row[name] != value:
                return [f"{name} of row {i} is {row[name]!r}, not {value!r}"]
    return []


def _counted(what: str, found: Counter[Any], wanted: Counter[Any]) -> list[str]:
    if found == wanted:
        return []
    return [f"{what}: {list((found - wanted).items())[:2]} too many, "
            f"{list((wanted - found).items())[:2]} missing"]  # fmt: skip


def _published(folder: Path, module: str) -> dict[str, pl.DataFrame]:
    table = folder / "workstation" / module
    if not (table / "_delta_log").exists():
        return {}
    by_client = pl.scan_delta(str(table)).collect().partition_by("client_code", as_dict=True)
    return {str(client): rows for (client,), rows in by_client.items()}


def _rejects(folder: Path, module: str) -> dict[str, Counter[Any]]:
    """Give the rejects of each client, as the oracle spells them."""
    table = folder / "workstation/_rejects" / module
    if not (table / "_delta_log").exists():
        return {}
    found: dict[str, Counter[Any]] = {}
    for row in pl.scan_delta(str(table)).collect().to_dicts():
        raw = json.dumps(json.loads(row["raw_row"]), sort_keys=True)
        found.setdefault(row["client_code"], Counter())[
            row["product_code"], row["submodule_name"], row["reason"], row["ai_column"],
            row["mapping_cell"], row["source"], row["position"], raw,
        ] += 1  # fmt: skip
    return found
