"""The code lists: which of our values stands for each value of the sources. A tab of the sheet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.digests import digest
from ai_dataflow.config.grouped import grouped
from ai_dataflow.tables.ai_mapping import EVERY_PRODUCT
from ai_dataflow.tables.table import CellTable, Layout, Row, repeats

LAYOUT = Layout(
    "COD",
    ("code_list", "source_value", "ai_value"),
    ("product_code", "description"),
    key=("code_list", "product_code", "source_value"),
    loose=("description",),
)


@dataclass(frozen=True, slots=True)
class CodeRow(Row):
    """One value of a code list; of every product, or of one."""

    code_list: str
    product: str
    source_value: str
    ai_value: str


@dataclass(frozen=True, eq=False)
class CodeList:
    """What a product's values of a code list become, by the values without blanks around them.

    Equal lists have equal digests: of a hundred thousand codes nothing else is compared.
    """

    name: str
    codes: Mapping[str, str]
    ignores_case: bool = False

    @cached_property
    def digest(self) -> str:
        """What it says, whatever the order of its rows."""
        return digest([sorted(self.codes.items()), self.ignores_case])[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CodeList) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __getstate__(self) -> dict[str, object]:
        """Send what it says, and its digest, but nothing that is built of it."""
        built = ("columns", "outcomes")
        kept = {name: value for name, value in vars(self).items() if name not in built}
        return kept | {"digest": self.digest}

    def matched(self, values: pl.Expr) -> pl.Expr:
        """Spell values as they are looked up."""
        stripped = values.str.strip_chars()
        return stripped.str.to_lowercase() if self.ignores_case else stripped

    def looked_up(self, values: pl.Expr, otherwise: pl.Expr | str) -> pl.Expr:
        """Give what values become; `otherwise` where the list does not have them."""
        return self.matched(values).replace_strict(*self.columns, default=otherwise)

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """What the values become, each once, in their order."""
        return tuple(sorted(set(self.codes.values())))

    @cached_property
    def digest_of_outcomes(self) -> str:
        """What values it gives, whichever become them."""
        return digest(self.outcomes)[:16]

    @cached_property
    def columns(self) -> tuple[pl.Series, pl.Series]:
        """The values and what they become; made once of a long list."""
        return (
            pl.Series(self.codes.keys(), dtype=pl.String),
            pl.Series(self.codes.values(), dtype=pl.String),
        )


@dataclass(frozen=True)
class CodeLists:
    """All code lists of a project; `ignoring_case` are the names of those that do."""

    rows: tuple[CodeRow, ...] = ()
    ignoring_case: frozenset[str] = frozenset()
    _made: dict[tuple[str, str], CodeList] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def by_name(self) -> Mapping[str, list[CodeRow]]:
        """The rows of each list."""
        return MappingProxyType(grouped(self.rows, lambda row: row.code_list))

    def rows_for(self, name: str, product: str) -> dict[str, CodeRow]:
        """Give a product's rows of a list, by the values as they are looked up.

        Its own rows take the place of those for every product.
        """
        rows = [
            row for row in self.by_name.get(name, ()) if row.product in (product, EVERY_PRODUCT)
        ]
        in_order = sorted(rows, key=lambda row: row.product != EVERY_PRODUCT)
        return dict(zip(_spelled(in_order, self.ignoring_case), in_order, strict=True))

    def of(self, name: str, product: str) -> CodeList:
        """Give a list as a product has it."""
        if (name, product) not in self._made:
            codes = {value: row.ai_value for value, row in self.rows_for(name, product).items()}
            self._made[name, product] = CodeList(name, codes, name in self.ignoring_case)
        return self._made[name, product]


def _spelled(rows: Sequence[CodeRow], ignoring_case: Collection[str]) -> list[str]:
    """Spell the values of rows as `CodeList.matched` does."""
    values = pl.Series([row.source_value for row in rows], dtype=pl.String).str.strip_chars()
    lower = values.str.to_lowercase()
    pairs = zip(rows, values, lower, strict=True)
    return [small if row.code_list in ignoring_case else value for row, value, small in pairs]


def code_rows(
    table: CellTable, ignoring_case: Collection[str]
) -> tuple[list[CodeRow], list[Diagnostic]]:
    """Give the table's rows and its problems."""
    rows = [_row(table, line, cells) for line, cells in table.rows.items()]
    problems = [
        *table.blanks(("code_list", "source_value", "ai_value")),
        *table.bad_names(("product_code",), also=EVERY_PRODUCT),
        *_repeated(table, rows, ignoring_case),
    ]
    return rows, table.diagnostics(problems)


def _row(table: CellTable, line: int, cells: Mapping[str, str]) -> CodeRow:
    return CodeRow(
        table.sheet, line, cells["code_list"], cells["product_code"] or EVERY_PRODUCT,
        cells["source_value"], cells["ai_value"],
    )  # fmt: skip


def _repeated(
    table: CellTable, rows: Sequence[CodeRow], ignoring_case: Collection[str]
) -> Iterator[Diagnostic]:
    named = [row for row in rows if row.source_value]
    spelled = zip(named, _spelled(named, ignoring_case), strict=True)
    keyed = repeats(spelled, lambda pair: (pair[0].code_list, pair[0].product, pair[1]))
    for (row, _), (first, _) in keyed:
        place = first.place("source_value")
        message = f"the value is in {place} too: `{row.code_list}` has it twice"
        yield table.problem("006", row.line, "source_value", message, "keep one of the rows")
