"""What a dataset's schema says of its rows: keys, what they refer to, since when they hold.

The dictionary says so. It travels as notes of the columns, so that a reader needs no sheet. Here
`notes` are those of each column, by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IS_KEY = "is_key"
REFERENCES = "references"
VALID_FROM = "valid_from"
YES = "true"

Notes = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Reference:
    """A column whose values are in a column of another module, for the same client."""

    column: str
    module: str
    referred: str

    def __str__(self) -> str:
        """Give it as people read it."""
        return f"{self.column} -> {self.module}.{self.referred}"


@dataclass(frozen=True)
class Validity:
    """Rows of one key follow each other: each holds from the moment that a column has."""

    key: tuple[str, ...]
    moment: str


def key_of(notes: Notes) -> tuple[str, ...]:
    """Give the columns that tell the rows of a client's product apart; none where nobody says so.

    It is the first column that is a key, as each of them is one by itself. Without one it is the
    key of rows that follow each other, and their moment.
    """
    if key := next((name for name, said in notes.items() if said.get(IS_KEY)), ""):
        return (key,)
    validity = validity_of(notes)
    return (*validity.key, validity.moment) if validity else ()


def references_of(notes: Notes) -> tuple[Reference, ...]:
    """Give what columns refer to, in their order."""
    said = {name: text for name, each in notes.items() if (text := each.get(REFERENCES))}
    parts = ((name, *text.rpartition(".")) for name, text in said.items())
    return tuple(Reference(name, module.strip(), other.strip()) for name, module, _, other in parts)


def validity_of(notes: Notes) -> Validity | None:
    """Give how rows follow each other; None where nobody says so.

    The columns that name one moment are one key; of several moments the first counts.
    """
    said = {name: text for name, each in notes.items() if (text := each.get(VALID_FROM))}
    moment = next(iter(said.values()), "")
    key = tuple(name for name, text in said.items() if text == moment)
    return Validity(key, moment) if moment else None
