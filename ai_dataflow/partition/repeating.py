"""Keys that are repeated where they must not be: clients whose rows a join would multiply.

A join of many to many would; and a key that is twice in a lookup, whoever looks it up or not.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic, listing
from ai_dataflow.partition.clients import CLIENT, heights
from ai_dataflow.partition.parts import Part


def joinable(left: Part, right: Part, keys: list[str]) -> tuple[Part, Part]:
    """Take the clients out whose rows the join would multiply."""
    if right.source.join_kind == "lookup":
        broken = _twice(right, keys)
    elif _has_once(left, keys) or _has_once(right, keys):
        return left, right
    else:
        broken = _many_to_many(left, right, keys)
    return _but_for(left, broken), _but_for(right, broken)


def _twice(lookup: Part, keys: list[str]) -> dict[int, Diagnostic]:
    """Find the clients whose lookup has two rows for a key, or two that hold since the same."""
    holds = lookup.source.holds
    unique = [*keys, holds.since] if holds else keys
    if _has_once(lookup, unique):
        return {}
    on = [*lookup.by, *unique]
    often = lookup.rows.drop_nulls(on).group_by(on).len().filter(pl.col("len") > 1).collect()
    numbers = lookup.heights(often)
    return {
        int(client): _twice_in_lookup(lookup, unique, int(numbers[client]))
        for client in np.flatnonzero(numbers)
    }


def _many_to_many(left: Part, right: Part, keys: list[str]) -> dict[int, Diagnostic]:
    on = [*left.by, *keys]
    often = [part.rows.group_by(on).len().filter(pl.col("len") > 1) for part in (left, right)]
    exploding = often[0].join(often[1], on=on, how="inner").collect()
    numbers = heights(exploding, len(left.height))
    return {
        int(client): _repeated_in_both(left, right, keys, int(numbers[client]))
        for client in np.flatnonzero(numbers)
    }


def _has_once(part: Part, keys: list[str]) -> bool:
    """Tell whether no key is repeated. Null keys match nothing."""
    rows = part.rows.select(*part.by, *keys).drop_nulls()
    # Equal keys have equal hashes, and these are compared three times as fast.
    for value in (_hashed([*part.by, *keys]), pl.struct(pl.all())):
        total, different = rows.select(pl.len(), value.n_unique()).collect().row(0)
        if total == different:
            return True
    return False


def _hashed(columns: Sequence[str]) -> pl.Expr:
    hashes = (pl.col(name).hash(seed) for seed, name in enumerate(columns))
    return reduce(operator.xor, hashes)


def _but_for(part: Part, broken: Mapping[int, Diagnostic]) -> Part:
    """Leave clients out; of each what was wrong first is told."""
    if not broken:
        return part
    stays = np.array([client not in broken for client in range(len(part.height))])
    if not stays.any():
        rows = part.rows.clear()
    else:
        rows = part.rows.filter(~pl.col(CLIENT).is_in(list(broken))).collect().lazy()
    return replace(
        part,
        rows=rows,
        height=part.height * stays,
        filled={name: count * stays for name, count in part.filled.items()},
        merged=part.rows_merged * stays,
        broken={**broken, **part.broken},
    )


def _repeated_in_both(left: Part, right: Part, keys: list[str], exploding: int) -> Diagnostic:
    return Diagnostic(
        "DAT-001",
        f"{exploding} values of {listing(keys)} are repeated in `{right.source.submodule}` and in "
        f"what it is joined to (up to `{left.source.submodule}`): the join would multiply rows",
        place=right.source.place,
        fix="add the key column that tells the rows apart, or deliver the data without duplicates",
        product=right.source.product,
        submodule=right.source.submodule,
    )


def _twice_in_lookup(lookup: Part, unique: Sequence[str], twice: int) -> Diagnostic:
    fix = (
        "deliver each key once, or mark the key column that tells the rows apart; where they hold "
        "from a day on, say so in `as_of`"
    )
    return Diagnostic(
        "DAT-025",
        f"{twice} values of {listing(unique)} are more than once in the lookup "
        f"`{lookup.source.submodule}`: which row is meant, nobody can tell",
        place=lookup.source.place,
        fix="deliver each value once for each moment" if lookup.source.holds else fix,
        product=lookup.source.product,
        submodule=lookup.source.submodule,
    )
