"""`ai-dataflow sheet`: marked copies of workbooks, formatted CSV tables, workbooks to fill in."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill

from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow.tables.table import Row
from ai_dataflow_tests import projects
from ai_dataflow_tests.golden_parts import MAPPING_IN_SQL
from ai_dataflow_tests.runs.runs import cli

MAPPING = f"""{projects.MAPPING}\
    claims,ORION,claim,,paid,float64
    claims,ORION,claim,ClaimNo,due,dat
"""
CODES = "code_list,source_value,ai_value\ncountry,007,=CH\ncountry,2024-01-31,1.50\n"


@pytest.fixture
def authored(tmp_path: Path) -> Path:
    """A project whose mapping workbook somebody made their own, with two mistakes."""
    folder = projects.project(tmp_path, mapping=MAPPING, workbooks=True)
    book = openpyxl.load_workbook(folder / "ai_mapping.xlsx")
    sheet = book["AI_Map"]
    sheet["F5"].comment = Comment("ask the product team", "Author")
    sheet["F5"].fill = PatternFill("solid", fgColor="00FF00")
    sheet.column_dimensions["D"].width = 33
    book.create_sheet("Notes & more")["A1"] = "=1+1"
    book.save(folder / "ai_mapping.xlsx")
    return folder


def test_a_marked_copy_has_each_problem_in_its_cell(authored: Path) -> None:
    before = (authored / "ai_mapping.xlsx").read_bytes()
    made = cli(authored, "sheet", "check", "ai_mapping.xlsx")
    assert (made.returncode, made.stderr) == (1, "")
    assert "2 errors, 0 warnings" in made.stdout
    assert (authored / "ai_mapping.xlsx").read_bytes() == before
    book = openpyxl.load_workbook(authored / "ai_mapping.checked.xlsx")
    problems, sheet = book["Problems"], book["AI_Map"]
    assert book.sheetnames[0] == "Problems"
    listed = [[cell.value for cell in row] for row in problems.iter_rows(min_row=2)]
    assert [(row[1], row[2], row[5], row[6]) for row in listed] == [
        ("MAP-010", "ai_mapping.xlsx!AI_Map!D4", "ai-mapping", 1),
        ("MAP-006", "ai_mapping.xlsx!AI_Map!F5", "ai-mapping", 1),
    ]
    assert [problems[f"C{i}"].hyperlink.location for i in (2, 3)] == ["'AI_Map'!D4", "'AI_Map'!F5"]
    assert sheet["F5"].comment.text.startswith("ask the product team\n")
    assert "error MAP-006: `dat` is no ai_type" in sheet["F5"].comment.text
    assert "Owner: ai-mapping" in sheet["D4"].comment.text
    (red,) = sheet.conditional_formatting
    assert {*str(red.sqref).split()} == {"D4", "F5"}
    # What the author had is there.
    assert sheet["F5"].fill.fgColor.rgb == "0000FF00"
    assert sheet.column_dimensions["D"].width == 33
    assert book["Notes & more"]["A1"].value == "=1+1"


def test_who_goes_on_in_the_copy_has_the_last_findings_only(authored: Path) -> None:
    cli(authored, "sheet", "check", "ai_mapping.xlsx")
    book = openpyxl.load_workbook(authored / "ai_mapping.checked.xlsx")
    book["AI_Map"]["D4"], book["AI_Map"]["F5"] = "Amountt", "int64"  # which only the source tells
    book.save(authored / "ai_mapping.xlsx")
    told = json.loads(cli(authored, "sheet", "check", "ai_mapping.xlsx", "--json").stdout)
    assert [item["code"] for item in told["items"]] == ["MAP-014"]
    again = openpyxl.load_workbook(told["file"])
    assert again.sheetnames == ["Problems", "AI_Map", "Sheet", "Notes & more"]
    assert again["AI_Map"]["D4"].comment.text.count("error ") == 1
    assert again["AI_Map"]["F5"].comment.text == "ask the product team"
    assert [str(each.sqref) for each in again["AI_Map"].conditional_formatting] == ["D4"]


def test_a_header_that_is_wrong_is_marked_too(authored: Path) -> None:
    book = openpyxl.load_workbook(authored / "ai_mapping.xlsx")
    book["AI_Map"]["E1"] = "ai_colunm"
    book.save(authored / "ai_mapping.xlsx")
    assert cli(authored, "sheet", "check", "ai_mapping.xlsx", "--out", "seen.xlsx").returncode == 1
    note = openpyxl.load_workbook(authored / "seen.xlsx")["AI_Map"]["E1"].comment
    assert "MAP-001" in note.text


def test_what_a_copy_lacks_is_told(authored: Path) -> None:
    with zipfile.ZipFile(authored / "ai_mapping.xlsx", "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macros")
    told = cli(authored, "sheet", "check", "ai_mapping.xlsx", "--offline")
    assert "the copy is not all of the workbook: macros are left out" in told.stdout


def test_of_merged_cells_the_first_has_the_note(authored: Path) -> None:
    book = openpyxl.load_workbook(authored / "ai_mapping.xlsx")
    book["AI_Map"].merge_cells("D3:D4")
    chart = BarChart()
    chart.add_data(Reference(book["AI_Map"], min_col=1, min_row=1, max_row=3))
    book["Notes & more"].add_chart(chart, "C3")
    book.save(authored / "ai_mapping.xlsx")
    told = cli(authored, "sheet", "check", "ai_mapping.xlsx", "--offline")
    assert "charts are drawn anew" in told.stdout
    copy = openpyxl.load_workbook(authored / "ai_mapping.checked.xlsx")
    note = copy["AI_Map"]["D3"].comment.text
    assert (note.count("sheet check:"), note.count("MAP-903")) == (1, 2)  # a line each
    assert len(copy["Notes & more"]._charts) == 1


def test_merged_cells_of_a_whole_sheet_are_refused_before_they_fill_the_memory(
    authored: Path,
) -> None:
    file = authored / "ai_mapping.xlsx"
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    everything = b'<mergeCells count="1"><mergeCell ref="A9:XFD1048576"/></mergeCells>'
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            more = b"</sheetData>" + everything
            archive.writestr(name, content.replace(b"</sheetData>", more))
    told = cli(authored, "sheet", "check", "ai_mapping.xlsx", "--offline")
    assert (told.returncode, "CFG-006" in told.stderr) == (2, True), told.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("check control_table.csv", "CFG-030"),
        ("check other.xlsx", "CFG-030"),
        ("check ai_mapping.xlsx --out ai_mapping.xlsx", "CFG-031"),
        ("check ai_mapping.xlsx --out ai_dataflow.toml", "CFG-031"),
        ("check ai_mapping.xlsx --out no/where.xlsx", "CFG-033"),
        ("format ai_mapping.xlsx", "CFG-030"),
        ("workbook ai_mapping.xlsx", "CFG-031"),
        ("workbook tables.csv", "CFG-030"),
    ],
)
def test_what_it_cannot_do_is_refused(tmp_path: Path, arguments: str, code: str) -> None:
    folder = projects.project(tmp_path)
    reference = projects.table(folder, "ai_mapping", projects.MAPPING, "AI_Map")
    (folder / "ai_mapping.csv").unlink()
    settings = folder / "ai_dataflow.toml"
    settings.write_text(settings.read_text().replace("ai_mapping.csv", reference))
    before = {file: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    told = cli(folder, "sheet", *arguments.split())
    assert (told.returncode, code in told.stderr) == (2, True), told.stderr
    assert {file: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before


def test_format_changes_spellings_and_nothing_else(tmp_path: Path) -> None:
    folder = projects.project(tmp_path)
    file = folder / "ai_mapping.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    said = cli(folder, "validate", "--json").stdout
    assert cli(folder, "sheet", "format", "--check").returncode == 1
    done = cli(folder, "sheet", "format", "ai_mapping.csv")
    assert (done.returncode, done.stdout) == (0, "ai_mapping.csv: formatted\n")
    assert cli(folder, "sheet", "format", "--check").returncode == 0
    assert cli(folder, "validate", "--json").stdout == said


def test_a_table_that_is_refused_keeps_all_from_being_written(tmp_path: Path) -> None:
    folder = projects.project(tmp_path, teams=projects.TEAMS.replace("concern", "concern,remark"))
    file = folder / "control_table.csv"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    told = cli(folder, "sheet", "format")
    assert (told.returncode, "TEM-001" in told.stderr) == (2, True)
    assert b"\r\n" in file.read_bytes()


def _full(folder: Path, mapping: str = MAPPING) -> Path:
    """Write a project with all tables, some of their rows wrong."""
    projects.project(folder, mapping=mapping)
    (folder / "code_lists.csv").write_text(CODES)
    rules = "module_name,product_code,submodule_name\nclaims,ORION,nowhere\n"
    (folder / "source_rules.csv").write_text(rules)
    (folder / "ai_columns.csv").write_text("module_name,ai_column,required\nclaims,paid,maybe\n")
    more = [f'{name} = "{name}.csv"' for name in ("code_lists", "source_rules", "ai_columns")]
    settings = folder / "ai_dataflow.toml"
    settings.write_text("\n".join([*more, settings.read_text()]))
    return folder


def _planned(folder: Path) -> tuple[Plan, list[tuple[str, str]], list[object]]:
    project = load_project(folder)
    plan = look_live(make_draft(project)).plan
    tables = (project.control, project.mapping, project.teams, project.code_lists.rows,
              project.rules, project.dictionary)  # fmt: skip
    return plan, [(each.code, each.message) for each in plan.diagnostics], [
        _cells(row) for table in tables for row in table
    ]  # fmt: skip


def _columns(plan: Plan) -> object:
    """Give the columns of each module, with what the dictionary says of them."""
    return {
        module: [(c.name, c.ai_type, c.description, c.rule and c.rule.said) for c in columns]
        for module, columns in plan.columns.items()
    }


def _made(plan: Plan) -> object:
    """Give what each partition is made of."""
    return {
        key: [(source.submodule, [row.said for row in source.mappings]) for source in job.sources]
        for key, job in plan.jobs.items()
    }


def _cells(row: Row) -> object:
    names = [name for name in type(row).__dataclass_fields__ if name not in ("sheet", "line")]
    return [getattr(row, name) for name in names]


def test_a_workbook_of_a_project_is_the_same_project(tmp_path: Path) -> None:
    folder = _full(tmp_path)
    plan, told, rows = _planned(folder)
    assert {code for code, _ in told} >= {"MAP-006", "MAP-010", "RUL-008", "DIC-005"}
    made = cli(folder, "sheet", "workbook", "tables.xlsx")
    assert made.returncode == 0, made.stderr
    lines = [line.strip() for line in made.stdout.splitlines()[1:]]
    settings = folder / "ai_dataflow.toml"
    settings.write_text("\n".join([*lines, '[workstation]\nurl = "workstation"\n']))
    again, told_again, rows_again = _planned(folder)
    assert rows_again == rows
    assert [(code, message.replace("tables.xlsx!AI_Map!", "")) for code, message in told_again] == [
        (code, message) for code, message in told
    ]
    assert _columns(again) == _columns(plan)
    sheet = openpyxl.load_workbook(folder / "tables.xlsx")["Codes"]
    assert [(cell.value, cell.data_type, cell.number_format) for cell in sheet["B"][1:]] == [
        ("007", "s", "@"), ("2024-01-31", "s", "@"),
    ]  # fmt: skip


def test_a_table_of_a_database_becomes_a_tab(tmp_path: Path) -> None:
    folder = projects.project(tmp_path, toml=f'{projects.TOML}[sql.p]\nurl = "sqlite:///p.sqlite"')
    (folder / "p.sqlite").write_bytes(MAPPING_IN_SQL)
    with closing(sqlite3.connect(folder / "p.sqlite")) as database, database:
        database.execute("UPDATE ai_mapping SET position = 5 WHERE ai_column = 'amount'")
    settings = folder / "ai_dataflow.toml"
    settings.write_text(settings.read_text().replace("ai_mapping.csv", "sql://p/ai_mapping"))
    made = cli(folder, "sheet", "workbook", "tables.xlsx", "--offline")
    assert made.returncode == 0, made.stderr
    sheet = openpyxl.load_workbook(folder / "tables.xlsx")["AI_Map"]
    assert [cell.value for cell in sheet["E"]] == ["ai_column", "amount", "claim_id"]


def test_a_workbook_plans_what_the_files_plan(tmp_path: Path) -> None:
    folder = projects.project(tmp_path)
    plan, told, _ = _planned(folder)
    assert (len(plan.jobs), told) == (1, [])
    assert cli(folder, "sheet", "workbook", "t.xlsx").returncode == 0
    for name, title in (("ai_mapping", "AI_Map"), ("control_table", "Control"), ("teams", "Teams")):
        settings = folder / "ai_dataflow.toml"
        settings.write_text(settings.read_text().replace(f"{name}.csv", f"t.xlsx#{title}"))
        (folder / f"{name}.csv").unlink()
    again, told_again, _ = _planned(folder)
    assert (_made(again), told_again) == (_made(plan), [])


@pytest.mark.parametrize("value", ["#N/A", "_x0041_", "a\x07"])
def test_a_cell_that_no_workbook_can_hold_is_told_and_none_is_written(
    tmp_path: Path, value: str
) -> None:
    folder = _full(tmp_path)
    (folder / "code_lists.csv").write_text(CODES + f'country,"{value}",XX\n')
    told = cli(folder, "sheet", "workbook", "tables.xlsx")
    assert (told.returncode, "CFG-032" in told.stderr) == (2, True), told.stderr
    assert not (folder / "tables.xlsx").exists()
    assert not list(folder.glob(".sheet-*"))
