"""One file for many clients: what the tables say of it, and what is found in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.engine import sight
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.inputs import content_seen, inputs_of
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.sources.files import finding
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import TOML, project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

HEADER = "product_code,module_name,submodule_name,client_code,module_location,active,client_value"
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,id,claim_id,int64
"""
ALL = "data/all.csv?client_column=client"
ROWS = pl.DataFrame({"client": ["a", "b", "b", "zed", "yak", "yak"], "id": range(6)})


def _project(
    folder: Path, *rows: str, content: pl.DataFrame = ROWS, toml: str = TOML, name: str = "all.csv"
) -> Path:
    """Make a project of rows `client,location,active,value`."""
    control = "\n".join([HEADER, *(f"ORION,claims,claim,{row}" for row in rows)])
    made = project(folder, control=control, mapping=MAPPING, toml=toml)
    if name.endswith(".csv"):
        content.write_csv(folder / "data" / name)
    else:
        content.write_parquet(folder / "data" / name)
    return made


def _plan(folder: Path) -> Plan:
    return look_live(make_draft(load_project(folder))).plan


def _told(problems: Sequence[Diagnostic]) -> list[tuple[str, str, str]]:
    return [(p.code, p.place, p.severity) for p in problems if p.code != "MAP-022"]


def test_clients_that_nobody_lists_are_counted_and_told_once(tmp_path: Path) -> None:
    folder = _project(tmp_path, f"a,{ALL},Y,", f"b,{ALL},Y,")
    plan = _plan(folder)
    assert list(plan.jobs) == ["claims|a", "claims|b"]
    (problem,) = plan.diagnostics
    assert _told([problem]) == [("CTL-023", "control_table.csv:2:module_location", "warning")]
    assert "has 3 rows of 2 clients that the control table does not list" in problem.message
    assert not any(name in str(problem) for name in ("zed", "yak"))  # they are values


def test_a_client_that_is_listed_and_inactive_is_not_wanted(tmp_path: Path) -> None:
    folder = _project(tmp_path, f"a,{ALL},Y,", f"b,{ALL},Y,", f"z,{ALL},N,zed", f"y,{ALL},N,yak")
    assert _plan(folder).diagnostics == ()


@pytest.mark.parametrize("name", ["all.csv", "all.parquet"])
def test_validate_and_run_say_the_same_of_a_client_without_rows(tmp_path: Path, name: str) -> None:
    where = f"data/{name}?client_column=client"
    folder = _project(tmp_path, f"a,{where},Y,", f"c,{where},Y,", name=name)
    (problem,) = _plan(folder).errors
    assert _told([problem]) == [("SRC-002", "control_table.csv:3:module_location", "error")]
    assert (problem.owner, problem.partitions) == ("orion-data", ("claims|c",))
    report = spine.run(folder)
    failed = {p.partition: p.error for p in report.partitions if p.error}
    assert list(failed) == ["claims|c"]
    assert (failed["claims|c"].code, failed["claims|c"].message) == ("SRC-002", problem.message)


@pytest.mark.parametrize(("setting", "held"), [("", True), ('without_client = "reject"', False)])
def test_rows_without_a_client_fail_all_or_are_rejects_of_one(
    tmp_path: Path, setting: str, held: bool
) -> None:
    rows = pl.DataFrame({"client": ["b", None, "a"], "id": range(3)})
    toml = f"{TOML}\n    [modules.claims]\n    {setting}\n"
    folder = _project(tmp_path, f"b,{ALL},Y,", f"a,{ALL},Y,", content=rows, toml=toml)
    plan = _plan(folder)
    if held:
        (problem,) = plan.errors
        assert problem.partitions == ("claims|a", "claims|b")
    report = spine.run(folder)
    counts = {p.partition: (p.status, p.rows_read, p.rows_rejected) for p in report.partitions}
    if not held:
        assert plan.errors == []
        assert counts == {"claims|a": ("ok", 2, 1), "claims|b": ("ok", 1, 0)}
        again = cli(folder, "replay")
        assert "claims|a" in again.stdout + again.stderr
        assert "1" in again.stdout
    else:
        assert {status for status, *_ in counts.values()} == {"failed"}
        (cause,) = {(p.error.code, p.error.place) for p in report.partitions if p.error}
        assert cause == ("SRC-016", "control_table.csv:2:module_location")


def test_the_source_may_spell_a_client_in_another_way(tmp_path: Path) -> None:
    folder = _project(tmp_path, f"acme,{ALL},Y,b", f"borealis,{ALL},Y,a")
    counts = {p.partition: p.rows_published for p in spine.run(folder).partitions}
    assert counts == {"claims|acme": 2, "claims|borealis": 1}


def test_two_clients_of_one_spelling_would_share_their_rows(tmp_path: Path) -> None:
    folder = _project(tmp_path, f"acme,{ALL},Y,b", f"b,{ALL},Y,", f"a,{ALL},Y,")
    (problem,) = _plan(folder).errors
    assert (problem.code, problem.partitions) == ("CTL-016", ("claims|acme", "claims|b"))


def test_a_client_without_a_filter_would_get_the_rows_of_all(tmp_path: Path) -> None:
    folder = _project(tmp_path, f"a,{ALL},Y,", "b,data/all.csv,Y,")
    plan = _plan(folder)
    assert [p.code for p in plan.errors] == ["CTL-016"]
    assert (list(plan.held), list(plan.jobs)) == (["claims|b"], ["claims|a"])


def test_data_may_be_meant_for_all(tmp_path: Path) -> None:
    folder = _project(tmp_path, "a,data/all.csv,Y,*", "b,data/all.csv,Y,*")
    assert [p.rows_published for p in spine.run(folder).partitions] == [6, 6]


@pytest.mark.parametrize(("location", "value"), [("data/all.csv", "x"), (ALL, "*")])
def test_a_value_that_says_nothing_is_refused(tmp_path: Path, location: str, value: str) -> None:
    (problem,) = _plan(_project(tmp_path, f"a,{location},Y,{value}")).errors
    assert _told([problem]) == [("CTL-021", "control_table.csv:2:client_value", "error")]


@pytest.mark.parametrize(
    ("content", "code"),
    [({"clients": ["a"], "id": [1]}, "CTL-014"), ({"client": [1.5], "id": [1]}, "CTL-022")],
)
def test_a_column_that_tells_nobody_apart_holds_back(
    tmp_path: Path, content: dict[str, list[object]], code: str
) -> None:
    where = "data/all.parquet?client_column=client"
    rows = pl.DataFrame(content)
    plan = _plan(_project(tmp_path, f"a,{where},Y,", content=rows, name="all.parquet"))
    assert _told(plan.errors) == [(code, "control_table.csv:2:module_location", "error")]
    assert list(plan.held) == ["claims|a"]


def test_a_file_is_looked_at_once_for_all_its_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [f"c{i}" for i in range(20)]
    rows = pl.DataFrame({"client": clients, "id": range(20)})
    folder = _project(tmp_path, *(f"{c},{ALL},Y," for c in clients), content=rows)
    draft = make_draft(load_project(folder))
    looked: list[FileLocation] = []
    find = finding.find

    def finding_it(location: FileLocation, *more: object) -> object:
        looked.append(location)
        return find(location, *more)  # type: ignore[arg-type]

    monkeypatch.setattr("ai_dataflow.sources.survey.find", finding_it)
    seen = sight.look_around(draft.plan.locations(), draft.project.settings)
    assert len(looked) == 1
    assert len({id(seen[location]) for location in draft.plan.locations()}) == 1


def test_who_the_client_is_and_where_is_part_of_the_inputs(tmp_path: Path) -> None:
    def digested(*rows: str, toml: str = TOML) -> str:
        plan = _plan(_project(tmp_path, *rows, toml=toml))
        job = plan.jobs[next(iter(plan.jobs))]
        settings = load_project(tmp_path).settings
        (inputs,) = inputs_of(job, settings, content_seen).sources.values()
        return inputs.location

    rejecting = f'{TOML}\n    [modules.claims]\n    without_client = "reject"\n'
    digests = [
        digested("a,data/all.csv,Y,"), digested(f"a,{ALL},Y,"), digested(f"a,{ALL},Y,b"),
        digested("a,data/all.csv?client_column=id,Y,1"), digested(f"a,{ALL},Y,", toml=rejecting),
    ]  # fmt: skip
    assert len(set(digests)) == len(digests)
    assert digested(f"a,{ALL},Y,a") == digests[1]  # it says the same
