"""Reading what a data card says: of the workstation alone, and of a project where there is one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from deltalake import DeltaTable

from ai_dataflow.cli.card.card_facts import CardParts, Filled
from ai_dataflow.cli.card.card_profiles import BOTH, NOW, SIDE, THEN, merged
from ai_dataflow.workstation.commit import CommittedFile, files_in
from ai_dataflow.workstation.dataset_versions import Version
from ai_dataflow.workstation.datasets import Dataset
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.profiles import of_version, open_profiles
from ai_dataflow.workstation.reaching import reading_back
from ai_dataflow.workstation.readers import DatasetNotFoundError, open_version, publications_in
from ai_dataflow.workstation.reject_groups import reject_groups

SHOWN_VERSIONS = 12
_COLUMN, _PRODUCT, _CLIENT = "ai_column", "product_code", "client_code"
_KEY = (_CLIENT, _PRODUCT, _COLUMN)
_TOLD_BY = (*_KEY, "publication", "ai_type")
_NOT_SHOWN = ("run_id", "computation")
_PLACE = "\ue000place"
_NO_PROFILE = (
    'This version has no profile: its module has `profile = "off"`, or it was published by an '
    "older version of ai_dataflow. Figures of its columns come with the next publication."
)


def read_card(folders: Folders, module: str, client: str = "") -> CardParts:
    """Read what the workstation has for a module's card, or for that of one of its clients.

    Raises:
        DatasetNotFoundError: nothing is published under that name, or of that client.
        DataflowError: the workstation does not let us in.
    """
    seen = _last_versions(folders, module, client)
    newest = seen[-1]
    if client and client not in newest.publications:
        raise DatasetNotFoundError(f"{module} has no published rows of {client}")
    past = _past(folders, module, seen)
    profiles, sketches = _profiles(folders, module, newest, _first_profiled(seen, past))
    is_now = pl.col(SIDE) != THEN
    profiled = profiles.select(_CLIENT, SIDE).filter(is_now)[_CLIENT]
    with reading_back(folders.profiles(module)):
        together = merged(profiles, sketches) if len(profiled) else None
    return CardParts(
        module,
        folders.root.url,
        client,
        Dataset(module, folders).schema,
        [(version.version, counts) for version, counts in zip(seen, past, strict=True)],
        sum(file.rows for file in newest.files),
        len(newest.publications),
        together,
        tuple(reject_groups(folders, module, client)),
        notes=tuple(_notes(newest, set(profiled))),
    )


@dataclass(frozen=True)
class _Seen:
    """A version of a dataset, and what readers of it see of the clients that are asked for."""

    version: Version
    delta: DeltaTable
    client: str

    @cached_property
    def publications(self) -> dict[str, str]:
        """The publication of each client."""
        shown = publications_in(self.delta).items()
        return {client: name for client, name in shown if self.client in ("", client)}

    @property
    def clients(self) -> list[str] | None:
        """The client that is asked for; None for all."""
        return [self.client] if self.client else None

    @cached_property
    def files(self) -> tuple[CommittedFile, ...]:
        """The data files."""
        return tuple(f for f in files_in(self.delta) if self.client in ("", f.client))

    def of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give those rows of profiles that are of this version."""
        return of_version(rows, self.delta)


def _last_versions(folders: Folders, module: str, client: str) -> list[_Seen]:
    """Give the last versions, the oldest first; those alone whose log is still there."""

    def seen(version: Version) -> _Seen | None:
        try:
            delta = open_version(folders.dataset(module), version.number, must_exist=True)
        except DatasetNotFoundError:
            return None
        return _Seen(version, delta, client)

    versions = [*reversed(Dataset(module, folders).versions(SHOWN_VERSIONS))]
    with ThreadPoolExecutor(SHOWN_VERSIONS) as threads:  # each waits for the log to be read
        return [version for version in threads.map(seen, versions) if version]


def _first_profiled(seen: Sequence[_Seen], past: Sequence[Mapping[str, Filled]]) -> _Seen:
    """Give the first version of which there are profiles: the newest is compared with it."""
    return next((version for version, counts in zip(seen, past, strict=True) if counts), seen[-1])


def _profiles(
    folders: Folders, module: str, newest: _Seen, first: _Seen
) -> tuple[pl.DataFrame, pl.LazyFrame]:
    """Read the profiles of two versions, as they lie there, each marked with whose it is.

    Merging asks for no order, and to choose among rows is to copy all that they have. Their
    sketches are more than all the rest: the second frame reads them, in the order of the first.
    """
    publications = {*newest.publications.values(), *first.publications.values()} - {""}
    scanned = open_profiles(folders, module).scan(newest.clients, publications)
    with reading_back(folders.profiles(module)):
        rows = scanned.drop(*_NOT_SHOWN, "hashes").collect()
    places = rows.select(*_TOLD_BY, "at").with_row_index(_PLACE).sort("at", maintain_order=True)
    is_now, is_then = (
        _marks(version.of(places)[_PLACE], rows.height) for version in (newest, first)
    )
    side = (
        pl.when(is_now & is_then).then(pl.lit(BOTH)).when(is_now).then(pl.lit(NOW))
        .when(is_then).then(pl.lit(THEN))
    )  # fmt: skip
    marked, sketches = rows.with_columns(side.alias(SIDE)), scanned.select("distinct", "hashes")
    if not marked[SIDE].null_count():
        return marked, sketches
    kept = marked.with_row_index(_PLACE).drop_nulls(SIDE)
    wanted = sketches.with_row_index(_PLACE).filter(pl.col(_PLACE).is_in([*kept[_PLACE]]))
    return kept.drop(_PLACE), wanted.drop(_PLACE)


def _marks(places: pl.Series, height: int) -> pl.Series:
    """Tell of so many rows which are in some places."""
    marks = np.zeros(height, dtype=np.bool_)
    marks[places.to_numpy()] = True
    return pl.Series(marks)


def _past(folders: Folders, module: str, seen: Collection[_Seen]) -> list[Mapping[str, Filled]]:
    """Count the rows of each version, and the filled ones of each column."""
    publications = {name for version in seen for name in version.publications.values()} - {""}
    clients = next(version.clients for version in seen)
    rows = open_profiles(folders, module).scan(clients, publications)
    # What was only given other types since has been profiled twice, with the same counts.
    once = rows.group_by("publication", _PRODUCT, _COLUMN).agg(pl.col("rows", "nulls").max())
    with reading_back(folders.profiles(module)):
        sums = once.group_by("publication", _COLUMN).agg(pl.col("rows", "nulls").sum())
        counts = sums.collect(engine="streaming")
    return [_filled(counts, version.publications) for version in seen]


def _filled(counts: pl.DataFrame, publications: Mapping[str, str]) -> Mapping[str, Filled]:
    here = pl.DataFrame(
        {"publication": [*publications.values()]}, schema={"publication": pl.String}
    )
    sums = counts.join(here, on="publication", how="semi")
    sums = sums.group_by(_COLUMN).agg(pl.col("rows").sum(), pl.col("nulls").sum())
    return {column: (count, count - nulls) for column, count, nulls in sums.iter_rows()}


def _notes(newest: _Seen, profiled: Collection[str]) -> Iterable[str]:
    """Say what the card lacks."""
    clients = newest.publications.keys()
    lacking = sorted(clients - profiled)
    if clients and not profiled:
        yield _NO_PROFILE
    elif lacking:
        yield (
            f"{len(lacking)} of {len(clients)} clients have no profile, so their rows are not in "
            f"the figures of columns: {', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}."  # noqa: PLR2004
        )
