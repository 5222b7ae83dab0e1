"""How often a clean night is called unusual, and how many faults are found.

`python -m bench.drift` prints both.

It makes histories of publications from a seed, profiles them, and asks of each night what is
unusual, as a run does. Then it puts each fault of `drift_faults` into one night of each history.
The thresholds of `workstation/margins.py` were chosen with the seeds 1, 2, 3 and 11; the
seed that is reported by default is none of these.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ai_dataflow.runs.unusual_columns import UnusualColumn
from ai_dataflow.runs.unusual_search import unusual_columns
from bench.drift_clients import Client, night
from bench.drift_faults import FAULTS, LEAST_ROWS, Fault
from bench.drift_profiles import Publication, profiled

NIGHTS, SETTLED = 60, 21  # faults come when a client is known for three weeks
REPORTED = 12
_OF_TWO = 0.3  # of the clients, so many have two products


@dataclass
class Histories:
    """Profiles of clean nights, and of the same with a fault, by night and fault."""

    clean: list[pl.DataFrame]
    faulty: dict[tuple[int, str], pl.DataFrame] = field(default_factory=dict)


@dataclass
class Outcome:
    """What was called unusual: of clean nights their number, of each fault whether it was."""

    nights: int = 0
    alarms: list[tuple[int, UnusualColumn]] = field(default_factory=list)
    found: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))

    @property
    def alarm_share(self) -> float:
        """The share of clean partition-nights with any alarm."""
        return len({(number, one.now["client_code"]) for number, one in self.alarms}) / self.nights

    @property
    def found_share(self) -> float:
        """The share of the faults that were found."""
        every = [one for several in self.found.values() for one in several]
        return sum(every) / len(every)


def histories(seed: int, count: int, nights: int = NIGHTS) -> Histories:
    """Make the histories of clients, some of two products, and one of each fault in each."""
    clients = [_Simulated(seed, number, nights) for number in range(count)]
    made = Histories([])
    for number in range(nights):
        published = [(client.name, client.publication(number)) for client in clients]
        made.clean.append(profiled(published, night(number)))
        for kind, fault in FAULTS.items():
            broken = [
                (client.name, client.broken(products, fault))
                for client, (_, products) in zip(clients, published, strict=True)
                if client.faults[kind] == number and products["P"].height >= LEAST_ROWS
            ]
            if broken:
                made.faulty[number, kind] = profiled(broken, night(number))
    return made


class _Simulated:
    """A client of a module: its products, and the nights in which faults come."""

    def __init__(self, seed: int, number: int, nights: int) -> None:
        self._draw = np.random.default_rng(seed * 1_000 + number)
        products = ("P", "Q")[: 1 + int(self._draw.random() < _OF_TWO)]
        self._products = {
            product: Client(seed * 100_000 + number * 2 + place)
            for place, product in enumerate(products)
        }
        self.name = f"c{number:03d}"
        self.faults = {kind: int(self._draw.integers(SETTLED, nights)) for kind in FAULTS}

    def publication(self, number: int) -> Publication:
        """Give the rows of a night, by product."""
        return {product: one.publication(number) for product, one in self._products.items()}

    def broken(self, products: Publication, fault: Fault) -> Publication:
        """Give the same rows with a fault in the first product."""
        return {**products, "P": fault.change(products["P"], self._draw)}


@dataclass(frozen=True)
class KeptProfiles:
    """Profiles that are in a frame, as those that are in a table."""

    rows: pl.DataFrame

    @property
    def publications(self) -> pl.DataFrame:
        """Tell which publications there are."""
        names = ["client_code", "publication", "at"]
        counted = self.rows.group_by(names, maintain_order=True).agg(profiles=pl.len())
        return counted.cast({"profiles": pl.Int64})

    def of(
        self,
        publications: Collection[str],
        ai_columns: Collection[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Give the profiles of publications."""
        rows = self.rows.filter(pl.col("publication").is_in([*publications]))
        if ai_columns is not None:
            rows = rows.filter(pl.col("ai_column").is_in([*ai_columns]))
        return rows.select(rows.columns if columns is None else columns)


def judged(made: Histories) -> Outcome:
    """Ask of each night what is unusual, and of each fault."""
    outcome = Outcome()
    for number, now in enumerate(made.clean):
        before = made.clean[:number]
        outcome.nights += now["client_code"].n_unique()
        outcome.alarms += [(number, one) for one in _found(now, before)]
        for kind in FAULTS:
            broken = made.faulty.get((number, kind))
            if broken is not None:
                outcome.found[kind] += _whether(broken, before, FAULTS[kind].columns)
    return outcome


def _found(now: pl.DataFrame, before: Sequence[pl.DataFrame]) -> list[UnusualColumn]:
    clients = now["client_code"].unique()
    past = [rows.filter(pl.col("client_code").is_in(clients.to_list())) for rows in before]
    last = _publications(past[-1]) if past else {}
    return unusual_columns(KeptProfiles(pl.concat([*past, now])), _publications(now), last)


def _publications(profiles: pl.DataFrame) -> Mapping[str, str]:
    return dict(profiles.select("client_code", "publication").unique().iter_rows())


def _whether(
    broken: pl.DataFrame, before: Sequence[pl.DataFrame], columns: Collection[str]
) -> Iterator[bool]:
    """Tell of each client with a fault whether one of the columns is named."""
    named = {
        one.now["client_code"]
        for one in _found(broken, before)
        if one.now["product_code"] == "P" and one.now["ai_column"] in columns
    }
    return (client in named for client in broken["client_code"].unique().sort())


def lines(outcome: Outcome) -> Iterator[str]:
    """Give the table of docs/unusual.md."""
    yield f"clean partition-nights with an alarm: {outcome.alarm_share:.2%} of {outcome.nights:,}"
    yield f"faults found: {outcome.found_share:.1%} of {sum(map(len, outcome.found.values())):,}"
    yield "| fault | size | found |"
    yield "|---|---|---:|"
    for kind, fault in FAULTS.items():
        several = outcome.found[kind]
        yield f"| {kind} | {fault.size} | {sum(several) / max(len(several), 1):.1%} |"


def main() -> None:
    """Print the figures; of a seed of yours with `--seed`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=REPORTED)
    parser.add_argument("--clients", type=int, default=200)
    given = parser.parse_args()
    outcome = judged(histories(given.seed, given.clients))
    print("\n".join(lines(outcome)))
    print(Counter(one.kind for _, one in outcome.alarms))
    print(sorted(Counter(number for number, _ in outcome.alarms).items()))


if __name__ == "__main__":
    main()
