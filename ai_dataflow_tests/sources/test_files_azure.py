"""Files in a storage account as sources: found, pinned and read as local ones are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.sources.files import open_files
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.delta_tables import actions, added, logged, renamed, with_ids
from ai_dataflow_tests.sources.lake import ACCOUNT, ROWS

SUFFIXES = (
    ".parquet",
    ".csv",
    ".csv.gz",
    ".jsonl",
    ".jsonl.gz",
    ".json",
    ".json.gz",
    ".xlsx",
    ".avro",
)


@pytest.fixture
def container(azurite: Azurite) -> str:
    return azurite.create_container(ACCOUNT)


@pytest.fixture(params=["azure", "local"])
def place(
    request: pytest.FixtureRequest, azurite: Azurite, container: str, tmp_path: Path
) -> Place:
    """Give a place for files, once in a storage account and once on this machine."""
    return Place(azurite, container if request.param == "azure" else "", tmp_path)


class Place:
    """A folder that files can be put into, and its location."""

    def __init__(self, server: Azurite, container: str, folder: Path) -> None:
        self.server, self.container, self.folder = server, container, folder
        self.settings = lake.with_key(server)

    def put(self, path: str, rows: pl.DataFrame = ROWS) -> None:
        """Write rows; a path without a suffix is a Delta table."""
        if self.container:
            return lake.upload(self.server, self.container, path, rows)
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if "." in file.name:
            file.write_bytes(lake.content(file.name, rows))
        else:
            rows.write_delta(file)
        return None

    def url(self, path: str) -> str:
        """Give the location of a path."""
        return lake.url(self.container, path) if self.container else str(self.folder / path)

    def load(self, path: str) -> pl.DataFrame:
        """Read what is at a path."""
        return lake.load(self.url(path), self.settings)

    def paths(self, path: str) -> list[str]:
        """Give what a path finds, relative to what is certain of it."""
        return [file.path for file in lake.pin(self.url(path), self.settings).files]

    def refusal(self, path: str) -> str:
        """Give the code by which a path is refused."""
        return lake.refusal(self.url(path), self.settings).code


def test_a_sheet_is_named_after_its_file(place: Place) -> None:
    place.put("claims/a.xlsx")
    place.put("claims/b.xlsx")
    assert place.load("claims/a.xlsx#Rows").equals(ROWS)
    assert len(place.load("claims/*.xlsx#Rows")) == 2 * len(ROWS)
    assert place.refusal("claims/a.xlsx#Lines") == "SRC-003"
    assert place.refusal("claims/c.xlsx#Rows") == "SRC-001"


@pytest.mark.parametrize("suffix", [*SUFFIXES, ""])
def test_every_format_is_read(place: Place, suffix: str) -> None:
    place.put(f"claims/rows{suffix}")
    assert place.load(f"claims/rows{suffix}").cast({"n": pl.Int64}).equals(ROWS)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_and_a_glob_are_all_their_files(place: Place, suffix: str) -> None:
    for name in ("2", "1", "deep/3"):
        place.put(f"claims/{name}{suffix}", pl.DataFrame({"n": [name[-1]]}))
    for location, numbers in {"claims": "123", "claims/*": "12", "claims/**/[13].*": "13"}.items():
        assert "".join(map(str, place.load(location)["n"])) == numbers


NAMES = ["two words", "ünï日本", "no #5 b", "50%", "a%20b", "a+b&c=d", "it's (1)", "semi;colon, x"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_names_may_have_blanks_and_signs(place: Place, name: str, suffix: str) -> None:
    place.put(f"our lake/{name}{suffix}")
    place.put(f"our lake/{name}/part{suffix}")
    for location in (f"our lake/{name}{suffix}", f"our lake/{name}", f"our lake/{name}/*"):
        assert place.load(location).height == 2


@pytest.mark.parametrize("name", ["two words", "ünï日本", "no #5 b", "50%", "a+b"])
def test_delta_tables_may_have_such_names_too(place: Place, name: str) -> None:
    place.put(f"{name}/table")
    assert place.load(f"{name}/table").height == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ["rows[1]", "a*"])
def test_a_location_is_a_name_before_it_is_a_glob(place: Place, name: str, suffix: str) -> None:
    place.put(f"x/{name}{suffix}")
    place.put(f"x/rows1{suffix}")
    place.put(f"x/ab{suffix}")
    assert place.load(f"x/{name}{suffix}").height == 2


@pytest.mark.parametrize("name", ["rows [1].csv", "what?.csv"])
def test_a_sign_of_globs_in_a_name_is_matched_by_a_glob(place: Place, name: str) -> None:
    place.put(f"x/{name}")
    glob = name.replace("[", "[[]") if "[" in name else name
    assert place.load(f"x/{glob}").height == 2


def _hive(place: Place, suffix: str, folders: dict[str, int]) -> None:
    for folder, number in folders.items():
        place.put(f"claims/{folder}/part{suffix}", pl.DataFrame({"n": [number]}))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_folders_that_hive_names_are_columns(place: Place, suffix: str) -> None:
    _hive(place, suffix, {
        "year=2026/name=a%20b": 1, "year=2026/name=x": 2,
        "year=__HIVE_DEFAULT_PARTITION__/name=": 3,
    })  # fmt: skip
    rows = place.load("claims").sort("n").select(pl.col("n").cast(pl.Int64), "year", "name")
    assert rows.rows() == [(1, "2026", "a b"), (2, "2026", "x"), (3, None, "")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_the_location_itself_says_is_no_column(place: Place, suffix: str) -> None:
    _hive(place, suffix, {"year=2026/month=01": 1, "year=2025/month=01": 2})
    rows = place.load("claims/year=2026")
    assert set(rows.columns) == {"n", "month"}
    assert rows["month"].to_list() == ["01"]
    assert set(place.load("claims/year=*/month=01/*").columns) == {"n", "year", "month"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_column_of_the_file_has_to_have_the_value_of_its_folder(
    place: Place, suffix: str
) -> None:
    def put(name: str, *values: str) -> None:
        rows = pl.DataFrame({"n": range(len(values)), "year": values})
        place.put(f"{name}/year=of%20both/part{suffix}", rows)

    put("same", "of both", "of both")
    assert place.load("same")["year"].to_list() == ["of both", "of both"]
    put("other", "of both", "of the file")
    assert place.refusal("other") == "SRC-061"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("other", ["month=01", "plain", "year=1/month=01"])
def test_a_column_that_only_some_folders_name_is_refused_where_it_is_read(
    place: Place, suffix: str, other: str
) -> None:
    _hive(place, suffix, {"year=2026": 1, other: 2})
    assert place.refusal("claims") == "SRC-010"


def test_a_delta_table_with_partitions_has_their_columns(
    azurite: Azurite, container: str, tmp_path: Path
) -> None:
    rows = ROWS.with_columns(year=pl.lit("2026"))
    rows.write_delta(tmp_path, delta_write_options={"partition_by": ["year"]})
    azurite.upload_folder(ACCOUNT, container, tmp_path, "table/")
    given = lake.with_key(azurite)
    assert lake.load(lake.url(container, "table"), given).sort("n").equals(rows)


@pytest.mark.parametrize("marker", ["claims", "claims/year=2026", "claims/empty"])
def test_the_empty_blob_in_a_folders_place_is_no_data(
    azurite: Azurite, container: str, marker: str
) -> None:
    """As `hadoop fs -mkdir` and the storage explorer leave them."""
    lake.upload(azurite, container, "claims/year=2026/part.parquet")
    lake.upload(azurite, container, "claims/empty/part.parquet")
    azurite.upload(ACCOUNT, container, marker, b"")
    given = lake.with_key(azurite)
    for location in ("claims", "claims/", "claims/empty"):
        extract = lake.pin(lake.url(container, location), given)
        assert all(file.size for file in extract.files)
    assert lake.load(lake.url(container, "claims/empty"), given).height == 2


@pytest.mark.parametrize(
    ("path", "code"),
    [("no.csv", "SRC-001"), ("no", "SRC-001"), ("no/*.csv", "SRC-001"), ("zero.csv", "SRC-002"),
     ("mixed", "SRC-003"), ("hidden", "SRC-001"), ("cut.csv", "SRC-004")],
)  # fmt: skip
def test_what_is_not_there_or_no_data_is_refused(place: Place, path: str, code: str) -> None:
    for name in ("mixed/a.csv", "mixed/b.parquet", "hidden/_SUCCESS.csv", "hidden/.x/a.csv"):
        place.put(name)
    if place.container:
        place.server.upload(ACCOUNT, place.container, "zero.csv", b"")
        place.server.upload(ACCOUNT, place.container, "cut.csv", b"n\n1\n2")
    else:
        (place.folder / "zero.csv").touch()
        (place.folder / "cut.csv").write_text("n\n1\n2")
    assert place.refusal(path) == code


def test_a_container_itself_may_be_a_location(azurite: Azurite, container: str) -> None:
    lake.upload(azurite, container, "a.csv")
    given = lake.with_key(azurite)
    for location in ("", "*.csv", "**"):
        assert lake.load(lake.url(container, location), given).height == 2


def test_a_container_may_be_a_delta_table(azurite: Azurite, container: str, tmp_path: Path) -> None:
    ROWS.write_delta(tmp_path)
    azurite.upload_folder(ACCOUNT, container, tmp_path)
    assert lake.load(lake.url(container), lake.with_key(azurite)).height == 2


def _anew(azurite: Azurite, container: str, path: str) -> None:
    azurite.upload(ACCOUNT, container, path, azurite.download(ACCOUNT, container, path))


def _gone(azurite: Azurite, container: str, path: str) -> None:
    azurite.delete(ACCOUNT, container, path)


@pytest.mark.parametrize("change", [_anew, _gone])
@pytest.mark.parametrize("number", [1, 9])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl.gz"])
def test_a_blob_that_changed_since_it_was_listed_is_refused(
    azurite: Azurite,
    container: str,
    suffix: str,
    number: int,
    change: Callable[[Azurite, str, str], None],
) -> None:
    for name in range(number):
        lake.upload(azurite, container, f"x/{name}{suffix}")
    given = lake.with_key(azurite)
    extract = lake.pin(lake.url(container, "x"), given)
    change(azurite, container, f"x/0{suffix}")
    with pytest.raises(DataflowError) as error:
        lake.read(extract, given)
    assert [problem.code for problem in error.value.diagnostics] == ["SRC-005"]


@pytest.mark.parametrize(
    ("path", "asked"), [("x/0.csv", {"HEAD": 1}), ("x", {"HEAD": 1, "GET": 1}), ("x/*", {"GET": 1})]
)
def test_a_source_is_found_in_a_request_or_two(
    azurite: Azurite, container: str, path: str, asked: dict[str, int]
) -> None:
    for name in range(5):
        azurite.upload(ACCOUNT, container, f"x/{name}.csv", b"n\n1\n")
    before = len(azurite.requests(container))
    lake.pin(lake.url(container, path), lake.with_key(azurite))
    assert Counter(r.method for r in azurite.requests(container)[before:]) == asked


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_hundreds_of_files_are_listed_once_before_and_once_after(
    azurite: Azurite, container: str, suffix: str
) -> None:
    number = 300 if suffix == ".parquet" else 40
    rows = lake.content(f"x{suffix}")
    for name in range(number):
        azurite.upload(ACCOUNT, container, f"x/{name:03}{suffix}", rows)
    before = len(azurite.requests(container))
    given = lake.with_key(azurite)
    assert lake.load(lake.url(container, "x"), given).height == 2 * number
    asked = azurite.requests(container)[before:]
    assert sum(request.is_listing for request in asked) == 2
    of_files = Counter(r.path for r in asked if r.path.endswith(suffix))
    assert len(of_files) == number
    assert max(of_files.values()) <= (5 if suffix == ".parquet" else 3)
    assert of_files.total() <= 3.2 * number  # what looks at the first of some looks at few


def test_partition_values_are_those_between_location_and_file() -> None:
    found = open_files.partition_values("a=1/b=x%2Fy/plain/c=__HIVE_DEFAULT_PARTITION__/=v/d=.csv")
    assert found == {"a": "1", "b": "x/y", "c": None}


def test_a_delta_table_with_features_is_read_in_an_account(
    azurite: Azurite, container: str, tmp_path: Path
) -> None:
    """Column mapping, partitions that only the log knows, timestamps, a name with blanks."""
    fields = [renamed("n", "long", 1, "col-1"), renamed("day", "date", 2, "col-2"),
              renamed("at", "timestamp", 3, "col-3")]  # fmt: skip
    mode, moment = {"delta.columnMapping.mode": "id"}, datetime(9999, 12, 31, tzinfo=UTC)
    rows = with_ids(pa.table({"col-1": [1, 2], "col-3": [moment, None]}), 1, 3)
    (tmp_path / "x y").mkdir()
    file = added(tmp_path, "x y/a.parquet", rows, partitionValues={"col-2": "2025-01-31"})
    file["add"]["path"] = "x%20y/a.parquet"
    logged(tmp_path, [*actions(fields, ["columnMapping"], mode, ["day"]), file])
    azurite.upload_folder(ACCOUNT, container, tmp_path, "a table/")
    found = lake.load(lake.url(container, "a table"), lake.with_key(azurite), "delta")
    assert found.rows() == [(1, date(2025, 1, 31), moment), (2, date(2025, 1, 31), None)]
