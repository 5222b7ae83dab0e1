"""Small random sheets, many: one module, few clients and rows, all features; one run of each."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ai_dataflow_tests.engine.in_process import keep_here
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.oracle.checking import differences
from ai_dataflow_tests.runs.oracle.companies import Company
from ai_dataflow_tests.runs.oracle.dressing import dress, usual
from ai_dataflow_tests.runs.oracle.history import History
from ai_dataflow_tests.runs.oracle.shapes import Shape, compute, make_shape, refer

_EVERY = 100  # sheets, after which it is told how far it is
_ROWS = (0, 1, 2, 3, 4, 5, 5, 6, 8, 8, 12)
_STORED = [*["parquet", "csv", "jsonl"] * 4, "sqlite", "delta", "csv folder", "jsonl folder"]


def make_sheet(folder: Path, seed: int) -> Company:
    """Make a project of one module: one or two products, one to three clients, few rows."""
    rng = random.Random(f"sheet {seed}")  # noqa: S311 - no secret
    company = Company(folder, rng, usual=usual(rng), numbers=_ROWS)
    shape = make_shape(rng, "m", wide=False, products=(1, 1, 2))
    compute(rng, shape)
    clients = rng.choice([1, 1, 2, 3])
    dress(rng, shape, clients)
    for source in shape.sources:
        source.stored = rng.choice(_STORED)
    _relax(rng, shape)
    company.shapes.append(shape)
    for number in range(clients):
        company.add(shape, f"client{number:03}")
    company.share(shape)
    refer(random.Random(f"{seed} references"), company.shapes)  # noqa: S311 - no secret
    company.write_tables()
    return company


def _relax(rng: random.Random, shape: Shape) -> None:
    """Ask less of few rows than of many: else half of the partitions would not be published."""
    for each in (each for source in shape.sources for each in source.fields):
        each.required &= rng.random() < 0.4
    for said in shape.rules.values():
        for name in ("required", "max_null"):
            if rng.random() < 0.6:
                said.pop(name, None)


def check_sheets(first: int, count: int) -> int:
    """Check so many sheets, by their seeds from the first on; give how many differ."""
    differing = 0
    for done, seed in enumerate(range(first, first + count), 1):
        if wrong := check_sheet(seed):
            differing += 1
            print(f"sheet {seed}:", *wrong[:20], sep="\n  ", flush=True)
        if done % _EVERY == 0 or done == count:
            print(f"{done:,} of {count:,} sheets, {differing} differ", flush=True)
    return differing


def check_sheet(seed: int) -> list[str]:
    """Make a sheet and run it; give what is not as the oracle says.

    It is made in this process, or starting others would take longer than all else.
    """
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="sheet") as name:
        keep_here(patch)
        folder = Path(name)
        make_sheet(folder, seed)
        history = History(folder)
        made, report = history.run(), spine.run(folder)
        return differences(folder, history, made, report)
