"""One file for many clients, split at random: nobody gets a row of another (P11).

What is right says the `csv` module of Python, line by line; `make properties` tries thousands.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.partition import making
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import codes, job, mapped, settings, source, written

# Letters that databases, file systems and people take for each other, and what CSV is made of.
LETTERS = "aAäÄßsSſİiIıKK0197.-+eE ,;\"'\n\t*^$%|\\\u0301\u200b\u00a0\ufeff"
SPELLED = st.text(LETTERS, min_size=1, max_size=4).filter(lambda text: bool(text.strip()))
ALIKE = st.sampled_from(["7", "07", "7.0", "7e0", " 7", "a", "A", "a ", "ä", "a\u0308", "NULL"])
VALUES = st.text(LETTERS, max_size=3)


@st.composite
def _files(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[str], dict[str, Any], bool]:
    """Draw rows of a client and a value, the clients, and how the file is written."""
    known = draw(st.lists(SPELLED | ALIKE, min_size=1, max_size=6, unique=True))
    others = draw(st.lists(SPELLED | ALIKE, max_size=3))
    owners = draw(st.lists(st.sampled_from([*known, *others]), min_size=1, max_size=20))
    values = draw(st.lists(VALUES, min_size=len(owners), max_size=len(owners)))
    written = {
        "quoting": draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
    }
    return list(zip(owners, values, strict=True)), known, written, draw(st.booleans())


def _write(file: Path, rows: Sequence[tuple[str, str]], first: bool, **written: Any) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, **written)
        writer.writerow(["client", "id", "v"] if first else ["v", "id", "client"])
        for number, (owner, value) in enumerate(rows):
            writer.writerow([owner, number, value] if first else [value, number, owner])


def _own(file: Path, spelled: str) -> list[tuple[str, str]]:
    """Give a client's rows as Python's own reader filters them."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = csv.DictReader(opened)
        return [(row["id"], row["v"]) for row in rows if row["client"] == spelled]


def _job(file: Path, number: int, spelled: str) -> PartitionJob:
    where = FileLocation(str(file), "", file.name, "client", spelled)
    return job(source(where, mapped("id"), mapped("v")), client=f"c{number}")


@settings_of(in_ci=20)
@given(_files())
def test_each_client_has_its_rows_and_no_others(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[list[tuple[str, str]], list[str], dict[str, Any], bool],
) -> None:
    rows, clients, how, first = drawn
    folder = tmp_path_factory.getbasetemp() / "split"
    folder.mkdir(exist_ok=True)
    _write(folder / "all.csv", rows, first, **how)
    jobs = [_job(folder / "all.csv", number, client) for number, client in enumerate(clients)]
    results = making.make(jobs, settings(folder), "run")
    for spelled, result in zip(clients, results, strict=True):
        if own := _own(folder / "all.csv", spelled):
            made = written(result, folder).select("id", "v")
            assert made.fill_null("").rows() == own  # what is empty without quotes is null
        else:
            assert codes(result) == ["SRC-002"]
