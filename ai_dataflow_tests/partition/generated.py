"""Random partitions: sources of every type with dirty data, mappings, products, submodules."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import strategies as st

from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow_tests.compiler.transforms import Expression, Row, column, expressions
from ai_dataflow_tests.partition.jobs import key, mapped

ID = "row id"
TEXTS = [
    "1", "", "  ", "2", " 2 ", "3.0", "12", "-7", "x", "n/a", "1.50", "1.505", "99999", "1e3",
    "yes", "N", "2024-01-31", "2024-02-30", "2024-01-31 10:00", "2024-01-31T23:30:00-02:00", "ß",
    'say "hi"', "a,b", "two\nlines", "3000000000", "99999999999999999999", "0.1",
]  # fmt: skip
DAYS = [dt.date(1900, 1, 1), dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(2100, 1, 1)]
MOMENTS = [
    dt.datetime(day.year, day.month, day.day, hour, 59, 7, 123_000)
    for day in DAYS
    for hour in (0, 23)
]
NUMBERS = [
    "string", "boolean", "int16", "int32", "int64", "float32", "float64", "decimal(9,2)",
    "decimal(18,4)",
]  # fmt: skip
MOMENT = ["string", "date", "timestamp"]
AI_TYPES = [*NUMBERS, "decimal(18,0)", "date", "timestamp", "binary"]


def _whole(bits: int, *, signed: bool = True) -> list[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    edges = {low, high, high // 2, *(2**b + d for b in (7, 15, 24, 31, 53, 63) for d in (-1, 0, 1))}
    return sorted({0, 1, 2, *(-1, -9) * signed, *(edge for edge in edges if low <= edge <= high)})


def _decimals(precision: int, scale: int) -> list[Decimal]:
    cents = [0, 1, -1, 150, 10**scale, -(10**scale), 32_768 * 10**scale, 10**precision - 1]
    return [Decimal(f"{n}e-{scale}") for n in cents if abs(n) < 10**precision]


FINITE = [0.0, 1.0, 1.5, -2.25, 1e30, 3e38, 1e300, 0.1, -17.0]


@dataclass(frozen=True)
class Kind:
    """A type of source column: the values to choose from, the AI types that they can become."""

    dtype: pl.DataType
    values: list[Any]
    targets: list[str]


def _moment(unit: Any, zone: str | None = None) -> Kind:
    aware = [moment.replace(tzinfo=dt.UTC) for moment in MOMENTS]
    return Kind(pl.Datetime(unit, zone), aware if zone else MOMENTS, MOMENT)


TEXT = Kind(pl.String(), TEXTS, AI_TYPES)
SMALL = Kind(pl.Int64(), [*range(-3, 10)], NUMBERS)
WIDE = Kind(pl.Int64(), _whole(64), NUMBERS)
REAL = Kind(pl.Float64(), FINITE, NUMBERS)
NESTED = pl.Struct({"a": pl.Int64(), "b": pl.List(pl.String())})
TYPED = [
    TEXT, WIDE, REAL,
    *(Kind(dtype, _whole(bits), NUMBERS)
      for bits, dtype in ((8, pl.Int8()), (16, pl.Int16()), (32, pl.Int32()))),
    Kind(pl.Float64(), [*FINITE, float("nan"), float("inf")], NUMBERS),
    Kind(pl.Float32(), [0.0, 1.0, 1.5, -17.0], NUMBERS),
    Kind(pl.Decimal(9, 2), _decimals(9, 2), NUMBERS),
    Kind(pl.Decimal(30, 6), _decimals(30, 6), NUMBERS),
    Kind(pl.Boolean(), [True, False], NUMBERS),
    Kind(pl.Date(), DAYS, MOMENT),
    *(_moment("us", zone) for zone in (None, "UTC")),
    Kind(pl.Binary(), [b"", b"x", b"\xff", "ü".encode()], ["binary", "string"]),
    Kind(NESTED, [{"a": 1, "b": ["x", "ü"]}, {"a": None, "b": []}], ["string"]),
]  # fmt: skip
UNSIGNED = {8: pl.UInt8(), 16: pl.UInt16(), 32: pl.UInt32(), 64: pl.UInt64()}
PARQUET = [
    *TYPED, _moment("ms"), _moment("ns"), _moment("us", "Europe/Berlin"),
    *(Kind(dtype, _whole(bits, signed=False), NUMBERS) for bits, dtype in UNSIGNED.items()),
    Kind(pl.Categorical(), ["1", "x", "2024-01-31"], ["string", "int64", "date"]),
]  # fmt: skip
STORED = {
    "csv": [TEXT], "csv parts": [TEXT], "sql": [TEXT, WIDE, REAL], "parquet": PARQUET,
    "parquet parts": PARQUET, "delta": TYPED,
}  # fmt: skip
KEYS = {"k1": "int64", "k2": "string"}
KEY_KINDS = {
    "k1": [Kind(pl.String(), ["1", "2", " 3 ", "4.0", "", "x"], []),
           Kind(pl.Int64(), [1, 2, 3, 4, 5], [])],
    "k2": [Kind(pl.String(), ["a", "b", "", "B"], [])],
}  # fmt: skip


@dataclass(frozen=True)
class Feed:
    """An AI column of a source: its mapping row, and what feeds it."""

    row: MappingRow
    by: Expression

    def __repr__(self) -> str:
        marks = " key" * self.row.is_key + " required" * self.row.required
        return f"<{self.by.sql} -> {self.row.ai_column} {self.row.ai_type}{marks}>"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """Be short: this is what Hypothesis shows an example by."""
        printer.text(repr(self))


@dataclass(frozen=True)
class Source:
    """A source: how it is stored, its columns' types, its rows, what is mapped from it.

    `ragged` are the lines of a CSV that are no rows. Each row has a number of its own, which is an
    AI column of the source's own: so it is found again wherever it went.
    """

    product: str
    submodule: str
    stored: str
    dtypes: dict[str, pl.DataType]
    rows: list[Row]
    feeds: tuple[Feed, ...]
    ragged: int = 0

    @property
    def name(self) -> str:
        """The name of its file or table."""
        return f"{self.product}_{self.submodule}"

    @property
    def keys(self) -> list[str]:
        """The AI columns that it is joined on."""
        return [feed.row.ai_column for feed in self.feeds if feed.row.is_key]


@dataclass(frozen=True)
class Partition:
    """A partition: its AI columns, which all products share, and its sources as planned."""

    columns: dict[str, str]
    sources: list[Source]


@st.composite
def partitions(draw: st.DrawFn) -> Partition:
    """Make a partition of one or two products, each of joined and appended submodules."""
    plain = draw(st.lists(st.sampled_from(AI_TYPES), min_size=1, max_size=4))
    columns = KEYS | {f"c{i}": ai_type for i, ai_type in enumerate(plain)}
    made: list[Source] = []
    for product in ("orion", "vega")[: draw(st.integers(1, 2))]:
        joined, appended = draw(st.sampled_from([(2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (0, 2)]))
        free = {name: ai_type for name, ai_type in columns.items() if name not in KEYS}
        for i in range(joined):
            own = {name: free[name] for name in list(free) if draw(st.booleans())}
            free = {name: ai_type for name, ai_type in free.items() if name not in own}
            keys = draw(st.sampled_from([["k1"], ["k1", "k2"]]))
            made.append(draw(_sources(product, f"j{i}", own, keys)))
        for i in range(appended):
            own = {name: columns[name] for name in columns if draw(st.booleans())}
            made.append(draw(_sources(product, f"u{i}", own, [])))
    return Partition(columns | {f"id_{source.name}": "int64" for source in made}, made)


@st.composite
def _sources(
    draw: st.DrawFn, product: str, submodule: str, own: dict[str, str], keys: list[str]
) -> Source:
    stored = draw(st.sampled_from(sorted(STORED)))
    is_text = stored.startswith("csv")
    # Beside the columns that are mapped as they are, two that transforms read.
    kinds = {"a text": TEXT, "n": TEXT if is_text else SMALL}
    feeds = [Feed(mapped(f"id_{product}_{submodule}", "int64", ID), column(ID))]
    for name in keys:
        kinds[name] = draw(st.sampled_from(KEY_KINDS[name][: 1 if is_text else None]))
        made = key(name) if name == "k1" else mapped(name, is_key=True)
        feeds.append(Feed(made, column(name)))
    for i, (name, ai_type) in enumerate(own.items()):
        required = draw(st.sampled_from([False, False, True]))
        if draw(st.integers(0, 2)) == 0:
            made_of = draw(_transforms(ai_type, is_text=is_text))
            row = mapped(name, ai_type, transform=made_of.sql, required=required)
            feeds.append(Feed(row, made_of))
            continue
        fitting = [kind for kind in STORED[stored] if ai_type in kind.targets]
        kinds[f"s{i} ä"] = draw(st.sampled_from(fitting))
        feeds.append(Feed(mapped(name, ai_type, f"s{i} ä", required=required), column(f"s{i} ä")))
    dtypes = {ID: pl.String() if is_text else pl.Int64()} | {n: k.dtype for n, k in kinds.items()}
    return Source(
        product, submodule, stored, dtypes, draw(_rows(kinds, is_text=is_text)),
        tuple(draw(st.permutations(feeds))),
        draw(st.sampled_from([0, 0, 0, 1, 2])) if is_text else 0,
    )  # fmt: skip


def _transforms(ai_type: str, *, is_text: bool) -> st.SearchStrategy[Expression]:
    numbers = () if is_text else ("n",)
    texts = ("a text", "n") if is_text else ("a text",)
    texts_made = expressions(numbers, texts, "text")
    return expressions(numbers, texts, "int") | texts_made if ai_type in NUMBERS else texts_made


@st.composite
def _rows(draw: st.DrawFn, kinds: dict[str, Kind], *, is_text: bool) -> list[Row]:
    number = draw(st.integers(0, 7))
    columns = {name: draw(_values(kind, number)) for name, kind in kinds.items()}
    return [
        {ID: str(i) if is_text else i} | {name: values[i] for name, values in columns.items()}
        for i in range(number)
    ]


def _values(kind: Kind, number: int) -> st.SearchStrategy[list[Any]]:
    """Give a column's values; about a fifth of them is null."""
    choice = st.sampled_from([*kind.values, *[None] * (1 + len(kind.values) // 5)])
    return st.lists(choice, min_size=number, max_size=number)
