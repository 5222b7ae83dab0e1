"""`replay(job)`: a partition's open rejects, mapped again as the sheet is now.

What passes joins the rows that are published, by the same merge, in a publication of its own that
takes the place of the one before; the rest stays open, with the reason that it has now. The rules
are in docs/rejects.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import polars as pl

from ai_dataflow.compiler.mappings import CompiledSource, MappingError, compile_source
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.config.settings import Settings
from ai_dataflow.partition.classified import classified
from ai_dataflow.partition.clients import one
from ai_dataflow.partition.column_checks import product_checks
from ai_dataflow.partition.job import MadeAs, PartitionJob
from ai_dataflow.partition.mapping import (
    POSITION,
    REASON,
    count,
    good_rows,
    map_all,
    reasons,
)
from ai_dataflow.partition.parts import Part
from ai_dataflow.partition.raw_rows import decoded, unmarked
from ai_dataflow.partition.remerge import look, not_replayable, remerge
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.row_checks import NUMBER, RowCheck, why
from ai_dataflow.partition.scratch import Scratch, bytes_per_row, scratch
from ai_dataflow.partition.second_stage import second_stage
from ai_dataflow.partition.steps import Steps
from ai_dataflow.partition.taking import Taking
from ai_dataflow.partition.values import Further, MappedSource, MergedProduct
from ai_dataflow.partition.writing import write
from ai_dataflow.sources.schemas import schema_of
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.reshapes import said
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.reject_tables import Current

# Beside the reject table's columns: the number of a row, and whether it passes now.
_NUMBER, _PASSES, _NOW = "\ue000number", "\ue000passes", "\ue000now "
_GONE = "\ue000gone"  # whether a rule leaves it out, and it is no reject any more
_NO_COLUMN = "\ue000none"  # of a source that is mapped to literals alone
_REASON_COLUMNS = ("reason", "ai_column", "mapping_cell")


def replay(
    job: PartitionJob,
    current: Current,
    settings: Settings,
    run_id: str,
    *,
    made_as: MadeAs,
    dry_run: bool = False,
) -> PartitionResult:
    """Replay one partition. Never raises: what goes wrong is in the result, classified.

    Args:
        job: the partition, as it is planned now.
        current: what the partition and its rejects consist of.
        settings: the project's.
        run_id: what marks the rejects that pass.
        made_as: how it was made, as far as that is known.
        dry_run: only count them; nothing is written.

    Returns:
        Counts and files to publish; no files where no reject passes.
    """
    steps, problems = Steps((job,)), list[Diagnostic]()
    with classified(problems):
        _replay(steps, current, settings, run_id, made_as, dry_run=dry_run)
    if problems:
        steps.fail(0, problems)
    return steps.results()[0]


def _replay(
    steps: Steps,
    current: Current,
    settings: Settings,
    run_id: str,
    made_as: MadeAs,
    *,
    dry_run: bool,
) -> None:
    workstation = open_workstation(settings)
    with scratch(settings.execution.memory) as space:
        job = steps.jobs[0]
        again = _map_again(job, current, workstation, made_as, space)
        first = len(steps.mapped)
        steps.mapped += again.sources
        late = again.late
        if not late and not again.gone:
            return
        merged = remerge(look(job, current, workstation, made_as.types), late, space)
        again.leave_out(job, merged)
        steps.mapped[first:] = again.sources
        if dry_run or not (again.passed or again.gone):
            return
        steps.replaces = current.data
        steps.merged.update(merged)
        profile = settings.module(job.module).profile
        write(steps, again.table(run_id), workstation, profile=profile)


@dataclass
class _Again:
    """Rejects, mapped again.

    `listed` are the reject table's rows, numbered; `verdicts` say of each that was mapped whether
    it passes, or why not; `sources` are the open ones, by source and by what they were read as, and
    `of_source` says where each one's verdicts are.
    """

    listed: pl.LazyFrame
    verdicts: list[pl.LazyFrame] = field(default_factory=list)
    sources: list[MappedSource] = field(default_factory=list)
    of_source: dict[int, int] = field(default_factory=dict)

    @property
    def late(self) -> list[Part]:
        """The rows that pass by themselves, by source and by what they were read as."""
        return [source.part for source in self.sources if source.part and source.part.height.any()]

    @property
    def passed(self) -> int:
        """How many rejects pass."""
        return sum(source.rows_replayed for source in self.sources)

    @property
    def gone(self) -> int:
        """How many rejects a rule leaves out now: they are rejects no more."""
        counts = (counts for source in self.sources for counts in source.further.values())
        return sum(int(count[0]) for count in counts)

    def leave_out(self, job: PartitionJob, merged: Mapping[str, MergedProduct]) -> None:
        """Keep those open whose joined rows fail a check."""
        for product, sources in job.by_product().items():
            left_out = merged[product].left_out if product in merged else ()
            late = [i for i, source in enumerate(self.sources)
                    if source.key.product == product and source.rows_replayed]  # fmt: skip
            for i, rows in zip(late, left_out, strict=bool(left_out)):
                second = second_stage((job,), product)
                self._keep_open(i, rows, product_checks(job.columns, sources, second))

    def _keep_open(self, i: int, left_out: pl.DataFrame, checks: Sequence[RowCheck]) -> None:
        source, verdict = self.sources[i], self.verdicts[self.of_source[i]]
        self.sources[i] = replace(
            source,
            rows_left_out=source.rows_left_out + left_out.height,
            rows_replayed=source.rows_replayed - left_out.height,
        )
        passing = verdict.filter(_PASSES).select(_NUMBER).with_row_index(NUMBER)
        lacking = passing.join(left_out.lazy(), on=NUMBER, how="inner")
        now = {f"{_NOW}{name}": expr for name, expr in why(checks).items()}
        still_open = lacking.select(
            _NUMBER,
            pl.lit(value=False).alias(_PASSES),
            pl.lit(value=False).alias(_GONE),
            *(expr.alias(name) for name, expr in now.items()),
        )
        others = verdict.join(lacking.select(_NUMBER), on=_NUMBER, how="anti")
        self.verdicts[self.of_source[i]] = pl.concat([others, still_open])

    def table(self, run_id: str) -> pl.LazyFrame:
        """Give all rows of the reject table as they are from now on, in the order that they had."""
        passes = pl.col(_PASSES).fill_null(value=False)
        now = {name: pl.coalesce(_NOW + name, name) for name in _REASON_COLUMNS}
        marked = {"replayed_run_id": pl.lit(run_id), "replayed_at": pl.lit(datetime.now(UTC))}
        marks = {n: pl.when(passes).then(mark).otherwise(n) for n, mark in marked.items()}
        return (
            self.listed.join(
                pl.concat(self.verdicts), on=_NUMBER, how="left", maintain_order="left"
            )
            .filter(~pl.col(_GONE).fill_null(value=False))
            .with_columns(**now, **marks)
            .select(pl.col(name).cast(dtype) for name, dtype in reject_tables.SCHEMA.items())
        )


def _map_again(
    job: PartitionJob,
    current: Current,
    workstation: Folders,
    made_as: MadeAs,
    space: Scratch,
) -> _Again:
    sources = {source.key: source for source in job.sources}
    listed = reject_tables.scan(workstation, job.module, current.rejects).with_row_index(_NUMBER)
    again = _Again(listed)
    open_rows = listed.filter(reject_tables.IS_OPEN)
    run_ids = pl.col("run_id").min().alias("first"), pl.col("run_id").max().alias("last")
    with reaching(workstation.rejects(job.module)):
        groups = open_rows.group_by("product_code", "submodule_name", "raw_schema").agg(
            pl.len(), *run_ids
        )
        counts = groups.sort(pl.all()).collect().rows()
    for product, submodule, schema, rows, *runs in counts:
        key = SourceKey(product, submodule)
        if schema is None or (source := sources.get(key)) is None:
            # A line that is no row; a source that is gone.
            again.sources.append(MappedSource(key, None, one(rows), one(rows)))
            continue
        if key not in made_as.alike or {*runs} != {made_as.run_id}:
            _check_decided(source)
        is_own = (
            (pl.col("product_code") == product)
            & (pl.col("submodule_name") == submodule)
            & (pl.col("raw_schema") == schema)
        )
        rejects = open_rows.filter(is_own).select(_NUMBER, "raw_row")
        with reaching(workstation.rejects(job.module)):
            held = space.hold(rejects, int(bytes_per_row(rejects) * rows))
        part, further = _map(source, held, schema, again, space, int(bytes_per_row(held) * rows))
        passed = int(part.height[0])
        gone = sum(int(count[0]) for count in further.values())
        again.of_source[len(again.sources)] = len(again.verdicts) - 1
        again.sources.append(
            MappedSource(
                key, part, one(rows), one(rows - passed - gone), rows_replayed=passed,
                further=further,
            )
        )  # fmt: skip
    return again


def _check_decided(source: SourceJob) -> None:
    """Make sure that nothing has to be known of rows that were superseded: they are not kept.

    Raises:
        DataflowError: DAT-005.
    """
    if source.rule and source.rule.unique_by:
        what = (
            "its rule keeps one row of several, and the rejected rows were chosen by another rule, "
            "or from another place"
        )
        place = source.rule.place("unique_by")
        raise not_replayable(source.product, source.submodule, what, place)


def _map(
    source: SourceJob, rejects: pl.LazyFrame, schema: str, again: _Again, space: Scratch, size: int
) -> tuple[Part, Further]:
    """Map the rejects of a source that its rule takes; note of each whether it passes."""
    compiled, raw = _raw(source, rejects, schema)
    numbered, rows = raw.with_row_index(POSITION), space.pile()
    taking = Taking(compiled, 1, space, space.pile())
    is_small = size < space.spill_bytes
    for taken in taking.taken([numbered.collect()] if is_small else numbered.collect_batches()):
        rows.add(taken)
    for error in taking.faults.values():
        raise error
    mapped = space.hold(map_all(rows.rows(), compiled), size)
    again.verdicts.append(_verdicts(rejects.select(_NUMBER), mapped, taking, compiled))
    counted = count(mapped, compiled)
    good = good_rows(mapped, compiled, counted)
    filled = {name: one(values) for name, values in counted.filled.items()}
    part = Part(source, source.key_columns, good, one(counted.good), filled)
    return part, taking.further


def _verdicts(
    numbers: pl.LazyFrame, mapped: pl.LazyFrame, taking: Taking, compiled: CompiledSource
) -> pl.LazyFrame:
    """Say of each reject whether it passes, or why not, or that a rule leaves it out."""
    left_out = [taking.bad.rows()] if taking.bad.height else []
    why = [frame.select(POSITION, REASON, pl.lit(value=False).alias(_GONE))
           for frame in (mapped, *left_out)]  # fmt: skip
    if taking.gone.height:
        none = pl.lit(None, pl.Int32).alias(REASON)
        why.append(taking.gone.rows().select(POSITION, none, pl.lit(value=True).alias(_GONE)))
    now = {f"{_NOW}{name}": expr for name, expr in reasons(compiled).items()}
    failed = pl.col(REASON).is_not_null()
    each = numbers.with_row_index(POSITION)
    return each.join(pl.concat(why), on=POSITION, how="inner", maintain_order="left").select(
        _NUMBER,
        (failed.not_() & pl.col(_GONE).not_()).alias(_PASSES),
        _GONE,
        *(pl.when(failed).then(expr).alias(name) for name, expr in now.items()),
    )


def _raw(
    source: SourceJob, rejects: pl.LazyFrame, schema: str
) -> tuple[CompiledSource, pl.LazyFrame]:
    """Give a source's rejected rows as they were read, and its mapping compiled against them.

    Raises:
        DataflowError: DAT-005 where the sheet reads what was not read then, or may not have been;
            MAP-011, MAP-015 and MAP-019 as any sheet that does not compile.
    """
    columns, made_by = unmarked(schema_of(schema))
    rule, how = source.rule, source.rule.reshape if source.rule else None
    if made_by != (said(how) if how else ""):
        what = (
            "the rejected rows were made by another `unpivot` or `explode` than the sheet has now"
        )
        place = rule.place(how.cell) if rule and how else ""
        raise not_replayable(source.product, source.submodule, what, place)
    try:
        compiled = compile_source(source.without_reshaping, columns)
    except MappingError as error:
        problems, unread = error.diagnostics, error.unread
        if len(unread) < len(problems):
            raise DataflowError(*(p for p in problems if p not in unread)) from None
        what = f"the rejected rows do not have what the sheet reads now: {unread[0].message}"
        raise not_replayable(source.product, source.submodule, what, unread[0].place) from None
    if compiled.guesses:  # the source may have had both, and this one not be read
        guess = compiled.guesses[0]
        what = f"it cannot be told which column is meant: {guess.message}"
        raise not_replayable(source.product, source.submodule, what, guess.place)
    if not columns:
        return compiled, rejects.select(pl.col(_NUMBER).alias(_NO_COLUMN))
    return compiled, decoded(rejects, "raw_row", columns)
