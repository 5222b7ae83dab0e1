"""Judging: whether a publication would shrink what readers see, and so waits to be accepted.

It is arithmetic on the counts of what was made and of what readers see. One row never makes a
partition wait: one bad row stops no others. The rules are in docs/waiting.md.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from ai_dataflow.config.codes import Concern
from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.digests import digest
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.module_settings import ModuleSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.planning.inputs import content_read, inputs_of, sheet_of
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.readers import publications_of
from ai_dataflow.workstation.records import (
    Inputs,
    ProductRows,
    Record,
    Waiting,
    WaitingFile,
    records_of,
)
from ai_dataflow.workstation.reject_groups import Worst, worst_causes

_NONE = ProductRows()
_FIELDS = ("code", "message", "place", "fix", "product", "module", "ai_column", "whose")


@dataclass(frozen=True)
class Judgement:
    """What of a module waits, by client; and the clients that readers saw nothing of before.

    `before` is the publication that readers saw, of each client that had one.
    """

    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    first: frozenset[str] = frozenset()
    before: Mapping[str, str] = field(default_factory=dict)

    def but(self, clients: Collection[str]) -> Judgement:
        """Give the same without some clients."""
        waiting = {client: w for client, w in self.waiting.items() if client not in clients}
        return replace(self, waiting=waiting)


NOT_JUDGED = Judgement()


@dataclass(frozen=True)
class _Loss:
    """A product of a partition that shrinks more than the limits allow."""

    result: PartitionResult
    inputs: Inputs
    product: str
    before: ProductRows
    now: ProductRows
    whose: Concern
    worst: Worst | None = None

    @property
    def place(self) -> str:
        """The cell to look at: of most of the rejects, else where the source stands."""
        if self.worst and self.worst.mapping_cell:
            return self.worst.mapping_cell
        places = (s.place for s in self.result.job.sources if s.product == self.product)
        return next(places, "")


def judge(
    workstation: Folders,
    settings: Settings,
    run_id: str,
    results: Sequence[PartitionResult],
    seen: Mapping[str, str],
) -> Judgement:
    """Judge what was made of a module against what readers see of it.

    Args:
        workstation: where.
        settings: of the project; they have the limits.
        run_id: the run that made it.
        results: of one module; those without data, or with failures, are not judged.
        seen: the publication of each client that readers see.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    made = [result for result in results if result.data and not result.failures]
    if not made:
        return NOT_JUDGED
    module = made[0].job.module
    first = frozenset(result.job.client for result in made) - seen.keys()
    with_records = _with_records(workstation, made, seen)
    losses = [loss for pair in with_records for loss in _losses(*pair, settings)]
    problems = _explained(_with_worst(workstation, module, losses), settings)
    limits = settings.module(module).limits_of_shrinking
    waiting = {
        client: _waiting(lost[0], seen[client], run_id, limits, problems[client])
        for client, lost in grouped(losses, lambda loss: loss.result.job.client).items()
    }
    return Judgement(waiting, first, seen)


@dataclass(frozen=True)
class Compared:
    """A product of a partition: rows and rejects now and after a run; whether it would wait."""

    partition: str
    product: str
    rows_before: int
    rows: int
    rejected_before: int
    rejected: int
    waits: bool

    @property
    def is_as_before(self) -> bool:
        """Whether it has as many rows, and as many rejects."""
        return (self.rows, self.rejected) == (self.rows_before, self.rejected_before)


def compare(
    workstation: Folders, settings: Settings, results: Sequence[PartitionResult]
) -> Iterator[Compared]:
    """Compare what was made of a module with what readers see, product by product.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    seen = publications_of(workstation.dataset(results[0].job.module))
    for result, record in _with_records(workstation, results, seen):
        waits = {loss.product for loss in _losses(result, record, settings)}
        now = {product: ProductRows.of(counts) for product, counts in result.counts.items()}
        for product in sorted(now | record.products):
            old, new = record.products.get(product, _NONE), now.get(product, _NONE)
            rows = old.published, new.published, old.rejected, new.rejected
            yield Compared(result.partition, product, *rows, product in waits)


def _with_records(
    workstation: Folders, results: Sequence[PartitionResult], seen: Mapping[str, str]
) -> Iterator[tuple[PartitionResult, Record]]:
    """Give results of one module, each with the record of what readers see."""
    clients = seen.keys() & {result.job.client for result in results}
    records = records_of(workstation, results[0].job.module, clients) if clients else {}
    for result in results:
        client = result.job.client
        yield (
            result,
            records.get(client, Record()).settled(seen[client]) if client in clients else Record(),
        )


def _losses(result: PartitionResult, record: Record, settings: Settings) -> Iterator[_Loss]:
    """Give the products that shrink too much, if nobody has accepted it in advance."""
    limits = settings.module(result.job.module)
    now = {product: ProductRows.of(counts) for product, counts in result.counts.items()}
    lost = [
        (product, before, now.get(product, _NONE))
        for product, before in record.products.items()
        if _shrinks(before, now.get(product, _NONE), limits)
    ]
    if not lost:
        return
    inputs = inputs_of(result.job, settings, content_read(result))
    if record.accepted in (exactly(inputs), sheet_of(inputs)):
        return
    for product, before, after in lost:
        is_edited = record.inputs and sheet_of(inputs, product) != sheet_of(record.inputs, product)
        yield _Loss(result, inputs, product, before, after, "mapping" if is_edited else "source")


def exactly(inputs: Inputs) -> str:
    """Digest inputs, as an acceptance in advance names them."""
    return digest(inputs.model_dump())


def _shrinks(before: ProductRows, now: ProductRows, limits: ModuleSettings) -> bool:
    rejected = now.rejected - before.rejected
    rise = _share(now) - _share(before) if rejected > 1 else Decimal(0)
    rows = before.published - now.published
    fall = Decimal(rows) / before.published if rows > 1 else Decimal(0)
    return limits.shrinks(rise, fall)


def _share(rows: ProductRows) -> Decimal:
    return Decimal(rows.rejected) / rows.read if rows.read else Decimal(0)


def _with_worst(workstation: Folders, module: str, losses: Sequence[_Loss]) -> list[_Loss]:
    """Add what rejects the most, where a product rejects more than before."""
    files = {file.path: loss.result.job.client for loss in losses for file in loss.result.rejects}
    worst = worst_causes(workstation, module, files) if files else {}
    return [
        replace(loss, worst=worst.get((loss.result.job.client, loss.product)))
        if loss.now.rejected > loss.before.rejected
        else loss
        for loss in losses
    ]


def _explained(losses: Sequence[_Loss], settings: Settings) -> dict[str, list[Diagnostic]]:
    """Give each client its problems; what has one cause in many partitions is told once."""
    problems: dict[str, list[Diagnostic]] = {}
    for alike in grouped(losses, lambda loss: (loss.product, loss.whose, loss.place)).values():
        problem = _problem(alike, settings)
        for loss in alike:
            problems.setdefault(loss.result.job.client, []).append(problem)
    return problems


def _problem(alike: Sequence[_Loss], settings: Settings) -> Diagnostic:
    first = alike[0]
    before, now = (_sum([getattr(loss, name) for loss in alike]) for name in ("before", "now"))
    where = f"in {len(alike)} partitions together " if len(alike) > 1 else ""
    job = first.result.job
    return Diagnostic(
        "RUN-024",
        f"{where}{first.product} would publish {now.published:,} rows, readers see "
        f"{before.published:,} now{_rejects(alike, before, now)}",
        place=first.place or settings.control_table,
        fix=_fix(alike),
        product=first.product,
        module=job.module,
        ai_column=first.worst.ai_column if first.worst else "",
        whose=first.whose,
    )


def _sum(rows: Sequence[ProductRows]) -> ProductRows:
    names = ("read", "rejected", "published")
    return ProductRows(**{name: sum(getattr(each, name) for each in rows) for name in names})


def _rejects(alike: Sequence[_Loss], before: ProductRows, now: ProductRows) -> str:
    """Say how many rows are rejected now and before, and for what most of them."""
    if now.rejected <= before.rejected:
        return ""
    parts = (f"{rows.rejected:,} of {rows.read:,} ({_share(rows):.1%})" for rows in (now, before))
    text = "; {} would be rejected, before {}".format(*parts)
    worst, others = alike[0].worst, [loss.worst for loss in alike if loss.worst]
    if worst is None:
        return text
    column = f" ({worst.ai_column})" if worst.ai_column else ""
    return f"{text}, {sum(other.rows for other in others):,} of them for {worst.reason}{column}"


def _fix(alike: Sequence[_Loss]) -> str:
    """Say what to do: accept it, or mend its cause."""
    key, is_sheet = alike[0].result.partition, alike[0].whose == "mapping"
    all_of_them = "--sheet" if is_sheet else f"--module {shlex.quote(key.module)}"
    chosen = all_of_them if len(alike) > 1 else shlex.quote(key)
    mend = "mend the sheet" if is_sheet else "have the source delivered again"
    return f"if it is right, `ai-dataflow accept {chosen}` publishes it; else {mend}, and run"


def _waiting(
    loss: _Loss, over: str, run_id: str, limits: str, problems: Sequence[Diagnostic]
) -> Waiting:
    result = loss.result
    data, rejects = (
        [WaitingFile(path=file.path, size=file.size, rows=file.rows) for file in files]
        for files in (result.data, result.rejects)
    )
    origins = {
        column: [(o.stage, o.product, o.submodule, o.column) for o in sources]
        for column, sources in result.origins.items()
    }
    fields = [{name: asdict(problem)[name] for name in _FIELDS} for problem in problems]
    return Waiting(
        publication=result.publication,
        over=over,
        run_id=run_id,
        at=datetime.now(UTC),
        inputs=loss.inputs,
        limits=limits,
        data=data,
        rejects=rejects,
        products=dict(result.counts),
        origins=origins,
        problems=fields,
    )


def problems_of_waiting(shown: Waiting) -> list[Diagnostic]:
    """Give why something waits, as it was told when it was judged."""
    return [Diagnostic(**problem) for problem in shown.problems]  # type: ignore[arg-type]
