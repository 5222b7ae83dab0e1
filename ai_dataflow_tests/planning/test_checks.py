"""What the submodules of one product do to each other: keys and columns must line up."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.ai_mapping import LAYOUT, mapping_rows, rows_for
from ai_dataflow.config.locations import FileLocation
from ai_dataflow.config.tables import read_table
from ai_dataflow.engine.job import SourceJob
from ai_dataflow.planning.checks import check_product
from ai_dataflow_tests.projects import table


def check(folder: Path, mapping: str) -> list[tuple[str, str, str]]:
    """Check the submodules of `<submodule> <ai_column> [key]` lines; the first is line 2."""
    lines = [line.split() for line in mapping.strip().splitlines()]
    text = "module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key\n"
    text += "\n".join(f"m,P,{s},{c},{c},int64,{'Y' if key else ''}" for s, c, *key in lines)
    rows, problems = mapping_rows(read_table(table(folder, "map", text), folder, LAYOUT))
    assert not problems
    sources = [
        SourceJob("P", name, FileLocation(name), "", rows_for(rows, "m", "P", name))
        for name in dict.fromkeys(name for name, *_ in lines)
    ]
    return [(p.code, p.place, p.message) for p in check_product(sources)]


@pytest.mark.parametrize(
    "mapping",
    [
        "header id key\n header status\n line id key\n line amount",
        "header id key\n header day key\n line id key\n note day key",
        "a id key\n b id key\n b line key\n c line key",
        "north id\n north amount\n south id\n south amount",
        "header id key\n header amount\n extra id\n extra amount",
        "header id key",
    ],
    ids=["shared key", "one of two keys", "key of the one before", "no keys: appended",
         "keyed and appended", "alone"],
)  # fmt: skip
def test_what_can_be_joined_or_appended_is_fine(tmp_path: Path, mapping: str) -> None:
    assert not check(tmp_path, mapping)


def test_keyed_submodules_without_a_common_key_are_refused(tmp_path: Path) -> None:
    ((code, place, message),) = check(
        tmp_path, "header id key\n header day key\n line no\n line line_id key"
    )
    assert (code, place) == ("MAP-013", "map.csv:5:is_key")
    assert message == (
        "`line` has the keys line_id; the submodules that it is joined to have id, day"
    )


def test_a_column_of_two_joined_submodules_is_refused(tmp_path: Path) -> None:
    ((code, place, message),) = check(
        tmp_path, "header id key\n header status\n line id key\n line status"
    )
    assert (code, place) == ("MAP-012", "map.csv:5:ai_column")
    assert "`status` comes from `header` and from `line`" in message


def test_a_key_that_is_a_plain_column_in_the_other_is_refused(tmp_path: Path) -> None:
    found = check(tmp_path, "header id key\n header day key\n line id key\n line day")
    assert [(code, place) for code, place, _ in found] == [("MAP-012", "map.csv:5:ai_column")]


def test_all_problems_of_a_product_come_at_once(tmp_path: Path) -> None:
    found = check(tmp_path, "a id key\n a x\n b no key\n b x\n c num key\n c x")
    assert sorted(code for code, *_ in found) == ["MAP-012"] * 2 + ["MAP-013"] * 2
