"""Which report is the newest: in every order of machines whose clocks are wrong."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.report_order import numbers, run_ids
from ai_dataflow.workstation.reports import RunReport, Status, read_reports, write_report
from ai_dataflow.workstation.statuses import PartitionStatus, filled_by, partition_statuses
from ai_dataflow_tests.clocks import WRONG, clock
from ai_dataflow_tests.workstation.runs import day, partition, report

USA = "sales|USA"


def _of(number: int, status: Status, lease: int = 0, *, under_lease: bool = False) -> RunReport:
    made = partition(USA, status, rows=number, version=number)
    made.lease, made.under_lease = lease, under_lease
    return report(number, made)


def _status(folder: Folder) -> PartitionStatus:
    (status,) = partition_statuses([USA], read_reports(folder))
    return status


@pytest.mark.parametrize("shifts", list(permutations(WRONG)))
@pytest.mark.parametrize("wrong", ["held", "failed"])
def test_what_was_reported_last_counts_whatever_the_clocks_say(
    tmp_path: Path, shifts: tuple, wrong: Status
) -> None:
    folder, statuses = Folder(str(tmp_path / "_runs")), ("ok", wrong, "ok")
    for number, (shift, status) in enumerate(zip(shifts, statuses, strict=True), start=1):
        told = _of(number, status)
        told.started, told.finished = day(9) + shift, day(9) + shift
        with clock(shift, tmp_path):
            write_report(folder, told)
        assert (_status(folder).state, _status(folder).run_id) == (status, f"run-{number}")
    assert run_ids(folder) == ["run-3", "run-2", "run-1"]


def test_a_run_that_is_reported_late_is_not_the_last_to_have_made_a_partition(
    tmp_path: Path,
) -> None:
    folder = Folder(str(tmp_path / "_runs"))
    write_report(folder, _of(2, "ok", 6, under_lease=True))
    write_report(folder, _of(1, "failed", 5, under_lease=True))  # it went on with other modules
    assert (_status(folder).state, _status(folder).version) == ("ok", 2)


def test_what_was_held_after_a_lease_was_taken_came_after_it(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "_runs"))
    write_report(folder, _of(2, "held", 5))
    write_report(folder, _of(1, "ok", 5, under_lease=True))
    assert (_status(folder).state, _status(folder).version) == ("held", 1)


def test_a_failure_of_which_no_lease_is_known_is_where_its_report_is(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "_runs"))
    write_report(folder, _of(1, "ok", 5, under_lease=True))
    write_report(folder, _of(2, "failed"))  # the workstation was away
    assert _status(folder).state == "failed"
    write_report(folder, _of(3, "ok", 6, under_lease=True))
    assert _status(folder).state == "ok"


def test_reports_of_older_versions_came_before_all_others(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "_runs"))
    for number in (7, 8):
        folder.write(f"run-{number}.json", report(number).model_dump_json().encode())
    with clock(-WRONG[0], tmp_path):
        write_report(folder, report(1))
    assert run_ids(folder) == ["run-1", "run-8", "run-7"]
    assert [r.run_id for r in read_reports(folder, "run-8")] == ["run-7"]


def test_two_that_wrote_at_once_have_one_order_for_everybody(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "_runs"))
    for number in (1, 2, 3):
        write_report(folder, report(number))
    first, second = sorted((tmp_path / "_runs_order").iterdir())[:2]
    second.rename(second.with_name(first.name.replace("run-1", "run-2")))
    assert numbers(folder) == {"run-1": 1, "run-2": 1, "run-3": 3}
    assert run_ids(folder)[0] == "run-3"
    assert run_ids(folder) == run_ids(Folder(str(tmp_path / "_runs")))


def test_a_number_without_a_report_is_passed_over(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "_runs"))
    write_report(folder, report(1))
    (tmp_path / "_runs_order/00000002.run-2").touch()  # its run was killed
    write_report(folder, report(3))
    assert [r.run_id for r in read_reports(folder)] == ["run-3", "run-1"]


@given(st.permutations(range(1, 6)), st.lists(st.booleans(), min_size=5, max_size=5))
def test_the_highest_lease_is_what_readers_see(order: list[int], went_well: list[bool]) -> None:
    told = [_of(n, "ok" if went_well[n - 1] else "failed", n, under_lease=True) for n in order]
    (status,) = partition_statuses([USA], told)
    good = [n for n in order if went_well[n - 1]]
    assert status.state == ("ok" if went_well[-1] else "failed")
    assert status.version == (max(good) if good else None)
    assert status.failed_runs == 5 - max(good, default=0)
    assert filled_by([USA], told, "amount") == set()
