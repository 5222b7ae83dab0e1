"""What is unusual of what a run published of a module: the tests that fail, one for each column.

It reads profiles, as little of them as it can: those of the publications and of a few earlier ones
first, the rest only of columns that are suspect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from ai_dataflow.runs.drift import confirmed, screened
from ai_dataflow.runs.other_clients import Far, far_from_others, unlike_others
from ai_dataflow.runs.unusual_columns import UnusualColumn, with_likeness
from ai_dataflow.workstation.distances import KEYS, measured
from ai_dataflow.workstation.margins import ENOUGH_CLIENTS
from ai_dataflow.workstation.nights import HISTORY, references
from ai_dataflow.workstation.profiles import SCHEMA

_PUBLICATION = ["client_code", "publication"]
# Of several tests of one column that fail, the first says the most.
ORDER = ("rows", "encoding", "looks", "signs", "nulls", "new", "vanished", "level", "filled",
         "distinct", "lengths", "categories", "distribution")  # fmt: skip


_ROWS = ""  # the AI column of profiles that are of rows as such
_JUMP = 1.0  # of sizes, as a logarithm: what is new then is so because of the unit
_CLIENTS_AT_ONCE = 250  # of whom profiles are in memory
_PASTS_AT_ONCE = 100  # clients whose past is looked at
# Of clients and columns, of all products, that are read to be compared; rows that are.
_PROFILES_AT_ONCE, _ROWS_AT_ONCE = 10_000, 20_000
# Nobody compares the hashes of values, which are the half of a profile.
_COMPARED = [name for name in SCHEMA if name != "hashes"]


class ProfileReading(Protocol):
    """Reads profiles of one module."""

    def __call__(
        self,
        *,
        clients: Collection[str] | None = None,
        publications: Collection[str] | None = None,
        ai_columns: Collection[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Give the profiles of clients, of publications."""


def unusual_columns(
    read: ProfileReading, published: Mapping[str, str], before: Mapping[str, str]
) -> list[UnusualColumn]:
    """Find what is unusual of publications.

    Profiles are large: those of some clients are looked at, then those of the next.

    Args:
        read: reads the module's profiles.
        published: the publication of each client.
        before: the publication that readers saw before, of each client that had one.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    given, new = list[UnusualColumn](), list[pl.DataFrame]()
    clients = sorted(published)
    for first in range(0, len(clients), _CLIENTS_AT_ONCE):
        some = clients[first : first + _CLIENTS_AT_ONCE]
        seen, mine = _publications(read, {name: published[name] for name in some}, before)
        pairs = references(seen)
        of_now = pairs.join(mine, on=_PUBLICATION, how="semi")
        new.append(mine.join(of_now, on="client_code", how="anti"))
        if of_now.height:
            given += _of_before(read, of_now, seen, pairs)
    return [*given, *_of_others(read, pl.concat(new))] if new else []


def _publications(
    read: ProfileReading, published: Mapping[str, str], before: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the publications of clients: those now with the last before them, and those now alone.

    What was made since the one that readers saw before was never published.
    """
    names = [*_PUBLICATION, "at"]
    every = read(clients=published, ai_columns=[_ROWS], columns=names).unique(_PUBLICATION)
    mine = every.join(_pairs(published), on=_PUBLICATION, how="semi")
    seen = every.join(mine, on="client_code", suffix="_now")
    last = every.join(_pairs(before), on=_PUBLICATION).select(
        "client_code", pl.col("at").alias("last")
    )
    until = pl.coalesce("last", "at_now")
    is_earlier = (pl.col("at") <= until) & (pl.col("at") < pl.col("at_now"))
    earlier = seen.join(last, on="client_code", how="left").filter(is_earlier).sort("at")
    some = earlier.select(names).group_by("client_code").tail(HISTORY).select(names)
    return pl.concat([some, mine]), mine


def _pairs(publications: Mapping[str, str]) -> pl.DataFrame:
    schema = dict.fromkeys(_PUBLICATION, pl.String)
    return pl.DataFrame([*publications.items()], schema=schema, orient="row")


def _of_before(
    read: ProfileReading, of_now: pl.DataFrame, seen: pl.DataFrame, pairs: pl.DataFrame
) -> list[UnusualColumn]:
    """Compare publications with those before them."""
    mine = of_now.select(_PUBLICATION).unique()
    now = read(publications=set(mine["publication"]), columns=_COMPARED)
    then = read(publications=set(of_now["reference"]), columns=_COMPARED)
    suspects = screened(now, then, of_now)
    last = measured(then.sort("at").unique(KEYS, keep="last", maintain_order=True))
    earlier, shown = seen.join(mine, on=_PUBLICATION, how="anti"), measured(now)
    given: list[UnusualColumn] = []
    clients = suspects["client_code"].unique().sort()
    for first in range(0, len(clients), _PASTS_AT_ONCE):
        some = clients[first : first + _PASTS_AT_ONCE].to_list()
        about = earlier.filter(pl.col("client_code").is_in(some))
        past = read(
            publications=set(about["publication"]),
            ai_columns=set(suspects["ai_column"]) | {_ROWS},
            columns=_COMPARED,
        )
        is_past = pairs.join(about.select(_PUBLICATION), on=_PUBLICATION, how="semi")
        failed = confirmed(suspects.filter(pl.col("client_code").is_in(some)), past, is_past)
        given += with_likeness(_named(failed, shown, last), shown, last)
    return given


def _of_others(read: ProfileReading, new: pl.DataFrame) -> list[UnusualColumn]:
    """Compare first publications with the newest ones of the other clients, by some columns."""
    if new.is_empty():
        return []
    names = [*_PUBLICATION, "at"]
    every = read(ai_columns=[_ROWS], columns=names).sort("at").unique("client_code", keep="last")
    if every.height <= ENOUGH_CLIENTS:
        return []
    firsts = {*new["publication"]}
    newest = {*every["publication"]} | firsts
    columns = read(publications=newest, columns=["ai_column"])["ai_column"].unique().sort()
    some = max(1, _PROFILES_AT_ONCE // every.height)
    parts: list[Far] = []
    for i in range(0, len(columns), some):
        rows = read(publications=newest, ai_columns=columns[i : i + some], columns=_COMPARED)
        is_large = rows.height > _ROWS_AT_ONCE
        pieces = rows.partition_by("product_code") if is_large else [rows]
        parts += [far_from_others(piece, firsts) for piece in pieces]
    failed = unlike_others(parts)
    publications, about = failed["publication"].unique(), failed["ai_column"].unique()
    shown = read(publications=publications, ai_columns=about, columns=_COMPARED)
    return _named(failed, measured(shown), None)


def _named(
    failed: pl.DataFrame, now: pl.DataFrame, before: pl.DataFrame | None
) -> list[UnusualColumn]:
    """Make one of the tests of a column."""
    places = {kind: float(place) for place, kind in enumerate(ORDER)}
    is_jump = (pl.col("kind") == "level") & (pl.col("distance") > _JUMP)
    kinds = (
        pl.when(is_jump).then(places["new"] - 0.5).otherwise(pl.col("kind").replace_strict(places))
    )
    ordered = failed.sort(*KEYS, kinds, "score", descending=[False] * 4 + [True])
    about = failed.select(KEYS).unique()
    profiles = {_key(row): row for row in now.join(about, on=KEYS, how="semi").to_dicts()}
    last = before.join(about, on=KEYS, how="semi").to_dicts() if before is not None else []
    earlier = {_key(row): row for row in last}
    given = []
    for key, tests in ordered.group_by(KEYS, maintain_order=True):
        rows = tests.unique("kind", keep="first", maintain_order=True).to_dicts()
        given.append(_column(profiles[key], earlier.get(key), rows))
    return given


def _column(
    now: Mapping[str, Any], before: Mapping[str, Any] | None, tests: Sequence[Mapping[str, Any]]
) -> UnusualColumn:
    first = tests[0]
    return UnusualColumn(
        now,
        {test["kind"]: test["score"] for test in tests},
        before=before,
        measure=first.get("measure", ""),
        usual=first.get("usual", 0.0),
        others=first.get("others", 0),
        margins={test["kind"]: (test["distance"], test["margin"]) for test in tests},
    )


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS)
