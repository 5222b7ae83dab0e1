"""A project with a rule that makes several rows of one: run, explained, edited, replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.explain import explain_partition
from ai_dataflow.runs.prospect import look_ahead, look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import run_project

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,sales,budget,acme,data/a.csv,Y
    ORION,sales,budget,beta,data/b.csv,Y
    VEGA,sales,order,coral,data/v.jsonl,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
    sales,ORION,budget,Id,id,int64,
    sales,ORION,budget,quarter,name,string,
    sales,ORION,budget,{fed}
    sales,VEGA,order,Id,id,int64,
    sales,VEGA,order,lines.what,name,string,
    sales,VEGA,order,lines.amount,amount,int64,
"""
AMOUNT = "amount,amount,int64,"
RULES = "module_name,product_code,submodule_name,unpivot,explode\n"
UNPIVOT = 'sales,ORION,budget,"amount FOR quarter IN (Q1, Q2)",\n'
EXPLODE = "sales,VEGA,order,,lines\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    toml = 'source_rules = "source_rules.csv"\n'
    projects.project(tmp_path, control=CONTROL, mapping=MAPPING.format(fed=AMOUNT), toml=toml)
    text_file(tmp_path, "source_rules.csv", RULES + UNPIVOT + EXPLODE)
    text_file(tmp_path, "data/a.csv", "Id,Q1,Q2\n1,10,n/a\n2,,4\n")
    text_file(tmp_path, "data/b.csv", "Id,Q1,Q2\n3,5,6\n")
    lines = '[{"what": "tea", "amount": 2}, {"what": "jam", "amount": 3}]'
    (tmp_path / "data/v.jsonl").write_text(f'{{"Id": 7, "lines": {lines}}}\n{{"Id": 8}}\n')
    return tmp_path


def _published(folder: Path) -> list[tuple[Any, ...]]:
    rows = pl.read_delta(str(folder / "workstation/sales")).sort("id", "name", nulls_last=True)
    return rows.select("id", "name", "amount").rows()


def _due(folder: Path) -> list[str]:
    return sorted(look_ahead(make_draft(load_project(folder))).changes.due)


ROWS = [(1, "Q1", 10), (2, "Q1", None), (2, "Q2", 4), (3, "Q1", 5), (3, "Q2", 6),
        (7, "jam", 3), (7, "tea", 2), (8, None, None)]  # fmt: skip


def test_the_report_counts_what_is_produced(shop: Path) -> None:
    report = run_project(shop)
    assert _published(shop) == ROWS
    counts = [(p.rows_read, p.rows_produced, p.rows_rejected, p.rows_published)
              for each in report.partitions for p in each.products.values()]  # fmt: skip
    assert counts == [(2, 2, 1, 3), (1, 1, 0, 2), (2, 1, 0, 3)]


def test_a_plan_explains_it(shop: Path) -> None:
    live = look_live(make_draft(load_project(shop)))
    text = str(explain_partition(live.plan.jobs["sales|acme"], live.schemas))
    assert "unpivot `amount` FOR `quarter` IN (`Q1`, `Q2`)   (source_rules.csv:2:unpivot)" in text
    assert "amount: int64 <- amount: String" in text


def test_what_is_wrong_with_a_rule_is_told_before_anything_runs(shop: Path) -> None:
    text_file(shop, "source_rules.csv", RULES + UNPIVOT.replace("Q2", "Q3") + EXPLODE)
    plan = look_live(make_draft(load_project(shop))).plan
    assert [(p.code, p.place) for p in plan.errors] == [
        ("MAP-014", "source_rules.csv:2:unpivot:28")
    ]
    assert sorted(plan.held) == ["sales|acme", "sales|beta"]


def test_an_edit_of_a_rule_makes_its_source_anew(shop: Path) -> None:
    run_project(shop)
    assert _due(shop) == []
    text_file(shop, "source_rules.csv", RULES + EXPLODE + UNPIVOT.replace("Q2", "Q2 AS 'second'"))
    assert _due(shop) == ["sales|acme", "sales|beta"]


def test_rejects_are_replayed_as_they_were_made(shop: Path) -> None:
    run_project(shop)
    fed = "amount,amount,int64,\"NULLIF(amount, 'n/a')\""
    text_file(shop, "ai_mapping.csv", MAPPING.format(fed=fed))
    (replayed,) = spine.replay(shop).partitions
    assert (replayed.partition, replayed.rows_replayed) == ("sales|acme", 1)
    assert _published(shop) == sorted([*ROWS, (1, "Q2", None)], key=lambda r: (r[0], r[1] or ""))


@pytest.mark.parametrize("rules", [EXPLODE, EXPLODE + UNPIVOT.replace("Q2", "Q2 AS 'second'")])
def test_a_replay_after_an_edit_of_the_rule_needs_a_run(shop: Path, rules: str) -> None:
    run_project(shop)
    text_file(shop, "source_rules.csv", RULES + rules)
    (refused,) = spine.replay(shop).partitions
    assert refused.error is not None
    assert refused.error.code == "DAT-005"
    assert _published(shop) == ROWS
