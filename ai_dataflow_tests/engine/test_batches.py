"""Batches: partitions of one shape together, none too large, each job in one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.connections.stores import StoredFile
from ai_dataflow.engine.batches import Pair, batched, make_batches
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.tasks import Making
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.tables.locations import FileLocation, SqlLocation
from ai_dataflow_tests.partition.jobs import job, mapped, settings, source
from ai_dataflow_tests.partition.test_taking import rule

SCHEMAS = (pl.Schema({"a": pl.Int64()}), pl.Schema({"a": pl.String()}))
MAPPINGS = (mapped("id", "int64", "a"), mapped("id", "string", "a"))
FORMATS = ("parquet", "csv")


def _pair(client: str, size: int, schema: int, mapping: int, kind: int) -> Pair:
    location = FileLocation(f"data/{client}")
    files = (StoredFile(client, size, "e"),)
    seen = Listing(location, "data", FORMATS[kind], files)  # type: ignore[arg-type]
    made = replace(source(location, MAPPINGS[mapping]), seen=seen, schema=SCHEMAS[schema])
    own = job(made, client=client)
    return own, Making(own, settings(Path()), "run")


few = st.integers(0, 1)
pairs = st.lists(st.tuples(st.integers(0, 50_000_000), few, few, few), max_size=200).map(
    lambda many: [_pair(str(i), *one) for i, one in enumerate(many)]
)


@given(pairs, st.integers(1, 8), st.sampled_from([100_000_000, 10_000_000_000]))
def test_each_is_in_one_batch_of_its_like(many: list[Pair], parts: int, memory: int) -> None:
    batches = batched(many, parts, memory)
    clients = [one.client for batch in batches for one, _ in batch]
    assert sorted(clients) == sorted(one.client for one, _ in many)
    for batch in batches:
        assert len(batch) <= 64
        assert len(batch) == 1 or sum(one.size for one, _ in batch) <= memory / 30
        assert len({_shape(one) for one, _ in batch}) == 1


def _shape(one: PartitionJob) -> object:
    (read,) = one.sources
    assert isinstance(read.seen, Listing)
    assert read.schema is not None
    return read.mappings, tuple(read.schema.items()), read.seen.file_format


def test_each_process_has_something_to_do() -> None:
    assert [len(batch) for batch in batched([_pair(str(i), 1, 0, 0, 0) for i in range(9)], 4)] == [
        3,
        3,
        3,
    ]
    assert len(batched([_pair(str(i), 1, 0, 0, 0) for i in range(1_000)], 2)) == 16


def test_what_nobody_has_looked_at_is_alone() -> None:
    one, _ = _pair("a", 1, 0, 0, 0)
    unknown = [
        replace(one, sources=(replace(one.sources[0], **gone),))
        for gone in ({"seen": None}, {"schema": None})
    ]
    many = [(other, Making(other, settings(Path()), "run")) for other in [*unknown, *unknown]]
    assert [len(batch) for batch in batched(many, 1)] == [1] * 4


def _copied(client: str) -> Pair:
    table = SqlLocation("erp", "claims", "dbo", client_column="client", client=client)
    own = job(source(table, MAPPINGS[0]), client=client)
    return own, Making(own, settings(Path()), "run")


def test_of_tables_whose_size_nobody_knows_few_are_together() -> None:
    many = [_copied(str(i)) for i in range(100)]
    assert {len(batch) for batch in batched(many, 2)} <= {8, 4}
    # Each that waits for a database by itself has one.
    assert len(batched(many[:8], 2, at_once=4)) == 8
    assert len(batched([*many[:2], _pair("a", 1, 0, 0, 0)], 1)) == 2


def test_a_lookup_that_all_have_counts_once() -> None:
    def looking_up(table: str) -> Pair:
        own, _ = _pair("a", 1_000, 0, 0, 0)
        lookup, _ = _pair(table, 20_000_000, 0, 0, 0)
        ruled = replace(lookup.sources[0], rule=replace(rule(), join="lookup"))
        made = replace(own, sources=(*own.sources, ruled))
        return made, Making(made, settings(Path()), "run")

    alike = [looking_up("table") for _ in range(40)]
    assert [len(batch) for batch in batched(alike, 1)] == [40]
    # Who has another one has all of them read by client.
    assert {len(batch) for batch in batched([*alike, looking_up("other")], 1)} == {1}


def test_results_come_in_the_order_of_the_jobs() -> None:
    jobs = [job(client=client) for client in "cab"]
    made = make_batches([(one, partial(PartitionResult, one)) for one in jobs])
    assert [result.job.client for result in made] == ["c", "a", "b"]
