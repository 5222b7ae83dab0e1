"""The AI mapping sheet: one row is one AI column from one source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

from ai_dataflow.config.digests import digest
from ai_dataflow.tables.table import Layout, Names, Row

if TYPE_CHECKING:
    from ai_dataflow.tables.code_lists import CodeList

EVERY_PRODUCT = "*"
COLUMN_RULE = r"[^\W\d]\w{0,127}"
_ALTERNATIVE = r'\s*"(?:[^"]|"")*"\s*(?=\||$)|[^|]+'
RESERVED = ("product_code", "client_code")
LAYOUT = Layout(
    "MAP",
    ("module_name", "product_code", "submodule_name", "source_column", "ai_column", "ai_type"),
    (
        "transform",
        "is_key",
        "required",
        "description",
        "client_code",
        "code_list",
        "unmapped",
        "default",
        "null_values",
        "trim",
        "published",
    ),
    key=("module_name", "product_code", "submodule_name", "client_code", "ai_column"),
    is_ordered=True,
    loose=("is_key", "required", "description", "trim", "published"),
)


# What a mapping row says. A field that comes later is digested only where it says something: the
# digests of all other rows stay.
_SAID = (
    "module", "product", "submodule", "source_column", "ai_column", "ai_type", "transform",
    "is_key", "required", "description",
)  # fmt: skip
_SAID_LATER = ("dialect", "code_list", "unmapped", "default", "null_values", "trim",
               "technical")  # fmt: skip
Unmapped = Literal["reject", "keep", "null"]


class AboutSource(Row):
    """A row about a product's source, of one client or of all."""

    module: str
    product: str
    submodule: str
    client: str

    @property
    def names(self) -> Names:
        """The module, the product and the submodule that it is about."""
        return self.module, self.product, self.submodule

    @property
    def specificity(self) -> int:
        """How many of product and client it names: the row that names more applies."""
        return (self.product != EVERY_PRODUCT) + bool(self.client)


S = TypeVar("S", bound=AboutSource)


def about(rows: Iterable[S], names: Names, client: str) -> list[S]:
    """Give the rows that are about a source of a client, more or less specific ones."""
    module, product, submodule = names
    either = [(module, name, submodule) for name in (product, EVERY_PRODUCT)]
    return [row for row in rows if row.names in either and row.client in ("", client)]


@dataclass(frozen=True)
class MappingRow(AboutSource):
    """Which source column, or which transform of source columns, feeds which AI column.

    A row with a `client` is for that client alone. `null_values` are words that stand for nothing,
    `trim` takes blanks off texts, `default` is the value where there is none. Of a column with a
    `code_list`, `codes` are what planning found in it, and `unmapped` says what becomes of a value
    that it does not have: `reject`, `keep`, `null`, or the literal in quotes or without.
    A `technical` column is there for joins, and not published.
    A row without a `submodule` computes its column from those of the product's joined rows.
    """

    module: str
    product: str
    submodule: str
    source_column: str
    ai_column: str
    ai_type: str
    transform: str = ""
    is_key: bool = False
    required: bool = False
    description: str = ""
    dialect: str = ""  # of its transform: the settings' `[mapping] dialect`
    client: str = ""
    code_list: str = ""
    unmapped: str = ""
    default: str = ""
    null_values: tuple[str, ...] = ()
    trim: bool = False
    technical: bool = False
    codes: CodeList | None = None

    @property
    def is_computed(self) -> bool:
        """Tell whether it reads the product's AI columns, and no source."""
        return not self.submodule

    @property
    def cell(self) -> str:
        """The place of what feeds the column: its transform if it has one."""
        return self.place("transform" if self.transform else "source_column")

    @cached_property
    def said(self) -> str:
        """A digest of what it says, wherever in the sheet it stands: many sources share a row."""
        said = {name: getattr(self, name) for name in _SAID}
        later = {name: value for name in _SAID_LATER if (value := getattr(self, name))}
        codes = {"codes": self.codes.digest} if self.codes else {}
        return digest(said | later | codes)[:16]


def alternatives(source_column: str) -> tuple[str, ...]:
    """Give the names of a cell's column, of which each file has the first that it has.

    Example:
        >>> alternatives('amount | amt'), alternatives('"a|b"'), alternatives('"a"')
        (('amount', 'amt'), ('a|b',), ('"a"',))
    """
    if "|" not in source_column:
        return (source_column,)
    names = (_unquoted(name.strip()) for name in re.findall(_ALTERNATIVE, source_column))
    return tuple(dict.fromkeys(filter(None, names))) or (source_column,)


def _unquoted(name: str) -> str:
    is_quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1].replace('""', '"') if is_quoted else name


def literal(text: str) -> str:
    """Give the value of a cell that may be quoted: `'reject'` is a literal, and no word.

    Example:
        >>> literal("'reject'"), literal('"a b"'), literal("n/a")
        ('reject', 'a b', 'n/a')
    """
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted else text


def is_usable(ai_column: str) -> bool:
    """Tell whether a dataset can have a column of this name."""
    return bool(re.fullmatch(COLUMN_RULE, ai_column)) and not is_reserved(ai_column)


def is_reserved(ai_column: str) -> bool:
    """Tell whether ai_dataflow itself writes a column of this name."""
    name = ai_column.casefold()
    return name in RESERVED or name.startswith("__")


def rows_for(rows: Iterable[MappingRow], names: Names, client: str = "") -> tuple[MappingRow, ...]:
    """Give the rows that apply to one source of a client, in sheet order.

    Of the rows for an AI column the most specific one applies: for the product rather than for `*`,
    for the client rather than for all. Of two that are as specific both are given: see `ties`.
    """
    about_it = about(rows, names, client)
    best: dict[str, int] = {}
    for row in about_it:
        best[row.ai_column] = max(best.get(row.ai_column, 0), row.specificity)
    return tuple(row for row in about_it if row.specificity == best[row.ai_column])
