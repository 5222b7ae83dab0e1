"""One source row to several: what a rule makes of a source's columns and rows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ai_dataflow_tests.runs.oracle.formats import Row
from ai_dataflow_tests.runs.oracle.reading import Content, Place

_LISTED = re.compile(r"""(?:\[(.+?)\]|`(.+?)`|([\w]+))(?:\s+AS\s+'(.+?)')?\s*(?:,|$)""")


@dataclass(frozen=True)
class RowRule:
    """A row of the source rules, with the cells of what it says."""

    unpivot: str = ""
    explode: str = ""
    cell: str = ""

    @property
    def listed(self) -> dict[str, str]:
        """The columns that are unpivoted, each with its label."""
        _, _, inside = self.unpivot.partition("(")
        found = _LISTED.findall(inside.rstrip(")"))
        return {(a or b or c): label or a or b or c for a, b, c, label in found}

    @property
    def made(self) -> tuple[str, str]:
        """What the values and the labels of unpivoted columns are called."""
        value, _, rest = self.unpivot.partition(" FOR ")
        return value, rest.partition(" IN ")[0]

    @property
    def columns(self) -> list[str]:
        """The source columns that are read for it."""
        return list(self.listed) if self.unpivot else [self.explode]


@dataclass(frozen=True)
class Shape:
    """A rule whose columns are there: `columns` are what the source calls them."""

    rule: RowRule
    columns: list[str]

    def types(self, before: dict[str, str]) -> dict[str, str]:
        """Give the columns that mapping rows see, with their types."""
        kept = {name: kind for name, kind in before.items() if name not in self.columns}
        if not self.rule.unpivot:
            return {**kept, self.columns[0]: "text"}
        value, name = self.rule.made
        return {**kept, value: before[self.columns[0]], name: "text"}

    def read(self, mapped: list[str]) -> list[str]:
        """Give the source columns to read, in the order in which they are read."""
        value, name = self.rule.made
        made = {value: self.columns, name: []} if self.rule.unpivot else {}
        read = [each for column in mapped for each in made.get(column, [column])]
        return list(dict.fromkeys([*read, *self.columns]))

    def rows(self, content: Content) -> tuple[Content, list[tuple[Place, Row]]]:
        """Give the rows that mapping rows see; and those whose text is no list."""
        made, unlisted = [], []
        for place, row in content.rows:
            several = self._unpivoted(row) if self.rule.unpivot else self._exploded(row)
            made += [(place, each) for each in several or []]
            unlisted += [] if several else [(place, row)]
        return Content(made, content.malformed), unlisted

    def _unpivoted(self, row: Row) -> list[Row]:
        value, name = self.rule.made
        labels = self.rule.listed.values()
        return [
            {**row, value: row[column], name: label}
            for column, label in zip(self.columns, labels, strict=True)
        ]

    def _exploded(self, row: Row) -> list[Row] | None:
        (column,) = self.columns
        elements = _elements(row[column])
        return None if elements is None else [{**row, column: e} for e in elements or [None]]


def _elements(value: Any) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if value is None or not value.strip():
        return []
    try:
        made = json.loads(value)
    except ValueError:
        return None
    return made if isinstance(made, list) else None
