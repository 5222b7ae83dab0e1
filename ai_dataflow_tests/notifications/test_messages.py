"""Who hears what: routing, choices, reminders, recoveries, what is unusual."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import ai_dataflow
from ai_dataflow.config.codes import CODES, kinds_table
from ai_dataflow.config.sections import ScheduleSettings
from ai_dataflow.notifications.digest import Day, digest_of
from ai_dataflow.notifications.left_out import left_out
from ai_dataflow.notifications.messages import Surroundings, Where, messages_of
from ai_dataflow.notifications.model import Message
from ai_dataflow.notifications.queueing import next_run
from ai_dataflow.notifications.render import to_text
from ai_dataflow.notifications.routing import owner_of, problems_of, recipients
from ai_dataflow.tables.teams import Team
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.statuses import PartitionStatus
from ai_dataflow_tests.notifications.cases import (
    MAPPED,
    MISSING,
    REJECTS,
    bad,
    error,
    ok,
    run,
    team,
)
from ai_dataflow_tests.workstation.runs import day

ROWS = (
    team("orion-claims", "source", "ORION", "claims"),
    team("orion", "source", "ORION"),
    team("mappers", "mapping"),
    team("claims-desk", "*", "*", "claims"),
    team("platform", "platform"),
)
PLATFORM = team("platform")


@pytest.mark.parametrize(
    ("code", "product", "module", "owner"),
    [
        ("SRC-001", "ORION", "claims", "orion-claims"),  # the first row that matches wins
        ("SRC-001", "ORION", "policies", "orion"),  # * as module
        ("SRC-001", "VEGA", "claims", "claims-desk"),  # * as concern and product
        ("SRC-001", "VEGA", "policies", ""),
        ("REJ-001", "ORION", "claims", "orion-claims"),
        ("DAT-001", "ORION", "policies", "orion"),
        ("MAP-014", "ORION", "claims", "mappers"),
        ("COV-001", "", "policies", "mappers"),
        ("CTL-006", "ORION", "claims", "claims-desk"),
        ("WST-001", "", "policies", "platform"),
        ("RUN-002", "ORION", "policies", "platform"),
    ],
)
def test_an_error_goes_to_the_first_row_that_matches(
    code: str, product: str, module: str, owner: str
) -> None:
    problem = error(code, "", "somewhere", product=product)
    found = owner_of(problem, module, recipients(ROWS))
    assert (found.name if found else "") == owner


def test_rows_match_in_the_order_of_the_table_whatever_team_they_are_of() -> None:
    rows = [team("a", "source", "ORION"), team("b", "platform"), team("a", "*")]
    table = [replace(row, line=line) for line, row in enumerate(rows, start=2)]
    found = owner_of(error("RUN-002", "", "somewhere"), "claims", recipients(table))
    assert found is not None
    assert found.name == "b"


def test_each_kind_of_failure_has_exactly_one_concern() -> None:
    concerns: dict[str, set[str]] = {}
    for code in CODES.values():
        concerns.setdefault(code.kind, set()).add(code.concern)
    assert {kind: found for kind, found in concerns.items() if len(found) != 1} == {}


def test_the_table_of_kinds_and_concerns_in_the_docs_is_not_stale() -> None:
    page = Path(str(ai_dataflow.__file__)).parents[1] / "docs/notifications.md"
    assert kinds_table() in page.read_text(encoding="utf-8"), (
        "put there what this prints:\n  .venv/bin/python -c "
        "'from ai_dataflow.config.codes import kinds_table; print(kinds_table())'"
    )


def _told(report: RunReport, earlier: list[RunReport], *teams: Team, **more: Any) -> list[Message]:
    return messages_of(report, earlier, teams, Surroundings(**more))[0]


def _kinds(
    report: RunReport, earlier: list[RunReport], *teams: Team, **more: Any
) -> dict[str, str]:
    return {m.team: m.kind for m in _told(report, earlier, *teams, **more)}


FAILED = run(2, ok("sales|acme"), bad("sales|borealis", MISSING))
WELL = run(3, ok("sales|acme"), ok("sales|borealis"))


@pytest.mark.parametrize(
    ("notify", "after_failure", "after_success", "after_recovery"),
    [
        ("", "failure", None, "recovery"),
        ("failures", "failure", None, "recovery"),
        ("successes", "success", "success", "success"),
        ("both", "failure", "success", "success"),
        ("digest", None, None, None),
    ],
)
def test_a_team_gets_what_it_chose(
    notify: Any, after_failure: str, after_success: str, after_recovery: str
) -> None:
    own = team("northwind-data", "source", "NWD", notify=notify)
    good = run(1, ok("sales|acme"), ok("sales|borealis"))
    assert _kinds(FAILED, [good], own, PLATFORM).get(own.name) == after_failure
    assert _kinds(good, [], own, PLATFORM).get(own.name) == after_success
    assert _kinds(WELL, [FAILED, good], own, PLATFORM).get(own.name) == after_recovery
    assert "platform" not in _kinds(FAILED, [good], own, PLATFORM)


def test_what_nobody_owns_goes_to_the_platform_team_and_says_so() -> None:
    (message,) = _told(FAILED, [], team("other", "mapping"), team("platform", "platform"))
    assert message.team == "platform"
    assert "nobody owns this: it came to you as the platform team" in to_text(message)


def test_without_a_platform_team_it_is_a_diagnostic() -> None:
    found, problems = messages_of(FAILED, [], [team("other", "mapping")], Surroundings())
    assert found == []
    assert [p.code for p in problems] == ["NTF-004"]


def test_an_address_that_is_none_gets_nothing() -> None:
    broken = Team(ROWS[0].sheet, 2, "northwind-data", "not an address", "source", "*", "*")
    assert list(_kinds(FAILED, [], broken, PLATFORM)) == ["platform"]


def test_rows_of_a_team_are_one_mail_to_all_its_addresses() -> None:
    rows = (
        team("data", "source", "NWD", cc=("a@example.org",)),
        Team(ROWS[0].sheet, 3, "data", "second@example.org", "mapping", "*", "*",
             cc=("data@example.org", "b@example.org")),
    )  # fmt: skip
    report = run(2, bad("sales|acme", MISSING, error("MAP-014", "data", "x")))
    report.partitions[0].errors[0] = MISSING.model_copy(update={"owner": "data"})
    (message,) = _told(report, [], *rows)
    assert message.to == ("data@example.org", "second@example.org")
    assert message.cc == ("a@example.org", "b@example.org")
    assert {"SRC-001", "MAP-014"} <= set(
        to_text(message).replace("[", " ").replace("]", " ").split()
    )


def test_an_error_of_the_run_as_a_whole_is_told() -> None:
    problem = {
        "code": "WST-001", "severity": "error", "place": "workstation", "message": "it is full",
        "fix": "make space", "owner": "platform", "partitions": [],
    }  # fmt: skip
    report = run(2, ok("sales|acme"), diagnostics=[problem, problem | {"severity": "warning"}])
    (message,) = _told(report, [], PLATFORM)
    assert message.subject == "[ai_dataflow] FAILED: the run as a whole · team platform"
    assert to_text(message).count("WST-001") == 1


SOURCE = team("northwind-data", "source")
KEY = "sales|borealis SRC-001 NWD header"


def _streak(days: int) -> tuple[RunReport, list[RunReport]]:
    runs = [run(n, ok("sales|acme"), bad("sales|borealis", MISSING)) for n in range(days, 0, -1)]
    return runs[0], runs[1:]


@pytest.mark.parametrize(
    ("remind", "hours", "hears"),
    [
        ("always", 0, True),
        ("always", 1, True),
        ("daily", 1, False),
        ("daily", 23.9, True),  # a nightly run is early now and then
        ("", 24, True),
        ("weekly", 24, False),
        ("weekly", 7 * 24, True),
        ("never", 999, False),
    ],
)
def test_a_team_is_reminded_as_often_as_it_likes(remind: Any, hours: float, hears: bool) -> None:
    own = team("northwind-data", "source", remind=remind)
    now, earlier = _streak(3)
    told = {own.name: {KEY: now.finished - timedelta(hours=hours)}}
    assert bool(_kinds(now, earlier, own, heard=told)) is hears


def test_a_new_failure_is_told_at_once_with_the_old_ones() -> None:
    now, earlier = _streak(3)
    now.partitions[0] = bad("sales|acme", MISSING)
    told = {SOURCE.name: {KEY: now.finished - timedelta(hours=1)}}
    (message,) = _told(now, earlier, SOURCE, heard=told)
    assert message.subject == "[ai_dataflow] FAILED 1 delivery · team northwind-data"
    assert len(message.errors) == 2
    text = to_text(message)
    assert "still failing since 1 Jan 02:00 UTC, 3 runs; new in 1 partition" in text
    assert "for team northwind-data · 1 new failure\n" in text


def test_the_same_error_elsewhere_in_the_sheet_is_the_same_error() -> None:
    now, earlier = _streak(3)
    moved = MISSING.model_copy(update={"place": "control_table.csv:99:x", "message": "after 9 s"})
    now.partitions[1] = bad("sales|borealis", moved)
    (message,) = _told(now, earlier, SOURCE)
    assert "still failing since 1 Jan" in to_text(message)


def test_a_recovery_is_told_once_and_also_after_another_error_in_between() -> None:
    other = error("WST-004", "platform", "workstation")
    runs = [
        run(4, ok("sales|borealis")),
        run(3, bad("sales|borealis", other)),
        run(2, bad("sales|borealis", MISSING)),
        run(1, ok("sales|borealis")),
    ]
    assert _kinds(runs[0], runs[1:], SOURCE, PLATFORM) == {
        "northwind-data": "recovery",
        "platform": "recovery",
    }
    again = run(5, ok("sales|borealis"))
    assert _kinds(again, runs, SOURCE, PLATFORM) == {}


def test_a_run_of_less_says_nothing_of_a_recovery() -> None:
    failed = run(2, bad("sales|borealis", MISSING))
    part = run(3, ok("sales|borealis"), stages=["ai_dataset"])
    now = run(4, bad("sales|borealis", MISSING))
    (message,) = _told(now, [part, failed], SOURCE)
    assert "2 runs" in to_text(message)


def test_what_readers_see_is_said() -> None:
    status = PartitionStatus(
        "sales|borealis", "failed", published=datetime(2025, 11, 19, tzinfo=day(1).tzinfo),
        rows=12, version=7,
    )  # fmt: skip
    (message,) = _told(FAILED, [], SOURCE, statuses={status.partition: status})
    assert (
        "the version of 19 Nov 2025 is still being served (Delta version 7, 12 rows)"
    ) in to_text(message)


def test_many_partitions_are_run_again_by_the_run() -> None:
    report = run(2, *(bad(f"sales|c{n}", MISSING) for n in range(7)))
    everything = team("northwind-data")
    (message,) = _told(report, [], everything)
    assert "ai-dataflow retry --run run-2 --owner northwind-data" in to_text(message)
    few = run(2, *(bad(f"sales|c{n}", MISSING) for n in range(2)))
    (message,) = _told(few, [], everything)
    assert "ai-dataflow run -p 'sales|c0' -p 'sales|c1'" in to_text(message)


def test_a_product_teams_figures_are_its_own() -> None:
    partition = ok("sales|acme", rows=100)
    partition.products["CHN"] = replace(
        partition.products["NWD"], rows_read=7, rows_published=5, rows_rejected=2
    )
    chn = team("chinook", "source", "CHN", notify="successes")
    (message,) = _told(run(2, partition), [], chn)
    assert message.preview == "5 rows published"
    lyr = team("lyra", "source", "LYR", notify="successes")
    assert _told(run(2, partition), [], lyr) == []


def test_problems_of_partitions_are_not_told_twice() -> None:
    problem = {
        "code": MISSING.code, "severity": "error", "place": MISSING.place,
        "message": MISSING.message, "partitions": ["sales|borealis"],
    }  # fmt: skip
    report = run(2, bad("sales|borealis", MISSING), diagnostics=[problem])
    assert len(problems_of(report, recipients([SOURCE]))) == 1


@pytest.mark.parametrize(
    ("concern", "code", "has_command"),
    [("source", "SRC-001", False), ("mapping", "MAP-014", False), ("*", "SRC-001", True),
     ("platform", "WST-001", True)],
)  # fmt: skip
def test_commands_are_for_those_who_can_run_them(
    concern: str, code: str, has_command: bool
) -> None:
    report = run(2, bad("sales|acme", error(code, "theirs", "somewhere")))
    (message,) = _told(report, [], team("theirs", concern))
    assert ("ai-dataflow" in to_text(message).split("\n", 1)[1]) == has_command


def test_who_delivers_reads_of_deliveries_and_of_no_cell_of_ours() -> None:
    (message, *_) = _told(FAILED, [], team("northwind-data", "source", "NWD"), PLATFORM)
    text = to_text(message)
    assert message.title == "FAILED 1 delivery"
    assert "delivery: /mnt/nwd/sales/header.csv" in text
    assert "control_table.csv" not in text
    assert "Questions: team platform, platform@example.org." in text.replace("\n", " ")


def test_who_delivers_less_than_before_is_asked_whether_that_is_right() -> None:
    fewer = error("RUN-024", "northwind-data", "x", fix="`ai-dataflow accept 'sales|acme'` …")
    report = run(9, bad("sales|acme", fewer, status="waiting"))
    own = team("northwind-data", "source", "NWD")
    (message,) = _told(report, [], own, PLATFORM)
    text = to_text(message)
    assert "if the delivery is right, say so to the platform team; else deliver it" in text
    assert "ai-dataflow" not in text.split("publishes less than before")[1]


def test_one_cause_is_one_entry_however_many_sources_and_partitions_it_has() -> None:
    places = [f"control_table.csv:{line}:module_location" for line in range(2, 62)]
    errors = [error("SRC-009", "platform", place) for place in places]
    failed = [bad(f"sales|c{n:02}", *errors[n::20]) for n in range(20)]
    text = to_text(_told(run(2, *failed), [], PLATFORM)[0])
    assert text.count("[SRC-009]") == 1
    assert "1 new failure" in text
    assert "and 57 more like these" in text
    assert text.count("sales|c07  SRC-009") == 1  # a line for each partition


def test_two_cells_of_the_sheet_are_two_causes() -> None:
    errors = [error("MAP-014", "platform", f"ai_mapping.xlsx!AI_Map!D{line}") for line in (3, 4)]
    text = to_text(_told(run(2, bad("sales|acme", *errors)), [], PLATFORM)[0])
    assert text.count("[MAP-014]") == 2


@pytest.mark.parametrize(
    ("notify", "hears"), [("", True), ("both", True), ("digest", True), ("successes", False)]
)
def test_rows_left_out_reach_the_team_that_delivers_them_in_the_digest(
    notify: Any, hears: bool
) -> None:
    teams = recipients([team("northwind-data", "source", "NWD", notify=notify), PLATFORM])
    rows = left_out(REJECTS, MAPPED, teams)
    where: Where = {"environment": "", "ui_url": ""}
    about = Day("digest-2024-01-09", day(9, 0), [run(9, ok("sales|acme"))], teams, where, rows)
    told = {name: digest_of(about, recipient) for name, recipient in teams.items()}
    assert (told["northwind-data"] is not None) == hears
    assert told["platform"] is not None  # of the values that a code list lacks: nobody maps here
    assert "your code lists lack" in to_text(told["platform"])
    assert "Amt" not in to_text(told["platform"])


def test_rows_left_out_are_summed_by_column_and_reason_without_a_value() -> None:
    rows = left_out(REJECTS, MAPPED, recipients([PLATFORM]))
    assert [(r.column, r.wrong, r.rows, r.deliveries) for r in rows] == [
        ("Amt", "cannot be read as decimal(18,2)", 15, 2),
        ("country", CODES["REJ-006"].title, 2, 1),
        ("CustNo", "is empty, and must not be", 1, 1),
    ]
    assert rows[0].example == "row 17 of /mnt/nwd/sales/acme/header.csv"
    assert {r.team for r in rows} == {"platform"}  # nobody else owns the source


def test_rows_left_out_of_a_client_name_the_column_that_it_is_read_from() -> None:
    own = replace(MAPPED[0], line=9, client="borealis", source_column="Betrag")
    rows = left_out(REJECTS[:2], [*MAPPED, own], recipients([PLATFORM]))
    assert [(row.column, row.rows) for row in rows] == [("Betrag", 12), ("Amt", 3)]


def test_rows_of_a_column_that_the_sheet_no_longer_has_keep_its_ai_name() -> None:
    (row, *_) = left_out(REJECTS, [], recipients([PLATFORM]))
    assert (row.column, row.wrong) == ("amount", CODES["REJ-001"].title)


@pytest.mark.parametrize(
    ("cron", "zone", "next_"),
    [("0 2 * * *", "UTC", day(9, 2)), ("0 2 * * *", "Europe/Zurich", day(9, 1)),
     ("0 0 31 2 *", "UTC", None)],
)  # fmt: skip
def test_the_next_run_is_that_of_the_schedule(cron: str, zone: str, next_: datetime | None) -> None:
    assert next_run(ScheduleSettings(cron=cron, timezone=zone), day(8, 12)) == next_
    assert next_run(None, day(8)) is None
