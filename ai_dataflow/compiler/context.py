"""What all parts of the compiler share: the columns, the dialect, what is worth a warning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl
from sqlglot import exp

from ai_dataflow.compiler import dialects
from ai_dataflow.compiler.parsing import TransformError, place_of
from ai_dataflow.compiler.terms import Temporaries
from ai_dataflow.compiler.text_formats import TextFormats

# Where text is a number or a day to whom it stands beside.
_TEXT_IS_READ = frozenset({dialects.TSQL, dialects.SPARK})


@dataclass(frozen=True)
class Doubt:
    """Something worth a look in an expression: the code, what it says, what to do, where.

    `is_failure` tells that each row which computes it fails.
    """

    code: str
    message: str
    fix: str
    offset: int = 0
    is_failure: bool = False


@dataclass
class Context:
    """One compilation: its columns' types, its dialect, the node that is being compiled.

    `formats` tell how its columns of text are meant, where that is said.
    """

    schema: pl.Schema
    names: Mapping[str, str]
    dialect: str
    steps: Temporaries
    node: exp.Expr | None = None
    doubts: list[Doubt] = field(default_factory=list)
    casts: dict[int, str] = field(default_factory=dict)
    formats: TextFormats | None = None

    @property
    def reads_text(self) -> bool:
        """Tell whether text beside a number is a number in this dialect."""
        return self.dialect in _TEXT_IS_READ

    def refused(self, message: str, *, is_scalar: bool = True) -> TransformError:
        """Give the error of the node at hand."""
        offset = place_of(self.node) if self.node is not None else 0
        return TransformError(message, is_scalar=is_scalar, offset=offset)

    def doubt(
        self, message: str, fix: str = "", code: str = "MAP-028", *, is_failure: bool = False
    ) -> None:
        """Note what is worth a look; once, wherever it is."""
        offset = place_of(self.node) if self.node is not None else 0
        if all((earlier.code, earlier.message) != (code, message) for earlier in self.doubts):
            self.doubts.append(Doubt(code, message, fix, offset, is_failure))

    def differs(self, message: str) -> None:
        """Warn of what the dialects disagree on, where the sheet does not say which it is in."""
        if not self.dialect:
            self.doubt(message, "set `dialect` in [mapping] of ai_dataflow.toml")
