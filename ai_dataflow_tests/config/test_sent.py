"""Values on their way between processes."""

import pickle
from dataclasses import fields

import pytest

from ai_dataflow.config.sent import Sent
from ai_dataflow.connections.stores import Misfit, StoredFile
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow.workstation.counts import ProductCounts, SourceCounts
from ai_dataflow.workstation.data_files import DataFile

KINDS = (
    DataFile,
    FileLocation,
    Misfit,
    PartitionJob,
    ProductCounts,
    SourceCounts,
    SourceJob,
    StoredFile,
)


def every_kind(kind: type) -> set[type]:
    # `slots=True` makes each class twice; the first of both is only somebody's base.
    return {one for below in kind.__subclasses__() for one in (below, *every_kind(below))}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_all_fields_arrive(kind: type) -> None:
    value = kind(*(f"{number}" for number, _ in enumerate(fields(kind))))
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - our own
    assert len(fields(kind)) > 1
    assert not hasattr(value, "__dict__")


def test_no_kind_is_forgotten() -> None:
    assert {kind.__name__ for kind in every_kind(Sent)} == {kind.__name__ for kind in KINDS}


def test_what_two_have_in_common_arrives_once() -> None:
    location = FileLocation("/data/claims.parquet")
    sources = [SourceJob("ORION", name, location, "A1", ()) for name in ("header", "detail")]
    first, second = pickle.loads(pickle.dumps(sources))  # noqa: S301 - our own
    assert first.location is second.location
