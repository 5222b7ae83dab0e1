"""Diagnostics: what is wrong, where, what to do, whose it is. The one shape of every error.

A check returns diagnostics, so that all problems are known at once. Code that cannot go on raises
`DataflowError`, which carries them. Nothing else reaches a user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from rapidfuzz import process

from ai_dataflow.config.codes import CODES, Code, Concern
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.config.visible import printable, visible

# From a quote that opens a word to the last of its kind, or, where the text is cut, to its end.
_QUOTED = re.compile(r"(?<!\w)(['\"`])(?:.*\1|.*)")
_LISTED = re.compile(r"\[[^\]]*\]?")
# What connection strings, URLs and drivers put after a name: secrets, and values that do not fit.
_NAMED = re.compile(
    r"\b(pwd|password|uid|user(?: ?id|name)?|\w*token|\w*secret|\w*key|sig|\w*signature|value)"
    r"\s*=\s*"
    r"(?:\{(?:[^}]|\}\})*\}?|[^;&,\s]*)",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"://[^/\s]*@")

Severity = Literal["error", "warning"]
Void = Literal["", "cell", "line"]


@dataclass(frozen=True)
class Diagnostic:
    """One problem.

    `place` is where to look (`ai_mapping.xlsx!AI_Map!F17`, `control_table.csv:42:active`),
    `fix` what to do. `product`, `module` and `submodule` route it to its owner; `partitions` are
    those that it holds back. `line` is the table's line, where it is about one, and `void` what of
    it has no value to go by: a cell, or all of it. `cause` is the technical root cause for those
    who want it. `whose` is its concern, where that depends on what caused it and not on the code.
    """

    code: str
    message: str
    place: str = ""
    fix: str = ""
    severity: Severity = "error"
    product: str = ""
    module: str = ""
    submodule: str = ""
    ai_column: str = ""
    owner: str = ""
    partitions: tuple[PartitionKey, ...] = ()
    line: int = 0
    void: Void = ""
    cause: str = ""
    whose: Concern | None = None

    @property
    def meaning(self) -> Code:
        """The catalogue's entry: title, kind, concern."""
        return CODES[self.code]

    @property
    def concern(self) -> Concern:
        """Whose kind of problem it is; by it the owner is found."""
        return self.whose or self.meaning.concern

    @property
    def subject(self) -> str:
        """What it is about, as a person names it: `ORION · claims · header → claim_amount`."""
        source = " · ".join(filter(None, (self.product, self.module, self.submodule)))
        return " → ".join(filter(None, (source, self.ai_column)))

    def holding(self, partitions: Iterable[PartitionKey]) -> Diagnostic:
        """Give the same diagnostic with the partitions that it holds back."""
        return replace(self, partitions=tuple(partitions))

    def to_json(self) -> dict[str, Any]:
        """Give the shape that `validate --json` prints."""
        names = ("code", "severity", "place", "message", "fix", "owner")
        return self._fields(*names) | {"partitions": list(self.partitions)} | self._cause()

    def to_error(self) -> dict[str, Any]:
        """Give the shape of `error` in a run report."""
        meaning = self.meaning
        said = {n: getattr(meaning, n) for n in ("code", "title", "kind", "transient")}
        names = ("concern", "owner", "place", "message", "fix", "product", "submodule")
        return said | self._fields(*names) | self._cause()

    def _fields(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}

    def _cause(self) -> dict[str, str]:
        return {"cause": self.cause} if self.cause else {}

    def __str__(self) -> str:
        """Give the diagnostic as a person reads it in a log."""
        place = f"\n  --> {self.place}" if self.place else ""
        fix = f"\n  fix: {self.fix}" if self.fix else ""
        head = f"{self.severity}[{self.code}]: {self.meaning.title}"
        return printable(f"{head}{place}\n  {self.message}{fix}", "\n")


class DataflowError(Exception):
    """A user's problem that ends the work at hand; carries one or more diagnostics."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics = diagnostics

    def __reduce__(self) -> tuple[type[DataflowError], tuple[Diagnostic, ...]]:
        """Survive pickling: jobs fail in other processes too."""
        return type(self), self.diagnostics


def redacted(cause: object) -> str:
    """Give the first line of a foreign error; what it quotes may be row values (P10)."""
    if isinstance(cause, UnicodeDecodeError):  # its text has an apostrophe that is no quote
        return f"it is not {cause.encoding.upper()} (byte {cause.start:,})"
    text = str(cause).strip()
    line = text.splitlines()[0] if text else type(cause).__name__
    shown = _LOGIN.sub("://…@", _NAMED.sub(r"\1=…", line))
    return _QUOTED.sub("'…'", _LISTED.sub("[…]", shown))[:300]


def nearest(name: str, names: Iterable[str]) -> str:
    """Give the known name that is near enough to be meant, else nothing."""
    match = process.extractOne(
        name, list(names), processor=lambda s: str(s).casefold(), score_cutoff=70
    )
    return str(match[0]) if match else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Give `; did you mean `x`?` where a known name is near, else nothing."""
    near = nearest(name, names)
    return f"; did you mean `{visible(near)}`?" if near else ""


def listing(names: Iterable[str], limit: int = 8) -> str:
    """Give names as a person lists them, the long tail counted."""
    shown = list(names)
    more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
    return ", ".join(shown[:limit]) + more
