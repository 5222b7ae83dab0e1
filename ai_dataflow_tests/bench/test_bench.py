"""Each case of the bench runs, and its outputs are equal to those of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.services.processes import ServiceError
from bench import growth_plot
from bench.__main__ import LONG, SHORT, table_of
from bench.growth import COMMAND, WORKER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("name", SHORT)
def test_a_case_runs_and_says_where_the_time_goes(name: str, tmp_path: Path) -> None:
    try:
        case = SHORT[name](tmp_path / "b")
    except ServiceError as error:
        pytest.skip(str(error))
    assert case.checked
    assert all(row.seconds > 0 for row in case.rows)
    assert table_of(case).row_count == len(case.rows)


def test_each_case_has_a_short_form_but_for_the_sizes_of_a_peers_case() -> None:
    assert set(SHORT) <= set(LONG)
    assert all(name.startswith("peers_") for name in set(LONG) - set(SHORT))


def test_the_plot_has_a_line_for_the_command_and_for_its_workers() -> None:
    sizes = (100, 10_000)
    rows = [{"contender": f"{size:,} partitions, {process}", "mb": size / 10 + mb}
            for size in sizes for mb, process in enumerate((COMMAND, WORKER))]  # fmt: skip
    lines = growth_plot.lines({"rows": rows})
    assert lines == {COMMAND: [(100, 10), (10_000, 1_000)], WORKER: [(100, 11), (10_000, 1_001)]}
    drawn = growth_plot.svg(lines)
    assert drawn.count("<polyline") == len(lines)
    assert all(f">{text}</text>" in drawn for text in ("10,000", "1,200", COMMAND, WORKER))
