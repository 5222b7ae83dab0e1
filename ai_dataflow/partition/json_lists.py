"""Lists in texts of JSON, taken apart: each element becomes a text, and each field that is read.

A text is as it is, a number has the digits that it is written with, and all else is its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ai_dataflow.sources.files.json_fields import parsed, text_of

_ABSENT = object()


@dataclass
class Elements:
    """The elements of lists: of each list how many, at least one; none of a text that is no list.

    `texts` are the elements, and their fields by name. `has_objects` tells which lists have an
    object in them, `has_field` for each field which have it.
    """

    counts: NDArray[np.int64]
    has_objects: NDArray[np.int64]
    has_field: dict[str, NDArray[np.int64]]
    texts: dict[str, list[str | None]] = field(default_factory=dict)


def taken_apart(texts: pl.Series, column: str, fields: Mapping[str, str]) -> Elements:
    """Take lists apart.

    Args:
        texts: the lists; null or blank is one without elements.
        column: what the elements are called as a whole.
        fields: what fields of them are called, each with its name within an element.
    """
    counts, has_objects = (np.zeros(len(texts), np.int64) for _ in range(2))
    made = Elements(counts, has_objects, {name: np.zeros(len(texts), np.int64) for name in fields})
    made.texts = {name: [] for name in (column, *fields)}
    for row, text in enumerate(texts):
        try:
            elements = _elements(text) or [None]
            taken = [_taken(element, column, fields) for element in elements]
        except (ValueError, RecursionError):
            continue  # it has no row, which tells
        counts[row] = len(elements)
        has_objects[row] = any(type(element) is dict for element in elements)
        for values in taken:
            for name, texts_of in made.texts.items():
                texts_of.append(values.get(name))
            for name in made.has_field:
                made.has_field[name][row] |= name in values
    return made


def _taken(element: Any, column: str, fields: Mapping[str, str]) -> dict[str, str | None]:
    """Give an element as a text, and those of its fields that it has.

    Raises:
        ValueError: it has half a character, which no text has.
    """
    values = {column: element} | {name: _field(element, of) for name, of in fields.items()}
    there = {name: value for name, value in values.items() if value is not _ABSENT}
    made = {name: None if v is None else text_of(v) for name, v in there.items()}
    for text in filter(None, made.values()):
        text.encode()
    return made


def _elements(text: str | None) -> list[Any]:
    """Give the elements of a list.

    Raises:
        ValueError: it is no list in JSON, or an object in it has a key twice.
    """
    if text is None or not text.strip():
        return []
    value = parsed(text)
    if type(value) is not list:
        raise ValueError(type(value).__name__)
    return value


def _field(value: Any, name: str) -> Any:
    """Give a field of an object; one with a point in its own name comes before one within it."""
    if type(value) is not dict:
        return _ABSENT
    if name in value:
        return value[name]
    for at in (at for at, letter in enumerate(name) if letter == "."):
        if name[:at] in value and (of := _field(value[name[:at]], name[at + 1 :])) is not _ABSENT:
            return of
    return _ABSENT
