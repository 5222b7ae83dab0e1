"""What a data card says of a module, as plain values: they know no table, no page, no terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf, isfinite
from typing import Literal

# As `planning.coverage.Cover` has it, whose import costs more than a card; blank: nobody looked.
Covered = Literal["mapped", "missing", "required-missing", ""]
Plot = Literal["histogram", "frequent", ""]
_FEW = 20  # distinct values that are told one by one; as many as a profile keeps


@dataclass(frozen=True)
class Frequent:
    """A value, and how many rows have it."""

    value: str
    rows: int


@dataclass(frozen=True)
class Looks:
    """How many texts look like a number, like a date, are blank, or are neither."""

    number: int = 0
    date: int = 0
    blank: int = 0
    other: int = 0


@dataclass(frozen=True)
class Figures:
    """What the values of a column are like, in some rows.

    `distinct` is None where nobody counted; `distinct_error` is its relative standard error, 0
    where it is exact. `quantiles` are evenly spaced points of the values, the least and the
    greatest among them; dates are days since 1970 there, timestamps seconds.
    """

    rows: int = 0
    filled: int = 0
    distinct: int | None = None
    distinct_error: float = 0.0
    least: str | None = None
    greatest: str | None = None
    mean: float | None = None
    deviation: float | None = None
    length_least: int | None = None
    length_greatest: int | None = None
    length_mean: float | None = None
    quantiles: tuple[float, ...] = ()
    frequent: tuple[Frequent, ...] = ()
    looks: Looks | None = None

    @property
    def share(self) -> float | None:
        """The part of the rows that has a value, 0 to 1; None where there is no row."""
        return self.filled / self.rows if self.rows else None

    @property
    def is_unique(self) -> bool:
        """Whether no value comes twice, as in a key."""
        return self.distinct == self.filled > 1 and not self.distinct_error

    @property
    def plot(self) -> Plot:
        """What shows best how the values are spread."""
        is_few = self.distinct is not None and self.distinct <= _FEW
        if all(map(isfinite, self.quantiles or (inf,))) and not (self.frequent and is_few):
            return "histogram"
        return "frequent" if self.frequent and not self.is_unique else ""


@dataclass(frozen=True)
class Moved:
    """How far the values of a column are from those of an earlier version; None: nobody can tell.

    `distribution` is the greatest gap of the two distributions, 0 to 1 (Kolmogorov-Smirnov),
    `categories` the population stability index of the frequent values. `new` and `vanished` are the
    greatest shares of a frequent value that was not there, and of one that is no longer there.
    """

    distribution: float | None = None
    categories: float | None = None
    new: float | None = None
    vanished: float | None = None

    @property
    def most(self) -> float:
        """The larger of the two distances, of numbers and of categories."""
        return max(self.distribution or 0.0, self.categories or 0.0)


@dataclass(frozen=True)
class ProductColumn:
    """What a product contributes to a column: the figures, and the cells of the sheet it is from.

    `cover` is what the mapping sheet says today; blank where no project was looked at.
    """

    product: str
    figures: Figures
    cells: tuple[str, ...] = ()
    mappings: tuple[str, ...] = ()
    cover: Covered = ""

    @property
    def is_fed(self) -> bool:
        """Whether the product maps the column, or did when the version was made."""
        return bool(self.mappings or self.figures.filled)


@dataclass(frozen=True)
class CardColumn:
    """A column: its meaning, what its values are like, by product and over the versions.

    `is_key`, `references` and `valid_from` are what the dictionary says, `notes` what else it says.

    `clients` counts those that fill it. `shares` are the filled part in each of the card's
    versions, None where a version has no profile; `moved` tells how far its values are from those
    of the first of these versions that has one. `is_hidden`: its sensitivity hides the values.
    """

    name: str
    type: str
    description: str = ""
    unit: str = ""
    sensitivity: str = ""
    is_key: bool = False
    references: str = ""
    valid_from: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    figures: Figures = Figures()
    clients: int = 0
    products: tuple[ProductColumn, ...] = ()
    shares: tuple[float | None, ...] = ()
    moved: Moved | None = None
    is_hidden: bool = False


@dataclass(frozen=True)
class CardProduct:
    """A product, and how many rows of how many clients are from it."""

    product: str
    rows: int
    clients: int


@dataclass(frozen=True)
class CardVersion:
    """A version of the dataset; `rows` is None where it has no profile any more."""

    number: int
    at: datetime
    run_id: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class RejectsByReason:
    """Rows that are left out for one reason: rejects that are open."""

    reason: str
    title: str
    product: str
    ai_column: str
    cell: str
    rows: int
    clients: int


@dataclass(frozen=True)
class Owner:
    """Who is asked about what: sources of a product, the mapping, the platform."""

    concern: str
    product: str
    team: str
    email: str


@dataclass(frozen=True)
class DataCard:
    """The data card of a module, or of one client of it.

    `versions` are the last ones, the oldest first; the last is the one that the card is of. `notes`
    say what the card lacks, and why.
    """

    module: str
    workstation: str
    client: str
    version: int
    published: datetime
    run_id: str
    rows: int
    clients: int
    products: tuple[CardProduct, ...]
    columns: tuple[CardColumn, ...]
    versions: tuple[CardVersion, ...]
    left_out: tuple[RejectsByReason, ...]
    owners: tuple[Owner, ...]
    covered: float | None
    notes: tuple[str, ...]

    @property
    def rows_left_out(self) -> int:
        """How many rows are left out."""
        return sum(group.rows for group in self.left_out)

    @property
    def share(self) -> float | None:
        """The filled part of all cells, 0 to 1."""
        cells = sum(column.figures.rows for column in self.columns)
        return sum(column.figures.filled for column in self.columns) / cells if cells else None
