"""CSV tables in one spelling: the same table before and after, once and for all."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.tables.ai_columns import DictionaryRow, dictionary_rows
from ai_dataflow.tables.cell_words import FLAGS, NEEDED
from ai_dataflow.tables.code_lists import code_rows
from ai_dataflow.tables.control_table import control_rows
from ai_dataflow.tables.formatting import formatted
from ai_dataflow.tables.mapping_sheet import mapping_rows
from ai_dataflow.tables.project import LAYOUTS
from ai_dataflow.tables.source_rules import rule_rows
from ai_dataflow.tables.table import CellTable, Sheet, read_table
from ai_dataflow.tables.teams import team_rows


class EveryColumn(dict[tuple[str, str], DictionaryRow]):
    """A dictionary that has something to say of every AI column."""

    def get(self, key: object, default: object = None) -> Any:
        return DictionaryRow(Sheet("d"), 2, "", "", "string", required=True)


EVERY_COLUMN = EveryColumn({("", ""): DictionaryRow(Sheet("d"), 2, "", "")})
ROWS: dict[str, Callable[[CellTable], tuple[list[Any], list[Diagnostic]]]] = {
    "ai_mapping": mapping_rows,
    "source_rules": rule_rows,
    "code_lists": partial(code_rows, ignoring_case=()),
    "ai_columns": dictionary_rows,
    "control_table": control_rows,
    "teams": team_rows,
}
BLANKS_AROUND = "901"
CELLS = st.one_of(
    st.sampled_from(
        ["", "Y", "yes", "NO", "f", "maybe", "Decimal( 18 , 2 )", "STRING", "7", "full"]
    ),
    st.sampled_from(
        ["struct(A  int64)", "007", "2024-01-31", "a,b", 'say "x"', "two\nlines", "=1"]
    ),
    st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=6),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, str]:
    """Give a setting and a CSV table for it, as editors and spreadsheets save it."""
    setting = draw(st.sampled_from(sorted(ROWS)))
    layout = LAYOUTS[setting]
    some = draw(st.lists(st.sampled_from(layout.optional), unique=True))
    header = draw(st.permutations([*layout.required, *some]))
    width = len(header)
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=5))
    around = draw(st.sampled_from(["", " ", "\t"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    text = io.StringIO()
    end = draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(text, quoting=quoting, lineterminator=end)
    for row in (header, *rows):
        writer.writerow([f"{around}{cell}{around}" for cell in row])
    return setting, draw(st.sampled_from(["", "\ufeff"])) + text.getvalue()


def said(setting: str, file: Path) -> tuple[Sequence[Any], list[Any]]:
    """Give what a reader takes from a table, and what is wrong with it."""
    table = read_table(file.name, file.parent, LAYOUTS[setting])
    rows, problems = ROWS[setting](table)
    if setting == "ai_mapping":
        problems += mapping_rows(table, dictionary=EVERY_COLUMN)[1]
    bare = [replace(row, sheet=Sheet("")) for row in rows]
    wrong = [(p.code, p.message, p.place) for p in problems if not p.code.endswith(BLANKS_AROUND)]
    return bare, wrong


@given(tables())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_formatted_table_says_the_same_and_stays(tmp_path: Path, made: tuple[str, str]) -> None:
    setting, text = made
    file = tmp_path / "table.csv"
    file.write_text(text, encoding="utf-8", newline="")
    before = said(setting, file)
    after = formatted(setting, file, LAYOUTS[setting])
    file.write_text(after, encoding="utf-8", newline="")
    assert said(setting, file) == before
    assert formatted(setting, file, LAYOUTS[setting]) == after


def test_one_spelling(tmp_path: Path) -> None:
    file = tmp_path / "ai_mapping.csv"
    file.write_bytes(
        b"\xef\xbb\xbfproduct_code,module_name , submodule_name,is_key,source_column,ai_column,"
        b'ai_type,"trim"\r\nORION,claims,header,yes,"ClaimNo",claim_id,INT 64,no\r\n'
        b'\r\nORION,claims,header,N, Amount ,amount,"Decimal(18, 2)",x\r\n,,,,,,,\r\n'
    )
    assert formatted("ai_mapping", file, LAYOUTS["ai_mapping"]) == (
        "module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key,trim\n"
        "claims,ORION,header,ClaimNo,claim_id,int64,Y,N\n"
        "\n"
        'claims,ORION,header,Amount,amount,"decimal(18,2)",,Y\n'
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("a,b,c,d,e,string,more", "MAP-902"),  # a comma that nobody meant
        ("# a remark", "MAP-902"),
    ],
)
def test_what_has_no_column_is_refused_and_not_lost(tmp_path: Path, line: str, code: str) -> None:
    file = tmp_path / "ai_mapping.csv"
    file.write_text(",".join(LAYOUTS["ai_mapping"].required) + f"\n{line}\n", encoding="utf-8")
    with pytest.raises(DataflowError) as refused:
        formatted("ai_mapping", file, LAYOUTS["ai_mapping"])
    assert [each.code for each in refused.value.diagnostics] == [code]


@pytest.mark.parametrize("setting", LAYOUTS)
def test_the_needed_columns_are_those_that_are_told_when_they_are_blank(setting: str) -> None:
    layout = LAYOUTS[setting]
    table = CellTable(Sheet("t"), layout, {2: dict.fromkeys(layout.columns, "")})
    _, problems = ROWS[setting](table)
    blank = {p.place.rpartition(":")[2] for p in problems if p.code == f"{layout.prefix}-003"}
    assert blank == {*NEEDED[setting]}


@pytest.mark.parametrize("setting", LAYOUTS)
def test_the_flags_are_those_that_are_checked_as_such(setting: str) -> None:
    layout = LAYOUTS[setting]
    table = CellTable(Sheet("t"), layout, {2: dict.fromkeys(layout.columns, "maybe")})
    _, problems = ROWS[setting](table)
    checked = {p.place.rpartition(":")[2] for p in problems if p.code == f"{layout.prefix}-005"}
    assert {(setting, name) for name in checked} == {each for each in FLAGS if each[0] == setting}
