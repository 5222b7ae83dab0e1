"""Merging again: rows that pass in a replay, into what is published.

A product whose submodules are joined is joined anew, from the rows that were kept when it was
published: which published rows a late row belongs to, only the join can tell. All others get their
late rows under the published ones. Products without late rows stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.partition.clients import one
from ai_dataflow.partition.column_checks import check_shares, product_checks
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.merge import Merged, kept_rows, merge_product
from ai_dataflow.partition.parts import Part, Rows, counted, of_lists
from ai_dataflow.partition.recasting import losing, recast
from ai_dataflow.partition.repeated_keys import NOTHING, Before
from ai_dataflow.partition.row_checks import NUMBER
from ai_dataflow.partition.scratch import Scratch
from ai_dataflow.partition.second_stage import SecondStage, second_stage
from ai_dataflow.partition.values import MergedProduct
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.kept_rows import all_kept, scan_kept
from ai_dataflow.workstation.layout import PRODUCT_COLUMN, Folders
from ai_dataflow.workstation.list_elements import counted_names
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.reject_tables import Current

_ROWS = "\ue000rows"


@dataclass(frozen=True)
class PublishedRows:
    """What a partition was made of: the rows of each product, and those kept of joined ones."""

    job: PartitionJob
    products: Mapping[str, Rows]
    kept: Mapping[str, Mapping[str, Rows]]


def look(
    job: PartitionJob, current: Current, workstation: Folders, made_as: Mapping[str, str]
) -> PublishedRows:
    """Look at what a partition was made of.

    Rows that were made with the types of now, and that another client keeps from being published
    in them, are read in them.

    Args:
        job: the partition, as it is planned now.
        current: what it consists of.
        workstation: where.
        made_as: the types that its columns were made with, as far as that is known.

    Raises:
        DataflowError: DAT-005 where AI columns have other types now; WST-001, WST-004, WST-005.
    """
    table = workstation.dataset(job.module)
    kept: dict[str, dict[str, Rows]] = {}
    with reaching(table):
        data = scan_parquet(table, list(current.data), missing_columns="insert")
        waiting = {c.name: ai_types.to_polars(c.ai_type) for c in job.columns
                   if made_as.get(c.name) == c.ai_type}  # fmt: skip
        if not losing(data, waiting):
            data = recast(data, waiting)
        _check_types(job, data.collect_schema())
        published = data.group_by(PRODUCT_COLUMN).agg(
            pl.len().alias(_ROWS), pl.all().count(), *of_lists(data.collect_schema())
        )
        products_of = published.collect().to_dicts()
    with reaching(workstation.kept(job.module)):
        for file in all_kept(workstation, job.module, job.client):
            if file.publication == current.publication:
                rows = counted(scan_kept(file, workstation), 1)
                kept.setdefault(file.product, {})[file.submodule] = rows
    products = {}
    for row in sorted(products_of, key=lambda row: str(row[PRODUCT_COLUMN])):
        product, height = row.pop(PRODUCT_COLUMN), row.pop(_ROWS)
        frame = data.filter(pl.col(PRODUCT_COLUMN) == product).drop(PRODUCT_COLUMN)
        products[product] = Rows(
            frame, one(height), {name: one(count) for name, count in row.items()}
        )
    return PublishedRows(job, products, kept)


def _check_types(job: PartitionJob, schema: pl.Schema, kept_of: str = "") -> None:
    """Make sure that rows have the types of now, as published or as `kept_of` a product.

    What is kept has the columns that are not published, too.
    """
    rows = [row for source in job.sources for row in source.mappings]
    types = {column.name: column.ai_type for column in job.columns}
    types |= {row.ai_column: row.ai_type for row in rows if row.technical and kept_of}
    for name, ai_type in types.items():
        now, then = ai_types.to_polars(ai_type), schema.get(name)
        if then is not None and then != now:
            how = "kept" if kept_of else "published"
            what = f"{name} is {how} as {then}, and now it is {ai_type}"
            cells = (row.place("ai_type") for row in rows if row.ai_column == name)
            raise not_replayable(kept_of, "", what, next(cells, ""))


def remerge(
    published: PublishedRows, late: Sequence[Part], space: Scratch
) -> dict[str, MergedProduct]:
    """Merge late rows into what is published; give every product as it is from now on.

    Raises:
        DataflowError: DAT-005 where that cannot be done, and as `merge_product`.
    """
    names = sorted({*published.products, *(part.source.product for part in late)})
    return {
        product: _product(product, published, parts, space)
        for product in names
        for parts in [[part for part in late if part.source.product == product]]
    }


def _product(
    product: str, published: PublishedRows, late: list[Part], space: Scratch
) -> MergedProduct:
    rows = published.products.get(product, Rows(pl.LazyFrame(), one(0), {}))
    kept = published.kept.get(product, {})
    if not late:
        return MergedProduct(rows.frame, one(0), rows.filled, kept, rows.height)
    columns, sources = published.job.columns, published.job.by_product()[product]
    second = second_stage((published.job,), product)
    checks = product_checks(columns, sources, second)
    has_keys = any(check.on_repeats for check in checks)
    if kept:
        _check_kept(sources, kept, rows, published.job, second, space)
        parts = _with_late_rows(sources, kept, late)
        ends = [_end(part.source, kept) for part in parts]
        done = merge_product(parts, checks, space, Before(ends) if has_keys else NOTHING, second)
        _check(done.broken)
        left_out = _of_late(parts, kept, late, done)
        _check(check_shares(columns, product, done.filled, done.height))
        base = sum((piece.height for piece in kept.values()), one(0))
        kept = kept_rows(parts, done)
        return MergedProduct(
            done.rows, done.rows_merged, done.filled, kept, base, left_out, done.further,
            done.not_found,
        )  # fmt: skip
    if len(keyed := [source for source in sources if source.key_columns]) > 1:
        what = "it is joined, and the rows that it was made of are not kept any more, or never were"
        cell = next(row.place("is_key") for row in keyed[-1].mappings if row.is_key)
        raise not_replayable(product, "", what, cell)
    before = Before(rows=rows.frame) if has_keys and rows.height.any() else NOTHING
    done = merge_product(late, checks, space, before, second)
    _check(done.broken)
    frames = [rows.frame, done.rows] if rows.height.any() else [done.rows]
    filled = {
        name: rows.filled.get(name, one(0)) + done.filled.get(name, one(0))
        for name in dict.fromkeys((*rows.filled, *done.filled))
    }
    _check(check_shares(columns, product, filled, rows.height + done.height))
    together = pl.concat(frames, how="diagonal")
    return MergedProduct(together, done.rows_merged, filled, {}, rows.height, done.left_out)


def _check(problems: Mapping[int, Diagnostic]) -> None:
    """Refuse a replay after which the dictionary would not hold."""
    if problems:
        raise DataflowError(*problems.values())


def _end(source: SourceJob, kept: Mapping[str, Rows]) -> int:
    """Tell how many of a source's rows are published: the first ones, in a replay."""
    return int(kept[source.submodule].height[0]) if source.submodule in kept else 0


def _of_late(
    parts: Sequence[Part], kept: Mapping[str, Rows], late: Sequence[Part], merged: Merged
) -> tuple[pl.DataFrame, ...]:
    """Give for each late part which of its rows are part of joined rows alone that fail a check.

    Raises:
        DataflowError: DAT-005 where a row would be left out that is published.
    """
    if not merged.left_out:
        return ()
    by_source = {part.source.key: rows for part, rows in zip(parts, merged.left_out, strict=True)}
    ends = {part.source.key: _end(part.source, kept) for part in parts}
    for part in parts:
        if by_source[part.source.key].filter(pl.col(NUMBER) < ends[part.source.key]).height:
            what = "rows that passed before would fail what the sheet and the dictionary say now"
            raise not_replayable(part.source.product, part.source.submodule, what)
    left_out = []
    for part in late:
        begin, end = ends[part.source.key], ends[part.source.key] + int(part.height[0])
        mine = by_source[part.source.key].filter(pl.col(NUMBER).is_between(begin, end, "left"))
        left_out.append(mine.with_columns(pl.col(NUMBER) - begin))
        ends[part.source.key] = end
    return tuple(left_out)


def _check_kept(
    sources: Sequence[SourceJob],
    kept: Mapping[str, Rows],
    rows: Rows,
    job: PartitionJob,
    second: SecondStage | None,
    space: Scratch,
) -> None:
    """Make sure that the kept rows, merged as the sheet is now, are the rows that are published.

    They are not if keys or columns have changed since, or what is computed of them, or where
    somebody removed a file: a replay would change rows that are published, and nothing else would
    tell.
    """
    product, place = sources[0].product, sources[0].place
    if gone := set(kept) - {source.submodule for source in sources}:
        what = "the control table has it no more, and it is joined"
        raise not_replayable(product, min(gone), what, place)
    for piece in kept.values():
        _check_types(job, piece.frame.collect_schema(), product)
    parts = _with_late_rows(sources, kept, [])
    made = merge_product(parts, (), space, second=second)
    height = int(made.height[0])
    values = [(made.filled.get(c.name, 0), rows.filled.get(c.name, 0)) for c in job.columns]
    if height != int(rows.height[0]) or any(now != then for now, then in values):
        what = (
            f"the rows that it was made of give {height} rows as the sheet is now, of which "
            f"{rows.height[0]} are published, or other values: keys or columns have changed since, "
            "or kept rows are gone"
        )
        raise not_replayable(product, "", what, place)
    if second and height:
        _check_computed(second, job, made.rows, rows.frame)


def _check_computed(
    second: SecondStage, job: PartitionJob, made: pl.LazyFrame, published: pl.LazyFrame
) -> None:
    """Make sure that what is computed of a joined product's rows is what is published of them."""
    # In the order in which they are computed. A column that is new has no values, as was counted.
    names = [name for name in second.names if name in published.collect_schema()]
    now, then = (_hashes(rows, names) for rows in (made, published))
    if now != then:
        other = [name for name in names if now[name] != then[name]] or names
        what = f"the sheet computes other values for {listing(other)} of rows that are published"
        cells = {row.ai_column: row.cell for row in job.computed[second.product]}
        raise not_replayable(second.product, "", what, cells[other[0]])


def _hashes(rows: pl.LazyFrame, columns: Sequence[str]) -> dict[str, int]:
    """Give a number for the values of each column, and of all together, in whatever order."""
    if not columns:
        return {}
    each = [pl.col(name).hash().sum() for name in columns]
    both = rows.select(*each, pl.struct(columns).hash().sum().alias(_ROWS))
    return both.collect().row(0, named=True)


def _with_late_rows(
    sources: Sequence[SourceJob], kept: Mapping[str, Rows], late: Sequence[Part]
) -> list[Part]:
    """Give a product's sources as they would have been, had the late rows passed at once."""
    parts = []
    for source in sources:
        rows = [kept[source.submodule]] if source.submodule in kept else []
        rows += [part.good for part in late if part.source.submodule == source.submodule]
        if rows:
            parts.append(_part(source, rows))
    return parts


def _part(source: SourceJob, rows: Sequence[Rows]) -> Part:
    types = {row.ai_column: ai_types.to_polars(row.ai_type) for row in source.mappings}
    frames = []
    for piece in rows:
        # A column that the sheet has got since is null in the rows from before.
        added = [
            pl.lit(None, dtype).alias(name)
            for name, dtype in types.items()
            if name not in piece.filled
        ]
        frames.append(piece.frame.with_columns(added).select(list(types)))
    filled = {
        name: sum((piece.filled.get(name, one(0)) for piece in rows), one(0))
        for name in counted_names(types)
    }
    height = sum((piece.height for piece in rows), one(0))
    return Part(source, source.key_columns, pl.concat(frames), height, filled)


def not_replayable(product: str, submodule: str, what: str, place: str = "") -> DataflowError:
    """Rejects that need a run, not a replay."""
    subject = " · ".join(filter(None, (product, submodule)))
    return DataflowError(
        Diagnostic(
            "DAT-005",
            f"{f'{subject}: ' if subject else ''}{what}",
            place=place,
            fix="run the partition: a run reads its sources anew",
            product=product,
            submodule=submodule,
        )
    )
