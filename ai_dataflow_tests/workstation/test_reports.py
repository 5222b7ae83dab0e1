"""Run reports: what is written is read back, and what a run's figures mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic_core import to_json

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.reports import (
    PartitionReport,
    RunReport,
    Status,
    as_json,
    read_report,
    read_reports,
    write_report,
)
from ai_dataflow_tests.workstation.runs import ERROR, day, partition, report

FULL = RunReport(
    run_id="run-1",
    started=day(1, 11),
    finished=day(1),
    stages=["adls_extract", "ai_dataset"],
    partitions=[
        PartitionReport.model_validate(
            {
                "partition": "sales|USA", "status": "ok", "version": 3, "seconds": 0.25,
                "bytes": 1000, "rows_read": 5, "rows_rejected": 1, "rows_merged": 1,
                "rows_published": 3, "products": {"orion": {"rows_read": 5, "rows_published": 3}},
            }
        ),
        PartitionReport(
            partition="sales|CAN", status="failed", failed_stages=["ai_dataset"], error=ERROR,
            errors=[ERROR],
        ),
    ],
    diagnostics=[{"code": "MAP-016", "severity": "warning"}],
    timings={"data": 1.5},
)  # fmt: skip


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "_runs"))
    assert write_report(folder, FULL) == f"{folder.url}/run-1.json"
    assert read_report(folder, "run-1") == FULL
    assert list(read_reports(folder)) == [FULL]


def test_the_fields_that_others_read_are_there(tmp_path: Path) -> None:
    write_report(Folder(str(tmp_path)), FULL)
    written = json.loads((tmp_path / "run-1.json").read_text())
    assert written.keys() >= {"run_id", "started", "finished", "partitions"}
    good, bad = written["partitions"]
    assert good.keys() >= {
        "partition", "status", "rows_read", "rows_rejected", "rows_published", "version",
        "seconds", "products",
    }  # fmt: skip
    assert good["products"]["orion"].keys() >= {"rows_read", "rows_rejected", "rows_published"}
    assert bad["error"].keys() >= {"code", "kind", "concern", "owner", "place", "message"}
    assert written["started"] == "2024-01-01T11:00:00Z"


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1_000, 1_001])
def test_a_report_in_pieces_is_the_same_json(count: int) -> None:
    partitions = [FULL.partitions[i % 2] for i in range(count)]
    whole = FULL.model_copy(update={"partitions": partitions, "interrupted": '"partitions": ['})
    pieces = [*as_json(whole)]
    assert b"".join(pieces) == to_json(whole, indent=1)
    assert len(pieces) == 2 + -(-count // 500)


def test_a_run_without_a_report_has_none(tmp_path: Path) -> None:
    assert read_report(Folder(str(tmp_path / "nosuch")), "run-1") is None
    write_report(Folder(str(tmp_path)), FULL)
    assert read_report(Folder(str(tmp_path)), "run-2") is None


@pytest.mark.proves("report", "corrupt", "a damaged report is passed over; the others are shown")
def test_reports_come_newest_first_and_what_is_none_is_passed_over(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    for number in (2, 10, 1):  # as they were written, whatever the day that each tells
        write_report(folder, report(number))
    folder.write("broken.json", b'{"run_id":')
    folder.write("other.json", b"[]")
    folder.write("notes.txt", b"?")
    assert [r.run_id for r in read_reports(folder)] == ["run-1", "run-10", "run-2"]
    assert list(read_reports(Folder(str(tmp_path / "nosuch")))) == []


def test_a_report_of_a_later_release_is_still_read(tmp_path: Path) -> None:
    later = json.loads(FULL.model_dump_json()) | {"colour": "blue"}
    Folder(str(tmp_path)).write("run-1.json", json.dumps(later).encode())
    assert read_report(Folder(str(tmp_path)), "run-1") == FULL


def test_a_report_that_cannot_be_written_is_a_failure_of_the_platform(tmp_path: Path) -> None:
    (tmp_path / "_runs").write_text("a file, where a folder should be")
    with pytest.raises(DataflowError) as error:
        write_report(Folder(str(tmp_path / "_runs")), FULL)
    assert error.value.diagnostics[0].code == "WST-001"


STATUSES: list[tuple[tuple[Status, ...], int]] = [
    ((), 0),
    (("ok",), 0),
    (("ok", "unchanged"), 0),
    (("ok", "failed"), 1),
    (("ok", "held"), 1),
    (("failed", "failed"), 1),
    (("failed", "held"), 1),
    (("held", "held"), 2),
]


@pytest.mark.parametrize(("statuses", "code"), STATUSES)
def test_the_exit_code_tells_how_a_run_went(statuses: tuple[Status, ...], code: int) -> None:
    run = report(1, *(partition(f"sales|{i}", status) for i, status in enumerate(statuses)))
    assert run.exit_code == code
    assert sum(run.statuses().values()) == len(statuses)
    assert [p.status for p in run.failed] == [s for s in statuses if s in ("failed", "held")]


@pytest.mark.parametrize(("severity", "code"), [("warning", 0), ("error", 1)])
def test_an_error_that_held_nothing_back_still_shows(severity: str, code: int) -> None:
    run = report(1, partition("sales|USA", "ok"))
    run.diagnostics.append({"code": "CTL-004", "severity": severity})
    assert run.exit_code == code
