"""Live schemas: each source opened once, and again only when what is listed there has changed."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.config.settings import Settings, SqlConnection
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.schemas import CACHE_FILE, Look, places, read_schemas
from ai_dataflow.sources.sql import queries
from ai_dataflow.sources.united import United, content
from ai_dataflow.tables.locations import FileLocation, Location, SqlLocation

SCHEMA = pl.Schema({"No": pl.Int64, "Big": pl.Decimal(18, 4), "Seen": pl.Datetime("us", "UTC"),
                    "Tags": pl.List(pl.String), "Kind": pl.Enum(["a", "b"])})  # fmt: skip


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each source is opened for its schema."""
    counter: Counter[str] = Counter()
    files, database = open_files.Files.schema, queries.Database.schema

    def of_files(self: open_files.Files) -> pl.Schema:
        counter[self.pinned.name] += 1
        return files(self)

    def of_table(self: queries.Database, location: SqlLocation, place: str) -> pl.Schema:
        counter[str(location)] += 1
        return database(self, location, place)

    monkeypatch.setattr(open_files.Files, "schema", of_files)
    monkeypatch.setattr(queries.Database, "schema", of_table)
    return counter


def parquet(folder: Path, name: str = "a.parquet", schema: pl.Schema = SCHEMA) -> FileLocation:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(schema=schema).write_parquet(folder / name)
    return FileLocation(str(folder / name), text=name)


def read(folder: Path, *locations: Location) -> list[Look]:
    settings = Settings(folder=folder, sql={"db": SqlConnection(url="sqlite:///db.sqlite")})
    wanted = {location: f"c.csv:{i}" for i, location in enumerate(locations, start=2)}
    return list(read_schemas(wanted, settings).values())


def test_an_unchanged_source_is_opened_once_and_its_schema_survives_the_cache(
    tmp_path: Path, opened: Counter[str]
) -> None:
    location = parquet(tmp_path)
    assert [read(tmp_path, location), read(tmp_path, location)] == [[SCHEMA], [SCHEMA]]
    assert opened == {"a.parquet": 1}


def test_a_changed_source_is_opened_again(tmp_path: Path, opened: Counter[str]) -> None:
    location = parquet(tmp_path)
    read(tmp_path, location)
    other = pl.Schema({"No": pl.String})
    parquet(tmp_path, schema=other)
    assert read(tmp_path, location) == [other]
    assert opened == {"a.parquet": 2}


def test_a_file_that_joins_a_folder_is_looked_at(tmp_path: Path, opened: Counter[str]) -> None:
    parquet(tmp_path, "data/a.parquet")
    location = FileLocation(str(tmp_path / "data"), text="data")
    assert read(tmp_path, location) == [SCHEMA]
    pl.DataFrame({"No": [1]}).write_parquet(tmp_path / "data/b.parquet")
    (look,) = read(tmp_path, location)
    assert isinstance(look, United)
    assert [len(kind.schema) for kind in look.kinds] == [len(SCHEMA), 1]
    assert content(read(tmp_path, location)[0]) == content(look)  # from the cache
    assert opened == {"data": 2}


def test_a_source_that_went_away_is_not_found_in_the_cache(tmp_path: Path) -> None:
    location = parquet(tmp_path)
    read(tmp_path, location)
    Path(location.url).unlink()
    (look,) = read(tmp_path, location)
    assert isinstance(look, tuple)
    assert (look[0].code, look[0].place) == ("SRC-001", "c.csv:2")


def test_a_delta_table_is_opened_again_when_its_version_changes(
    tmp_path: Path, opened: Counter[str]
) -> None:
    location = FileLocation(str(tmp_path / "t"), text="t")
    pl.DataFrame({"No": [1]}).write_delta(location.url)
    assert read(tmp_path, location) == read(tmp_path, location) == [pl.Schema({"No": pl.Int64})]
    assert opened == {"t": 1}
    pl.DataFrame({"No": [2], "Day": ["x"]}).write_delta(
        location.url, mode="append", delta_write_options={"schema_mode": "merge"}
    )
    (look,) = read(tmp_path, location)
    assert isinstance(look, pl.Schema)
    assert list(look) == ["No", "Day"]
    assert opened == {"t": 2}


def test_what_cannot_be_read_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    cut = FileLocation(str(tmp_path / "cut.parquet"), text="cut.parquet")
    first, second = read(tmp_path, cut, parquet(tmp_path))
    assert isinstance(first, tuple)
    assert [problem.code for problem in first] == ["SRC-003"]
    assert second == SCHEMA


def test_a_table_is_asked_once_for_all_its_clients_and_every_time_anew(
    tmp_path: Path, opened: Counter[str]
) -> None:
    with sqlite3.connect(tmp_path / "db.sqlite") as connection:
        connection.execute("CREATE TABLE Claims (No INTEGER)")
    clients = [SqlLocation("db", "Claims", "", "Client", client) for client in "abc"]
    wanted = places((location, f"c.csv:{i}") for i, location in enumerate(clients, start=2))
    assert wanted == {SqlLocation("db", "Claims"): "c.csv:2"}
    for _ in range(2):
        assert read(tmp_path, *wanted) == [pl.Schema({"No": pl.Int64})]
    assert opened == {"sql://db/Claims": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"7",
        b'{"a": 1}',
        b'{"a": ["x"]}',
        b'{"schemas": 1, "locations": {}}',
        b'{"schemas": [], "locations": {"a": ["x"]}}',
    ],
    ids=[
        "empty",
        "cut",
        "not utf-8",
        "a list",
        "a number",
        "no pair",
        "half a pair",
        "no schemas",
        "half a location",
    ],
)
def test_a_broken_cache_is_ignored_and_made_anew(
    tmp_path: Path, opened: Counter[str], content: bytes
) -> None:
    cache = tmp_path / CACHE_FILE
    cache.parent.mkdir(parents=True)
    cache.write_bytes(content)
    location = parquet(tmp_path)
    for _ in range(2):
        assert read(tmp_path, location) == [SCHEMA]
    assert opened == {"a.parquet": 1}


@pytest.mark.parametrize("encoded", ["", "%%%", "AAAA", "é"])
def test_a_broken_entry_of_the_cache_is_ignored(tmp_path: Path, encoded: str) -> None:
    location = parquet(tmp_path)
    read(tmp_path, location)
    cache = tmp_path / CACHE_FILE
    content = json.loads(cache.read_text())
    cache.write_text(json.dumps({**content, "schemas": [encoded]}))
    assert read(tmp_path, location) == [SCHEMA]


@pytest.mark.parametrize("schemas", [[], ["x"] * 3])
def test_a_cache_whose_numbers_lead_nowhere_is_ignored(tmp_path: Path, schemas: list[str]) -> None:
    location = parquet(tmp_path)
    read(tmp_path, location)
    cache = tmp_path / CACHE_FILE
    content = json.loads(cache.read_text())
    cache.write_text(json.dumps({**content, "schemas": schemas}))
    assert read(tmp_path, location) == [SCHEMA]


def test_a_schema_that_many_have_is_kept_once(tmp_path: Path) -> None:
    locations = [parquet(tmp_path, f"{name}.parquet") for name in "abc"]
    assert read(tmp_path, *locations) == [SCHEMA] * 3
    assert len(json.loads((tmp_path / CACHE_FILE).read_text())["schemas"]) == 1


def test_a_project_that_cannot_be_written_to_is_read_all_the_same(
    tmp_path: Path, opened: Counter[str]
) -> None:
    location = parquet(tmp_path)
    (tmp_path / CACHE_FILE).parent.parent.write_text("a file where the folder would be")
    for _ in range(2):
        assert read(tmp_path, location) == [SCHEMA]
    assert opened == {"a.parquet": 2}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_read_all_the_same(tmp_path: Path) -> None:
    location = parquet(tmp_path)
    tmp_path.chmod(0o500)
    try:
        assert read(tmp_path, location) == [SCHEMA]
    finally:
        tmp_path.chmod(0o700)


def test_the_format_given_is_a_part_of_what_is_cached(tmp_path: Path, opened: Counter[str]) -> None:
    location = parquet(tmp_path)
    read(tmp_path, location)
    (look,) = read(tmp_path, FileLocation(location.url, "csv", "a.csv"))
    assert isinstance(look, tuple)  # it is no text
    assert opened == {"a.parquet": 1}


def test_many_sources_are_read_at_once_and_come_in_order(tmp_path: Path) -> None:
    names = [f"n{i}" for i in range(40)]
    wanted = [parquet(tmp_path, f"{name}.parquet", pl.Schema({name: pl.Int64})) for name in names]
    assert [list(look) for look in read(tmp_path, *wanted)] == [[name] for name in names]
