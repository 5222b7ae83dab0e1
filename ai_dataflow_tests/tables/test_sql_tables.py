"""The tables that people edit, kept in a database: the rules of files, and names for rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import ExecutionSettings, Settings, SqlConnection
from ai_dataflow.tables import ai_mapping, control_table, mapping_sheet, teams
from ai_dataflow.tables.sql_tables import read_sql_table
from ai_dataflow.tables.table import CellTable, Layout

CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active,file_format"
MAPPING = (
    "position,module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,"
    "is_key,required,description"
)
TEAMS = "position,team,email,concern,product_code,module_name"
ROW = ("ORION", "claims", "claim", "acme", "data/claims.csv", 1, None)
REFERENCE = "sql://platform/control"


def _settings(folder: Path, reference: str = REFERENCE, url: str = "sqlite:///t.db") -> Settings:
    return Settings(
        folder=folder,
        control_table=reference,
        ai_mapping=reference,
        teams=reference,
        sql={"platform": SqlConnection(url=SecretStr(url))},
        execution=ExecutionSettings(retry_seconds=0),
    )


def _made(folder: Path, header: str, *rows: Sequence[object], kind: str = "") -> Settings:
    columns = header.split(",")
    with closing(sqlite3.connect(folder / "t.db")) as database, database:
        declared = ", ".join(f'"{name}" {kind}' for name in columns)
        database.execute(f"CREATE TABLE control ({declared})")
        marks = ",".join("?" * len(columns))
        database.executemany(f"INSERT INTO control VALUES ({marks})", rows)  # noqa: S608
    return _settings(folder)


def _control(settings: Settings) -> CellTable:
    return read_sql_table("control_table", settings, control_table.LAYOUT)


def _problems(settings: Settings, setting: str, layout: Layout) -> list[Diagnostic]:
    with pytest.raises(DataflowError) as error:
        read_sql_table(setting, settings, layout)
    return list(error.value.diagnostics)


def test_a_table_is_read_as_a_file_would_be(tmp_path: Path) -> None:
    other = ("LYRA", "claims", "claim", "acme", "data/lyra.csv", "no", "CSV")
    rows, problems = control_table.control_rows(_control(_made(tmp_path, CONTROL, ROW, other)))
    assert problems == []
    assert [(r.product, r.active, r.file_format) for r in rows] == [
        ("LYRA", False, "csv"),
        ("ORION", True, ""),
    ]


def test_rows_come_in_the_order_of_their_keys(tmp_path: Path) -> None:
    clients = ["b", "C", "a", "10", "9"]
    rows = [(*ROW[:3], client, *ROW[4:]) for client in clients]
    found = _control(_made(tmp_path, CONTROL, *rows))
    assert [client for _, client in found.column("client_code")] == sorted(clients)


def test_a_problem_names_table_row_and_column(tmp_path: Path) -> None:
    bad = ("ORION", "claims", "claim", "acme", "data/claims.csv", "maybe", None)
    _, (problem,) = control_table.control_rows(_control(_made(tmp_path, CONTROL, bad)))
    assert (problem.code, problem.place) == (
        "CTL-005",
        "sql://platform/control[ORION|claims|claim|acme]:active",
    )


def test_rows_of_one_key_have_names_of_their_own(tmp_path: Path) -> None:
    same = (*ROW[:4], "data/other.csv", 1, None)
    _, (problem,) = control_table.control_rows(_control(_made(tmp_path, CONTROL, ROW, same)))
    assert problem.code == "CTL-006"
    assert problem.place == "sql://platform/control[ORION|claims|claim|acme#2]:submodule_name"
    assert "[ORION|claims|claim|acme]:submodule_name" in problem.message


def test_blanks_that_fill_a_column_up_are_none(tmp_path: Path) -> None:
    padded = tuple(f"{cell:<30}" if isinstance(cell, str) else cell for cell in ROW)
    rows, problems = control_table.control_rows(_control(_made(tmp_path, CONTROL, padded)))
    assert problems == []
    assert rows[0].client == "acme"


def test_what_a_person_cannot_see_is_ignored_and_told(tmp_path: Path) -> None:
    odd = (" ORION\u00a0", *ROW[1:])
    rows, (problem,) = control_table.control_rows(_control(_made(tmp_path, CONTROL, odd)))
    assert (problem.code, problem.severity, rows[0].product) == ("CTL-901", "warning", "ORION")


def test_every_wrong_column_is_told(tmp_path: Path) -> None:
    header = CONTROL.replace("submodule_name", "submodul_name").replace(",active", "")
    settings = _made(tmp_path, header)
    problems = _problems(settings, "control_table", control_table.LAYOUT)
    assert [(p.code, p.place) for p in problems] == [
        ("CTL-001", "sql://platform/control:submodul_name"),
        ("CTL-002", "sql://platform/control"),
        ("CTL-002", "sql://platform/control"),
    ]


@pytest.mark.parametrize(
    ("setting", "layout", "header"),
    [
        ("ai_mapping", ai_mapping.LAYOUT, MAPPING),
        ("teams", teams.LAYOUT, TEAMS),
    ],
)
def test_where_order_matters_a_position_is_needed(
    tmp_path: Path, setting: str, layout: Layout, header: str
) -> None:
    settings = _made(tmp_path, header.removeprefix("position,"))
    (problem,) = _problems(settings, setting, layout)
    assert problem.code == f"{layout.prefix}-002"
    assert "`position`" in problem.message


def test_a_position_gives_the_order(tmp_path: Path) -> None:
    rows = [
        (10, "last", "a@example.org", "*", None, None),
        ("9", "middle", "b@example.org", "*", "", ""),
        (1.5, "first", "c@example.org", "*", "ORION", None),
    ]
    settings = _made(tmp_path, TEAMS, *rows)
    found, problems = teams.team_rows(read_sql_table("teams", settings, teams.LAYOUT))
    assert problems == []
    assert [(team.name, team.product) for team in found] == [
        ("first", "ORION"),
        ("middle", "*"),
        ("last", "*"),
    ]


@pytest.mark.parametrize(
    ("positions", "message"),
    [((1, None), "blank"), ((1, "x"), "no number"), ((1, "NaN"), "no number"), ((7, "7.0"), "too")],
)
def test_a_row_without_a_position_of_its_own_is_told(
    tmp_path: Path, positions: tuple[object, object], message: str
) -> None:
    rest = ("claims", "ORION", "claim", "A", "a", "string", None, None, None, None)
    rows = [(positions[0], *rest), (positions[1], *(rest[:4]), "b", *rest[5:])]
    table = read_sql_table("ai_mapping", _made(tmp_path, MAPPING, *rows), ai_mapping.LAYOUT)
    _, (problem,) = mapping_sheet.mapping_rows(table)
    assert problem.code == "MAP-908"
    assert problem.place == "sql://platform/control[claims|ORION|claim|b]:position"
    assert message in problem.message


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("sql://plaform/control", "did you mean `platform`"),
        ("sql://user:hunter2@host/control", "password"),
        ("sql://platform/", "names no table"),
        ("sql://platform", "names no table"),
    ],
)
def test_a_reference_that_cannot_be_meant_is_a_wrong_setting(
    tmp_path: Path, reference: str, said: str
) -> None:
    (problem,) = _problems(_settings(tmp_path, reference), "teams", teams.LAYOUT)
    assert (problem.code, problem.place) == ("CFG-003", "ai_dataflow.toml:teams")
    assert said in problem.message
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    ("reference", "url", "code"),
    [
        ("sql://platform/nosuch", "sqlite:///t.db", "CFG-005"),
        ("sql://platform/dbo.control", "sqlite:///t.db", "CFG-005"),
        (REFERENCE, "sqlite:///nosuch.db", "CFG-021"),
        (REFERENCE, "nosuch://", "CFG-021"),
        (REFERENCE, "not a url", "CFG-021"),
        (REFERENCE, "postgresql+psycopg://u:hunter2@127.0.0.1:1/d", "CFG-020"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(
    tmp_path: Path, reference: str, url: str, code: str
) -> None:
    _made(tmp_path, CONTROL, ROW)
    settings = _settings(tmp_path, reference, url)
    (problem,) = _problems(settings, "control_table", control_table.LAYOUT)
    assert (problem.code, problem.place) == (code, reference)
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("sql://platform/contrl", "connection `platform`; did you mean `control`?"),
        ("sql://platform/people", "connection `platform`; there are `control`"),
    ],
)
def test_a_table_that_is_not_there_comes_with_those_that_are(
    tmp_path: Path, reference: str, says: str
) -> None:
    settings = _made(tmp_path, CONTROL, ROW).model_copy(update={"control_table": reference})
    (problem,) = _problems(settings, "control_table", control_table.LAYOUT)
    assert problem.code == "CFG-005"
    assert says in problem.message


def test_a_row_is_the_same_wherever_its_table_is_kept(tmp_path: Path) -> None:
    """Rows are keys of plans; the names of all rows must not be a part of each."""
    (row,), _ = control_table.control_rows(_control(_made(tmp_path, CONTROL, ROW)))
    assert hash(row) == hash(replace(row))
    assert row == replace(row, sheet=replace(row.sheet, keys={}))
