"""How the sources of a product become rows: joined on their keys, each in its way, or appended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ai_dataflow_tests.runs.oracle.formats import Row
from ai_dataflow_tests.runs.oracle.mapping import Mapped
from ai_dataflow_tests.runs.oracle.tables import Source

Part = tuple[str, int]  # a submodule, and which of its good rows
Made = tuple[Row, frozenset[Part]]  # a row, and what it was made of


@dataclass(frozen=True)
class _Joined:
    keys: list[str]
    rows: list[Made]


@dataclass
class Merge:
    """The rows of a product; and of each lookup, by submodule, what became of its rows.

    A row of a lookup is no part of the rows that found it. `found` counts how often one was,
    `used` how many were, `not_found` the rows that found none.
    """

    rows: list[Made] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    not_found: Counter[str] = field(default_factory=Counter)


class MultipliesError(Exception):
    """A join of many to many, or a key twice in a lookup; raised with the code that tells it."""


def merged(sources: list[Source], good: dict[str, list[Mapped]]) -> Merge:
    """Join the sources that have keys, in their order; append the others."""
    done = Merge()
    parts = [
        _Joined(
            source.keys,
            [(row.values, frozenset({(source.submodule, i)}))
             for i, row in enumerate(good[source.submodule])],
        )
        for source in sources
    ]  # fmt: skip
    keyed = [(source, part) for source, part in zip(sources, parts, strict=True) if part.keys]
    together = [part for _, part in keyed[:1]]
    for source, right in keyed[1:]:
        if source.join == "lookup":
            together = [_look_up(done, source, together[0], right)]
        else:
            together = [_join(source.join, together[0], right)]
    together += [part for part in parts if not part.keys]
    done.rows = [row for part in together for row in part.rows]
    return done


def _key(row: Row, shared: list[str]) -> tuple[Any, ...] | None:
    values = tuple(row.get(key) for key in shared)
    return None if None in values else values


def _look_up(done: Merge, source: Source, left: _Joined, right: _Joined) -> _Joined:
    """Give each row the columns of the lookup's row that holds for it."""
    shared = [key for key in left.keys if key in right.keys]
    moment, sign, since = source.as_of.split() or ["", "", ""]
    unique = [*shared, since] if since else shared
    keys = Counter(key for row, _ in right.rows if (key := _key(row, unique)) is not None)
    if any(number > 1 for number in keys.values()):
        raise MultipliesError("DAT-025")
    rows, used = [], set[int]()

    def holds(row: Row, other: Row) -> bool:
        if _key(row, shared) is None or _key(row, shared) != _key(other, shared):
            return False
        if not since:
            return True
        now, then = row.get(moment), other[since]
        return None not in (now, then) and (now >= then if sign == ">=" else now > then)

    for row, parts in left.rows:
        fitting = [i for i, (other, _) in enumerate(right.rows) if holds(row, other)]
        if not fitting:
            done.not_found[source.submodule] += 1
            rows.append((row, parts))
            continue
        last = max(fitting, key=lambda i: right.rows[i][0].get(since, 0))
        used.add(last)
        done.found[source.submodule] += 1
        rows.append((right.rows[last][0] | row, parts))
    done.used[source.submodule] = len(used)
    return _Joined(list(dict.fromkeys([*left.keys, *right.keys])), rows)


def _join(kind: str, left: _Joined, right: _Joined) -> _Joined:
    """Join two sides on the keys that they share; a null matches nothing."""
    shared = [key for key in left.keys if key in right.keys]

    def key_of(row: Row) -> tuple[Any, ...] | None:
        return _key(row, shared)

    of_right: dict[Any, list[Made]] = {}
    for made in right.rows:
        of_right.setdefault(key_of(made[0]), []).append(made)
    times = Counter(key_of(row) for row, _ in left.rows)
    met: set[tuple[Any, ...]] = set()
    rows: list[Made] = []
    for row, parts in left.rows:
        key = key_of(row)
        partners = of_right.get(key, []) if key is not None else []
        if len(partners) > 1 and times[key] > 1:
            raise MultipliesError("DAT-001")
        if partners and key is not None:
            met.add(key)
        alone = [(row, parts)] if kind != "inner" else []
        rows += [(row | other, parts | more) for other, more in partners] or alone
    if kind in ("", "full"):
        rows += [other for other in right.rows if key_of(other[0]) not in met]
    return _Joined(list(dict.fromkeys([*left.keys, *right.keys])), rows)
