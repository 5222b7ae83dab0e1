"""Freshness: of which sources nothing new comes, by when their content changed in the past."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.connections.stores import StoredFile
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.notifications.routing import recipients
from ai_dataflow.notifications.stale_blocks import is_due, stale_for
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.runs.telling import arrivals_of
from ai_dataflow.workstation.arrivals import ENOUGH, Arrivals, note_arrivals
from ai_dataflow.workstation.arrivals import overdue as overdue_of
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.stale_reports import StaleReport, span
from ai_dataflow_tests.notifications.cases import TEAMS, overdue
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import job, mapped, source, workstation
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

DAY = 86400
TEAM = recipients(TEAMS)["northwind-data"]
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,claim,borealis,data/borealis.csv,Y
"""


def deliver(folder: Path, client: str, days_ago: float, value: int) -> None:
    """Deliver a file that changed so many days ago."""
    text_file(folder, f"data/{client}.csv", f"ClaimNo,Amount\n{value},1.5\n")
    at = (datetime.now(UTC) - timedelta(days=days_ago)).timestamp()
    os.utime(folder / f"data/{client}.csv", (at, at))


def daily(folder: Path, times: int, last: int) -> RunReport:
    """Deliver both clients daily, one of them for the last time so many days ago."""
    project(folder, control=CONTROL)
    for number in range(times):
        deliver(folder, "acme", times - 1 - number + last, number)
        deliver(folder, "borealis", (times - 1 - number) / 10, number)
        report = spine.run_changed(folder)
    return report


@pytest.mark.parametrize(("times", "last", "is_late"), [(5, 9, True), (4, 9, False), (5, 2, False)])
def test_what_came_daily_and_does_not_any_more_is_told(
    tmp_path: Path, times: int, last: int, is_late: bool
) -> None:
    daily(tmp_path, times, last)
    report = spine.run_changed(tmp_path)  # nothing to do
    assert {p.status for p in report.partitions} == {"unchanged"}
    assert [s.partition for s in report.stale] == ["claims|acme"] * is_late
    if is_late:
        (late,) = report.stale
        assert late.message == "nothing new for 9 days, usual is 1 day"
        assert (late.owner, late.delivery) == ("orion-data", "data/acme.csv")
        assert late.place == "control_table.csv:2:module_location"


def test_a_delivery_ends_it_and_a_full_run_does_not(tmp_path: Path) -> None:
    assert len(daily(tmp_path, 5, 9).stale) == 1
    assert len(spine.run(tmp_path).stale) == 1
    deliver(tmp_path, "acme", 0, 99)
    assert spine.run_changed(tmp_path).stale == []


def test_what_cannot_be_published_has_arrived(tmp_path: Path) -> None:
    daily(tmp_path, 5, 9)
    text_file(tmp_path, "data/acme.csv", "ClaimNo,Amount\nx,1\n")
    report = spine.run_changed(tmp_path)
    assert [p.status for p in report.partitions if p.partition == "claims|acme"] == ["failed"]
    assert report.stale == []


def test_who_left_the_control_table_is_not_late(tmp_path: Path) -> None:
    daily(tmp_path, 5, 9)
    text_file(tmp_path, "control_table.csv", CONTROL.replace("acme.csv,Y", "acme.csv,N"))
    assert spine.run_changed(tmp_path).stale == []


def test_the_summary_and_the_status_tell_it(tmp_path: Path) -> None:
    daily(tmp_path, 5, 9)
    text = (
        "claims: ORION · claim: nothing new for 9 days, usual is 1 day, of acme "
        "(control_table.csv:2:module_location)"
    )
    assert text in cli(tmp_path, "run").stdout
    assert text in cli(tmp_path, "status").stdout
    items = json.loads(cli(tmp_path, "status", "--json").stdout)["items"]
    assert [len(item["stale"]) for item in items] == [1, 0]


def test_a_team_hears_of_it_on_the_first_day_and_then_as_it_chose() -> None:
    first = overdue(10)[:1]  # late since three days after its last change, on the 1st
    late = first[0].overdue_since
    heard = {
        remind: [
            days for days in range(16)
            if is_due(first, replace(TEAM, remind=remind), late + timedelta(days=days))
        ]
        for remind in ("daily", "weekly", "never")
    }  # fmt: skip
    assert heard == {"daily": [*range(16)], "weekly": [0, 7, 14], "never": [0]}


def test_what_nobody_owns_is_the_platform_teams() -> None:
    report = spineless(overdue(10)).model_copy(
        update={"stale": [s.model_copy(update={"owner": ""}) for s in overdue(10)]}
    )
    by_name = recipients(TEAMS)
    heard = {name: len(stale_for(report, team, by_name)) for name, team in by_name.items()}
    assert {name: count for name, count in heard.items() if count} == {"platform": 3}


def spineless(stale: list[StaleReport]) -> RunReport:
    now = datetime.now(UTC)
    return RunReport(run_id="run", started=now, finished=now, stale=stale)


moments = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5_000, 500_000)), max_size=20)


@settings_of()
@given(moments)
def test_arrivals_are_what_plain_python_says(changes: list[tuple[str, int]]) -> None:
    arrivals, moment, last = Arrivals("", 0), 0, 0
    content, intervals = "", list[int]()
    for text, step in changes:
        moment += step
        arrivals = arrivals.then(text, moment)
        if text == content:
            continue
        content = text
        if moment - last >= 3600:
            intervals, last = [moment - last, *intervals][:7], moment
        else:
            last = max(last, moment)
    assert arrivals == Arrivals(content, last, tuple(intervals))
    if len(intervals) < ENOUGH:
        assert (arrivals.usual, arrivals.limit) == (0, 0)
    else:
        assert arrivals.usual == int(median(intervals))
        assert arrivals.limit >= 3 * arrivals.usual - 3
        assert arrivals.limit >= max(intervals)


def test_weekends_are_no_news(tmp_path: Path) -> None:
    place = workstation(tmp_path)
    weekdays = [day for day in range(21) if day % 7 < 5]
    for day in weekdays:
        note_arrivals(place, "sales", {"acme": {"ORION · a": (str(day), day * DAY)}})
    assert [*overdue_of(place, ["sales"], 21 * DAY)] == []  # on Monday, before it comes
    (late,) = overdue_of(place, ["sales"], 23 * DAY)
    assert (late.partition, late.source, late.usual) == ("sales|acme", "ORION · a", DAY)


def test_what_is_not_understood_says_nothing(tmp_path: Path) -> None:
    place = workstation(tmp_path)
    for content in ("{", "[]", '{"format": 9, "clients": {"acme": 1}}'):
        text_file(tmp_path, "workstation/_arrivals/sales.json", content)
        assert [*overdue_of(place, ["sales"], DAY)] == []
        note_arrivals(place, "sales", {"acme": {"ORION · a": ("1", 1)}})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 minute"), (3_500, "1 hour"), (35 * 3600, "1 day"), (40 * DAY, "40 days")],
)
def test_lengths_of_time_are_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_table_that_tells_nothing_has_changed_with_its_rows(tmp_path: Path) -> None:
    one = source(tmp_path / "copy", mapped("no"))
    key, now = one.key, datetime.now(UTC)

    def noted(rows: int, size: int, mark: str = "") -> tuple[str, int]:
        copy = (StoredFile("copy.parquet", size, ""),)
        extract = Extract(
            name="sql://lyra/claims", folder="staging", file_format="parquet", files=copy,
            staged=True, rows=rows, product=key.product, submodule=key.submodule, fingerprint=mark,
        )  # fmt: skip
        result = PartitionResult(job(one), extracts=(extract,))
        return arrivals_of([result], now)["USA"][str(key)]

    assert noted(2, 900) == noted(2, 900)
    assert noted(2, 900)[1] == int(now.timestamp())
    assert len({noted(2, 900), noted(3, 900), noted(2, 901), noted(2, 900, "a mark")}) == 4
    assert noted(2, 900, "a mark") == noted(3, 901, "a mark")
