"""The state of a partition: what readers see, and what is wrong with it since when."""

from __future__ import annotations

import pytest

from ai_dataflow.cli.printed import StatusDocument
from ai_dataflow.workstation.reports import Status
from ai_dataflow.workstation.statuses import PartitionStatus, partition_statuses
from ai_dataflow_tests.workstation.runs import ERROR, day, partition, report

USA = "sales|USA"


def _status(*statuses: Status | None) -> PartitionStatus:
    """Give the state after runs on the 1st, 2nd, … of January; None: it was not part of it."""
    runs = [
        report(i, *([partition(USA, s, rows=10 * i, version=i)] if s else []))
        for i, s in enumerate(statuses, start=1)
    ]
    (status,) = partition_statuses([USA], reversed(runs))
    return status


def test_a_partition_that_never_ran_is_never() -> None:
    assert _status() == _status(None, None) == PartitionStatus(USA)


def test_a_published_partition_is_what_its_last_run_made_it() -> None:
    status = _status("ok", "ok", None)
    assert (status.state, status.run_id, status.error) == ("ok", "run-2", None)
    assert (status.published, status.rows, status.version) == (day(2), 20, 2)
    assert (status.failing_since, status.failed_runs) == (None, 0)


@pytest.mark.parametrize("wrong", ["failed", "held"])
def test_a_failing_partition_tells_since_when_and_what_readers_still_see(wrong: Status) -> None:
    status = _status("failed", "ok", wrong, None, wrong)
    assert (status.state, status.run_id) == (wrong, "run-5")
    assert status.error == ERROR.model_dump()
    assert (status.failing_since, status.failed_runs) == (day(3), 2)
    assert (status.published, status.rows, status.version) == (day(2), 20, 2)


def test_a_partition_that_never_succeeded_shows_readers_nothing() -> None:
    status = _status("failed", "held", "failed")
    assert (status.state, status.failing_since, status.failed_runs) == ("failed", day(1), 3)
    assert (status.published, status.rows, status.version) == (None, None, None)


def test_a_partition_that_recovered_is_well() -> None:
    status = _status("ok", "failed", "failed", "ok")
    assert (status.state, status.error) == ("ok", None)
    assert (status.failing_since, status.failed_runs) == (None, 0)
    assert (status.published, status.version) == (day(4), 4)


def test_a_run_that_only_extracted_says_nothing_of_the_dataset() -> None:
    extract = report(2, partition(USA, "ok"), stages=("adls_extract",))
    (status,) = partition_statuses([USA], [extract, report(1, partition(USA, "failed"))])
    assert (status.state, status.published) == ("failed", None)


def test_each_partition_has_its_own_state_in_the_order_asked_for() -> None:
    runs = [
        report(2, partition("b|1", "failed"), partition("gone|1", "ok")),
        report(1, partition("a|1", "ok"), partition("b|1", "ok")),
    ]
    states = {s.partition: s.state for s in partition_statuses(["c|1", "b|1", "a|1"], runs)}
    assert list(states.items()) == [("c|1", "never"), ("b|1", "failed"), ("a|1", "ok")]


def test_a_status_is_json() -> None:
    shown = StatusDocument(items=[_status("ok", "failed")]).model_dump(mode="json")["items"][0]
    assert (shown["partition"], shown["state"], shown["rows"]) == (USA, "failed", 10)
    assert shown["failing_since"] == "2024-01-02T12:00:00Z"
    assert shown["error"]["code"] == "SRC-001"
