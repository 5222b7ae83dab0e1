"""How the sources of a product become rows: joined on their keys, or appended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
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


class MultipliesError(Exception):
    """A join of many to many."""


def merged(sources: list[Source], good: dict[str, list[Mapped]]) -> list[Made]:
    """Join the sources that have keys, in their order; append the others."""
    parts = [
        _Joined(
            source.keys,
            [(row.values, frozenset({(source.submodule, i)}))
             for i, row in enumerate(good[source.submodule])],
        )
        for source in sources
    ]  # fmt: skip
    keyed = [part for part in parts if part.keys]
    together = keyed[:1]
    for right in keyed[1:]:
        together = [_join(together[0], right)]
    together += [part for part in parts if not part.keys]
    return [row for part in together for row in part.rows]


def _join(left: _Joined, right: _Joined) -> _Joined:
    """Outer-join two sides on the keys that they share; a null matches nothing."""
    shared = [key for key in left.keys if key in right.keys]

    def key_of(row: Row) -> tuple[Any, ...] | None:
        values = tuple(row.get(key) for key in shared)
        return None if None in values else values

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
            raise MultipliesError
        if partners and key is not None:
            met.add(key)
        rows += [(row | other, parts | more) for other, more in partners] or [(row, parts)]
    rows += [other for other in right.rows if key_of(other[0]) not in met]
    return _Joined(list(dict.fromkeys([*left.keys, *right.keys])), rows)
