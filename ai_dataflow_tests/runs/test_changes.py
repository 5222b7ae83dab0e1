"""Why a partition is run, or is not: each kind of change, and what is no change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from ai_dataflow import load
from ai_dataflow.definitions import build_definitions
from ai_dataflow.partition.making import run as run_partition
from ai_dataflow.planning import inputs
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import Prospect, look_ahead, look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import instance_of, run_project

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,claim,borealis,data/borealis,Y
    ORION,policies,policy,acme,data/policy.parquet,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,No,claim_id,int64
    claims,ORION,claim,Amount,amount,float64
    policies,ORION,policy,No,policy_id,int64
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Give a project that has run."""
    folder = project(tmp_path, control=CONTROL, mapping=MAPPING)
    for name in ("acme.csv", "borealis/1.csv", "borealis/2.csv"):
        text_file(folder, f"data/{name}", "No,Amount\n1,1.5\n2,2.5\n")
    pl.DataFrame({"No": [1]}).write_parquet(folder / "data/policy.parquet")
    assert spine.run_changed(folder).exit_code == 0
    return folder


def ahead_of(folder: Path) -> Prospect:
    """Look what a run would do."""
    return look_ahead(make_draft(load_project(folder)))


def told(folder: Path) -> dict[str, list[str]]:
    """Give the reasons of each partition that would run."""
    return {key: list(map(str, own)) for key, own in ahead_of(folder).changes.due.items()}


def edited(folder: Path, name: str, old: str, new: str) -> None:
    """Edit a file of the project."""
    file = folder / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_what_did_not_change_is_not_run(made: Path) -> None:
    assert told(made) == {}
    report = spine.run_changed(made)
    assert report.statuses() == {"unchanged": 3}
    assert {p.partition: (p.made.rows, p.version) for p in report.partitions if p.made} == {
        "claims|acme": (2, 0), "claims|borealis": (4, 0), "policies|acme": (1, 0)
    }  # fmt: skip
    assert (report.exit_code, report.versions) == (0, {"claims": 0, "policies": 0})


def test_a_file_that_changed_is_named_with_its_time(made: Path) -> None:
    edited(made, "data/borealis/2.csv", "2.5", "3.5")
    (reason,) = told(made)["claims|borealis"]
    assert reason.startswith("data/borealis (2.csv) changed 20")
    report = spine.run_changed(made)
    assert report.statuses() == {"ok": 1, "unchanged": 2}
    assert load("claims", "borealis", config=made).collect()["amount"].sum() == pytest.approx(9)


def test_a_file_that_joins_or_leaves_is_a_change(made: Path) -> None:
    (made / "data/borealis/1.csv").unlink()
    os.utime(made / "data/borealis/2.csv", (1, 1))
    assert told(made) == {"claims|borealis": ["the files at data/borealis are others"]}


@pytest.mark.parametrize(
    ("old", "new", "reasons"),
    [
        ("Amount,amount,float64", "Amount,amount,string",
         ["mapping row ai_mapping.csv:3:ai_column changed", "`amount` became string"]),
        ("claims,ORION,claim,Amount,amount,float64\n", "",
         ["the mapping row of `amount` in ORION · claim is gone"]),
        ("float64\n", "float64\nclaims,ORION,claim,No,again,int64\n",
         ["mapping row ai_mapping.csv:4:ai_column is new"]),
    ],
)  # fmt: skip
def test_a_mapping_row_touches_its_module_and_product_alone(
    made: Path, old: str, new: str, reasons: list[str]
) -> None:
    edited(made, "ai_mapping.csv", old, new)
    assert told(made) == {"claims|acme": reasons, "claims|borealis": reasons}
    assert spine.run_changed(made).statuses() == {"ok": 2, "unchanged": 1}
    assert told(made) == {}


def test_rows_that_only_move_change_nothing(made: Path) -> None:
    for name in ("ai_mapping.csv", "control_table.csv"):
        header, *rows = (made / name).read_text().splitlines()
        (made / name).write_text("\n".join([header, "", *reversed(rows)]) + "\n")
    assert told(made) == {}


def test_an_edit_of_the_sheet_is_judged_before_it_is_saved(made: Path) -> None:
    draft = (made / "ai_mapping.csv").read_text().replace("No,policy_id", "No,policy_no")
    (made / "draft.csv").write_text(draft)
    ahead = look_ahead(make_draft(load_project(made, "draft.csv")))
    assert list(ahead.changes.due) == ["policies|acme"]
    assert told(made) == {}


def test_control_rows_that_come_and_go(made: Path) -> None:
    edited(made, "control_table.csv", "data/acme.csv", "data/./acme.csv")
    assert told(made) == {
        "claims|acme": ["control row control_table.csv:2:module_location changed"]
    }
    edited(made, "control_table.csv", "data/./acme.csv", "data/acme.csv")
    shutil.copy(made / "data/acme.csv", made / "data/new.csv")
    with (made / "control_table.csv").open("a") as table:
        table.write("ORION,claims,claim,cirrus,data/new.csv,Y\n")
    edited(made, "control_table.csv", "borealis,data/borealis,Y", "borealis,data/borealis,N")
    assert told(made) == {"claims|cirrus": ["new"]}
    assert ahead_of(made).removed == ("claims|borealis",)


def test_what_failed_is_tried_again(made: Path) -> None:
    before = (made / "data/acme.csv").read_text()
    (made / "data/acme.csv").write_text(before + "3,x")  # cut off
    assert spine.run_changed(made).statuses() == {"failed": 1, "unchanged": 2}
    ahead = ahead_of(made)
    assert [reason.kind for reason in ahead.changes.due["claims|acme"]] == ["source", "failed"]
    assert ahead.changes.in_vain == {"claims|acme"}
    (made / "data/acme.csv").write_text(before)
    assert ahead_of(made).changes.in_vain == frozenset()
    assert spine.run_changed(made).statuses() == {"ok": 1, "unchanged": 2}


def test_a_limit_and_the_code_are_inputs(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (made / "ai_dataflow.toml").open("a") as toml:
        toml.write("[modules.policies]\nmax_rejected = 1\n")
    assert told(made) == {"policies|acme": ["[modules.policies] max_rejected changed"]}
    monkeypatch.setattr(inputs, "COMPUTATION", "another")
    assert {key: len(own) for key, own in told(made).items()} == {
        "claims|acme": 1, "claims|borealis": 1, "policies|acme": 2
    }  # fmt: skip


def test_a_published_file_that_is_gone_is_made_again(made: Path) -> None:
    (file,) = (made / "workstation/claims/client_code=acme").glob("*.parquet")
    file.unlink()
    assert list(told(made)) == ["claims|acme"]
    assert spine.run_changed(made).statuses() == {"ok": 1, "unchanged": 2}


def test_published_data_that_is_another_is_made_again(made: Path) -> None:
    workstation = open_workstation(load_project(made).settings)
    spine.run(made, ["claims|acme"])
    table = Path(workstation.dataset("claims").url)
    assert told(made) == {}
    (table / "_delta_log" / f"{1:020}.json").unlink()  # as if it were restored
    ((reason,),) = told(made).values()
    assert reason.startswith("what readers see is not what a run made last")
    shutil.rmtree(table)
    assert told(made) == {"claims|acme": ["new"], "claims|borealis": ["new"]}


def test_without_its_record_a_partition_is_made_again(made: Path) -> None:
    (made / "workstation/_inputs/policies.json").write_text("{}")
    assert told(made) == {"policies|acme": ["nothing tells what the published data was made from"]}


def test_a_source_that_changes_after_it_was_listed_is_read_again(made: Path) -> None:
    loaded = load_project(made)
    job = look_live(make_draft(loaded), {"claims|acme"}).plan.jobs["claims|acme"]
    (made / "data/acme.csv").write_text("No,Amount\n1,1.5\n2,2.5\n3,3.5\n")
    result = run_partition(job, loaded.settings, "run")
    assert (result.failures, result.total("rows_read")) == ((), 3)


def test_a_merge_of_old_extracts_does_not_hide_that_sources_changed(made: Path) -> None:
    """The files changed; a run that only merges the last extracts cannot read them any more."""
    edited(made, "data/acme.csv", "2.5", "3.5")
    report = spine.run(made, ["claims|acme"], ["ai_dataset"])
    assert [p.error.code for p in report.partitions if p.error] == ["SRC-005"]
    assert "claims|acme" in told(made)


@pytest.mark.slow
def test_dagster_shows_as_unsynced_what_was_made_from_older_extracts(made: Path) -> None:
    def statuses(instance: dg.DagsterInstance) -> list[str]:
        resolver = CachingStaleStatusResolver(
            instance, graph, LoadingContextForTest(instance)
        )  # fmt: skip
        keys = ("claims|acme", "claims|borealis")
        return [resolver.get_status(dg.AssetKey("ai_dataset"), key).value for key in keys]

    graph = build_definitions(str(made)).resolve_asset_graph()
    run_project(made)
    with instance_of(made) as instance:
        assert statuses(instance) == ["FRESH", "FRESH"]
        edited(made, "data/acme.csv", "2.5", "3.5")
        job = dg.define_asset_job("extract", ["adls_extract", "azure_sql_extract"])
        definitions = dg.Definitions.merge(build_definitions(str(made)), dg.Definitions(jobs=[job]))
        done = definitions.resolve_job_def("extract").execute_in_process(
            instance=instance, partition_key="claims|acme"
        )
        assert done.success
        assert statuses(instance) == ["STALE", "FRESH"]
    run_project(made, ["claims|acme"])
    with instance_of(made) as instance:
        assert statuses(instance) == ["FRESH", "FRESH"]


def test_a_transform_that_reads_the_clock_is_made_always(made: Path) -> None:
    sheet = made / "ai_mapping.csv"
    text = sheet.read_text().replace("\n", ",\n").replace("ai_type,", "ai_type,transform")
    sheet.write_text(text + "policies,ORION,policy,,today,string,CAST(CURRENT_DATE AS VARCHAR)\n")
    assert "policies|acme" in told(made)
    spine.run_changed(made)
    reason = "ORION · policy is made always: a transform reads the clock"
    assert told(made) == {"policies|acme": [reason]}


def test_one_database_that_cannot_be_asked_stops_nobody_else(made: Path) -> None:
    with (made / "ai_dataflow.toml").open("a") as toml:
        toml.write('[sql.gone]\nurl = "sqlite:///gone.sqlite"\n')
        toml.write('changes = { other = "SELECT :client_code" }\n')
    with (made / "control_table.csv").open("a") as table:
        table.write("ORION,claims,claim,cirrus,sql://gone/claims,Y\n")
        table.write("ORION,claims,claim,delta,sql://gone/other,Y\n")
    assert set(ahead_of(made).plan.held) == {"claims|cirrus", "claims|delta"}
    assert spine.run_changed(made).statuses() == {"held": 2, "unchanged": 3}


def test_an_earlier_state_is_another_state_once_a_run_was_in_between(made: Path) -> None:
    seen = []
    for old, new in (("float64", "string"), ("string", "float64"), ("float64", "string")):
        edited(made, "ai_mapping.csv", f"Amount,amount,{old}", f"Amount,amount,{new}")
        seen.append(ahead_of(made).changes.states["claims|acme"])
        spine.run_changed(made)
    assert len(set(seen)) == len(seen)
