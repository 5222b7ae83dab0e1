"""What is unusual of what a run published of a module: the tests that fail, one for each column.

It reads profiles, as little of them as it can: those of the publications and of a few earlier ones
first, the rest only of columns that are suspect.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from ai_dataflow.runs.drift import confirmed, screened
from ai_dataflow.runs.other_clients import Far, compared_measures, far_from_others, unlike_others
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
_PASTS_AT_ONCE = 100  # clients whose past is looked at
# Profiles that are in memory; what is compared with other clients of them is a tenth as large.
_PROFILES_AT_ONCE, _MEASURES_AT_ONCE = 5_000, 75_000
# Nobody compares the hashes of values, which are the half of a profile.
_COMPARED = [name for name in SCHEMA if name != "hashes"]


class Profiles(Protocol):
    """The profiles of one module, as `ProfileTable` has them."""

    @property
    def publications(self) -> pl.DataFrame:
        """Tell which publications there are."""

    def of(
        self,
        publications: Collection[str],
        ai_columns: Collection[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Read the profiles of publications."""


def unusual_columns(
    profiles: Profiles, published: Mapping[str, str], before: Mapping[str, str]
) -> list[UnusualColumn]:
    """Find what is unusual of publications.

    Profiles are large: those of some clients are looked at, then those of the next.

    Args:
        profiles: those of the module.
        published: the publication of each client.
        before: the publication that readers saw before, of each client that had one.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    every = profiles.publications
    given, new = list[UnusualColumn](), list[pl.DataFrame]()
    for mine in _portions(every.join(_pairs(published), on=_PUBLICATION, how="semi")):
        seen = _seen(every, mine, before)
        pairs = references(seen)
        of_now = pairs.join(mine, on=_PUBLICATION, how="semi")
        new.append(mine.join(of_now, on="client_code", how="anti"))
        if of_now.height:
            given += _of_before(profiles, of_now, seen, pairs)
    given.sort(key=lambda column: column.key)
    return [*given, *_of_others(profiles, pl.concat(new))] if new else []


def _portions(publications: pl.DataFrame, share: float = 1.0) -> list[pl.DataFrame]:
    """Cut publications where so many profiles are enough; those of a file stay together.

    Args:
        publications: as profiles have them, file by file.
        share: what is read of each.
    """
    counted = publications.group_by(_PUBLICATION, maintain_order=True).agg(
        pl.col("at").min(), pl.col("profiles").sum()
    )
    portion = (pl.col("profiles").cum_sum() * share / _PROFILES_AT_ONCE).floor().alias("portion")
    return counted.with_columns(portion).partition_by("portion", include_key=False)


def _seen(every: pl.DataFrame, mine: pl.DataFrame, before: Mapping[str, str]) -> pl.DataFrame:
    """Give the publications of some clients: those now, with the last before them.

    What was made since the one that readers saw before was never published.
    """
    names = [*_PUBLICATION, "at"]
    of_clients = every.join(mine, on="client_code", how="semi")
    made = of_clients.group_by(_PUBLICATION).agg(pl.col("at").min())
    seen = made.join(mine.select(names), on="client_code", suffix="_now")
    last = made.join(_pairs(before), on=_PUBLICATION).select(
        "client_code", pl.col("at").alias("last")
    )
    until = pl.coalesce("last", "at_now")
    is_earlier = (pl.col("at") <= until) & (pl.col("at") < pl.col("at_now"))
    earlier = seen.join(last, on="client_code", how="left").filter(is_earlier).sort("at")
    some = earlier.select(names).group_by("client_code").tail(HISTORY).select(names)
    return pl.concat([some, mine.select(names)])


def _pairs(publications: Mapping[str, str]) -> pl.DataFrame:
    schema = dict.fromkeys(_PUBLICATION, pl.String)
    return pl.DataFrame([*publications.items()], schema=schema, orient="row")


def _of_before(
    profiles: Profiles, of_now: pl.DataFrame, seen: pl.DataFrame, pairs: pl.DataFrame
) -> list[UnusualColumn]:
    """Compare publications with those before them."""
    mine = of_now.select(_PUBLICATION).unique()
    now = measured(profiles.of(mine["publication"], columns=_COMPARED))
    then = measured(profiles.of(of_now["reference"].unique(), columns=_COMPARED))
    suspects = screened(now, then, of_now)
    last = then.sort("at").unique(KEYS, keep="last", maintain_order=True)
    earlier = seen.join(mine, on=_PUBLICATION, how="anti")
    given: list[UnusualColumn] = []
    clients = suspects["client_code"].unique().sort()
    for first in range(0, len(clients), _PASTS_AT_ONCE):
        some = clients[first : first + _PASTS_AT_ONCE].to_list()
        about = earlier.filter(pl.col("client_code").is_in(some))
        past = profiles.of(about["publication"], {*suspects["ai_column"], _ROWS}, columns=_COMPARED)
        is_past = pairs.join(about.select(_PUBLICATION), on=_PUBLICATION, how="semi")
        of_some = suspects.filter(pl.col("client_code").is_in(some))
        failed = confirmed(of_some, measured(past), is_past)
        given += with_likeness(_named(failed, now, last), now, last)
    return given


def _of_others(profiles: Profiles, new: pl.DataFrame) -> list[UnusualColumn]:
    """Compare first publications with the newest ones of the other clients, by some columns."""
    every = profiles.publications
    newest = every.sort("at").unique("client_code", keep="last")
    if new.is_empty() or newest.height <= ENOUGH_CLIENTS:
        return []
    current = every.join(pl.concat([newest, new], how="diagonal"), on=_PUBLICATION, how="semi")
    firsts = {*new["publication"]}
    parts: list[Far] = []
    for columns, share in _columns_of(profiles, current):
        some = [
            compared_measures(profiles.of(portion["publication"], columns, _COMPARED))
            for portion in _portions(current, share)
        ]
        parts.append(far_from_others(pl.concat(some), firsts))
    failed = unlike_others(parts)
    publications, about = failed["publication"].unique(), failed["ai_column"].unique()
    shown = profiles.of(publications, about, _COMPARED)
    return _named(failed, measured(shown), None)


def _columns_of(
    profiles: Profiles, publications: pl.DataFrame
) -> Iterator[tuple[list[str], float]]:
    """Give the AI columns of publications, so many at a time, and what share of all they are."""
    names = profiles.of(publications["publication"], columns=["ai_column"])["ai_column"].unique()
    columns = names.sort().to_list()
    some = max(1, _MEASURES_AT_ONCE * len(columns) // int(publications["profiles"].sum()))
    for first in range(0, len(columns), some):
        part = columns[first : first + some]
        yield part, len(part) / len(columns)


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
