"""What `unpivot` and `explode` of a source rule say: one row of a source becomes several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ai_dataflow.config.digests import digest

FORM = "write it as `amount FOR quarter IN (Q1, Q2)`"
NAME = "write the name of one column, as `tags` or `[Order Lines]`"
# A name in brackets, double quotes or backticks; a label; a sign; a word.
_TOKEN = re.compile(
    r"""\s*(?:\[((?:[^\]]|\]\])*)\]|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|'((?:[^']|'')*)'"""
    r"""|([(),])|([^\s(),\[\]"'`]+))"""
)
_CLOSING = (("]]", "]"), ('""', '"'), ("``", "`"), ("''", "'"))
_NAME, _LABEL, _SIGN, _WORD = "name", "label", "sign", "word"
_KINDS = (_NAME, _NAME, _NAME, _LABEL, _SIGN, _WORD)


class ReshapeError(ValueError):
    """A cell that says nothing that could be done."""


@dataclass(frozen=True)
class Unpivot:
    """Columns that become rows: `value` has what is in each, `name` its label.

    `listed` are the columns, each with its label.
    """

    value: str
    name: str
    listed: tuple[tuple[str, str], ...]
    cell = "unpivot"

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads."""
        return tuple(column for column, _ in self.listed)

    def makes(self, name: str) -> bool:
        """Tell whether a column is made by it."""
        return name.casefold() in (self.value.casefold(), self.name.casefold())

    def __str__(self) -> str:
        """Give it as a person reads it."""
        listed = (
            f"`{column}`" if column == label else f"`{column}` AS '{label}'"
            for column, label in self.listed
        )
        return f"unpivot `{self.value}` FOR `{self.name}` IN ({', '.join(listed)})"


@dataclass(frozen=True)
class Explode:
    """A column of lists, each element of which becomes a row."""

    column: str
    cell = "explode"

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads."""
        return (self.column,)

    def makes(self, name: str) -> bool:
        """Tell whether a column is made by it: a field of its elements."""
        return name.casefold().startswith(f"{self.column}.".casefold())

    def __str__(self) -> str:
        """Give it as a person reads it."""
        return f"explode `{self.column}`"


Reshape = Unpivot | Explode


def said(how: Reshape) -> str:
    """Digest what a cell says, however it is spelled."""
    return digest([str(how)])[:16]


@lru_cache(maxsize=256)
def reshape(unpivot: str, explode: str) -> Reshape | None:
    """Understand the two cells; None where both are blank.

    Raises:
        ReshapeError: one cannot be understood, or both say something.
    """
    if unpivot and explode:
        raise ReshapeError("`unpivot` and `explode` are both given, and which is first is not said")
    if unpivot:
        return _unpivot(unpivot)
    return Explode(_one_name(explode)) if explode else None


def _one_name(text: str) -> str:
    """Give the name that a cell is: in quotes, or as it stands."""
    tokens = [*_tokens(text)] if text[0] in '["`' else []
    return tokens[0][1] if len(tokens) == 1 and tokens[0][0] == _NAME else text


def _unpivot(text: str) -> Unpivot:
    tokens = _Cell(text)
    value = tokens.name("a name for the values")
    tokens.word("FOR")
    name = tokens.name("a name for the labels")
    tokens.word("IN")
    tokens.sign("(")
    listed = [tokens.listed()]
    while tokens.sign(",", ")") == ",":
        listed.append(tokens.listed())
    tokens.end()
    _check_once((value, name), "`{}` is to be made twice")
    _check_once([column for column, _ in listed], "`{}` is listed twice")
    _check_once([label for _, label in listed], "`{}` is the label of two columns")
    return Unpivot(value, name, tuple(listed))


def _check_once(names: list[str] | tuple[str, ...], message: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise ReshapeError(message.format(name))
        seen.add(name.casefold())


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Give the tokens of a text, each with its kind.

    Raises:
        ReshapeError: a quote is not closed.
    """
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ReshapeError(f"a quote or bracket is not closed: `{text[at:].strip()[:40]}`")
        number = (match.lastindex or 1) - 1
        token = match.group(number + 1)
        if number < len(_CLOSING):
            token = token.replace(*_CLOSING[number])
        yield _KINDS[number], token
        at = match.end()


class _Cell:
    """The tokens of a cell, taken one by one; each method raises where another one is."""

    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), ("end", "")]

    def name(self, what: str) -> str:
        """Take a name."""
        kind, token = self._tokens.pop(0)
        if kind not in (_NAME, _WORD) or not token.strip():
            raise _expected(what, token)
        return token

    def word(self, word: str) -> None:
        """Take a word, in any case."""
        kind, token = self._tokens.pop(0)
        if kind != _WORD or token.upper() != word:
            raise _expected(word, token)

    def sign(self, *signs: str) -> str:
        """Take one of some signs."""
        kind, token = self._tokens.pop(0)
        if kind != _SIGN or token not in signs:
            raise _expected(" or ".join(f"`{sign}`" for sign in signs), token)
        return token

    def listed(self) -> tuple[str, str]:
        """Take a column, with its label if it has one of its own."""
        column = self.name("a column")
        kind, token = self._tokens[0]
        if kind != _WORD or token.upper() != "AS":
            return column, column
        self._tokens.pop(0)
        kind, token = self._tokens.pop(0)
        if kind not in (_NAME, _LABEL, _WORD):
            raise _expected("a label", token)
        return column, token

    def end(self) -> None:
        """Make sure that nothing is left."""
        kind, token = self._tokens.pop(0)
        if kind != "end":
            raise _expected("nothing more", token)


def _expected(what: str, token: str) -> ReshapeError:
    there = f"`{token[:40]}`" if token else "nothing more"
    return ReshapeError(f"{what} is expected where {there} is")
