"""What changed since each partition was made, and so which of them a run has to make. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from ai_dataflow.compiler.rule_names import rule_reads_clock
from ai_dataflow.config.diagnostics import listing
from ai_dataflow.config.digests import digest
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.config.settings import Settings
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.planning.inputs import content_seen, inputs_of, reads_clock
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.tables.source_rules import SAYS
from ai_dataflow.workstation.records import Inputs, Record, SourceInputs, Waiting

Kind = Literal[
    "new", "source", "always", "mapping", "control", "settings", "code", "failed", "published"
]


@dataclass(frozen=True)
class Reason:
    """Why a partition has to be made: what changed, and the cell of it where it has one."""

    kind: Kind
    text: str
    place: str = ""

    def __str__(self) -> str:
        """Give the reason as people read it."""
        return self.text

    def to_json(self) -> dict[str, str]:
        """Give the shape that `plan --json` prints."""
        return {"kind": self.kind, "text": self.text, "place": self.place}


@dataclass(frozen=True)
class Changes:
    """The partitions that have to be made, each with its reasons; and those that have not.

    `waiting` are those whose last publication waits to be accepted, and is what would be made.
    Together they are all partitions that can run. Of the due ones: `in_vain` are those that failed
    with these very inputs, which helps to make again where the fault was one that passes; `failed`
    is when the last run failed, of those for which it did; `states` tell what they would be made
    from, and after which runs, from any other such state.
    """

    due: dict[PartitionKey, tuple[Reason, ...]] = field(default_factory=dict)
    unchanged: dict[PartitionKey, Record] = field(default_factory=dict)
    waiting: dict[PartitionKey, Waiting] = field(default_factory=dict)
    in_vain: frozenset[PartitionKey] = frozenset()
    failed: dict[PartitionKey, datetime] = field(default_factory=dict)
    states: dict[PartitionKey, str] = field(default_factory=dict)

    def only(self, keys: Collection[PartitionKey]) -> Changes:
        """Give the same of some partitions only."""
        return Changes(
            {key: reasons for key, reasons in self.due.items() if key in keys},
            {key: record for key, record in self.unchanged.items() if key in keys},
            {key: shown for key, shown in self.waiting.items() if key in keys},
            frozenset(key for key in self.in_vain if key in keys),
            {key: at for key, at in self.failed.items() if key in keys},
            {key: state for key, state in self.states.items() if key in keys},
        )

    def to_json(self) -> dict[str, Any]:
        """Give the shape that `plan --json` prints."""
        return {
            "changes": {key: [r.to_json() for r in reasons] for key, reasons in self.due.items()},
            "unchanged": {
                key: {"since": record.at.isoformat() if record.at else None,
                      "run_id": record.run_id}
                for key, record in self.unchanged.items()
            },
            "waiting": {
                key: {"since": shown.at.isoformat(), "run_id": shown.run_id}
                for key, shown in self.waiting.items()
            },
        }  # fmt: skip


def changes(
    jobs: Mapping[PartitionKey, PartitionJob],
    records: Mapping[PartitionKey, Record],
    published: Mapping[PartitionKey, str],
    settings: Settings,
) -> Changes:
    """Compare what jobs would be made from with what they were made from.

    Args:
        jobs: the partitions that can run, their sources as they were seen.
        records: what each was made from.
        published: the partitions that readers see, each with its publication; empty where another
            program wrote its files anew.
        settings: of the project.
    """
    compared = Changes()
    in_vain = set()
    for key, job in jobs.items():
        inputs = inputs_of(job, settings, content_seen)
        record = records.get(key, Record()).settled(published.get(key))
        is_told = all(source.content for source in inputs.sources.values())
        if is_told and (shown := _standing(job, inputs, record, published.get(key), settings)):
            compared.waiting[key] = shown
            continue
        reasons = (
            *_reasons(job, inputs, record, published.get(key)),
            *_no_more_waiting(job.module, record, published),
        )
        if not reasons:
            compared.unchanged[key] = record
            continue
        # Who goes back to an earlier state has another: a run was in between.
        runs = [record.run_id, record.failed.run_id if record.failed else ""] if is_told else []
        compared.due[key], compared.states[key] = reasons, digest([inputs.model_dump(), runs])
        if record.failed:
            compared.failed[key] = record.failed.at
            if is_told and record.failed.inputs == inputs:
                in_vain.add(key)
    return replace(compared, in_vain=frozenset(in_vain))


def _reasons(
    job: PartitionJob, inputs: Inputs, record: Record, publication: str | None
) -> Iterator[Reason]:
    if publication is None and not record.failed:
        yield Reason("new", "new")
        return
    if record.inputs is not None and publication is not None:
        yield from _differences(job, inputs, record.inputs, record.at)
        if publication != record.publication:
            yield Reason("published", "what readers see is not what a run made last: rejects were "
                         "replayed, it was restored, files are gone, or another program wrote "
                         "it")  # fmt: skip
    elif not record.failed:
        yield Reason("new", "nothing tells what the published data was made from")
    if record.failed:
        when = _moment(record.failed.at)
        yield Reason("failed", f"last run failed with {record.failed.code} on {when}")


def _standing(
    job: PartitionJob,
    inputs: Inputs,
    record: Record,
    publication: str | None,
    settings: Settings,
) -> Waiting | None:
    """Give what waits, if it would be made and judged just so again."""
    limits = settings.module(job.module).limits_of_shrinking
    shown = record.waiting
    return shown if shown and shown.limits == limits and shown.stands(inputs, publication) else None


def _no_more_waiting(
    module: str, record: Record, published: Mapping[PartitionKey, str]
) -> Iterator[Reason]:
    """Tell that whoever kept its columns from their types does so no more.

    Who is published by another program, or lacks files, may still.
    """
    waits = record.waits_for.items()
    if waits and not any(published.get(PartitionKey.of(module, c)) in (p, "") for c, p in waits):
        yield Reason("published", f"{listing(record.waits_for, 3)} is in the way of new types no "
                     "more")  # fmt: skip


def _differences(
    job: PartitionJob, now: Inputs, then: Inputs, at: datetime | None
) -> Iterator[Reason]:
    for source in job.sources:
        yield from _of_source(
            job, source, now.sources[str(source.key)], then.sources.get(str(source.key)), at
        )
    for name in then.sources.keys() - now.sources.keys():
        yield Reason("control", f"the control row of {name} is gone")
    yield from _computed(job, now, then)
    # A column that is new or gone changes those alone whose mapping says so.
    for column in sorted(now.columns.keys() & then.columns.keys()):
        if now.columns[column] != then.columns[column]:
            yield Reason("mapping", f"`{column}` became {now.columns[column]}")
    yield from _dictionary(job, now, then)
    if now.order != then.order:
        yield Reason("control", "its sources are joined in another order")
    if now.settings != then.settings:
        yield Reason("settings", f"[modules.{job.module}] {_limit(now, then)} changed")
    if now.code != then.code:
        yield Reason("code", "another version of ai_dataflow computes it")


def _dictionary(job: PartitionJob, now: Inputs, then: Inputs) -> Iterator[Reason]:
    rules = {column.name: column.rule for column in job.columns}
    for column in sorted(now.dictionary.keys() | then.dictionary.keys()):
        if now.dictionary.get(column) == then.dictionary.get(column):
            continue
        if rule := rules.get(column):
            place = rule.place("ai_column")
            what = "changed" if column in then.dictionary else "is new"
            yield Reason("mapping", f"what must hold for `{column}`: row {place} {what}", place)
        else:
            yield Reason("mapping", f"the dictionary's row of `{column}` is gone")


def _limit(now: Inputs, then: Inputs) -> str:
    """Say which setting of two texts of them is another; see `inputs_of`."""
    rejected = [inputs.settings.partition(" ")[0] for inputs in (now, then)]
    return "duplicate_keys" if rejected[0] == rejected[1] else "max_rejected"


def _computed(job: PartitionJob, now: Inputs, then: Inputs) -> Iterator[Reason]:
    """Compare what is computed of products' rows."""
    for product in dict.fromkeys([*now.computed, *then.computed]):
        rows = job.computed.get(product, ())
        digests = now.computed.get(product, {}), then.computed.get(product, {})
        yield from _rows(rows, *digests, f"{product}'s rows")


def _of_source(
    job: PartitionJob,
    source: SourceJob,
    now: SourceInputs,
    then: SourceInputs | None,
    at: datetime | None,
) -> Iterator[Reason]:
    if then is None:
        yield Reason("control", f"control row {source.place} is new", source.place)
        return
    if now.location != then.location:
        yield Reason("control", f"control row {source.place} changed", source.place)
    elif not now.content:
        yield Reason("always", _untold(job, source), source.place)
    elif now.content != then.content:
        yield Reason("source", _changed(source, at), source.place)
    yield from _mapping(source, now, then)


def _mapping(source: SourceJob, now: SourceInputs, then: SourceInputs) -> Iterator[Reason]:
    yield from _rows(source.mappings, now.mapping, then.mapping, str(source.key))
    for column in SAYS:
        if now.rules.get(column) == then.rules.get(column):
            continue
        if source.rule and column in now.rules:
            place = source.rule.place(column)
            yield Reason("mapping", f"source rule {place} changed", place)
        else:
            yield Reason("mapping", f"the rule `{column}` of {source.key} is gone")


def _rows(
    rows: Sequence[MappingRow], now: Mapping[str, str], then: Mapping[str, str], name: str
) -> Iterator[Reason]:
    """Compare mapping rows by their digests; `name` is what those that are gone were about."""
    for row in rows:
        place = row.place("ai_column")
        before = then.get(row.ai_column)
        if before is None:
            yield Reason("mapping", f"mapping row {place} is new", place)
        elif before != now[row.ai_column]:
            yield Reason("mapping", f"mapping row {place} changed", place)
    for column in sorted(then.keys() - now.keys()):
        yield Reason("mapping", f"the mapping row of `{column}` in {name} is gone")


def _changed(source: SourceJob, at: datetime | None) -> str:
    """Say what changed at a source: a file and when, where the listing tells."""
    if isinstance(source.seen, tuple):
        return source.seen[0].message
    if not isinstance(source.seen, Listing):
        return f"{source.location} changed"
    newest, moment = source.seen.newest, source.seen.changed
    if newest is None or moment is None or (at and moment < at):
        return f"the files at {source.location} are others"
    if source.seen.version is not None:
        return f"{source.location} changed {_moment(moment)}: version {source.seen.version}"
    several = len(source.seen.files) > 1
    name = f"{source.location} ({newest.path})" if several else str(source.location)
    return f"{name} changed {_moment(moment)}"


def _untold(job: PartitionJob, source: SourceJob) -> str:
    if isinstance(source.seen, tuple):
        return source.seen[0].message
    if reads_clock(job, source):
        what = "its rule" if rule_reads_clock(source.rule) else "a transform"
        return f"{source.key} is made always: {what} reads the clock"
    kind = "SQL table" if isinstance(source.location, SqlLocation) else "source"
    return f"{source.location} is read always: nothing tells whether the {kind} changed"


def _moment(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"
