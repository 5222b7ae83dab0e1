"""What is unusual of what was published: for the report, the mails, and Dagster.

A run, a replay and an acceptance are alike here: what waited was compared with nothing before.

It never changes what became of a partition: the data is published, and readers see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ai_dataflow.config.codes import Concern
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.config.panics import panics_as_errors
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.runs.outcome import Run
from ai_dataflow.runs.publishing import ModuleOutcome
from ai_dataflow.runs.unusual_columns import UnusualColumn
from ai_dataflow.runs.unusual_search import unusual_columns
from ai_dataflow.runs.unusual_words import message_of
from ai_dataflow.tables.teams import owner_of
from ai_dataflow.workstation.profiles import open_profiles
from ai_dataflow.workstation.reports import UnusualReport


def note_unusual(run: Run, module: str, outcome: ModuleOutcome) -> None:
    """Compare what was published of a module with what was before, and with other clients.

    Where it cannot, a warning says so: whoever reads the report must not take it for usual.
    """
    settings = run.project.settings.module(module)
    if outcome.version is None or not settings.unusual:
        return
    published = {r.job.client: r for r in outcome.results if r.data and not r.failures}
    publications = {client: result.publication for client, result in published.items()}
    try:
        with run.timings.timed("comparing"), panics_as_errors():
            profiles = open_profiles(run.workstation, module)
            odd = unusual_columns(profiles, publications, outcome.judged.before)
    except DataflowError as error:
        run.problems += [_not_compared(module, str(error.diagnostics[0].code))]
    except Exception as error:
        run.problems += [_not_compared(module, type(error).__name__)]
    else:
        run.unusual.update(_reports(run, published, odd))


def _not_compared(module: str, why: str) -> Diagnostic:
    return Diagnostic(
        "RUN-048",
        f"{module} could not be compared with what was published before: {why}",
        place=module,
        fix="see that the workstation can be read; the data is published all the same",
        severity="warning",
        module=module,
    )


def _reports(
    run: Run, published: Mapping[str, PartitionResult], odd: list[UnusualColumn]
) -> Iterator[tuple[PartitionKey, list[UnusualReport]]]:
    by_client: dict[str, list[UnusualReport]] = {}
    for one in odd:
        client = one.now["client_code"]
        by_client.setdefault(client, []).append(_report(run, published[client], one))
    for client, reports in by_client.items():
        yield published[client].partition, reports


def _report(run: Run, result: PartitionResult, one: UnusualColumn) -> UnusualReport:
    now, product = one.now, str(one.now["product_code"])
    concern = _concern(now, one.before)
    places = (source.place for source in result.job.sources if source.product == product)
    return UnusualReport(
        partition=result.partition,
        product=product,
        ai_column=now["ai_column"],
        kind=one.kind,
        message=message_of(one),
        place=now["mapping_cell"] or next(places, ""),
        owner=owner_of(run.project.teams, concern, product, result.job.module),
        concern=concern,
        score=round(one.score, 2),
        against="before" if one.before else "others",
    )


def _concern(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> Concern:
    """Tell whose a change is: who changed how the column is made, else who delivers it."""
    if before is None or before["mapping"] == now["mapping"]:
        is_other = before is not None and before["computation"] != now["computation"]
        return "platform" if is_other else "source"
    return "mapping"
