"""The shape of a module: its products, their submodules, and what the sheet maps of each."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ai_dataflow_tests.runs.oracle.columns import AI_TYPES
from ai_dataflow_tests.runs.oracle.transforms import COLUMN, TRANSFORMS

PRODUCTS = ("LYRA", "ORION", "VEGA")
FORMATS = (
    "parquet", "csv", "jsonl", "delta", "parquet folder", "csv folder", "csv glob", "jsonl folder",
    "sqlite",
)  # fmt: skip
# How many submodules are joined, and how many appended.
_PRODUCT = [(0, 1), (1, 0), (2, 0), (2, 0), (2, 0), (3, 0), (1, 1), (2, 1), (0, 2)]
_TYPES = {"text": ["string"], "int": ["int64", "float64", "string"], "float": ["float64"],
          "date": ["date", "string"]}  # fmt: skip


@dataclass
class Field:
    """A row of the mapping sheet."""

    source_column: str
    ai_column: str
    ai_type: str
    transform: str = ""
    is_key: bool = False
    required: bool = False
    technical: bool = False


@dataclass
class SourceShape:
    """A submodule of a product: how it is mostly stored, what is mapped; whether keys repeat.

    `join` and `as_of` are its rule; what is `shared` is the same for all clients.
    """

    product: str
    submodule: str
    stored: str
    fields: list[Field]
    repeats: bool
    join: str = ""
    as_of: str = ""
    shared: bool = False


@dataclass
class Shape:
    """A module: its sources, in the order of the control table, and its limit of rejects."""

    module: str
    sources: list[SourceShape]
    limit: str


def make_shape(rng: random.Random, module: str, *, wide: bool) -> Shape:
    """Make a module of one to three products."""
    columns = {f"c{i}": rng.choice(AI_TYPES) for i in range(40 if wide else rng.randint(2, 7))}
    made = []
    for product in rng.sample(PRODUCTS, rng.choice([1, 2, 2, 3])):
        made += _product(rng, product, columns)
    return Shape(module, made, rng.choice(["", "", "60%"]))


def _product(rng: random.Random, product: str, columns: dict[str, str]) -> list[SourceShape]:
    joined, appended = rng.choice(_PRODUCT)
    free, made = dict(columns), []
    many = rng.choice([*range(joined), -1])
    for i in range(joined):
        own = {name: free.pop(name) for name in list(free) if rng.random() < 1 / (joined - i)}
        keys = [Field("No", "k1", "int64", is_key=True)]
        if rng.random() < 0.3:
            keys.append(Field("Sub", "k2", "string", is_key=True))
        made.append(_source(rng, product, f"joined{i}", keys, own, repeats=i == many))
    for i in range(appended):
        own = {name: columns[name] for name in columns if rng.random() < 0.6}
        made.append(_source(rng, product, f"added{i}", [], own, repeats=True))
    rng.shuffle(made)
    return _ruled(rng, product, made) if rng.random() < 0.5 else made


def _ruled(rng: random.Random, product: str, made: list[SourceShape]) -> list[SourceShape]:
    """Say of sources that are joined how, and add a lookup, which may be shared."""
    keyed = [source for source in made if any(field.is_key for field in source.fields)]
    for source in keyed[1:]:
        source.join = rng.choice(["", "full", "left", "inner", "lookup"])
        source.repeats &= source.join != "lookup"
    if not keyed or rng.random() < 0.3:
        return made
    rates = _source(rng, product, "rates", [Field("No", "k1", "int64", is_key=True)], {},
                    repeats=False)  # fmt: skip
    rates.join, rates.shared = "lookup", rng.random() < 0.5
    if rng.random() < 0.6:
        moment, since = f"moment_{product}".lower(), f"since_{product}".lower()
        keyed[0].fields.append(Field("Moment", moment, "int64", technical=True))
        rates.fields.append(Field("Since", since, "int64", technical=rng.random() < 0.5))
        rates.as_of = f"{moment} {rng.choice(['>=', '>'])} {since}"
        rates.repeats = rng.random() < 0.3
    return [*made, rates]


def _source(
    rng: random.Random,
    product: str,
    submodule: str,
    keys: list[Field],
    own: dict[str, str],
    *,
    repeats: bool,
) -> SourceShape:
    fields = [Field("Id", f"id_{product}_{submodule}".lower(), "string"), *keys]
    for i, (name, ai_type) in enumerate(own.items()):
        fields.append(_field(rng, name, ai_type, i))
    rng.shuffle(fields)
    return SourceShape(product, submodule, rng.choice(FORMATS), fields, repeats)


def _field(rng: random.Random, ai_column: str, ai_type: str, number: int) -> Field:
    required = rng.random() < 0.1
    makes = [t for t, made in TRANSFORMS.items() if ai_type in _TYPES[made.kind]]
    if makes and rng.random() < 0.3:
        transform = rng.choice(makes).replace(COLUMN, f"read{number}")
        return Field("", ai_column, ai_type, transform, required=required)
    return Field(f"Wert {number} ä", ai_column, ai_type, required=required)
