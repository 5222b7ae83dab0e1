"""Rows for training: streams of one version, shared by workers; PyTorch and Hugging Face.

Neither is among what the tests need. Where they are installed, theirs are run, with real ones.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from ai_dataflow import Workstation
from ai_dataflow.config.extras import is_installed
from ai_dataflow.workstation import outputs
from ai_dataflow.workstation.datasets import Dataset
from ai_dataflow.workstation.readers import DatasetNotFoundError
from ai_dataflow.workstation.row_streams import RowStream
from ai_dataflow_tests.workstation.tables import publish_as

CLIENTS = [f"c{number}" for number in range(5)]
has_torch = pytest.mark.skipif(not is_installed("torch"), reason="torch is not installed")
has_datasets = pytest.mark.skipif(not is_installed("datasets"), reason="datasets is not installed")


def _rows(number: int) -> pl.DataFrame:
    return pl.DataFrame({
        "n": range(number * 10, number * 10 + 3),
        "f": [0.5, None, 1.5],
        "s": ["x", None, "z"],
        "d": [date(1970, 1, 2)] * 3,
        "b": [True, False, True],
    })  # fmt: skip


@pytest.fixture
def sales(tmp_path: Path) -> Dataset:
    """Give a dataset of five clients with three rows each."""
    publish_as(tmp_path, "sales", {client: _rows(n) for n, client in enumerate(CLIENTS)})
    return Workstation(tmp_path / "workstation")["sales"]


def _stream(sales: Dataset, transform: Any = None, **options: Any) -> RowStream:
    return sales._stream(options.pop("client", None), ["n"], 2, transform, options)


def _numbers(frames: Iterator[pl.DataFrame]) -> list[int]:
    return [number for frame in frames for number in frame["n"]]


def _double(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("n") * 2)


def test_a_stream_gives_all_rows_in_batches_each_time(sales: Dataset) -> None:
    stream = _stream(sales)
    frames = list(stream.frames())
    assert max(frame.height for frame in frames) == 2
    rows = _numbers(iter(frames))
    assert sorted(rows) == [n * 10 + more for n in range(5) for more in range(3)]
    assert _numbers(stream.frames()) == rows
    assert sorted(_numbers(_stream(sales, _double).frames())) == sorted(n * 2 for n in rows)
    assert stream.empty().schema == {"n": pl.Int64}


def test_workers_share_the_clients(sales: Dataset) -> None:
    stream = _stream(sales)
    shares = [stream.share(worker, 3) for worker in range(3)]
    assert sorted(client for share in shares for client in share) == CLIENTS
    parts = [_numbers(stream.frames(share)) for share in shares]
    assert sorted(number for part in parts for number in part) == sorted(_numbers(stream.frames()))
    assert stream.share(7, 8) == ()
    assert _numbers(stream.frames(())) == []


def test_a_stream_stays_with_its_version(sales: Dataset, tmp_path: Path) -> None:
    stream = _stream(sales)
    publish_as(tmp_path, "sales", {"c0": {"n": [-1]}, "c9": {"n": [-2]}}, run_id="run-2")
    assert min(_numbers(stream.frames())) == 0
    assert min(_numbers(_stream(sales).frames())) == -2
    assert _numbers(_stream(sales, client="c0", version=0).frames()) == [0, 1, 2]
    with pytest.raises(DatasetNotFoundError, match="c9"):
        _stream(sales, client=["c9"], version=0)


def test_another_process_reads_a_copy_does_not(
    sales: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = _stream(sales, client=["c1"])
    sent = pickle.dumps(stream)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(RuntimeError, match='multiprocessing_context="forkserver"'):
        list(stream.frames())
    assert _numbers(pickle.loads(sent).frames()) == [10, 11, 12]  # noqa: S301 - it is ours


def test_an_extra_that_is_missing_is_told_with_its_line(
    sales: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "is_installed", lambda _: False)
    with pytest.raises(ImportError, match=r"pip install 'ai_dataflow\[torch\]'"):
        sales.to_torch()
    with pytest.raises(ImportError, match=r"pip install 'ai_dataflow\[datasets\]'"):
        sales.to_datasets()
    with pytest.raises(ImportError, match="pip install duckdb"):
        sales.duckdb()


class _Frame(list[Any]):
    """What stands in for Spark's frame: it notes what is asked of it."""

    def __getitem__(self, name: Any) -> Any:
        return SimpleNamespace(isin=lambda clients: (name, clients))

    def where(self, condition: Any) -> _Frame:
        return _Frame([*self, condition])

    def select(self, *columns: str) -> _Frame:
        return _Frame([*self, columns])


def test_a_session_with_delta_reads_the_table_itself(sales: Dataset) -> None:
    """Its jar is not among what the tests have, so what is asked of it is looked at."""
    asked: list[Any] = []
    reader = SimpleNamespace(
        option=lambda *pair: asked.append(pair) or reader, load=lambda url: _Frame([url])
    )
    session = SimpleNamespace(
        conf=SimpleNamespace(get=lambda *_: "io.delta.sql.DeltaSparkSessionExtension"),
        read=SimpleNamespace(format=lambda name: asked.append(name) or reader),
    )
    assert sales.spark(session, "c1", ["n"]) == [sales.uri, ("client_code", ["c1"]), ("n",)]
    assert asked == ["delta", ("versionAsOf", 0)]
    with pytest.raises(DatasetNotFoundError, match="nobody"):
        sales.spark(session, "nobody")


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("n").cast(pl.UInt8), pl.col("s").cast(pl.Enum(["x", "z"])))


@has_torch
def test_torch_gets_tensors(sales: Dataset) -> None:
    import torch  # noqa: PLC0415

    batches = list(sales.to_torch("c1", rows=2))
    assert [len(batch["n"]) for batch in batches] == [2, 1]
    first = batches[0]
    assert first["n"].tolist() == [10, 11]
    assert first["f"][1].isnan()
    assert first["s"] == ["x", None]
    assert (first["d"].tolist(), first["b"].dtype) == ([1, 1], torch.bool)
    with pytest.raises(ValueError, match=r"`s` is Enum.* and has nulls, which a tensor cannot"):
        list(sales.to_torch("c1", transform=_plain))
    filled = sales.to_torch("c1", transform=lambda f: _plain(f.drop_nulls()))
    assert [batch["s"].tolist() for batch in filled] == [[0, 1]]


@has_torch
@pytest.mark.slow
def test_the_workers_of_a_loader_share_the_rows(sales: Dataset) -> None:
    from torch.utils.data import DataLoader  # noqa: PLC0415

    rows = sales.to_torch(columns=["n"])
    loader = DataLoader(rows, batch_size=None, num_workers=2, multiprocessing_context="forkserver")
    read = [number for batch in loader for number in batch["n"].tolist()]
    assert sorted(read) == sorted(_numbers(_stream(sales).frames()))


@has_datasets
def test_hugging_face_gets_rows(sales: Dataset) -> None:
    rows = sales.to_datasets(rows=2)
    assert list(rows.features) == ["n", "f", "s", "d", "b", "client_code"]
    assert rows.num_shards == len(CLIENTS)
    assert next(iter(rows)) == {
        "n": 0, "f": 0.5, "s": "x", "d": date(1970, 1, 2), "b": True, "client_code": "c0",
    }  # fmt: skip
    mixed = [row["n"] for row in rows.shuffle(seed=1, buffer_size=4)]
    assert sorted(mixed) == sorted(_numbers(_stream(sales).frames()))
    assert list(sales.to_datasets(client=[])) == []
