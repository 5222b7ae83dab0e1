"""Memory: what partitions take, and that those of this process do not take more than is allowed.

Small partitions share it; a large one waits until it fits beside the others, and what fits in
the meantime goes first. One that would take more than all of it is made alone, with its sources
on disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import polars as pl

from ai_dataflow.sources.files import packing
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.reshapes import Unpivot

# Measured with bench/large_partition.py: the peak of joining and writing is about twice what the
# mapped rows take.
_PEAK = 2
_ROW, _VALUE, _TEXT = 16, 8, 24  # bytes; of a row beside its values, of a value, of a text
_FEW = 1 << 20  # of so small files nobody counts the rows
# How much longer rows are than what is stored: text, and workbooks, whose text is compressed.
_UNFOLDED = {"csv": 3, "jsonl": 3, "excel": 20, "avro": 20}
_COMPRESSED = 10

_free = threading.Condition()
_taken = 0


def held_bytes(source: SourceJob, files: Files) -> int:
    """Estimate the memory that a source's mapped rows take, in bytes.

    Where one of several rows is kept, all of them are put aside until that is decided.
    """
    return _mapped(source, files) * (2 if source.rule and source.rule.unique_by else 1)


def _mapped(source: SourceJob, files: Files) -> int:
    how = source.rule.reshape if source.rule else None
    if how is None:
        return _held(source, files)
    if isinstance(how, Unpivot):
        return _held(source, files) * len(how.columns)
    # How long the lists are, nobody knows yet; what they take is in the size of the files.
    return max(_held(source, files), files.pinned.size * _COMPRESSED)


def _held(source: SourceJob, files: Files) -> int:
    extract = files.pinned
    if extract.rows is not None:
        return extract.rows * _width(source)
    if extract.file_format in _UNFOLDED:
        unsaid = any(dialect.packing for dialect in extract.dialects)
        packed = unsaid or any(packing.named(file.path) for file in extract.files)
        return extract.size * _UNFOLDED[extract.file_format] * (_COMPRESSED if packed else 1)
    if extract.size < _FEW:
        return extract.size * _COMPRESSED
    return files.height() * _width(source)


def _width(source: SourceJob) -> int:
    """Tell how many bytes a mapped row takes."""
    types = [ai_types.to_polars(row.ai_type) for row in source.mappings]
    return _ROW + sum(_TEXT if dtype in (pl.String, pl.Binary) else _VALUE for dtype in types)


def peak_bytes(held: Iterable[int], spill_bytes: int) -> int:
    """Estimate what a partition takes at most; sources of more than `spill_bytes` are on disk."""
    return _PEAK * sum(min(size, spill_bytes) for size in held)


@contextmanager
def reserved(amount: int, limit: int) -> Iterator[None]:
    """Wait until there are `amount` bytes of `limit`, or nobody else has any; take them."""
    global _taken  # noqa: PLW0603 - memory belongs to the process
    with _free:
        _free.wait_for(lambda: _taken == 0 or _taken + amount <= limit)
        _taken += amount
    try:
        yield
    finally:
        with _free:
            _taken -= amount
            _free.notify_all()
