"""One source row to several: what a rule makes of a source's columns and rows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from ai_dataflow_tests.runs.oracle.formats import Row
from ai_dataflow_tests.runs.oracle.reading import AmbiguousError, Content, Place

OBJECT, _ABSENT = "\ue000object", object()
_LISTED = re.compile(r"""(.+?)(?:\s+AS\s+'(.+?)')?\s*(?:,|$)""")


def _names(text: str) -> tuple[str, ...]:
    """Give the names that are alternatives of each other."""
    return tuple(name.strip().strip("[]`") for name in text.split("|"))


@dataclass(frozen=True)
class RowRule:
    """A row of the source rules, with the cells of what it says."""

    unpivot: str = ""
    explode: str = ""
    cell: str = ""

    @property
    def listed(self) -> dict[str, str]:
        """The columns that are unpivoted, each by its first name and with its label."""
        _, _, inside = self.unpivot.partition("(")
        found = _LISTED.findall(inside.rstrip(")"))
        return {_names(names)[0]: label or _names(names)[0] for names, label in found}

    @property
    def several(self) -> list[tuple[str, ...]]:
        """The names of each column that it lists, of which a file has the first that it has."""
        _, _, inside = self.unpivot.partition("(")
        found = [names for names, _ in _LISTED.findall(inside.rstrip(")"))]
        return [_names(text) for text in ([self.explode] if self.explode else found)]

    @property
    def made(self) -> tuple[str, str]:
        """What the values and the labels of unpivoted columns are called."""
        value, _, rest = self.unpivot.partition(" FOR ")
        return value, rest.partition(" IN ")[0]

    @property
    def columns(self) -> list[str]:
        """The source columns that are read for it, by their first names."""
        return [names[0] for names in self.several]


@dataclass(frozen=True)
class Shape:
    """A rule whose columns are there: `columns` are what the source calls them.

    `fields` are the names of those fields of elements that the sheet asks for; `is_text` tells that
    what is exploded are texts in JSON.
    """

    rule: RowRule
    columns: list[str]
    fields: list[str] = field(default_factory=list)
    is_text: bool = True

    def types(self, before: dict[str, str]) -> dict[str, str]:
        """Give the columns that mapping rows see, with their types."""
        kept = {name: kind for name, kind in before.items() if name not in self.columns}
        if not self.rule.unpivot:
            return {**kept, **self._types_of_elements(before)}
        value, name = self.rule.made
        kinds = [before[column] for column in self.columns]
        kind = next((kind for kind in kinds if kind != "null"), "null")  # a null is of any type
        return {**kept, value: kind, name: "text"}

    def _types_of_elements(self, before: dict[str, str]) -> dict[str, str]:
        (column,) = self.columns
        if self.is_text:  # and all of its fields are, if they are there
            return dict.fromkeys([column, *self.fields], "text")
        inner = {name.replace("[]", ""): of for name, of in before.items() if "[]" in name}
        return {column: "struct"} | {n: of for n, of in inner.items() if n.startswith(f"{column}.")}

    def read(self, mapped: list[str]) -> list[str]:
        """Give the source columns to read, in the order in which they are read."""
        value, name = self.rule.made
        made = {value: self.columns, name: []} if self.rule.unpivot else {}
        made |= dict.fromkeys(self.fields, self.columns)
        read = [each for column in mapped for each in made.get(column, [column])]
        return list(dict.fromkeys([*read, *self.columns]))

    def rows(self, content: Content) -> tuple[Content, list[tuple[Place, Row]]]:
        """Give the rows that mapping rows see; and those whose text is no list."""
        made, unlisted = [], []
        for place, row in content.rows:
            several = self._unpivoted(row) if self.rule.unpivot else self._exploded(row)
            made += [(place, each) for each in several or []]
            unlisted += [] if several else [(place, row)]
        self._check_fields([row for _, row in made])
        rows = [(place, {n: v for n, v in row.items() if n is not OBJECT}) for place, row in made]
        return Content(rows, content.malformed), unlisted

    def _check_fields(self, rows: list[Row]) -> None:
        """Make sure that some object in a text has a field, where there are objects.

        Raises:
            AmbiguousError: DAT-030.
        """
        objects = [row[OBJECT] for row in rows if row.get(OBJECT) is not None]
        if any(objects and not any(field in names for names in objects) for field in self.fields):
            raise AmbiguousError("DAT-030")

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
        if elements is None:
            return None
        return [{**row, **self._of_element(each)} for each in elements or [None]]

    def _of_element(self, element: Any) -> Row:
        """Give what is made of an element; beside it, of one in a text, the fields that it has."""
        (column,) = self.columns
        ways = {name: name.removeprefix(f"{column}.").split(".") for name in self.fields}
        made = {name: _field(element, way) for name, way in ways.items()}
        there = {name for name, value in made.items() if value is not _ABSENT}
        values = {name: made[name] if name in there else None for name in self.fields}
        values = {column: element, **values}
        if self.is_text:
            values = {name: _text_of(value) for name, value in values.items()}
        return values | {OBJECT: there if self.is_text and isinstance(element, dict) else None}


def _field(value: Any, way: list[str]) -> Any:
    for name in way:
        if not isinstance(value, dict) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def _text_of(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _elements(value: Any) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if value is None or not value.strip():
        return []
    try:
        made = json.loads(value, parse_float=str, parse_int=str, object_pairs_hook=_object)
    except ValueError:
        return None
    return made if isinstance(made, list) else None
