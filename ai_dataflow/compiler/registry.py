"""The table of functions: a function's names, what it takes and gives, its limits, its code.

A new one is a few lines in the module of its family: an entry here by the decorator `function`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ai_dataflow.compiler import kinds
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.conversions import implied
from ai_dataflow.compiler.terms import Term, lost

# Whole numbers that count characters or days: larger ones are cut to what no text or year reaches.
COUNT = pl.Int64()
_PLAIN = {"whole": COUNT, "number": pl.Float64(), "double": pl.Float64(), "boolean": pl.Boolean()}


@dataclass(frozen=True)
class Call:
    """A call of a function: its arguments, each of the kind that the function takes."""

    context: Context
    name: str
    args: tuple[Term, ...]
    unit: str = ""

    def __getitem__(self, index: int) -> Term:
        return self.args[index]

    def __len__(self) -> int:
        return len(self.args)

    def value(self, index: int) -> pl.Expr:
        """Give an argument's value."""
        return self.args[index].value

    def written(self, index: int, what: str) -> object:
        """Give an argument that must be written in the text.

        Raises:
            TransformError: it is computed.
        """
        if index >= len(self.args):
            return None
        if not self.args[index].is_literal:
            raise self.context.refused(f"{what} of {self.name} must be written out, not computed")
        return self.args[index].literal

    def made(
        self, value: pl.Expr, dtype: pl.DataType, fails: pl.Expr | None = None, uses: int = 2
    ) -> Term:
        """Give what the function makes of its arguments; `fails` tells where it failed."""
        return self.context.steps.combined(value, dtype, self.args, fails=fails, uses=uses)

    def strict(self, value: pl.Expr, dtype: pl.DataType, uses: int = 2) -> Term:
        """Give what fails where it is null though no argument is."""
        return self.made(value, dtype, lost(value, *self.args), uses)


Builder = Callable[[Call], Term]


@dataclass(frozen=True)
class Function:
    """A function: its names, what it takes, what it gives, and what a person should know.

    `takes` are kinds of arguments: `text`, `whole`, `number`, `double`, `boolean`, `day`, `date`,
    `instant`, `clock` (a day or a time), `list`, `any`, `unit`; with `?` it may be left out, with
    `*` there may be several.
    """

    name: str
    takes: tuple[str, ...]
    gives: str
    family: str
    build: Builder
    also: tuple[str, ...] = ()
    null: str = "null"
    limits: str = ""
    note: str = ""
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def least(self) -> int:
        """The fewest arguments."""
        return sum(1 for kind in self.takes if kind[-1] not in "?*")

    @property
    def most(self) -> int | None:
        """The most arguments; None where there is no limit."""
        return None if any(kind.endswith("*") for kind in self.takes) else len(self.takes)

    @property
    def unit_at(self) -> int | None:
        """Which argument is a unit, such as `month`."""
        return next((i for i, kind in enumerate(self.takes) if kind.startswith("unit")), None)

    @property
    def is_strict(self) -> bool:
        """Tell whether a null argument, whichever, makes it null."""
        return self.null == "null" and self.family != "choices"


FUNCTIONS: dict[str, Function] = {}
# What looks at other rows; it is refused as that.
_AGGREGATES = """
ANY_VALUE APPROX_COUNT_DISTINCT ARRAY_AGG AVG COLUMNS CORR COUNT COUNT_BIG COVAR COVAR_POP
COVAR_SAMP CUME_DIST DENSE_RANK EXPLODE FIRST FIRST_VALUE GENERATE_SERIES GROUPING LAG LAST
LAST_VALUE LEAD LISTAGG MAX MEAN MEDIAN MIN MODE NTH_VALUE NTILE PERCENTILE_CONT PERCENTILE_DISC
PERCENT_RANK QUANTILE QUANTILE_CONT QUANTILE_DISC RANK ROW_NUMBER STDDEV STDDEV_POP STDDEV_SAMP
STDEV STDEVP STRING_AGG SUM UNNEST VAR VARIANCE VARP VAR_POP VAR_SAMP
"""
AGGREGATES = frozenset(_AGGREGATES.split())


def function(
    name: str, *takes: str, gives: str, family: str, **more: Any
) -> Callable[[Builder], Builder]:
    """Enter a function into the table; `more` are the further fields of its entry."""

    def entered(build: Builder) -> Builder:
        entry = Function(name, takes, gives, family, build, **more)
        for each in (name, *entry.also):
            if each in FUNCTIONS:
                raise ValueError(f"{each} is there twice")
            FUNCTIONS[each] = entry
        return build

    return entered


def entries() -> Iterator[Function]:
    """Give each function once, in the order of the table."""
    yield from {id(entry): entry for entry in FUNCTIONS.values()}.values()


def fitted(context: Context, made: Term, kind: str, name: str) -> Term:
    """Give an argument as the kind that its function takes.

    Raises:
        TransformError: it is of another.
    """
    dtype = made.dtype
    if kind == "any" or (dtype == pl.Null and kind == "list"):
        return made
    target = _target(context, made, kind)
    if target is None:
        raise context.refused(f"{name} takes {_article(kind)}, and this is {kinds.shown(dtype)}")
    return made if dtype == target else implied(context, made, target)


def _article(kind: str) -> str:
    return {"whole": "a whole number", "day": "a date or a timestamp", "double": "a number",
            "instant": "a timestamp", "text": "text"}.get(kind, f"a {kind}")  # fmt: skip


def _target(context: Context, made: Term, kind: str) -> pl.DataType | None:
    """Give the type that an argument becomes; None where it cannot."""
    dtype, is_text = made.dtype, made.dtype == pl.String
    if kind == "list":
        return dtype if isinstance(dtype, pl.List | pl.Array) else None
    if kind == "text":
        return pl.String() if is_text or context.reads_text or dtype == pl.Null else None
    if kind == "clock" and dtype == pl.Time:
        return dtype
    if kind in ("day", "date", "instant", "clock"):
        return _day_type(context, made, kind)
    if kind == "number" and dtype.is_numeric():
        return dtype
    fits = {"whole": dtype.is_integer(), "boolean": dtype == pl.Boolean}
    reads = is_text and context.reads_text and kind != "boolean"
    is_fit = fits.get(kind, dtype.is_numeric()) or reads or dtype == pl.Null
    return _PLAIN[kind] if is_fit else None


def _day_type(context: Context, made: Term, kind: str) -> pl.DataType | None:
    """Give the type of an argument that is a day; text that is written out is read as one."""
    dtype = made.dtype
    reads = dtype == pl.String and (context.reads_text or made.is_literal)
    if not (kinds.is_day(dtype) or reads or dtype == pl.Null):
        return None
    if kind == "date":
        return pl.Date()
    is_instant = isinstance(dtype, pl.Datetime) or (kind != "instant" and dtype == pl.Date)
    return dtype if is_instant else kinds.NAIVE


def count_of(made: Term) -> pl.Expr:
    """Give a whole number as one of 64 bits."""
    return made.value if made.dtype == COUNT else made.value.cast(COUNT, strict=False)
