"""What a Spark task makes: one partition, or a group of small ones, with a result for each.

Starting a Spark job costs its driver more than a small partition costs its executor. So small jobs
share one; how large a job is tell the files that the survey has seen. Those of one shape come
together, and are made together. The largest begin first; what nobody has looked at has a task of
its own.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ai_dataflow.engine.versions import versions
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import Task
from ai_dataflow.partition.shapes import supposed_bytes
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.tables.locations import SqlLocation

if TYPE_CHECKING:
    from pyarrow import RecordBatch

Group = tuple[tuple[PartitionJob, Task], ...]
SCHEMA = "versions string, result binary"
_BYTES = 32_000_000  # that a group reads: one or two seconds of work
_MOST = 64  # partitions that a lost task loses, to be made again


def grouped(tasks: Iterable[tuple[PartitionJob, Task]], workers: int) -> Iterator[Group]:
    """Divide tasks into groups, in their order; each of the workers gets several."""
    several = list(tasks)
    most = min(_MOST, -(-len(several) // (2 * workers)))
    group: Group = ()
    size = 0
    for one in several:
        job = one[0]
        if not _is_known(job):
            yield (one,)
            continue
        more = supposed_bytes(job)
        if group and (len(group) == most or size + more > _BYTES):
            yield group
            group, size = (), 0
        group, size = (*group, one), size + more
    if group:
        yield group


def _is_known(job: PartitionJob) -> bool:
    """Tell whether all that a job reads are files that the survey has seen, and tables of SQL."""
    seen = [isinstance(s.seen, Listing) or isinstance(s.location, SqlLocation) for s in job.sources]
    return bool(seen) and all(seen)


def sent(group: Group, cores: int) -> Callable[[Iterator[RecordBatch]], Iterator[RecordBatch]]:
    """Give the function that a Spark task runs. It is sent by value, since it is a nested one.

    So it can tell that this package is missing over there, or another: nothing of ours is unpickled
    before the versions are known to be the same. It gives a row for each job of the group, in their
    order; without a result where the versions differ. It computes in so many `cores`.
    """
    content, number, expected = pickle.dumps(group), len(group), versions()

    def make_partitions(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        import json  # noqa: PLC0415
        import os  # noqa: PLC0415
        import pickle  # noqa: PLC0415

        import pyarrow as pa  # noqa: PLC0415

        # Polars reads it when it is imported, and would take all cores of the machine.
        os.environ.setdefault("POLARS_MAX_THREADS", str(cores))
        for _ in batches:
            pass
        try:
            from ai_dataflow.engine.versions import versions  # noqa: PLC0415

            installed = versions()
        except ImportError as error:
            installed = {"ai_dataflow": f"none that can be used ({error})"}
        results: list[Any] = [None] * number
        if installed == expected:
            from ai_dataflow.engine.batches import make_batches  # noqa: PLC0415

            results = make_batches(pickle.loads(content))  # noqa: S301
        schema = pa.schema({"versions": pa.string(), "result": pa.binary()})
        for result in results:
            made = None if result is None else pickle.dumps(result)
            row = {"versions": json.dumps(installed), "result": made}
            yield pa.RecordBatch.from_pylist([row], schema)

    return make_partitions
