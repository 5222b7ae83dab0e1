"""Data files: fresh names, true counts, invisible until they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.data_files import write_batches, write_partition

ROWS = pl.DataFrame({"n": [1, 2], "s": ["x", None]})


def test_a_partitions_file_lies_where_delta_looks_for_it_under_a_fresh_name(tmp_path: Path) -> None:
    files = [write_partition(ROWS.lazy(), Folder(str(tmp_path)), "USA")[0] for _ in range(2)]
    assert files[0].path != files[1].path
    for file in files:
        assert file.path.startswith("client_code=USA/")
        assert (file.rows, file.size) == (2, (tmp_path / file.path).stat().st_size)
        assert pl.read_parquet(tmp_path / file.path, hive_partitioning=False).equals(ROWS)


def test_many_rows_become_several_files_in_their_order(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": range(2_500)})
    files = write_partition(rows.lazy(), Folder(str(tmp_path)), "USA", rows_per_file=1_000)
    assert [file.rows for file in files] == [1_000, 1_000, 500]
    assert all(file.path.startswith("client_code=USA/") for file in files)
    read = [pl.read_parquet(tmp_path / f.path, hive_partitioning=False) for f in files]
    assert pl.concat(read).equals(rows)


def test_batches_become_one_file(tmp_path: Path) -> None:
    batches = [ROWS, ROWS.clear(), ROWS]
    file = write_batches(batches, Folder(str(tmp_path / "new")), "copy.parquet")
    assert (file.path, file.rows) == ("copy.parquet", 4)
    assert pl.read_parquet(tmp_path / "new" / "copy.parquet").equals(pl.concat([ROWS, ROWS]))


def test_batches_that_stop_halfway_leave_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[pl.DataFrame]:
        yield ROWS
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_batches(broken(), Folder(str(tmp_path)), "copy.parquet")
    assert list(tmp_path.iterdir()) == []
