"""The prospect: what a run would do now, and why. It looks and changes nothing.

A command looks once, and its run does what was seen. Sources that did not change are listed, or
asked what tells, and no more: only what a run has to make is opened and compiled.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ai_dataflow.config.at_once import both
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow.engine.choice import check_engine
from ai_dataflow.engine.sight import look_around, look_for_clients, look_inside
from ai_dataflow.extracts.stages import EXTRACTS, STAGES, Stage
from ai_dataflow.planning.changes import Changes, changes
from ai_dataflow.planning.client_files import by_column, listed_clients
from ai_dataflow.planning.draft import Draft, complete, make_draft
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.progress import Progress, Watcher, unwatched
from ai_dataflow.sources.files.client_counts import Counted
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.schemas import Look, with_dialects
from ai_dataflow.sources.survey import Sight, Survey
from ai_dataflow.tables.locations import Location
from ai_dataflow.tables.project import Project, load_project
from ai_dataflow.workstation.layout import check_workstation, open_workstation
from ai_dataflow.workstation.lease import newest_leases
from ai_dataflow.workstation.readers import published
from ai_dataflow.workstation.records import read_records

_PLANNING = "checking the mapping"


@dataclass(frozen=True)
class Prospect:
    """What a run would do now.

    `plan` are all partitions; those that are not looked at are planned from the tables alone.
    `partitions` are what the run is about: those that were `named`, or what changed, what waits and
    what is held back; `changes` tell of these. `removed` are published partitions that the control
    table no longer has. `leases` were the newest before its tables were read; `seconds` is how long
    looking took.
    """

    project: Project
    plan: Plan
    partitions: tuple[PartitionKey, ...]
    changes: Changes = field(default_factory=Changes)
    removed: tuple[PartitionKey, ...] = ()
    leases: Mapping[str, int] = field(default_factory=dict)
    named: bool = False
    seconds: float = 0.0

    def only(self, keys: Collection[PartitionKey]) -> Prospect:
        """Give the same about some partitions only; the plan is still that of all."""
        return replace(
            self,
            partitions=tuple(key for key in self.partitions if key in keys),
            changes=self.changes.only(keys),
            removed=tuple(key for key in self.removed if key in keys),
            named=True,
        )


def read_draft(config: str | Path | None = None) -> Draft:
    """Read a project for a run and plan it by its tables; note first which leases are the newest.

    Raises:
        DataflowError: as `load_project`.
    """
    newest: dict[str, int] = {}
    with suppress(DataflowError):  # a workstation that is away is told where it is needed
        newest = newest_leases(open_workstation(load_settings(config)).leases())
    return replace(make_draft(load_project(config)), leases=newest)


def look_ahead(draft: Draft, watcher: Watcher = unwatched) -> Prospect:
    """Find out what changed, and so what a run would do now; `watcher` hears how far it is.

    Raises:
        DataflowError: WST-004 or WST-005: the workstation does not say what is published.
    """
    begun, project = time.perf_counter(), draft.project
    settings = project.settings
    workstation = open_workstation(settings)
    if problems := (*check_engine(settings), *check_workstation(workstation)):
        plan = complete(draft, {}, workstation=problems)
        return Prospect(project, plan, tuple(sorted(plan.held)))
    seen = _look_around(draft.plan.locations(), settings, watcher)
    watcher(Progress(doing="reading what is published"))
    jobs = draft.plan.as_seen(seen)
    named = sorted({job.module for job in jobs.values()})
    modules, records = both(
        partial(published, workstation, looking=True),
        partial(read_records, workstation, named),
        workstation.root.requests,
    )
    publications = {
        PartitionKey.of(module, client): publication
        for module, dataset in modules.items()
        for client, publication in dataset.publications.items()
    }
    compared = changes(jobs, records, publications, settings)
    wanted = draft.plan.locations(compared.due)
    schemas = _look_inside(draft, wanted, seen, watcher)
    watcher(Progress(doing=_PLANNING))
    seen = with_dialects(seen, schemas)
    plan = complete(draft, schemas, seen, clients=_clients(draft, wanted, seen))
    feasible = compared.only(plan.jobs)
    removed = sorted(publications.keys() - set(plan.partitions))
    partitions = tuple(sorted((*feasible.due, *feasible.waiting, *plan.held)))
    seconds = time.perf_counter() - begun
    gone = tuple(removed)
    return Prospect(project, plan, partitions, feasible, gone, draft.leases, seconds=seconds)


def _look_around(
    wanted: Mapping[Location, str], settings: Settings, watcher: Watcher
) -> dict[Location, Sight]:
    def watch(done: int) -> None:
        watcher(Progress(done, len(wanted), "finding sources"))

    watch(0)
    return look_around(wanted, settings, watch)


def _look_inside(
    draft: Draft, wanted: Mapping[Location, str], seen: Survey, watcher: Watcher
) -> dict[Location, Look]:
    def watch(done: int) -> None:
        watcher(Progress(done, len(wanted), "reading schemas"))

    watch(0)
    return look_inside(wanted, draft.project.settings, seen, draft.columns_read(), watch)


def look_at(
    draft: Draft,
    partitions: Collection[str],
    stages: Collection[Stage] = STAGES,
    watcher: Watcher = unwatched,
) -> Prospect:
    """Look at what a run of these partitions would do, changed or not.

    A run that merges the last extracts must not touch the sources: it is planned from the tables.
    """
    begun, is_live = time.perf_counter(), bool(set(EXTRACTS) & set(stages))
    keys = tuple(map(PartitionKey, partitions))
    plan = look_live(draft, keys, watcher).plan if is_live else draft.plan
    seconds = time.perf_counter() - begun
    return Prospect(draft.project, plan, keys, leases=draft.leases, named=True, seconds=seconds)


@dataclass(frozen=True)
class Live:
    """A plan with what is at the sources, and the schemas that it was compiled against."""

    plan: Plan
    schemas: Mapping[Location, Look]


def look_live(
    draft: Draft, only: Collection[PartitionKey] | None = None, watcher: Watcher = unwatched
) -> Live:
    """Complete a plan with the live schemas of the sources and the workstation's answer.

    `only` are the partitions whose sources are looked at; by default all.
    """
    settings = draft.project.settings
    workstation = open_workstation(settings)
    problems = (*check_engine(settings), *check_workstation(workstation))
    wanted = draft.plan.locations(only)
    seen = _look_around(wanted, settings, watcher)
    schemas = _look_inside(draft, wanted, seen, watcher)
    watcher(Progress(doing=_PLANNING))
    seen = with_dialects(seen, schemas)
    clients = _clients(draft, wanted, seen)
    return Live(complete(draft, schemas, seen, problems, clients), schemas)


def _clients(draft: Draft, wanted: Mapping[Location, str], seen: Survey) -> dict[Location, Counted]:
    """Count whose rows are in files that clients share, where these could be listed."""
    shared: dict[Location, str] = {}
    for location, place in wanted.items():
        files = by_column(location)
        if files and isinstance(seen.get(location), Listing):
            shared.setdefault(files, place)
    if not shared:
        return {}
    settings, control = draft.project.settings, draft.project.control
    asked = listed_clients(draft.sources, control, settings)
    return look_for_clients(asked, shared, settings, seen)
