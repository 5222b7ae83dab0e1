"""What a partition has to come to: joined, appended, what must hold held, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ai_dataflow_tests.runs.oracle.cells import Codes
from ai_dataflow_tests.runs.oracle.computing import checks_computed, completed, steps
from ai_dataflow_tests.runs.oracle.dictionary import (
    Check,
    checks_of,
    failing,
    holds_back,
    lacks_values,
    told,
)
from ai_dataflow_tests.runs.oracle.formats import Row, UnreadableError
from ai_dataflow_tests.runs.oracle.joining import Made, MultipliesError, Part, merged
from ai_dataflow_tests.runs.oracle.mapping import (
    Compiled,
    Mapped,
    Reject,
    SheetError,
    compiled,
    mapped,
    named,
    reject,
)
from ai_dataflow_tests.runs.oracle.reading import AmbiguousError, Opened, opened
from ai_dataflow_tests.runs.oracle.tables import Module, Source, computed_of


@dataclass
class Counts:
    """Where a product's rows went; `sources` has the rows read and the rejects by reason.

    `repeated` are those of `produced` that are rows of a lookup, used again.
    """

    read: int = 0
    rejected: int = 0
    merged: int = 0
    published: int = 0
    unmatched: int = 0
    produced: int = 0
    repeated: int = 0
    not_found: int = 0
    filtered: int = 0
    superseded: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    sources: dict[str, tuple[int, dict[str, int]]] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a run has to make of a partition.

    `status` is ok, failed or held; `codes` are those that may tell why: of a failed partition some
    of them, of one that is held back all. `rejects` of a partition that rejects too much are there
    to be looked at.
    """

    status: str = "ok"
    codes: set[str] = field(default_factory=set)
    rows: list[tuple[str, Row]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)


def expected(folder: Path, sources: list[Source], module: Module, client: str) -> Outcome:
    """Say what a partition comes to, from its files."""
    unreadable, unfit, done = _compiled(folder, sources, module.codes)
    if unfit:
        return Outcome("held", unfit)
    outcome = Outcome()
    codes = set(unreadable)
    for product in sorted({source.product for source in sources}):
        own = [each for each in done if each[0].source.product == product]
        if len(own) < sum(source.product == product for source in sources):
            codes.update(code for source, at in own for code in _wrong_alone(source, at))
            continue  # of what is wrong with sources one is told, whichever is seen first
        try:
            codes |= _add_product(outcome, product, own, module, client)
        except (AmbiguousError, UnreadableError):
            codes.update(code for source, at in own for code in _wrong_alone(source, at))
        except MultipliesError as error:
            codes.add(str(error))
    if codes:
        return Outcome("failed", codes)
    return _judged(outcome, module.limit)


def _wrong_alone(source: Compiled, at: Opened) -> tuple[str, ...]:
    """Give the codes of what is wrong with a source, though its columns are known."""
    try:
        mapped(source, at.read(source.read))
    except (AmbiguousError, UnreadableError) as error:
        return error.args
    return ()


def _compiled(
    folder: Path, sources: list[Source], codes: Codes
) -> tuple[set[str], set[str], list[tuple[Compiled, Opened]]]:
    unreadable: set[str] = set()
    unfit: set[str] = set()
    done = []
    for source in sources:
        try:
            at = opened(folder, source.location).named_by([*named(source)])
            listed = source.rule.several if source.rule else []
            at = at.called_first([*listed, *(row.names for row in source.mappings)])
            done.append((compiled(source, at, codes), at))
        except UnreadableError as error:
            unreadable.update(error.args)
        except SheetError as error:
            unfit.update(error.args)
    return unreadable, unfit, done


def _judged(outcome: Outcome, limit: str) -> Outcome:
    """Refuse what has no row, or too many rejects."""
    read = sum(counts.read for counts in outcome.counts.values())
    rejected = len(outcome.rejects)
    if not read:
        return Outcome("failed", {"SRC-002"})
    # A row that only a join made cannot be rejected: those are that it was made of.
    read += sum(counts.produced - counts.repeated for counts in outcome.counts.values())
    read -= sum(counts.filtered + counts.superseded for counts in outcome.counts.values())
    if not read:
        return Outcome("failed", {"DAT-020"})
    share = Decimal(limit.rstrip("%") or 100)
    # What lookups gave to rows that are rejected is lost with them.
    is_lost = not outcome.rows and not any(c.unmatched for c in outcome.counts.values())
    if is_lost or rejected == read or rejected * 100 > share * read:
        return Outcome("failed", {"DAT-004"}, rejects=outcome.rejects, counts=outcome.counts)
    if not outcome.rows:  # joins leave none
        return Outcome("failed", {"DAT-026"}, rejects=outcome.rejects, counts=outcome.counts)
    return outcome


def _add_product(
    outcome: Outcome,
    product: str,
    own: list[tuple[Compiled, Opened]],
    module: Module,
    client: str,
) -> set[str]:
    """Make the rows of a product, and add what becomes of them; give the codes that end it."""
    counts, good = Counts(), {}
    rejects: list[Reject] = []
    for source, at in own:
        content = at.read(source.read)
        name = source.source.submodule
        rows_of = mapped(source, content)
        good[name] = rows_of.good
        rejects += rows_of.rejects
        counts.filtered += rows_of.filtered
        counts.superseded += rows_of.superseded
        counts.sources[name] = len(content.rows) + len(content.malformed), {}
        counts.produced += rows_of.number - counts.sources[name][0]
    sources = [source.source for source, _ in own]
    computed = steps(computed_of(module, product, client), module.codes, product)
    done, checks = merged(sources, good), checks_of(sources, module, checks_computed(computed))
    rows = [(completed(row, computed, product, client), parts) for row, parts in done.rows]
    numbers = failing(rows, checks)
    repeated = (n for n in numbers if n is not None and checks[n].fails is None)
    codes = {"DAT-034"} if any(checks[n].effect == "fail" for n in repeated) else set()
    kept = [row for row, number in zip(rows, numbers, strict=True) if number is None]
    rejects += _left_out(sources, good, rows, numbers, checks)
    published = [values for values, _ in kept]
    if lacks_values(published, module):
        codes.add("DAT-033")
    if holds_back(rows, checks):
        codes.add("DAT-036")
    outcome.rows += [(product, values) for values, _ in kept]
    outcome.rejects += rejects
    counted = _counted(counts, rejects, kept, module)
    kinds = {(check.reason, check.ai_column): check.kind for check in checks if check.kind}
    of_rejects = (f"{kinds[r.reason, r.ai_column]} {r.ai_column}" for r in rejects
                  if (r.reason, r.ai_column) in kinds)  # fmt: skip
    counted.broken = {**Counter(of_rejects), **told(published, checks, module)}
    outcome.counts[product] = counted
    there = {part for row in rows for part in row[1]}
    counted.unmatched = sum(len(rows) for rows in good.values()) - len(there)
    counted.unmatched -= done.used.total()
    counted.merged += done.found.total()
    counted.repeated = done.found.total() - done.used.total()
    counted.produced += counted.repeated
    counted.not_found = done.not_found.total()
    return codes


def _counted(counts: Counts, rejects: list[Reject], kept: list[Made], module: Module) -> Counts:
    for one in rejects:
        reasons = counts.sources[one.submodule][1]
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    parts = {part for _, of_row in kept for part in of_row}
    counts.read = sum(read for read, _ in counts.sources.values())
    counts.rejected, counts.published = len(rejects), len(kept)
    counts.merged = len(parts) - len(kept)
    values = (n for row, _ in kept for n, value in row.items()
              if value is not None and n in module.types)  # fmt: skip
    counts.filled = dict(Counter(values))
    return counts


def _left_out(
    sources: list[Source],
    good: dict[str, list[Mapped]],
    rows: list[Made],
    numbers: list[int | None],
    checks: list[Check],
) -> list[Reject]:
    """Give the source rows that are in merged rows that fail a check, and in no other."""
    lacking = [(parts, number) for (_, parts), number in zip(rows, numbers, strict=True)]
    published = {part for parts, number in lacking if number is None for part in parts}
    first: dict[Part, int] = {}
    for parts, number in lacking:
        for part in parts - published if number is not None else ():
            first[part] = min(first.get(part, number or 0), number or 0)
    by_name = {source.submodule: source for source in sources}
    return [
        reject(by_name[name], checks[number].reason, checks[number].ai_column, checks[number].cell,
               good[name][i].place, good[name][i].raw)
        for (name, i), number in first.items()
    ]  # fmt: skip
