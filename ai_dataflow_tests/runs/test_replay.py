"""Replaying rejects: what passes after a fix is published, once, and everything still adds up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from ai_dataflow import load
from ai_dataflow.partition import scratch
from ai_dataflow.workstation.reports import PartitionReport, RunReport
from ai_dataflow_tests.projects import CONTROL, project, table, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli, dagster_statuses, instance_of

HEAD = "module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key,transform\n"
MAPPING = f"""{HEAD}
claims,ORION,header,No,claim_id,int64,Y,
claims,ORION,header,Day,day,date,,
claims,ORION,line,No,claim_id,int64,Y,
claims,ORION,line,Amount,amount,float64,,
claims,VEGA,claim,No,claim_id,int64,,
claims,VEGA,claim,Amount,amount,float64,,
"""
JOINED = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,data/header.csv,Y
    ORION,claims,line,acme,data/line.csv,Y
    VEGA,claims,claim,acme,data/claim.csv,Y
"""
LINE = "    ORION,claims,line,acme,data/line.csv,Y\n"
LENIENT = {
    "Day,day,date,,": ",day,date,,\"REPLACE(Day, 'soon', '2024-02-02')\"",
    "Amount,amount,float64,,": ",amount,float64,,\"REPLACE(Amount, 'n/a', '0')\"",
}
BEFORE = [
    (1, "2024-01-01", 5.0), (1, "2024-01-01", 6.0), (2, None, 7.0), (2, None, 8.0),
    (4, "2024-01-04", None), (10, None, 1.0),
]  # fmt: skip
AFTER = sorted(
    [
        (1, "2024-01-01", 5.0), (1, "2024-01-01", 6.0), (2, "2024-02-02", 7.0),
        (2, "2024-02-02", 8.0), (3, "2024-02-02", None), (4, "2024-01-04", 0.0),
        (10, None, 1.0), (11, None, 0.0),
    ],
    key=repr,
)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project that ran once: two headers, a line and a claim were rejected, and a line."""
    project(tmp_path, control=JOINED, mapping=MAPPING)
    text_file(tmp_path, "data/header.csv", "No,Day\n1,2024-01-01\n2,soon\n3,soon\n4,2024-01-04\n")
    text_file(tmp_path, "data/line.csv", "No,Amount\n1,5\n1,6\n2,7\n2,8\n4,n/a\nx,2\n")
    text_file(tmp_path, "data/claim.csv", "No,Amount\n10,1\n11,n/a\n12\n")
    assert one(spine.run(tmp_path)).status == "ok"
    return tmp_path


def one(report: RunReport) -> PartitionReport:
    (only,) = report.partitions
    return only


def edit(folder: Path, *changes: str) -> None:
    """Let the sheet read what it did not."""
    text = (folder / "ai_mapping.csv").read_text(encoding="utf-8")
    for change in changes or LENIENT:
        assert change in text
        text = text.replace(change, LENIENT[change])
    (folder / "ai_mapping.csv").write_text(text, encoding="utf-8")


def rows(folder: Path) -> list[Any]:
    frame = load("claims", config=folder).select(
        "claim_id", pl.col("day").cast(pl.String), "amount"
    )
    return sorted(frame.collect().rows(), key=repr)


def balance(partition: PartitionReport) -> dict[str, tuple[int, int, int, int]]:
    counts = {
        product: (own.rows_read, own.rows_rejected, own.rows_merged, own.rows_published)
        for product, own in partition.products.items()
    }
    assert all(read == sum(others) for read, *others in counts.values())
    return counts


@pytest.fixture(params=["in memory", "spilled"])
def _everywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "spilled":
        monkeypatch.setattr(scratch, "SPILL_BYTES", 0)


@pytest.mark.usefixtures("_everywhere")
def test_rows_that_pass_now_are_published_as_if_they_had_passed_then(shop: Path) -> None:
    assert rows(shop) == sorted(BEFORE, key=repr)
    edit(shop)
    partition = one(spine.replay(shop))
    assert (partition.status, partition.version, partition.rows_replayed) == ("ok", 1, 4)
    assert rows(shop) == AFTER
    assert balance(partition) == {"ORION": (10, 1, 3, 6), "VEGA": (3, 1, 0, 2)}
    rerun = one(spine.run(shop))
    assert balance(rerun) == balance(partition)
    assert rows(shop) == AFTER


def test_a_second_replay_changes_nothing(shop: Path) -> None:
    edit(shop)
    spine.replay(shop)
    again = one(spine.replay(shop))
    assert (again.status, again.version, again.rows_replayed) == ("unchanged", None, 0)
    assert rows(shop) == AFTER


def test_fixes_may_come_one_after_the_other(shop: Path) -> None:
    edit(shop, "Day,day,date,,")
    assert one(spine.replay(shop)).rows_replayed == 2
    edit(shop, "Amount,amount,float64,,")
    assert one(spine.replay(shop)).rows_replayed == 2
    assert rows(shop) == AFTER


def test_sources_need_not_be_there_any_more(shop: Path) -> None:
    for file in (shop / "data").iterdir():
        file.unlink()
    edit(shop)
    assert one(spine.replay(shop)).status == "ok"
    assert rows(shop) == AFTER


def test_a_source_that_was_extracted_anew_is_not_doubled(shop: Path) -> None:
    text_file(shop, "data/claim.csv", "No,Amount\n10,1\n11,n/a\n13,3\n")
    spine.run(shop, stages=["adls_extract"])
    edit(shop)
    spine.replay(shop)
    assert rows(shop) == AFTER
    spine.run(shop, stages=["ai_dataset"])
    assert rows(shop) == sorted([*AFTER, (13, None, 3.0)], key=repr)


def test_a_dry_run_tells_and_touches_nothing(shop: Path) -> None:
    edit(shop)
    before = sorted((p, p.stat().st_mtime_ns) for p in (shop / "workstation").rglob("*"))
    partition = one(spine.replay(shop, dry_run=True))
    assert (partition.rows_replayed, partition.rows_rejected) == (4, 2)
    assert sorted((p, p.stat().st_mtime_ns) for p in (shop / "workstation").rglob("*")) == before


def test_what_still_fails_has_the_reason_that_it_has_now(shop: Path) -> None:
    text = (shop / "ai_mapping.csv").read_text(encoding="utf-8")
    moved = text.replace(f"{HEAD}\n", f"{HEAD}claims,VEGA,claim,No,reference,string,,\n")
    (shop / "ai_mapping.csv").write_text(moved, encoding="utf-8")
    edit(shop, "Day,day,date,,")
    spine.replay(shop)
    told = json.loads(cli(shop, "rejects", "--json").stdout)["items"]
    cells = {
        (g["submodule"], g["ai_column"]): g["mapping_cell"] for g in told if g["state"] == "open"
    }
    assert cells["claim", "amount"] == "ai_mapping.csv:8:source_column"


REFUSED: list[tuple[str, Callable[[Path], object], str]] = [
    (
        "a column that was not read",
        lambda folder: _swap(folder, "Amount,amount", "Total,amount"),
        "has no column `Total`",
    ),
    (
        "another type",
        lambda folder: _swap(folder, "amount,float64", "amount,string"),
        "amount is published as Float64, and now it is string",
    ),
    (
        "a source that is gone",
        lambda folder: table(folder, "control_table", JOINED.replace(LINE, "")),
        "ORION · line: the control table has it no more",
    ),
    (
        "keys that are none any more",
        lambda folder: _swap(folder, "claim_id,int64,Y,", "claim_id,int64,,"),
        "keys or columns have changed since",
    ),
    (
        "a column that moved",
        lambda folder: _swap(folder, "line,Amount,amount,float64", "header,No,amount,float64"),
        "keys or columns have changed since",
    ),
    (
        "kept rows that are gone",
        lambda folder: next((folder / "workstation/_kept").rglob("line.parquet")).unlink(),
        "or kept rows are gone",
    ),
    (
        "all kept rows gone",
        lambda folder: shutil.rmtree(folder / "workstation/_kept"),
        "are not kept any more",
    ),
]  # fmt: skip


def _swap(folder: Path, old: str, new: str) -> None:
    text = (folder / "ai_mapping.csv").read_text(encoding="utf-8")
    (folder / "ai_mapping.csv").write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(("change", "says"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_a_replay_cannot_do_it_says_and_leaves(
    shop: Path, change: Callable[[Path], object], says: str
) -> None:
    edit(shop, "Day,day,date,,")
    change(shop)
    report = spine.replay(shop)
    error = one(report).error
    assert error is not None
    assert (error.code, report.exit_code) == ("DAT-005", 1)
    assert says in error.message
    assert error.fix.startswith("run the partition")
    assert error.place
    assert one(spine.replay(shop, dry_run=True)).error == error
    assert (one(report).rows_replayed, one(report).version) == (0, None)
    assert rows(shop) == sorted(BEFORE, key=repr)


def test_keys_that_join_what_was_appended_need_a_run(tmp_path: Path) -> None:
    project(tmp_path, control=JOINED, mapping=MAPPING.replace("int64,Y", "int64,"))
    text_file(tmp_path, "data/header.csv", "No,Day\n1,2024-01-01\n2,soon\n")
    for name in ("line", "claim"):
        text_file(tmp_path, f"data/{name}.csv", "No,Amount\n1,5\n")
    spine.run(tmp_path)
    text = (tmp_path / "ai_mapping.csv").read_text(encoding="utf-8")
    keyed = text.replace("ORION,header,No,claim_id,int64,", "ORION,header,No,claim_id,int64,Y")
    keyed = keyed.replace("ORION,line,No,claim_id,int64,", "ORION,line,No,claim_id,int64,Y")
    (tmp_path / "ai_mapping.csv").write_text(keyed, encoding="utf-8")
    edit(tmp_path, "Day,day,date,,")
    error = one(spine.replay(tmp_path)).error
    assert error is not None
    assert "it is joined, and the rows that it was made of are not kept" in error.message
    assert error.place == "ai_mapping.csv:5:is_key"


@pytest.mark.parametrize("limit", ['"50%"', "5"])
def test_a_partition_that_rejects_too_much_keeps_its_version_and_shows_its_rejects(
    shop: Path, limit: str
) -> None:
    """Of 15 rows 8 are rejected."""
    with (shop / "ai_dataflow.toml").open("a") as file:
        file.write(f"[modules.claims]\nmax_rejected = {limit}\n")
    text_file(shop, "data/claim.csv", "No,Amount\n10,1\n" + "x,1\n" * 4)
    partition = one(spine.run(shop))
    assert partition.error is not None
    assert (partition.error.code, partition.version) == ("DAT-004", None)
    assert partition.error.place == "ai_mapping.csv:7:source_column"
    assert rows(shop) == sorted(BEFORE, key=repr)
    told = json.loads(cli(shop, "rejects", "--json").stdout)["items"]
    assert {group["state"] for group in told} == {"open", "not published"}
    edit(shop, "Day,day,date,,")
    assert one(spine.replay(shop)).rows_replayed == 2  # of what readers see, and of nothing else


@pytest.mark.parametrize("limit", ['"60%"', "6"])
def test_a_partition_within_its_limit_is_published(shop: Path, limit: str) -> None:
    with (shop / "ai_dataflow.toml").open("a") as file:
        file.write(f"[modules.claims]\nmax_rejected = {limit}\n")
    assert one(spine.run(shop)).status == "ok"


def test_a_replay_is_a_dagster_run_with_a_new_materialization(shop: Path) -> None:
    assert cli(shop, "run").returncode == 0
    edit(shop)
    told = cli(shop, "replay", "--json")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert (report["kind"], report["versions"]) == ("replay", {"claims": 1})
    assert dagster_statuses(shop, "ai_dataset") == {"claims|acme": "MATERIALIZED"}
    with instance_of(shop) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("ai_dataset"))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert event.run_id == report["run_id"]
    assert (metadata["rows_replayed"].value, metadata["delta_version"].value) == (4, 1)
    status = json.loads(cli(shop, "status", "--json").stdout)["items"]
    assert [(s["state"], s["rows"], s["version"]) for s in status] == [("ok", 8, 1)]


def test_a_replay_that_fails_leaves_the_partition_well(shop: Path) -> None:
    _swap(shop, "Amount,amount", "Total,amount")
    told = cli(shop, "replay")
    assert told.returncode == 1
    assert "failed[DAT-005]: rejects cannot be replayed" in told.stdout
    assert cli(shop, "status").returncode == 0


def test_the_commands_tell_what_there_is(shop: Path) -> None:
    told = cli(shop, "rejects", "--reason", "rej-001", "--samples", "1")
    lines = told.stdout.splitlines()
    assert lines[0].split("   ")[0] == "claims|acme"
    assert lines[1] == '    row 2: {"No": "2", "Day": "soon"}'
    assert "5 open" in told.stdout
    assert json.loads(cli(shop, "rejects", "--client", "acme", "--json").stdout)["items"]
    edit(shop)
    assert "4 rejects would be published" in cli(shop, "replay", "--dry-run").stdout
    assert "4 rejects were published" in cli(shop, "replay").stdout
    assert "2 open · 4 replayed" in cli(shop, "rejects").stdout


@pytest.mark.parametrize("command", ["rejects", "replay"])
def test_a_name_that_nobody_has_is_a_mistake(shop: Path, command: str) -> None:
    told = cli(shop, command, "--module", "claim", "--client", "acmee")
    assert told.returncode == 2
    assert "did you mean `claims`?" in told.stderr
    assert "did you mean `acme`?" in told.stderr


def test_without_rejects_there_is_nothing_to_tell(tmp_path: Path) -> None:
    project(tmp_path, control=CONTROL)
    assert cli(tmp_path, "rejects").stdout == "\nno rejects\n"
    assert spine.run(tmp_path).exit_code == 0
    assert spine.replay(tmp_path).exit_code == 0
    assert json.loads(cli(tmp_path, "rejects", "--json").stdout)["items"] == []


def test_a_sheet_that_does_not_compile_says_so_with_all_its_problems(shop: Path) -> None:
    _swap(shop, "ORION,line,Amount,amount,float64,,", "ORION,line,,amount,float64,,REPLCE(Amount)")
    _swap(shop, "VEGA,claim,Amount,amount,float64,,", "VEGA,claim,,amount,float64,,REPLCE(Amount)")
    errors = one(spine.replay(shop)).errors
    assert {(error.code, error.place) for error in errors} == {
        ("MAP-011", "ai_mapping.csv:6:transform:1")
    }


def test_a_late_row_that_would_multiply_others_changes_nothing(shop: Path) -> None:
    text_file(shop, "data/header.csv", "No,Day\n1,2024-01-01\n1,soon\n2,2024-01-01\n")
    assert one(spine.run(shop)).status == "ok"
    before = rows(shop)
    edit(shop, "Day,day,date,,")
    error = one(spine.replay(shop)).error
    assert error is not None
    assert (error.code, error.submodule) == ("DAT-001", "line")
    assert rows(shop) == before


def test_a_client_that_has_left_the_control_table_is_told_if_it_is_asked_for(shop: Path) -> None:
    table(shop, "control_table", JOINED.replace("acme", "borealis"))
    assert spine.replay(shop).partitions == []
    told = cli(shop, "replay", "--client", "acme")
    assert told.returncode == 1
    assert "RUN-001" in told.stdout


def test_a_reason_that_nobody_has_is_a_mistake(shop: Path) -> None:
    told = cli(shop, "rejects", "--reason", "REJ-009")
    assert told.returncode == 2
    assert "REJ-001, REJ-002, REJ-003" in told.stderr
