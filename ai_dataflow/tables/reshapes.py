"""What `unpivot` and `explode` of a source rule say: one row of a source becomes several.

A column may be named by alternatives, as in the mapping sheet: `Q1 | Quarter1` is one column, which
is called by the first of the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ai_dataflow.config.digests import digest

FORM = "write it as `amount FOR quarter IN (Q1, Q2)`"
NAME = "write the name of one column, as `tags` or `[Order Lines]`, or names of it: `tags | Tags2`"
# A name in brackets, double quotes or backticks; a label; a sign; a word.
_TOKEN = re.compile(
    r"""\s*(?:\[((?:[^\]]|\]\])*)\]|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|'((?:[^']|'')*)'"""
    r"""|([(),|])|([^\s(),|\[\]"'`]+))"""
)
# One of several names, of which each may be in quotes.
_ALTERNATIVE = re.compile(r"""(?:\[(?:[^\]]|\]\])*\]|"(?:[^"]|"")*"|`(?:[^`]|``)*`|[^|])+""")
_CLOSING = (("]]", "]"), ('""', '"'), ("``", "`"), ("''", "'"))
_NAME, _LABEL, _SIGN, _WORD = "name", "label", "sign", "word"
_KINDS = (_NAME, _NAME, _NAME, _LABEL, _SIGN, _WORD)


class ReshapeError(ValueError):
    """A cell that says nothing that could be done."""


@dataclass(frozen=True)
class Unpivot:
    """Columns that become rows: `value` has what is in each, `name` its label.

    `listed` are the columns, each by its names and with its label.
    """

    value: str
    name: str
    listed: tuple[tuple[tuple[str, ...], str], ...]
    cell, done = "unpivot", "unpivoted"

    @property
    def several(self) -> tuple[tuple[str, ...], ...]:
        """The names that each of the source columns may have, of which the first calls it."""
        return tuple(names for names, _ in self.listed)

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads."""
        return tuple(names[0] for names in self.several)

    def makes(self, name: str) -> bool:
        """Tell whether a column is made by it."""
        return name.casefold() in (self.value.casefold(), self.name.casefold())

    def __str__(self) -> str:
        """Give it as a person reads it."""
        listed = (
            _spelled(names) if names[0] == label else f"{_spelled(names)} AS '{label}'"
            for names, label in self.listed
        )
        return f"unpivot `{self.value}` FOR `{self.name}` IN ({', '.join(listed)})"


@dataclass(frozen=True)
class Explode:
    """A column of lists, each element of which becomes a row; `called` are its names."""

    called: tuple[str, ...]
    cell, done = "explode", "exploded"

    @property
    def column(self) -> str:
        """The column, as it is called."""
        return self.called[0]

    @property
    def several(self) -> tuple[tuple[str, ...], ...]:
        """The names that the column may have."""
        return (self.called,)

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads."""
        return (self.column,)

    def makes(self, name: str) -> bool:
        """Tell whether a column is made by it: a field of its elements."""
        return name.casefold().startswith(f"{self.column}.".casefold())

    def __str__(self) -> str:
        """Give it as a person reads it."""
        return f"explode {_spelled(self.called)}"


Reshape = Unpivot | Explode


def _spelled(names: tuple[str, ...]) -> str:
    return " | ".join(f"`{name}`" for name in names)


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
    return Explode(_names(explode)) if explode else None


def _names(text: str) -> tuple[str, ...]:
    """Give the names that a cell lists."""
    names = [match[0].strip() for match in _ALTERNATIVE.finditer(text)]
    between = len(_ALTERNATIVE.sub("", text))
    if not all(names) or len(names) <= between:
        raise ReshapeError("a name is missing beside `|`")
    return tuple(dict.fromkeys(map(_one_name, names)))


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
    every = [{name.casefold(): name for name in names} for names, _ in listed]
    _check_once([name for names in every for name in names.values()], "`{}` is listed twice")
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

    def listed(self) -> tuple[tuple[str, ...], str]:
        """Take the names of a column, with its label if it has one of its own."""
        names = [self.name("a column")]
        while self._tokens[0] == (_SIGN, "|"):
            self._tokens.pop(0)
            names.append(self.name("another name of the column"))
        column = tuple(dict.fromkeys(names))
        kind, token = self._tokens[0]
        if kind != _WORD or token.upper() != "AS":
            return column, names[0]
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
