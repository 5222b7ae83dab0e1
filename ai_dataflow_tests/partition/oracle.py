"""What a partition has to come to, in plain Python: `docs/merging.md` with lists and dicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ai_dataflow_tests.compiler.transforms import Row
from ai_dataflow_tests.partition.generated import ID, Feed, Partition, Source
from ai_dataflow_tests.partition.values import FAILED, become


@dataclass(frozen=True)
class Reject:
    """A row left out: whose, why, for which AI column and mapping cell, and its number."""

    product: str
    submodule: str
    reason: str
    ai_column: str
    cell: str
    number: str


@dataclass
class Expected:
    """What is to be published, in order, and what is to be left out, of each product and source.

    `code` is that of the failure, where there has to be one; a partition that is all rejects leaves
    them to be looked at.
    """

    code: str = ""
    rows: list[tuple[str, Row]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)


@dataclass
class _Joined:
    keys: list[str]
    rows: list[Row]


_MADE_OF = "made of"  # the source rows, by submodule and number; no AI column is called so


def expected(partition: Partition) -> Expected:
    """Say what a partition comes to."""
    found = Expected()
    for product in sorted({source.product for source in partition.sources}):
        own = [source for source in partition.sources if source.product == product]
        parts = [_Joined(source.keys, _map(source, found)) for source in own]
        keyed = [part for part in parts if part.keys]
        together = keyed[:1]
        for right in keyed[1:]:
            joined = _join(together[0], right)
            if joined is None:
                return Expected("DAT-001")
            together = [joined]
        together += [part for part in parts if not part.keys]
        rows = [row for part in together for row in part.rows]
        good = [row for row in rows if _lacking(own, row) is None]
        found.rejects += _left_out(own, rows, good)
        found.rows += [(product, {k: v for k, v in row.items() if k != _MADE_OF}) for row in good]
        read = sum(len(source.rows) + source.ragged for source in own)
        rejected = sum(reject.product == product for reject in found.rejects)
        parts_of_good = {part for row in good for part in row[_MADE_OF]}
        found.counts[product] = (read, rejected, len(parts_of_good) - len(good), len(good))
    if not any(read for read, *_ in found.counts.values()):
        return Expected("SRC-002")
    if not found.rows and all(read == lost for read, lost, *_ in found.counts.values()):
        found.code = "DAT-004"
    return found


def _required(own: list[Source]) -> list[tuple[str, str]]:
    """Give the AI columns that a product requires, each with the first cell that says so."""
    cells: dict[str, str] = {}
    for source in own:
        for line, feed in enumerate(source.feeds, start=2):
            if feed.row.required:
                cells.setdefault(feed.row.ai_column, _cell(line, feed))
    return list(cells.items())


def _lacking(own: list[Source], row: Row) -> int | None:
    """Give the first required AI column that a merged row has no value in, by its number."""
    missing = (i for i, (name, _) in enumerate(_required(own)) if row.get(name) is None)
    return next(missing, None)


def _left_out(own: list[Source], rows: list[Row], good: list[Row]) -> list[Reject]:
    """Give the source rows that are in rows without a required value, and in no other."""
    published = {part for row in good for part in row[_MADE_OF]}
    reasons: dict[tuple[str, str], int] = {}
    for row in rows:
        lacking = _lacking(own, row)
        for part in row[_MADE_OF] if lacking is not None else ():
            if part not in published:
                reasons[part] = min(reasons.get(part, lacking), lacking)
    required = _required(own)
    return [
        Reject(own[0].product, submodule, "REJ-004", *required[number], row_id)
        for (submodule, row_id), number in reasons.items()
    ]


def _cell(line: int, feed: Feed) -> str:
    return f"ai_mapping.csv:{line}:{'transform' if feed.row.transform else 'source_column'}"


def _map(source: Source, found: Expected) -> list[Row]:
    """Map a source's rows; what is left out of them is noted."""
    good = []
    for row in source.rows:
        made = {f.row.ai_column: become(f.by.of(row), f.row.ai_type) for f in source.feeds}
        if reject := _reject(source, row, made):
            found.rejects.append(reject)
        else:
            good.append(made | {_MADE_OF: frozenset({(source.submodule, str(row[ID]))})})
    ragged = Reject(source.product, source.submodule, "REJ-003", "", "", "")
    found.rejects += [ragged] * source.ragged
    return good


def _reject(source: Source, row: Row, made: Row) -> Reject | None:
    """Give the first reason, in the order of the sheet, to leave a row out."""
    for line, feed in enumerate(source.feeds, start=2):
        name = feed.row.ai_column
        if made[name] is FAILED or (feed.row.required and made[name] is None):
            reason = "REJ-001" if made[name] is FAILED else "REJ-002"
            cell = _cell(line, feed)
            return Reject(source.product, source.submodule, reason, name, cell, str(row[ID]))
    return None


def _join(left: _Joined, right: _Joined) -> _Joined | None:
    """Outer-join two sides on the keys that they share; None where it would multiply rows."""
    shared = [key for key in left.keys if key in right.keys]

    def key_of(row: Row) -> tuple[Any, ...] | None:
        values = tuple(row.get(key) for key in shared)
        return None if None in values else values

    counts = [Counter(filter(None, map(key_of, side.rows))) for side in (left, right)]
    both = counts[0].keys() & counts[1].keys()
    if any(counts[0][key] > 1 and counts[1][key] > 1 for key in both):
        return None
    rows = []
    for row in left.rows:
        partners = [other for other in right.rows if key_of(row) in both
                    and key_of(other) == key_of(row)]  # fmt: skip
        rows += [
            row | other | {_MADE_OF: row[_MADE_OF] | other[_MADE_OF]} for other in partners
        ] or [row]
    rows += [other for other in right.rows if key_of(other) not in both]
    keys = list(dict.fromkeys([*left.keys, *right.keys]))
    return _Joined(keys, rows)
