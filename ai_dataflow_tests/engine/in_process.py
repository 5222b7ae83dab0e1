"""The local engine without processes: for tests that put a fault into a library, or count calls.

What is put there is put into this process; the engine itself has tests of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest

from ai_dataflow.engine import local, sight
from ai_dataflow.engine.workers import Batch


def spread_here(
    batches: Iterable[Batch[Any, Any]], processes: int, at_once: int, _threads: int = 0
) -> Iterator[tuple[Any, Any]]:
    """Do what `spread` does, with threads of this process."""
    with ThreadPoolExecutor(max(1, processes * at_once), thread_name_prefix="call") as pool:
        calls = {pool.submit(batch.function, batch.items): batch for batch in batches}
        for done in as_completed(calls):
            yield from zip(calls[done].items, done.result(), strict=True)


def keep_here(patch: pytest.MonkeyPatch) -> None:
    """Let everything be made in this process."""
    patch.setattr(local, "spread", spread_here)
    patch.setattr(sight, "spread", spread_here)


@pytest.fixture(name="in_process")
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_here(monkeypatch)
