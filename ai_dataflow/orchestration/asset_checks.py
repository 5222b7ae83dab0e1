"""The checks of the dictionary as Dagster's: one per module and kind, known when definitions load.

Each has the numbers of its columns, which Dagster plots over the runs, and the clients that break
it. It tells of all that readers see of the module, not only of what a run was about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from ai_dataflow.config.diagnostics import listing
from ai_dataflow.config.digests import digest
from ai_dataflow.config.grouped import grouped
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.workstation.reports import CheckReport, RunReport

Check = tuple[str, str]  # the module, and the kind
Specs = Mapping[Check, dg.AssetCheckSpec]
FRESHNESS = "freshness"
_SAYS = {
    "required": "Every row has a value in: {}.",
    "range": "Values are within `min` and `max` in: {}.",
    "pattern": "Texts are as the pattern says in: {}.",
    "code_list": "Values are those of a code list in: {}.",
    "is_key": "A value is in one row of a client's product in: {}.",
    "max_null": "No more rows are without a value than may be in: {}.",
    "references": "What rows refer to is there in the other module: {}.",
}
_NOTHING_NEW = "This run published no client of these modules"
_BEFORE = 5  # evaluations that are looked at for the last one that had something to look at


def check_specs(rules: Iterable[DictionaryRow], asset: dg.AssetKey) -> Specs:
    """Describe the checks that a dictionary asks for."""
    asked = [((rule.module, kind), rule.ai_column) for rule in rules for kind in rule.kinds]
    specs: dict[Check, dg.AssetCheckSpec] = {}
    for check, pairs in sorted(grouped(asked, lambda pair: pair[0]).items()):
        columns = listing((column for _, column in pairs), 12)
        name, names = _name(*check), {spec.name for spec in specs.values()}
        if name in names:  # two modules whose names differ in a sign that no check may have
            name = f"{name}_{digest(check[0])[:6]}"
        says = f"{check[0]}: {_SAYS[check[1]].format(columns)}"
        specs[check] = dg.AssetCheckSpec(name, asset=asset, description=says)
    return specs


def _name(module: str, kind: str) -> str:
    """Give a check a name of the letters that Dagster takes."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"{module}_{kind}")


def check_results(
    context: dg.AssetExecutionContext, specs: Specs, report: RunReport
) -> Iterable[dg.AssetCheckResult]:
    """Give the results of the checks that a run is to evaluate.

    One whose rows left the dictionary since the definitions were loaded has none.
    """
    by_check = grouped(report.checks, lambda check: (check.module, check.kind))
    for check, spec in specs.items():
        if spec.key not in context.selected_asset_check_keys:
            continue
        if reports := by_check.get(check):
            yield _result(spec, reports)
        elif check[1] == "references":
            yield _as_before(context, spec)


def _result(spec: dg.AssetCheckSpec, reports: Sequence[CheckReport]) -> dg.AssetCheckResult:
    failed = [report for report in reports if not report.passed]
    metadata: dict[str, Any] = {}
    for report in reports:
        metadata |= _numbers(report)
    clients = sorted({client for report in failed for client in report.clients_failed})
    if clients:
        metadata["clients"] = listing(clients, 50)
    is_error = any(report.severity == "error" for report in failed or reports)
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description="; ".join(map(_breach, failed)) if failed else _holds(reports),
        metadata=metadata,
    )


def _numbers(report: CheckReport) -> dict[str, Any]:
    """Give the numbers of a column, which Dagster plots."""
    rows = {"rows that break it": report.number, "rows rejected": report.rows_rejected}
    shown = {name: count for name, count in rows.items() if count or name.endswith("break it")}
    shown["clients that break it"] = len(report.clients_failed)
    return {f"{report.column}: {name}": count for name, count in shown.items()}


def _breach(report: CheckReport) -> str:
    clients = listing(report.clients_failed, 5)
    if not report.number:
        return f"`{report.asks}` of {report.column} holds back {clients} ({report.place})"
    return (
        f"{report.number:,} of {report.rows:,} rows break `{report.asks}` of {report.column}, "
        f"of {clients} ({report.place})"
    )


def _holds(reports: Sequence[CheckReport]) -> str:
    rows = max(report.rows for report in reports)
    if not rows:
        return "There is nothing to check: the module has no rows yet"
    rejected = sum(report.rows_rejected for report in reports)
    left_out = f"; {rejected:,} rows were rejected for it" if rejected else ""
    return f"It holds for all of {rows:,} rows{left_out}"


def _as_before(context: dg.AssetExecutionContext, spec: dg.AssetCheckSpec) -> dg.AssetCheckResult:
    """Tell what was seen before, as there was nothing to look at in this run."""
    storage = context.instance.event_log_storage
    for record in storage.get_asset_check_execution_history(spec.key, _BEFORE):
        last = record.evaluation
        if isinstance(last, dg.AssetCheckEvaluation):
            return dg.AssetCheckResult(
                check_name=spec.name,
                asset_key=spec.asset_key,
                passed=last.passed,
                severity=last.severity,
                description=f"{_NOTHING_NEW}. {_without_note(last.description)}",
                metadata=last.metadata,
            )
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=True,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{_NOTHING_NEW}, nor did one before: there was nothing to check",
    )


def _without_note(description: str | None) -> str:
    return (description or "").removeprefix(f"{_NOTHING_NEW}. ")


def freshness_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """Describe the check that something new comes of all sources."""
    says = "Something new comes of each source as often as is usual; see docs/checks.md."
    return dg.AssetCheckSpec(FRESHNESS, asset=asset, description=says)


def freshness_result(spec: dg.AssetCheckSpec, report: RunReport) -> dg.AssetCheckResult:
    """Tell of which sources nothing new comes, those first that are late the longest."""
    late = sorted(report.stale, key=lambda source: -source.age)
    texts = [f"{s.product} · {s.submodule} of {s.partition}: {s.message}" for s in late]
    metadata: dict[str, Any] = {"overdue sources": len(late)}
    if late:
        metadata["longest without anything new, in days"] = round(late[0].age / 86400, 2)
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        description=listing(texts, 5) if late else "Nothing is overdue",
        metadata=metadata,
    )
