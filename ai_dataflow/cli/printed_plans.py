"""What `plan --json` and `explain --json` print."""

from __future__ import annotations

import operator
from datetime import datetime

from pydantic import Field

from ai_dataflow.cli.printed_parts import DiagnosticItem, Document, PrintedPart
from ai_dataflow.planning.changes import Reason
from ai_dataflow.planning.coverage import Cover
from ai_dataflow.planning.explain import ExplainedProduct, ExplainedRule, Feed
from ai_dataflow.runs.judging import Compared


class UnchangedItem(PrintedPart):
    """A partition that is not made again: since when it is as it is, and the run that made it."""

    since: datetime | None
    run_id: str


class CoverageItem(PrintedPart):
    """Which AI columns of a module each product maps; `ratio` is the mapped part, 0 to 1."""

    ratio: float
    columns: dict[str, dict[str, Cover]]
    markdown: str


class PlanDocument(Document):
    """`plan`: the partitions that a run would make and why, by module|client; what holds others.

    `waiting` are those that wait to be accepted. Only with `--rows` there are `rows`, and
    `would_fail`: what would end a partition.
    """

    NAME = "plan"
    run: list[str]
    new: list[str]
    changes: dict[str, list[Reason]]
    unchanged: dict[str, UnchangedItem]
    waiting: dict[str, UnchangedItem]
    held: dict[str, list[DiagnosticItem]]
    removed: list[str]
    coverage: dict[str, CoverageItem]
    rows: list[Compared] = Field(default=[])
    would_fail: dict[str, DiagnosticItem] = Field(default={})


class PlanExplainDocument(Document):
    """`plan --explain`: what a partition compiles to."""

    NAME = "plan_explain"
    partition: str
    products: list[ExplainedProduct]
    holds: list[ExplainedRule] = Field(default=[], exclude_if=operator.not_)
    published: list[str]


class ExplainDocument(Document):
    """`explain`: what feeds an AI column, from each source."""

    NAME = "explain"
    items: list[Feed]
