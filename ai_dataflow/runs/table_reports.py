"""The report of errors in the tables, of which no run has told yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.planning.draft import Draft
from ai_dataflow.runs.outcome import NOBODY, Run, not_run
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import RunReport


def table_report(
    settings: Settings, draft: Draft | None, problems: Iterable[Diagnostic]
) -> RunReport:
    """Report errors in the tables, of which no run has told yet; the same errors, the same id.

    Args:
        settings: of the project.
        draft: what the tables say; None where they cannot be read.
        problems: why they cannot, with their owners.
    """
    if draft is None:
        diagnostics, partitions = list(problems), []
    else:
        plan = draft.plan
        run = Run(draft.project, plan, open_workstation(settings), "", STAGES, NOBODY)
        diagnostics, partitions = plan.errors, [not_run(run, key) for key in plan.held]
    errors = "\n".join(
        sorted(f"{problem.code} {problem.place} {problem.message}" for problem in diagnostics)
    )
    now = datetime.now(UTC)
    return RunReport(
        run_id=f"tables-{hashlib.sha256(errors.encode()).hexdigest()[:12]}",
        started=now,
        finished=now,
        partitions=partitions,
        diagnostics=[problem.to_json() for problem in diagnostics],
    )
