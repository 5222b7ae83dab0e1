"""The prospect: what a run would do now, and why. It looks and changes nothing.

Sources that did not change are listed, or asked what tells, and no more: only what a run has to
make is opened and compiled.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ai_dataflow.planning.changes import Changes, changes
from ai_dataflow.planning.plan import Plan, make_plan
from ai_dataflow.sources.schemas import read_schemas
from ai_dataflow.sources.survey import survey
from ai_dataflow.tables.project import Project
from ai_dataflow.workstation.layout import check_workstation, open_workstation
from ai_dataflow.workstation.readers import published
from ai_dataflow.workstation.records import read_records


@dataclass(frozen=True)
class Prospect:
    """What a run would do now.

    `plan` are all partitions; those that did not change are planned from the tables alone.
    `changes` are about those of its jobs. `removed` are published partitions that the control
    table no longer has.
    """

    plan: Plan
    changes: Changes
    removed: tuple[str, ...] = ()

    @property
    def partitions(self) -> list[str]:
        """What a run is about: what changed, and what is held back."""
        return sorted((*self.changes.due, *self.plan.held))


def look_ahead(project: Project) -> Prospect:
    """Find out what a run would do now.

    Raises:
        DataflowError: WST-004 or WST-005: the workstation does not say what is published.
    """
    settings = project.settings
    workstation = open_workstation(settings)
    offline = make_plan(project)
    if problems := check_workstation(workstation):
        return Prospect(make_plan(project, workstation=problems), Changes())
    seen = survey(offline.locations(), settings)
    modules = published(workstation)
    publications = {
        f"{module}|{client}": publication
        for module, own in modules.items()
        for client, publication in own.publications.items()
    }
    records = read_records(workstation, sorted({job.module for job in offline.jobs.values()}))
    found = changes(offline.as_seen(seen), records, publications, settings)
    schemas = read_schemas(offline.locations(found.due), settings, seen)
    plan = make_plan(project, schemas, seen=seen)
    removed = sorted(publications.keys() - set(plan.partitions))
    return Prospect(plan, found.only(plan.jobs), tuple(removed))


def make_live_plan(project: Project, only: Collection[str] | None = None) -> Plan:
    """Plan with the live schemas of the sources and the workstation's answer.

    `only` are the partitions whose sources are looked at; by default all.
    """
    offline = make_plan(project)
    problems = check_workstation(open_workstation(project.settings))
    wanted = offline.locations(only)
    seen = survey(wanted, project.settings)
    return make_plan(project, read_schemas(wanted, project.settings, seen), problems, seen)
