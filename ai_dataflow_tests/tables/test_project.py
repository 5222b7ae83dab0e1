"""A project is read as a whole: what is wrong in any table is known at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import MAPPING, TEAMS, project, text_file


def found(folder: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(DataflowError) as error:
        load_project(folder)
    return [(p.code, p.place, p.owner) for p in error.value.diagnostics]


@pytest.mark.parametrize("workbooks", [False, True], ids=["csv", "xlsx"])
def test_a_good_project_has_no_problems(tmp_path: Path, workbooks: bool) -> None:
    good = load_project(project(tmp_path, workbooks=workbooks))
    assert (len(good.control), len(good.mapping), len(good.teams)) == (1, 2, 3)
    assert set(good.problems.values()) == {()}


def test_wrong_headers_of_all_three_tables_come_at_once(tmp_path: Path) -> None:
    control = "product_code,module_name,submodule_name,client_code,module_location,active,note\n"
    mapping = MAPPING.replace("ai_type", "ai_typ")
    assert found(project(tmp_path, control=control, mapping=mapping, teams="team,email\n")) == [
        ("CTL-001", "control_table.csv:1:note", ""),
        ("MAP-001", "ai_mapping.csv:1:ai_typ", ""),
        ("MAP-002", "ai_mapping.csv:1", ""),
        ("TEM-002", "teams.csv:1", ""),
    ]


def test_a_missing_table_and_a_wrong_header_come_at_once_with_their_owners(tmp_path: Path) -> None:
    folder = project(tmp_path, mapping=MAPPING.replace("ai_type", "ai_typ"))
    (folder / "control_table.csv").unlink()
    assert found(folder) == [
        ("CFG-005", "control_table.csv", "ai-platform"),
        ("MAP-001", "ai_mapping.csv:1:ai_typ", "ai-mapping"),
        ("MAP-002", "ai_mapping.csv:1", "ai-mapping"),
    ]


def test_a_wrong_header_does_not_hide_the_bad_rows_of_other_tables(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        control="product_code,module_name,submodule_name,client_code,module_location\n",
        mapping=MAPPING.replace("float64", "flaot64"),
        teams=TEAMS.replace("source", "sorce"),
        toml="""
            code_lists = "codes.csv"
            source_rules = "rules.csv"
            ai_columns = "columns.csv"
            [workstation]
            url = "workstation"
        """,
    )
    text_file(folder, "codes.csv", "code_list,source_value,ai_value\na,,b\n")
    rules = "module_name,product_code,submodule_name,where,explode,unpivot\n"
    text_file(folder, "rules.csv", f"{rules}claims,ORION,claim,,a,b\n")
    text_file(folder, "columns.csv", "module_name,ai_column,required\nclaims,amount,maybe\n")
    codes = [code for code, *_ in found(folder)]
    assert codes[:3] == ["CTL-002", "MAP-006", "TEM-006"]
    assert {code[:3] for code in codes[3:]} == {"COD", "RUL", "DIC"}
