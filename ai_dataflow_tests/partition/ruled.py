"""Sources with a rule that makes several rows of one, and what came of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.source_rules import SourceRule
from ai_dataflow.tables.table import Sheet
from ai_dataflow_tests.partition.jobs import written


def ruled(made: SourceJob, unpivot: str = "", explode: str = "", **taking: str) -> SourceJob:
    """Give a source a rule, in the second line of its table."""
    sheet = Sheet("source_rules.csv")
    rule = SourceRule(sheet, 2, "sales", "*", "line", unpivot=unpivot, explode=explode, **taking)
    return replace(made, rule=rule)


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def counts(result: PartitionResult) -> tuple[int, int, int, int]:
    (of,) = result.counts.values()
    return of.rows_read, of.rows_produced, of.rows_rejected, of.rows_published


def rows(result: PartitionResult, folder: Path) -> list[tuple[Any, ...]]:
    return written(result, folder).drop("product_code").rows()
