"""Footers tell what a reader finds, whatever the values are."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.connections.stores import Folder
from ai_dataflow.partition import counting
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.data_files import DataFile, write_partition
from ai_dataflow.workstation.file_statistics import ROWS, VALUES, by_file
from ai_dataflow.workstation.footers import row_groups
from ai_dataflow.workstation.layout import PRODUCT_COLUMN
from ai_dataflow_tests.partition.effort import settings_of

LONG = "x" * 300
FLOATS = st.sampled_from([float("nan"), float("inf"), -0.0, 0.0, 1.5])
VALUES_OF: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=5) | st.sampled_from([LONG, LONG + "y", "", "\U0010ffff" * 70]),
    "binary": st.binary(max_size=5) | st.just(b"\xff" * 300),
    "boolean": st.booleans(),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float32": FLOATS,
    "float64": FLOATS,
    "decimal(38,4)": st.decimals(-(10**33), 10**33, places=4, allow_nan=False),
    "date": st.dates(),
    "timestamp": st.datetimes(timezones=st.none()),
}
Counted = tuple[int, dict[str, int]]
PRODUCTS = st.sampled_from(["orion", "vega", LONG, LONG + "y"])


@st.composite
def _frames(draw: st.DrawFn) -> pl.DataFrame:
    """Draw rows of a dataset, sorted by product as they are written; some columns are all null."""
    products = sorted(draw(st.lists(PRODUCTS, max_size=12)))
    height = len(products)
    columns = []
    for ai_type, values in VALUES_OF.items():
        cells = draw(st.lists(st.none() | values, min_size=height, max_size=height))
        nothing = draw(st.booleans()) and draw(st.booleans())
        dtype = ai_types.to_polars(ai_type)
        columns.append(pl.Series(ai_type, [None] * height if nothing else cells, dtype))
    return pl.DataFrame([*columns, pl.Series(PRODUCT_COLUMN, products, pl.String())])


def _read(rows: pl.DataFrame) -> dict[str, Counted]:
    """Count rows and values by product, as a reader finds them."""
    return {
        str(product): (of.height, {name: of[name].count() for name in of.columns})
        for (product,), of in rows.partition_by(
            PRODUCT_COLUMN, as_dict=True, include_key=False
        ).items()
    }


def _tallied(table: Folder, file: DataFile, large: int = 0) -> pl.DataFrame:
    """Tally a file as a large one is, by its footer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "LARGE", large)
        return counting.tally(table, [file])


def _summed(table: Folder, file: DataFile, columns: list[str]) -> dict[str, Counted]:
    tallied = _tallied(table, file).select(PRODUCT_COLUMN, f"^({ROWS}|{VALUES}.*)$")
    of_product = tallied.group_by(PRODUCT_COLUMN).sum()
    return {
        row[PRODUCT_COLUMN]: (row[ROWS], {name: row[VALUES + name] for name in columns})
        for row in of_product.iter_rows(named=True)
    }


def _statistics(table: Folder, file: DataFile, large: int) -> str:
    """Give the file's statistics for the log."""
    return "".join(by_file(_tallied(table, file, large), counting._FILE).values())


@settings_of()
@given(_frames(), st.integers(1, 7), st.sampled_from(["zstd", "lz4", "uncompressed"]))
def test_footers_tell_what_a_reader_finds(rows: pl.DataFrame, size: int, packed: Any) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        rows.lazy().sink_parquet(path, row_group_size=size, compression=packed)
        file = DataFile("a.parquet", path.stat().st_size, rows.height)
        assert _summed(Folder(folder), file, [*VALUES_OF]) == _read(pl.read_parquet(path))
        groups = row_groups(Folder(folder), file)
        assert sum(group.rows for group in groups) == rows.height
        for group in groups:
            part = rows.slice(group.begin, group.rows)
            assert group.product in (None, *part[PRODUCT_COLUMN].unique())
            if group.product is not None:
                assert part[PRODUCT_COLUMN].n_unique() == 1
                assert group.values == {name: part[name].count() for name in part.columns}


@settings_of()
@given(_frames(), st.integers(1, 7))
def test_footers_tell_the_ranges_that_a_reader_finds(rows: pl.DataFrame, size: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        rows.lazy().sink_parquet(path, row_group_size=size)
        file = DataFile("a.parquet", path.stat().st_size, rows.height)
        told, found = (_statistics(Folder(folder), file, large) for large in (0, 1_000))
        assert told == found


def test_a_year_that_nobody_can_write_costs_a_large_file_its_ranges_alone(tmp_path: Path) -> None:
    days = pl.Series([3_000_000, 0], dtype=pl.Int32).cast(pl.Date)
    rows = pl.DataFrame({"day": days, PRODUCT_COLUMN: ["orion", "orion"]})
    rows.write_parquet(tmp_path / "a.parquet")
    file = DataFile("a.parquet", (tmp_path / "a.parquet").stat().st_size, 2)
    told = json.loads(_statistics(Folder(str(tmp_path)), file, 0))
    assert told == {"numRecords": 2, "nullCount": {"day": 0, PRODUCT_COLUMN: 0}}


def test_a_group_of_two_products_is_left_open(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": [1, None, 3, 4], PRODUCT_COLUMN: ["orion", "orion", "orion", "vega"]})
    rows.write_parquet(tmp_path / "a.parquet", row_group_size=2)
    file = DataFile("a.parquet", (tmp_path / "a.parquet").stat().st_size, 4)
    one, two = row_groups(Folder(str(tmp_path)), file)
    assert (one.product, one.rows, dict(one.values)) == ("orion", 2, {"n": 1, PRODUCT_COLUMN: 2})
    assert (two.product, two.begin, two.rows) == (None, 2, 2)


def test_what_says_nothing_of_nulls_is_left_open(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": [1, None], PRODUCT_COLUMN: ["orion", "orion"]})
    rows.write_parquet(tmp_path / "a.parquet", statistics=False)
    file = DataFile("a.parquet", (tmp_path / "a.parquet").stat().st_size, 2)
    (group,) = row_groups(Folder(str(tmp_path)), file)
    assert group.product is None
    assert _summed(Folder(str(tmp_path)), file, ["n"]) == {"orion": (2, {"n": 1})}


def test_large_files_as_they_are_written(tmp_path: Path) -> None:
    number = pl.int_range(1_200_000, eager=True)
    rows = pl.DataFrame({
        "n": number.set(number % 3 == 0, None),
        PRODUCT_COLUMN: pl.select(pl.when(number < 700_001).then(pl.lit("orion"))
                                  .otherwise(pl.lit("vega"))).to_series(),
    })  # fmt: skip
    table = Folder(str(tmp_path))
    (file,) = write_partition(rows.lazy(), table, "USA", rows_per_file=2_000_000)
    open_groups = [group for group in row_groups(table, file) if group.product is None]
    assert len(open_groups) <= 1
    assert _summed(table, file, ["n"]) == _read(rows)


def test_nothing_is_said_of_the_range_of_floats_in_a_large_file(tmp_path: Path) -> None:
    """A footer's range passes over NaNs, which are greater than all for some readers."""
    rows = pl.DataFrame({"f": [1.0, float("nan")], PRODUCT_COLUMN: ["orion", "orion"]})
    rows.write_parquet(tmp_path / "a.parquet")
    file = DataFile("a.parquet", (tmp_path / "a.parquet").stat().st_size, 2)
    told = json.loads(_statistics(Folder(str(tmp_path)), file, 0))
    assert told == {"numRecords": 2, "nullCount": {"f": 0, PRODUCT_COLUMN: 0}}
