"""How many rows files that clients share have of each: counted once, whoever asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources import client_rows
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.sources.survey import Survey, each
from ai_dataflow.sources.united import United, Wanted
from ai_dataflow.tables.locations import FileLocation, Location, files_of


@dataclass(frozen=True)
class ClientCounts:
    """Rows of files by client.

    `rows` are those of the clients that were asked for, as the column spells them; `others` counts
    clients beside these and `other_rows` their rows, `strays` the rows of nobody. `column` is the
    column that tells them apart.
    """

    rows: Mapping[str, int]
    others: int
    other_rows: int
    strays: int
    column: str
    holds_numbers: bool


Counted = ClientCounts | tuple[Diagnostic, ...]


def count_clients(
    wanted: Mapping[Location, str],
    asked: Mapping[Location, Collection[str]],
    settings: Settings,
    seen: Survey,
) -> dict[Location, Counted]:
    """Count the rows of the clients in files, several at once.

    Args:
        wanted: files with a client column and no client, each with a control table cell.
        asked: the clients that are asked for, as the files spell them.
        settings: for accounts.
        seen: what a survey saw there.
    """

    def look(location: Location, place: str) -> ClientCounts:
        listing = cast(Listing, seen[files_of(location)])
        files = open_files.opened(listing.pin(place, settings), place, settings)
        with files.reading():
            return _counted(files, cast(FileLocation, location), place, asked[location])

    return each(wanted, look)


def _counted(
    files: Files, location: FileLocation, place: str, asked: Collection[str]
) -> ClientCounts:
    schema = files.schema()
    column, dtype = client_rows.client_column(location.client_column, schema, location, place)
    strays, counts = 0, Counter[str]()
    nulls = client_rows.nulls_of(location)
    for value, height, is_stray in _groups(files, column, schema, nulls):
        if is_stray:
            strays += height
        else:
            counts[value] += height
    if not files.is_scanned:
        strays += sum(map(len, files.malformed.values()))
    rows = {client: counts.pop(client, 0) for client in asked}
    holds_numbers = not client_rows.is_text(dtype)
    return ClientCounts(rows, len(counts), counts.total(), strays, column, holds_numbers)


def _groups(
    files: Files, column: str, schema: pl.Schema, nulls: Collection[str]
) -> list[tuple[str, int, bool]]:
    """Give each value of the column, its rows, and whether these are nobody's."""
    dtype = schema[column]
    wanted = Wanted(pl.Schema({column: dtype}), differ=isinstance(schema, United))
    if not files.is_scanned:
        frames = [
            _by_value(rows.lazy(), column, dtype, nulls).collect()
            for _, rows in files.rows_by_file(wanted)
        ]
    else:
        frames = [_by_value(files.rows(wanted), column, dtype, nulls).collect(engine="streaming")]
    return [row for frame in frames for row in frame.rows()]


def _by_value(
    rows: pl.LazyFrame, column: str, dtype: pl.DataType, nulls: Collection[str]
) -> pl.LazyFrame:
    counted = rows.select(named(column)).group_by(named(column)).len("\ue000rows")
    text = named(column).cast(pl.String)
    is_stray = client_rows.is_stray(column, dtype, nulls)
    return counted.select(text, "\ue000rows", is_stray.alias("\ue000no"))
