"""Reading what a data card says: of the workstation alone, and of a project where there is one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl
from deltalake import DeltaTable

from ai_dataflow.cli.card.card_facts import OF_ROWS, CardParts, Filled, MergedProfiles
from ai_dataflow.workstation.commit import CommittedFile, files_in
from ai_dataflow.workstation.dataset_versions import Version
from ai_dataflow.workstation.datasets import Dataset
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.profile_merging import merge_profiles
from ai_dataflow.workstation.profiles import of_version, scan_profiles
from ai_dataflow.workstation.readers import DatasetNotFoundError, open_version, publications_in
from ai_dataflow.workstation.reject_groups import reject_groups

SHOWN_VERSIONS = 12
_COLUMN, _PRODUCT, _CLIENT = "ai_column", "product_code", "client_code"
_KEY = (_CLIENT, _PRODUCT, _COLUMN)
_TOLD_BY = (*_KEY, "publication", "ai_type")
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
    seen = [*_last_versions(folders, module, client)]
    newest = seen[-1]
    if client and client not in newest.publications:
        raise DatasetNotFoundError(f"{module} has no published rows of {client}")
    profiles = _profiles(folders, module, newest)
    past = _past(folders, module, seen)
    return CardParts(
        module,
        folders.root.url,
        client,
        Dataset(module, folders).schema,
        [(version.version, counts) for version, counts in zip(seen, past, strict=True)],
        sum(file.rows for file in newest.files),
        len(newest.publications),
        merged(profiles) if len(profiles) else None,
        tuple(reject_groups(folders, module, client)),
        notes=tuple(_notes(newest, set(profiles[_CLIENT]))),
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


def _last_versions(folders: Folders, module: str, client: str) -> Iterator[_Seen]:
    """Give the last versions, the oldest first; those alone whose log is still there."""
    for version in reversed(Dataset(module, folders).versions(SHOWN_VERSIONS)):
        try:
            delta = open_version(folders.dataset(module), version.number, must_exist=True)
        except DatasetNotFoundError:
            continue
        yield _Seen(version, delta, client)


def _profiles(folders: Folders, module: str, newest: _Seen) -> pl.DataFrame:
    """Read the profiles of a version, as they lie there: merging asks for no order."""
    publications = {*newest.publications.values()} - {""}
    rows = scan_profiles(folders, module, newest.clients, publications).collect()
    places = rows.select(*_TOLD_BY, "at").with_row_index(_PLACE).sort("at", maintain_order=True)
    current = newest.of(places)[_PLACE].sort()
    return rows if len(current) == rows.height else rows[current]


def _past(folders: Folders, module: str, seen: Collection[_Seen]) -> list[Mapping[str, Filled]]:
    """Count the rows of each version, and the filled ones of each column."""
    publications = {name for version in seen for name in version.publications.values()} - {""}
    clients = next(version.clients for version in seen)
    rows = scan_profiles(folders, module, clients, publications)
    # What was only given other types since has been profiled twice, with the same counts.
    once = rows.group_by("publication", _PRODUCT, _COLUMN).agg(pl.col("rows", "nulls").max())
    counts = once.group_by("publication", _COLUMN).agg(pl.col("rows", "nulls").sum()).collect()
    return [_filled(counts, version.publications) for version in seen]


def _filled(counts: pl.DataFrame, publications: Mapping[str, str]) -> Mapping[str, Filled]:
    here = pl.DataFrame(
        {"publication": [*publications.values()]}, schema={"publication": pl.String}
    )
    sums = counts.join(here, on="publication", how="semi")
    sums = sums.group_by(_COLUMN).agg(pl.col("rows").sum(), pl.col("nulls").sum())
    return {column: (count, count - nulls) for column, count, nulls in sums.iter_rows()}


def merged(profiles: pl.DataFrame) -> MergedProfiles:
    """Merge the profiles of clients into those of products, and these into those of the module."""
    products = merge_profiles(profiles, (_PRODUCT, _COLUMN))
    counts = profiles.select(*_KEY, "rows", "nulls")
    has_rows = counts.filter(pl.col(_COLUMN) == OF_ROWS, pl.col("rows") > 0)
    has_values = counts.filter(pl.col("rows") > pl.col("nulls"))
    return MergedProfiles(
        products,
        merge_profiles(products, (_COLUMN,)),
        _counted(has_rows, _PRODUCT),
        _counted(has_values, _COLUMN),
        _sources(profiles),
    )


def _counted(profiles: pl.DataFrame, by: str) -> dict[str, int]:
    """Count the clients of a frame by a column."""
    counts = profiles.group_by(by).agg(pl.col(_CLIENT).n_unique())
    return dict(counts.iter_rows())


def _sources(
    profiles: pl.DataFrame,
) -> dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Give the cells and lines of the mapping by product and column; clients may have others."""
    said = profiles.select(_PRODUCT, _COLUMN, "mapping_cell", "mapping")
    said = said.filter(pl.col("mapping") != "").unique()
    by = said.group_by(_PRODUCT, _COLUMN).agg(
        pl.col(name).unique().sort() for name in ("mapping_cell", "mapping")
    )
    return {
        (product, column): (tuple(cells), tuple(lines))
        for product, column, cells, lines in by.iter_rows()
    }


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
