"""The runs that the golden mails are about: a small company, a few days, every kind of mail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ai_dataflow.config.codes import CODES
from ai_dataflow.notifications.dead_runs import DeadRun, message_of
from ai_dataflow.notifications.digest import Day, digest_of
from ai_dataflow.notifications.left_out import left_out
from ai_dataflow.notifications.messages import Surroundings, Where, messages_of
from ai_dataflow.notifications.model import Message
from ai_dataflow.notifications.routing import recipients
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.table import Sheet
from ai_dataflow.tables.teams import Team
from ai_dataflow.workstation.counts import ProductCounts
from ai_dataflow.workstation.reject_groups import RejectGroup
from ai_dataflow.workstation.reports import (
    ErrorReport,
    PartitionReport,
    RunReport,
    Status,
    UnusualReport,
)
from ai_dataflow.workstation.stale_reports import StaleReport
from ai_dataflow.workstation.statuses import PartitionStatus, partition_statuses
from ai_dataflow_tests.workstation.runs import day

SHEET = Sheet("teams.csv")
CLIENTS = ("acme", "borealis", "coral")


def team(name: str, concern: str = "*", product: str = "*", module: str = "*", **more: Any) -> Team:
    """Give a row of the teams table."""
    return Team(SHEET, 2, name, f"{name}@example.org", concern, product, module, **more)


TEAMS = (
    team("northwind-data", "source", "NWD"),
    team("sales-desk", "source", "*", "sales", notify="successes", cc=("desk@example.org",)),
    team("mapping", "mapping", notify="digest"),
    team("platform", "platform"),
)


def error(code: str, owner: str, place: str, product: str = "NWD", **more: Any) -> ErrorReport:
    """Give an error as a report has it."""
    meaning = CODES[code]
    texts = {"message": f"{place} is not well", "fix": "mend it"}
    return ErrorReport(
        code=code, title=meaning.title, kind=meaning.kind, concern=meaning.concern, owner=owner,
        place=place, product=product, submodule="header", **(texts | more),
    )  # fmt: skip


MISSING = error(
    "SRC-001", "northwind-data", "control_table.csv:12:module_location",
    message="there is nothing at /mnt/nwd/sales/header.csv",
    fix="deliver the data, correct the location, or make the row inactive",
    delivery="/mnt/nwd/sales/header.csv",
)  # fmt: skip
UNMAPPED = error("MAP-014", "mapping", "ai_mapping.xlsx!AI_Map!D38", product="CHN")
ORPHAN = error("SRC-005", "", "control_table.csv:17:module_location", product="LYR")


def _unextracted(key: str, submodule: str) -> PartitionReport:
    place = f"control_table.csv:{int(key[-2:]) * 3 + ord(submodule) - 95}:module_location"
    missing = error(
        "SRC-009", "platform", place, fix="run adls_extract for this partition too",
        message=f"/mnt/nwd/{submodule}/{key[-3:]}.csv has not been extracted yet",
    )  # fmt: skip
    return bad(key, missing.model_copy(update={"submodule": submodule}))


def rejects(client: str, reason: str, column: str, rows: int, first: int | None) -> RejectGroup:
    """Give rejected rows of a client's deliveries of one product."""
    return RejectGroup(
        f"sales|{client}", "NWD", "header", f"/mnt/nwd/sales/{client}/header.csv", reason, column,
        "ai_mapping.xlsx!AI_Map!D7", "open", rows, "run-9", day(9), first,
    )  # fmt: skip


REJECTS = (
    rejects("acme", "REJ-001", "amount", 3, 17),
    rejects("borealis", "REJ-001", "amount", 12, 4),
    rejects("acme", "REJ-002", "customer", 1, None),
    rejects("acme", "REJ-006", "country", 2, 5),
)
MAPPED = (
    MappingRow(SHEET, 7, "sales", "*", "header", "Amt", "amount", "decimal(18,2)"),
    MappingRow(SHEET, 8, "sales", "NWD", "header", "CustNo", "customer", "string", required=True),
)


def ok(key: str, rows: int = 1000, rejected: int = 3, seconds: float = 1.5) -> PartitionReport:
    """Report a published partition of one product."""
    counts = {"rows_read": rows + rejected, "rows_rejected": rejected, "rows_published": rows}
    return PartitionReport(
        partition=key, status="ok", version=4, seconds=seconds, bytes=rows * 21,
        products={"NWD": ProductCounts(**counts)}, **counts,
    )  # fmt: skip


def bad(
    key: str, *errors: ErrorReport, status: Status = "failed", read: int = 0
) -> PartitionReport:
    """Report a partition with errors."""
    return PartitionReport(
        partition=key, status=status, rows_read=read, rows_rejected=read // 10,
        failed_stages=["ai_dataset"], error=errors[0], errors=list(errors),
    )  # fmt: skip


def run(number: int, *partitions: PartitionReport, took: float = 40, **more: Any) -> RunReport:
    """Report the run of a day of January."""
    finished = day(number, 2) + timedelta(seconds=took)
    given: dict[str, Any] = {"stages": ["adls_extract", "azure_sql_extract", "ai_dataset"], **more}
    return RunReport(
        run_id=f"run-{number}", started=day(number, 2), finished=finished,
        partitions=list(partitions), **given,
    )  # fmt: skip


def odd(
    client: str, column: str, kind: str, message: str, owner: str, score: float
) -> UnusualReport:
    """Report what is unusual of a client."""
    place = "ai_mapping.xlsx!AI_Map!D7" if column else "control_table.csv:12:module_location"
    return UnusualReport(
        partition=f"sales|{client}", product="NWD", ai_column=column, kind=kind, message=message,
        place=place, owner=owner, concern="source", score=score,
    )  # fmt: skip


UNUSUAL = [
    odd("borealis", "", "rows", "61 rows; 1,063 before (-94%)", "sales-desk", 12.4),
    odd("acme", "amount", "level", "the typical size is 100 times that before", "sales-desk", 15.3),
    odd("coral", "amount", "level", "the typical size is 99 times that before", "sales-desk", 14.9),
    odd("acme", "city", "nulls", "12.5 % of the rows are null; 0.4 % before", "mapping", 3.1),
]


def _waiting() -> RunReport:
    """Report a run in which one partition failed and two wait, of them one for the sheet."""
    less = "NWD would publish 3 rows, readers see 8 now; 5 of 8 (62.5%) would be rejected"
    fix = "if it is right, `ai-dataflow accept …` publishes it; else mend the sheet"
    shrinks = error("RUN-024", "northwind-data", "control_table.csv:12:module_location",
                    message=less, fix=fix, delivery="/mnt/nwd/sales/acme/header.csv")  # fmt: skip
    sheets = error("RUN-024", "platform", "ai_mapping.xlsx!AI_Map!D7", message=less, fix=fix)
    return run(
        9, bad("sales|acme", shrinks, status="waiting", read=8),
        bad("sales|borealis", sheets, status="waiting", read=8), ok("sales|coral"),
        bad("sales|dunmore", MISSING),
    )  # fmt: skip


def _good_days(count: int) -> list[RunReport]:
    """Give days on which all went as usual, newest first."""
    return [
        run(
            n, *(ok(f"sales|{c}", 1000 + 7 * n + i) for i, c in enumerate(CLIENTS)), took=38 + n % 4
        )
        for n in range(count, 0, -1)
    ]


def messages(
    report: RunReport, earlier: list[RunReport], told: dict[str, dict[str, datetime]] | None = None
) -> list[Message]:
    """Give the messages of a run, in production."""
    keys = [partition.partition for partition in report.partitions]
    statuses: dict[str, PartitionStatus] = {
        status.partition: status for status in partition_statuses(keys, [report, *earlier])
    }
    around = Surroundings(
        "prod", "https://dagster.example.org",
        f"abfss://ai@workstation.dfs.core.windows.net/datasets/_runs/{report.run_id}.json",
        statuses, told or {}, next_run=day(report.finished.day + 1, 2),
    )  # fmt: skip
    found, _ = messages_of(report, earlier, TEAMS, around)
    return found


def _failing() -> tuple[RunReport, list[RunReport]]:
    before = run(
        8, ok("sales|acme"), bad("sales|borealis", MISSING), bad("sales|coral", MISSING, read=50)
    )
    now = run(
        9,
        bad("sales|acme", MISSING, ORPHAN, read=1_204),
        bad("sales|borealis", MISSING),
        ok("sales|coral"),
        bad("stock|acme", ORPHAN, UNMAPPED, status="held"),
    )
    return now, [before, *_good_days(7)]


def _coverage(ratio: float, city: str) -> dict[str, Any]:
    columns = {"amount": {"NWD": "mapped"}, "city": {"NWD": city}}
    return {"sales": {"ratio": ratio, "columns": columns}}


def overdue(last: int) -> list[StaleReport]:
    """Give sources of which nothing new came, as of a day: two clients' daily, one's hourly."""
    return [
        StaleReport(
            partition=f"sales|{client}", product="NWD", submodule="header", usual=usual,
            since=day(last) - timedelta(seconds=age), age=age,
            overdue_since=day(last) - timedelta(seconds=age - 3 * usual),
            place="control_table.csv:12:module_location", owner="northwind-data",
            delivery=f"/mnt/nwd/{delivery}/header.csv",
        )
        for client, delivery, usual, age in (
            ("acme", "sales", 86_400, 9 * 86_400), ("borealis", "sales", 86_400, 4 * 86_400),
            ("coral", "coral", 7_200, 30_000),
        )
    ]  # fmt: skip


def golden_messages() -> dict[str, Message]:
    """Give a message of each kind."""
    failed, earlier = _failing()
    by_team = {message.team: message for message in messages(failed, earlier)}
    usual = _good_days(21)
    well = run(
        22, ok("sales|acme", 1063), ok("sales|borealis", 61, rejected=940), ok("sales|coral", 1065),
        bad("stock|acme", UNMAPPED), took=97,
        coverage=_coverage(0.5, "missing"), unusual=UNUSUAL,
    )  # fmt: skip
    usual[0].coverage = _coverage(1.0, "mapped")
    subscribed = next(m for m in messages(well, usual) if m.team == "sales-desk")
    again = run(10, *(ok(f"sales|{client}") for client in CLIENTS), ok("stock|acme"))
    recovered = {m.team: m for m in messages(again, [failed, *earlier])}["northwind-data"]
    known = recipients(TEAMS)
    where: Where = {"environment": "prod", "ui_url": "https://dagster.example.org"}
    left = left_out(REJECTS, MAPPED, known)
    failed.unusual = UNUSUAL[-1:]
    about = Day("digest-2024-01-09", day(9, 0), [failed], known, where, left[1:], left[:1])
    digest, left_outs = (digest_of(about, known[name]) for name in ("mapping", "northwind-data"))
    assert digest is not None
    assert left_outs is not None
    dead = DeadRun(
        "run-11", day(11), False, "The process of this run is gone.", ("sales|acme", "stock|acme")
    )
    (died,), _ = message_of(dead, TEAMS, where)
    none = [_unextracted(f"sales|c{n:02}", submodule) for n in range(20) for submodule in "abc"]
    (many,) = [m for m in messages(run(9, *none), []) if m.team == "platform"]
    waiting = {m.team: m for m in messages(_waiting(), _good_days(8))}
    late = again.model_copy(update={"stale": overdue(10)})
    overdues = digest_of(Day("digest", day(10, 0), [late], known, where), known["northwind-data"])
    assert overdues is not None
    return {
        "failure": by_team["northwind-data"],
        "waiting": waiting["platform"],
        "waiting-delivery": waiting["northwind-data"],
        "unowned": by_team["platform"],
        "success": subscribed,
        "recovery": recovered,
        "digest": digest,
        "left-out": left_outs,
        "overdue": overdues,
        "many": many,
        "died": died,
    }
