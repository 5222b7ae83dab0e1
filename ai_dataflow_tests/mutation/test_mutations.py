"""Every cell of a valid project, spoiled in every way, is noticed or does no harm."""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from ai_dataflow_tests.mutation.base import TABLES, write_base, write_table
from ai_dataflow_tests.mutation.mutants import mutants
from ai_dataflow_tests.mutation.verdicts import OUTCOMES, Outcome, Spoiled, compile_watched, judge

# All 11,000 mutants take minutes; CI takes every eleventh, which meets every cell and every kind.
STEP = 1 if os.environ.get("AI_DATAFLOW_FULL") else 11
VARIANTS = {"csv": (), "workbooks": ("control_table", "ai_mapping", "teams")}
MIXED = {"csv control, xlsx mapping": ("ai_mapping",)}

# A worker would not be watched.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_process")]


def test_the_base_is_without_a_problem(tmp_path: Path) -> None:
    for name, workbooks in {**VARIANTS, **MIXED}.items():
        write_base(tmp_path / name, workbooks)
        compiled = compile_watched(tmp_path / name)
        assert (compiled.diagnostics, compiled.harm) == ((), ())
        jobs, held, *_ = compiled.meaning
        assert (len(jobs), held) == (3, {})


@pytest.mark.proves("compile", "corrupt", "a damaged sheet is noticed, or does no harm")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_mutant_is_noticed_or_does_no_harm(
    tmp_path: Path, table: str, variant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workbooks = VARIANTS[variant]
    rows = write_base(tmp_path, workbooks)
    before = compile_watched(tmp_path)
    is_workbook = table in workbooks
    counts: Counter[tuple[str, Outcome]] = Counter()
    failures = []
    for mutant in islice(mutants(rows[table], is_workbook=is_workbook), 0, None, STEP):
        write_table(tmp_path, table, mutant.rows, workbooks)
        spoiled = Spoiled(table, rows[table], mutant, is_workbook)
        outcome, why = judge(spoiled, before, compile_watched(tmp_path))
        counts[mutant.kind, outcome] += 1
        failures += [f"{mutant} ({spoiled.column}): {why}"] if outcome == "FAILED" else []
    with capsys.disabled():
        print(_shown(f"{table}, {variant}", counts))
    assert not failures, "\n".join(failures)


def _shown(title: str, counts: Counter[tuple[str, Outcome]]) -> str:
    kinds = [*dict.fromkeys(kind for kind, _ in counts), "all"]
    for (_, outcome), count in list(counts.items()):
        counts["all", outcome] += count
    head = f"{title:<34}" + "".join(f"{outcome:>17}" for outcome in OUTCOMES)
    rows = [
        f"  {kind:<32}" + "".join(f"{counts[kind, outcome]:>17}" for outcome in OUTCOMES)
        for kind in kinds
    ]
    return "\n".join(["", head, *rows])
