"""What is unusual of what a run published of a module: the tests that fail, one for each column.

It reads profiles, as little of them as it can: those of the publications and of a few earlier ones
first, the rest only of columns that are suspect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from ai_dataflow.runs.drift import confirmed, screened
from ai_dataflow.runs.other_clients import unlike_others
from ai_dataflow.runs.unusual_columns import UnusualColumn, with_likeness
from ai_dataflow.workstation.distances import KEYS, measured
from ai_dataflow.workstation.nights import HISTORY, references

_PUBLICATION = ["client_code", "publication"]
# Of several tests of one column that fail, the first says the most.
ORDER = ("rows", "encoding", "looks", "signs", "nulls", "new", "vanished", "level", "filled",
         "distinct", "lengths", "categories", "distribution")  # fmt: skip


_ROWS = ""  # the AI column of profiles that are of rows as such
_JUMP = 1.0  # of sizes, as a logarithm: what is new then is so because of the unit
_CLIENTS_AT_ONCE = 100  # whose past is looked at


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

    Args:
        read: reads the module's profiles.
        published: the publication of each client.
        before: the publication that readers saw before, of each client that had one.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    now = read(publications=set(published.values()))
    if now.is_empty():
        return []
    seen = _publications(read, now, before)
    pairs = references(seen)
    of_now = pairs.join(now.select(_PUBLICATION).unique(), on=_PUBLICATION, how="semi")
    then = read(publications=set(of_now["reference"]))
    new = now.join(then.select("client_code"), on="client_code", how="anti")
    return [*_of_before(read, now, then, seen, pairs), *_of_others(read, new)]


def _publications(
    read: ProfileReading, now: pl.DataFrame, before: Mapping[str, str]
) -> pl.DataFrame:
    """Give the publications of the clients, those now and the last before them.

    What was made since the one that readers saw before was never published.
    """
    names = [*_PUBLICATION, "at"]
    mine = now.select(names).unique(_PUBLICATION)
    clients = set(mine["client_code"])
    every = read(clients=clients, ai_columns=[_ROWS], columns=names).unique(_PUBLICATION)
    seen = every.join(mine, on="client_code", suffix="_now")
    shown = pl.DataFrame(
        [*before.items()], schema=dict.fromkeys(_PUBLICATION, pl.String), orient="row"
    )
    last = every.join(shown, on=_PUBLICATION).select("client_code", pl.col("at").alias("last"))
    until = pl.coalesce("last", "at_now")
    is_earlier = (pl.col("at") <= until) & (pl.col("at") < pl.col("at_now"))
    earlier = seen.join(last, on="client_code", how="left").filter(is_earlier).sort("at")
    return pl.concat(
        [earlier.select(names).group_by("client_code").tail(HISTORY).select(names), mine]
    )


def _of_before(
    read: ProfileReading,
    now: pl.DataFrame,
    then: pl.DataFrame,
    seen: pl.DataFrame,
    pairs: pl.DataFrame,
) -> list[UnusualColumn]:
    """Compare publications with those before them."""
    mine = now.select(_PUBLICATION).unique()
    suspects = screened(now, then, pairs.join(mine, on=_PUBLICATION))
    last = measured(then.sort("at").unique(KEYS, keep="last", maintain_order=True))
    earlier, shown = seen.join(mine, on=_PUBLICATION, how="anti"), measured(now)
    given: list[UnusualColumn] = []
    clients = suspects["client_code"].unique().sort()
    for first in range(0, len(clients), _CLIENTS_AT_ONCE):
        some = clients[first : first + _CLIENTS_AT_ONCE].to_list()
        about = earlier.filter(pl.col("client_code").is_in(some))
        past = read(
            publications=set(about["publication"]), ai_columns=set(suspects["ai_column"]) | {_ROWS}
        )
        is_past = pairs.join(about.select(_PUBLICATION), on=_PUBLICATION, how="semi")
        failed = confirmed(suspects.filter(pl.col("client_code").is_in(some)), past, is_past)
        given += with_likeness(_named(failed, shown, last), shown, last)
    return given


def _of_others(read: ProfileReading, new: pl.DataFrame) -> list[UnusualColumn]:
    """Compare first publications with the newest ones of the other clients."""
    if new.is_empty():
        return []
    names = [*_PUBLICATION, "at"]
    newest = read(ai_columns=[_ROWS], columns=names).sort("at").unique("client_code", keep="last")
    failed = unlike_others(new, read(publications=set(newest["publication"])))
    return _named(failed, measured(new), None)


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
