"""The tables of profiles: which publications they have; reading those from their files alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow import Workstation
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.profile_tables import add_profiles, write_profiles
from ai_dataflow.workstation.profiles import PUBLICATIONS, SCHEMA, ProfileTable, open_profiles

NIGHT = datetime(2025, 1, 1, tzinfo=UTC)
COLUMNS = ("", "amount", "city")
# The clients of each file, with the night of their publications; one has two, one is made again.
FILES = ((("a", 0), ("b", 0)), (("c", 0),), (("a", 1), ("d", 1)), (("b", 0), ("c", 1)))


def profiles_of(made: Sequence[tuple[str, int]], file: int) -> pl.DataFrame:
    """Make the profiles of some clients' publications."""
    rows = [
        {
            "client_code": client,
            "product_code": "P",
            "ai_column": column,
            "publication": f"{client}{night}",
            "at": NIGHT + timedelta(days=night, hours=file),
            "ai_type": "float64" if column else "",
            "rows": 100 + file,
            "quantiles": [float(file), float(night)],
        }
        for column in COLUMNS
        for client, night in made
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


@pytest.fixture
def place(tmp_path: Path) -> Folders:
    """Give a workstation with the profiles of `FILES`."""
    folders = Workstation(tmp_path)._folders
    for number, made in enumerate(FILES):
        file = write_profiles(folders.profiles("sales"), profiles_of(made, number))
        add_profiles(folders, "sales", [file], Writer(""))
    return folders


def test_publications_are_told_file_by_file(place: Folders) -> None:
    table = open_profiles(place, "sales")
    told = table.publications
    assert told.schema == PUBLICATIONS
    assert {*told["file"]} == {*table.files}
    assert told["file"].is_sorted()
    assert told["profiles"].to_list() == [len(COLUMNS)] * sum(map(len, FILES))
    names = ["client_code", "publication", "at"]
    assert_frame_equal(
        told.select(names), table.read(columns=names).unique(), check_row_order=False
    )


@pytest.mark.parametrize("wanted", [["a0"], ["a0", "b0", "d1"], ["c0", "c1"], ["nobody"], []])
@pytest.mark.parametrize("ai_columns", [None, ["amount"], ["", "city"]])
def test_of_publications_all_is_read(
    place: Folders, wanted: list[str], ai_columns: list[str] | None
) -> None:
    table = open_profiles(place, "sales")
    expected = table.read(publications=wanted, ai_columns=ai_columns)
    assert_frame_equal(table.of(wanted, ai_columns), expected, check_row_order=False)
    few = ["publication", "quantiles"]
    assert_frame_equal(
        table.of(wanted, ai_columns, few), expected.select(few), check_row_order=False
    )


def test_only_files_that_have_them_are_read(place: Folders) -> None:
    """Else each question costs as much as all of the history."""
    table = open_profiles(place, "sales")
    names = {*table.publications.filter(pl.col("publication").is_in(["a0", "c0"]))["file"]}
    assert len(names) == 2
    for file in {*table.files} - names:
        Path(table.folder.join(file)).unlink()
    assert table.of(["a0", "c0"]).height == 2 * len(COLUMNS)


def test_a_table_that_is_none_has_no_publications(tmp_path: Path) -> None:
    table = open_profiles(Workstation(tmp_path)._folders, "sales")
    assert table == ProfileTable(table.folder, ())
    assert table.publications.is_empty()
    assert_frame_equal(table.of(["a0"]), pl.DataFrame(schema=SCHEMA))
