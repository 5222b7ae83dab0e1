"""Putting a data card together: what was read of a workstation and a project in, the card out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from ai_dataflow.cli.card.card_values import (
    CardColumn,
    CardProduct,
    CardVersion,
    DataCard,
    Figures,
    Frequent,
    Looks,
    Moved,
    Owner,
    ProductColumn,
    RejectsByReason,
)
from ai_dataflow.config.grouped import grouped
from ai_dataflow.workstation.dataset_schema import DatasetColumn
from ai_dataflow.workstation.dataset_versions import Version
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN
from ai_dataflow.workstation.reject_groups import RejectGroup
from ai_dataflow.workstation.relations import IS_KEY, REFERENCES, VALID_FROM

if TYPE_CHECKING:
    from ai_dataflow.planning.coverage import Coverage

OF_ROWS = ""  # the name under which a profile counts the rows of a product
_TOLD_APART = ("unit", "sensitivity", IS_KEY, REFERENCES, VALID_FROM)
_FIGURES = (
    "distinct", "distinct_error", "least", "greatest", "mean", "deviation", "length_least",
    "length_greatest", "length_mean",
)  # fmt: skip

Filled = tuple[int, int]  # rows, and those of them with a value


@dataclass(frozen=True)
class MergedProfiles:
    """The profiles of a version: merged over clients, and over products as well.

    `clients` counts by product those that have rows, `filling` by column those that have values.
    `sources` are by product and column the cells and the lines of the mapping, `distances` by
    column those from an earlier version, as `workstation.distances` has them.
    """

    products: pl.DataFrame
    columns: pl.DataFrame
    clients: Mapping[str, int]
    filling: Mapping[str, int]
    sources: Mapping[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]]
    distances: pl.DataFrame


@dataclass(frozen=True)
class ProjectParts:
    """What a project says of a module: who owns what, and which product maps which column."""

    owners: tuple[Owner, ...] = ()
    coverage: Coverage | None = None


@dataclass(frozen=True)
class CardParts:
    """What was read for a card.

    `versions` are the last ones, the oldest first, each with the rows and the filled ones of its
    columns, as far as its profiles are there. `rows` and `clients` are those of the newest.
    """

    module: str
    workstation: str
    client: str
    schema: Sequence[DatasetColumn]
    versions: Sequence[tuple[Version, Mapping[str, Filled]]]
    rows: int
    clients: int
    merged: MergedProfiles | None = None
    rejects: Sequence[RejectGroup] = ()
    project: ProjectParts = field(default_factory=ProjectParts)
    notes: tuple[str, ...] = ()


def data_card(parts: CardParts, *, is_open: bool = False) -> DataCard:
    """Put a card together.

    Args:
        parts: what was read.
        is_open: show the values of columns too that the dictionary calls sensitive.
    """
    version = parts.versions[-1][0]
    coverage = parts.project.coverage
    return DataCard(
        module=parts.module,
        workstation=parts.workstation,
        client=parts.client,
        version=version.number,
        published=version.at,
        run_id=version.run_id,
        rows=parts.rows,
        clients=parts.clients,
        products=_products(parts.merged),
        columns=tuple(_columns(parts, is_open=is_open)),
        versions=tuple(_version(v, seen) for v, seen in parts.versions),
        left_out=_left_out(parts.rejects),
        owners=parts.project.owners,
        covered=coverage.ratio if coverage else None,
        notes=parts.notes,
    )


def _products(merged: MergedProfiles | None) -> tuple[CardProduct, ...]:
    if merged is None:
        return ()
    rows = merged.products.filter(pl.col("ai_column") == OF_ROWS)
    return tuple(
        CardProduct(product, count, merged.clients.get(product, 0))
        for product, count in rows.sort("product_code").select("product_code", "rows").iter_rows()
    )


def _version(version: Version, seen: Mapping[str, Filled]) -> CardVersion:
    rows = seen[OF_ROWS][0] if OF_ROWS in seen else None
    return CardVersion(version.number, version.at, version.run_id, rows)


def _columns(parts: CardParts, *, is_open: bool) -> Iterable[CardColumn]:
    merged, coverage = parts.merged, parts.project.coverage
    columns = {row["ai_column"]: row for row in merged.columns.to_dicts()} if merged else {}
    rows = merged.products.to_dicts() if merged else []
    products = grouped(rows, lambda row: row["ai_column"])
    moves = {row["ai_column"]: _moved(row) for row in merged.distances.to_dicts()} if merged else {}
    for column in parts.schema:
        if column.name in (PRODUCT_COLUMN, PARTITION_COLUMN):
            continue
        of_column = columns.get(column.name, {})
        others = {name: text for name, text in column.notes.items() if name not in _TOLD_APART}
        card = CardColumn(
            column.name,
            of_column.get("ai_type") or str(column.type).lower(),
            column.description,
            column.unit,
            column.sensitivity,
            column.is_key,
            column.references,
            column.valid_from,
            others,
            _figures(of_column),
            merged.filling.get(column.name, 0) if merged else 0,
            tuple(
                _product(merged, row, coverage) for row in products.get(column.name, ()) if merged
            ),
            tuple(_share(seen.get(column.name)) for _, seen in parts.versions),
            moves.get(column.name),
        )
        yield _hidden(card) if column.is_sensitive and not is_open else card


def _moved(row: Mapping[str, Any]) -> Moved:
    return Moved(**{name: row[name] for name in ("distribution", "categories", "new", "vanished")})


def _product(
    merged: MergedProfiles, row: Mapping[str, Any], coverage: Coverage | None
) -> ProductColumn:
    product, column = row["product_code"], row["ai_column"]
    cells, mappings = merged.sources.get((product, column), ((), ()))
    covers = coverage.cells.get(column, {}) if coverage else {}
    return ProductColumn(product, _figures(row), cells, mappings, covers.get(product, ""))


def _figures(row: Mapping[str, Any]) -> Figures:
    """Give what a row of a profile says; nothing where there is none."""
    if not row:
        return Figures()
    looks = row.get("looks")
    return Figures(
        rows=row["rows"],
        filled=row["rows"] - row["nulls"],
        **{name: row[name] for name in _FIGURES},
        quantiles=tuple(row["quantiles"] or ()),
        frequent=tuple(Frequent(one["value"], one["rows"]) for one in row["frequent"] or ()),
        looks=Looks(**looks) if looks and any(n is not None for n in looks.values()) else None,
    )


def _share(filled: Filled | None) -> float | None:
    return filled[1] / filled[0] if filled and filled[0] else None


def _hidden(column: CardColumn) -> CardColumn:
    """Give a column without anything that is a value of a row."""
    return replace(
        column,
        figures=_without_values(column.figures),
        products=tuple(replace(p, figures=_without_values(p.figures)) for p in column.products),
        is_hidden=True,
    )


def _without_values(figures: Figures) -> Figures:
    return Figures(
        figures.rows, figures.filled, figures.distinct, figures.distinct_error, looks=figures.looks
    )


def _left_out(rejects: Iterable[RejectGroup]) -> tuple[RejectsByReason, ...]:
    """Count open rejects by reason, product and column; the most first."""
    groups = grouped(
        (group for group in rejects if group.state == "open"),
        lambda group: (
            group.reason,
            group.product,
            group.ai_column or "",
            group.mapping_cell or "",
        ),
    )
    counted = [
        RejectsByReason(
            reason, alike[0].title, product, column, cell,
            sum(group.rows for group in alike), len({group.partition for group in alike}),
        )
        for (reason, product, column, cell), alike in groups.items()
    ]  # fmt: skip
    return tuple(sorted(counted, key=lambda it: (-it.rows, it.reason, it.product, it.ai_column)))
