"""A project whose rules filter rows and keep one of several: run, edited, run again, replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow.planning.draft import make_draft, make_plan
from ai_dataflow.planning.explain import explain_partition
from ai_dataflow.runs.prospect import look_ahead
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.reports import PartitionReport
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,claim,beta,data/beta.csv,Y
    ORION,claims,line,acme,data/lines.csv,Y
    VEGA,claims,claim,coral,data/coral.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key,required
    claims,*,claim,No,claim_id,int64,,Y,
    claims,*,claim,Amount,amount,float64,,,
    claims,ORION,line,No,claim_id,int64,,Y,
    claims,ORION,line,Text,line,string,,,
"""
TOML = f"""
    source_rules = "rules.csv"
    [workstation]
    url = "workstation"
    [modules.claims]
    {projects.NO_LIMITS}"""
RULES = "module_name,product_code,submodule_name,where,unique_by,keep\n"
ROWS = "No,Amount,Gone,Seen\n1,10,0,2024-01-01\n1,11,0,2024-01-02\n2,20,1,2024-01-01\n"


def _project(folder: Path, *rules: str, mapping: str = MAPPING) -> Path:
    projects.project(folder, control=CONTROL, mapping=mapping, toml="\n".join(TOML.splitlines()))
    for client in ("acme", "beta", "coral"):
        text_file(folder, f"data/{client}.csv", ROWS)
    text_file(folder, "data/lines.csv", "No,Text,Gone\n1,a,0\n2,b,0\n")
    _rule(folder, *rules)
    return folder


def _rule(folder: Path, *rules: str) -> None:
    text_file(folder, "rules.csv", RULES + "".join(f"claims,{rule}\n" for rule in rules))


def _published(folder: Path, client: str) -> list[tuple[Any, ...]]:
    rows = pl.read_delta(str(folder / "workstation/claims")).filter(client_code=client)
    return rows.select("claim_id", "amount", "line").rows()


def _rejects(folder: Path) -> list[tuple[Any, ...]]:
    rows = pl.read_delta(str(folder / "workstation/_rejects/claims"))
    return rows.select("client_code", "reason", "position", "mapping_cell").rows()


def _counts(report: PartitionReport) -> tuple[int, ...]:
    return (
        report.rows_read, report.rows_filtered, report.rows_superseded, report.rows_rejected,
        report.rows_merged, report.rows_published,
    )  # fmt: skip


LATEST = "ORION,claim,Gone = '0',No,latest:CAST(Seen AS DATE)"


def test_rows_are_filtered_and_superseded_and_all_are_accounted_for(tmp_path: Path) -> None:
    acme, beta, coral = spine.run(_project(tmp_path, LATEST)).partitions
    assert _counts(acme) == (5, 1, 1, 0, 1, 2)
    assert _published(tmp_path, "acme") == [(1, 11.0, "a"), (2, None, "b")]
    assert _counts(beta) == (3, 1, 1, 0, 0, 1)
    assert _counts(coral) == (3, 0, 0, 0, 0, 3)  # the rule is ORION's
    assert beta.products["ORION"].sources["claim"].rows_filtered == 1
    stored = (tmp_path / "workstation/_runs").glob("*.json")
    told = json.loads(next(stored).read_text())["partitions"]
    assert ["rows_filtered" in partition for partition in told] == [True, True, False]


def test_an_edit_of_a_rule_touches_the_partitions_of_its_source(tmp_path: Path) -> None:
    spine.run(_project(tmp_path, LATEST))
    assert not look_ahead(make_draft(load_project(tmp_path))).changes.due
    _rule(tmp_path, LATEST.replace("'0'", "'1'"))
    changes = look_ahead(make_draft(load_project(tmp_path))).changes
    assert {key: [r.place for r in why] for key, why in changes.due.items()} == {
        f"claims|{client}": ["rules.csv:2:where"] for client in ("acme", "beta")
    }
    _rule(tmp_path, "VEGA,claim,CURRENT_DATE > CAST(Seen AS DATE),,")
    spine.run(tmp_path)
    due = look_ahead(make_draft(load_project(tmp_path))).changes.due
    told = ["VEGA · claim is made always: its rule reads the clock"]
    assert {key: [str(r) for r in why] for key, why in due.items()} == {"claims|coral": told}


def test_the_plan_shows_the_rule_with_its_cells(tmp_path: Path) -> None:
    plan = make_plan(load_project(_project(tmp_path, LATEST)))
    shown = str(explain_partition(plan.jobs[plan.partitions[1]], {}))
    assert "      only where Gone = '0'   (rules.csv:2:where)\n" in shown
    assert "one row of each No: latest:CAST(Seen AS DATE)   (rules.csv:2:keep)" in shown


def test_a_partition_of_which_no_row_is_left_is_no_empty_success(tmp_path: Path) -> None:
    report = spine.run(_project(tmp_path, "ORION,claim,Gone = 'N',,"))
    acme, beta, coral = report.partitions
    assert (acme.status, coral.status) == ("ok", "ok")  # acme has lines
    assert beta.error is not None
    assert (beta.error.code, beta.error.place) == ("DAT-020", "rules.csv:2:where")
    assert beta.error.message.startswith("3 rows were read, and none is left by rules.csv:2:where")


def test_keys_that_nobody_can_decide_on_fail_their_client_alone(tmp_path: Path) -> None:
    folder = _project(tmp_path, "*,claim,,No,latest:CAST(Gone AS INT)")
    text_file(folder, "data/beta.csv", ROWS.replace("1,11,0", "1,11,1"))
    text_file(folder, "data/coral.csv", ROWS.replace("1,11,0,2024-01-02", "1,10,0,2024-01-01"))
    acme, beta, coral = spine.run(folder).partitions
    assert [p.status for p in (acme, beta, coral)] == ["failed", "ok", "ok"]
    assert acme.error is not None
    assert (acme.error.code, acme.error.place) == ("DAT-022", "rules.csv:2:keep")
    assert _counts(coral) == (3, 0, 1, 0, 0, 2)  # rows that are equal in all that is read are one
    _rule(folder, "*,claim,,No,")
    failed = spine.run(folder).partitions
    assert [p.error.code for p in failed if p.error] == ["DAT-021"] * 3


def test_rejects_of_the_join_are_found_between_rows_that_a_rule_leaves_out(tmp_path: Path) -> None:
    required = MAPPING.replace("line,string,,,", "line,string,,,Y")
    folder = _project(tmp_path, LATEST, mapping=required)
    rows = (
        "5,1,1,2024-01-01\n3,1,0,2024-01-01\n3,2,0,2024-01-02\n4,x,0,2024-01-01\n1,7,0,2024-01-01\n"
    )
    text_file(folder, "data/acme.csv", f"No,Amount,Gone,Seen\n{rows}")
    report = spine.run(folder)
    assert _counts(report.partitions[0]) == (7, 1, 1, 2, 1, 2)
    assert sorted(r for r in _rejects(folder) if r[0] == "acme") == [
        ("acme", "REJ-001", 4, "ai_mapping.csv:3:source_column"),
        ("acme", "REJ-004", 3, "ai_mapping.csv:5:source_column"),
    ]


@pytest.mark.parametrize("tied", ["acme", "beta"])
def test_rejects_are_found_beside_a_client_whose_keys_nobody_can_decide_on(
    tmp_path: Path, tied: str
) -> None:
    computed = "    claims,ORION,,,twice,float64,amount * 2,,Y\n"
    folder = _project(tmp_path, "ORION,claim,,No,latest:CAST(Gone AS INT)",
                      mapping=MAPPING + computed)  # fmt: skip
    text_file(folder, "control_table.csv", "".join(CONTROL.splitlines(keepends=True)[:4]))
    for client in ("acme", "beta"):
        last = "1,11,0,2024-01-02" if client == tied else "3,,0,2024-01-02"
        text_file(folder, f"data/{client}.csv", ROWS.replace("1,11,0,2024-01-02", last))
    good = "beta" if tied == "acme" else "acme"
    reports = {p.partition.split("|")[1]: p for p in spine.run(folder).partitions}
    assert {c: [e.code for e in p.errors] for c, p in reports.items()} == {
        tied: ["DAT-022"],
        good: [],
    }
    assert [row for row in _rejects(folder) if row[0] == good] == [
        (good, "REJ-013", 2, "ai_mapping.csv:6:transform")
    ]


def test_a_replay_filters_again_and_publishes_no_key_twice(tmp_path: Path) -> None:
    folder = _project(tmp_path, "ORION,claim,Gone = '0',,")
    text_file(folder, "data/beta.csv", "No,Amount,Gone\n1,1,0\n2,x,0\n3,y,1\n4,z,0\n")
    spine.run(folder, ["claims|beta"])
    _rule(folder, "ORION,claim,Gone = '0' AND Amount <> 'z',,")
    _map(folder, "TRY_CAST(NULLIF(Amount, 'x') AS DOUBLE)")
    (beta,) = spine.replay(folder).partitions
    assert (beta.rows_replayed, beta.rows_filtered, beta.rows_rejected) == (1, 1, 0)
    assert _published(folder, "beta") == [(1, 1.0, None), (2, None, None)]
    assert [reject[1:3] for reject in _rejects(folder)] == [("REJ-001", 2)]  # it is replayed


def test_a_reject_that_is_filtered_now_is_none_though_no_other_passes(tmp_path: Path) -> None:
    folder = _project(tmp_path)
    text_file(folder, "data/beta.csv", "No,Amount,Gone\n1,1,0\n2,x,0\n3,x,1\n")
    _rule(folder, "ORION,claim,Gone IS NOT NULL,,")
    spine.run(folder, ["claims|beta"])
    _rule(folder, "ORION,claim,Gone = '0',,")
    (dry,) = spine.replay(folder, dry_run=True).partitions
    assert (dry.status, dry.rows_filtered, dry.rows_rejected) == ("unchanged", 1, 1)
    (beta,) = spine.replay(folder).partitions
    assert (beta.status, beta.rows_filtered, beta.rows_rejected) == ("ok", 1, 1)
    assert _published(folder, "beta") == [(1, 1.0, None)]
    assert [reject[1:3] for reject in _rejects(folder)] == [("REJ-001", 2)]


def test_a_replay_needs_a_run_where_other_rows_would_be_kept(tmp_path: Path) -> None:
    folder = _project(tmp_path, LATEST)
    rows = "1,x,0,2024-01-02\n1,1,0,2024-01-01\n2,y,0,2024-01-01\n3,1,0,2024-01-01\n"
    text_file(folder, "data/beta.csv", f"No,Amount,Gone,Seen\n{rows}")
    spine.run(folder, ["claims|beta"])
    assert _published(folder, "beta") == [(3, 1.0, None)]  # an older row stands in for none
    _map(folder, "CAST(REPLACE(Amount, 'x', '7') AS DOUBLE)")
    assert spine.replay(folder).partitions[0].rows_replayed == 1
    _map(folder, "CAST(REPLACE(REPLACE(Amount, 'x', '7'), 'y', '8') AS DOUBLE)")
    _rule(folder, LATEST.replace("latest", "first"))
    (refused,) = spine.replay(folder).partitions
    assert refused.error is not None
    assert (refused.error.code, refused.error.place) == ("DAT-005", "rules.csv:2:unique_by")
    _rule(folder, LATEST)  # a second replay knows the run, too
    assert spine.replay(folder).partitions[0].rows_replayed == 1
    assert sorted(_published(folder, "beta")) == [(1, 7.0, None), (2, 8.0, None), (3, 1.0, None)]


def _map(folder: Path, transform: str) -> None:
    row = f'claims,*,claim,,amount,float64,"{transform}",,'
    mapping = MAPPING.replace("claims,*,claim,Amount,amount,float64,,,", row)
    projects.table(folder, "ai_mapping", mapping)
