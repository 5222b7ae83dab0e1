"""The shape of a module: its products, their submodules, and what the sheet maps of each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ai_dataflow_tests.runs.oracle.columns import AI_TYPES
from ai_dataflow_tests.runs.oracle.computing import COLUMN as COMPUTED_COLUMN
from ai_dataflow_tests.runs.oracle.computing import COMPUTED
from ai_dataflow_tests.runs.oracle.reshaping import RowRule
from ai_dataflow_tests.runs.oracle.rules import make_rule
from ai_dataflow_tests.runs.oracle.transforms import COLUMN, TRANSFORMS, of_sheet

PRODUCTS = ("LYRA", "ORION", "VEGA")
FORMATS = (
    "parquet", "csv", "jsonl", "delta", "parquet folder", "csv folder", "csv glob", "jsonl folder",
    "sqlite",
)  # fmt: skip
LIST, OBJECTS = "Tags of it", "Lines"
OF_OBJECTS = ("Lines.amount", "Lines.tax.rate")
UNPIVOTS = (
    "amount FOR quarter IN (Q1, [Q 2], `Q 3` AS 'third')",
    "amount FOR quarter IN ([Q 2] AS 'Q1', Q1 AS 'é')",
)
# What some deliveries call what is unpivoted or exploded; and the rules that say so.
CALLED = {
    "Q1": "1st",
    "Q 2": "Second",
    "Q 3": "Q three",
    LIST: "Other tags",
    OBJECTS: "Order lines",
}
ALTERNATIVES = {
    UNPIVOTS[0]: "amount FOR quarter IN (Q1 | [1st], [Q 2]|Second, `Q 3` | `Q three` AS 'third')",
    UNPIVOTS[1]: "amount FOR quarter IN ([Q 2] | Second AS 'Q1', Q1 | [1st] AS 'é')",
    LIST: f"{LIST} | {CALLED[LIST]}",
    OBJECTS: f"[{OBJECTS}] | `{CALLED[OBJECTS]}`",
}
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
    alternative: str = ""  # what some deliveries call the column
    cells: dict[str, str] = field(default_factory=dict)  # further ones of the row, by column

    @property
    def read(self) -> str:
        """The source column that it reads; none for a transform of no column."""
        return (of_sheet(self.transform)[0] or "") if self.transform else self.source_column

    @property
    def named(self) -> str:
        """The source column, as the sheet spells it."""
        return f"{self.read} | {self.alternative}" if self.alternative else self.source_column


@dataclass
class SourceShape:
    """A submodule of a product: how it is mostly stored, what is mapped; whether keys repeat.

    `join` and `as_of` are its rule, and `taking` is its `where`, `unique_by` and `keep`, where it
    has the columns for these; what is `shared` is the same for all clients. Some clients have
    fields of their `own`, and a `where` of their own.
    """

    product: str
    submodule: str
    stored: str
    fields: list[Field]
    repeats: bool
    join: str = ""
    as_of: str = ""
    shared: bool = False
    rule: RowRule | None = None
    taking: tuple[str, str, str] | None = None
    own: dict[str, list[Field]] = field(default_factory=dict)
    own_where: dict[str, str] = field(default_factory=dict)
    is_ruled_for_all: bool = False  # its rule is one of every product

    def fields_of(self, client: str) -> list[Field]:
        """Give the fields of a client: its own take the place of those for all."""
        own = {each.ai_column: each for each in self.own.get(client, ())}
        return [own.get(each.ai_column, each) for each in self.fields]


@dataclass
class Shape:
    """A module: its sources, in the order of the control table, and its limit of rejects.

    `rules` are the rows of its dictionary, by AI column and by what they say.
    `computed` are the fields of joined rows, each with its product, or `*`, and `stars` those of a
    submodule of every product.
    """

    module: str
    sources: list[SourceShape]
    limit: str
    rules: dict[str, dict[str, str]]
    rejects_repeats: bool
    computed: list[tuple[str, Field]] = field(default_factory=list)
    stars: list[tuple[str, Field]] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[str, str, str, list[Field]]]:
        """Give the rows of the sheet: a product, a submodule and a client, or none; the fields."""
        for product, made in self.computed:
            yield product, "", "", [made]
        for submodule, made in self.stars:
            yield "*", submodule, "", [made]
        for source in self.sources:
            yield source.product, source.submodule, "", source.fields
            for client, own in source.own.items():
                yield source.product, source.submodule, client, own


def make_shape(
    rng: random.Random, module: str, *, wide: bool, products: Sequence[int] = (1, 2, 2, 3)
) -> Shape:
    """Make a module of one of so many products."""
    columns = {f"c{i}": rng.choice(AI_TYPES) for i in range(40 if wide else rng.randint(2, 7))}
    made = []
    for product in rng.sample(PRODUCTS, rng.choice(products)):
        made += _product(rng, product, columns)
    limit = rng.choice(["", "", "60%"])
    # Beside the rest: the same seeds go on making the same sheets.
    rules = random.Random(f"{rng.getstate()[1][:3]}")  # noqa: S311 - no secret
    return Shape(module, made, limit, _rules(rules, made), rules.random() < 0.6)


# By AI type: what may be said of a column, of which some values of `columns` are not so.
SAID: dict[str, list[dict[str, str]]] = {
    "int64": [{"min": "0"}, {"max": "12.0"}, {"min": "-7", "max": "30000"}, {"code_list": "whole"}],
    "int32": [{"min": "2"}, {"max": "33"}, {"code_list": "whole"}],
    "float64": [{"min": "0"}, {"max": "1e2"}],
    "decimal(9,2)": [{"min": "-1"}, {"max": "1.50"}],
    "date": [{"min": "2000-01-01"}, {"max": "2024-02-29"}],
    "timestamp": [{"min": "2000-01-01"}, {"max": "2024-01-31 12:00"}],
    "string": [{"pattern": "[^x]*"}, {"pattern": "[a-z]+|007| *"}, {"code_list": "words"}],
    "boolean": [{}],
}
CODES = {"whole": ["1", "2.0", "12", "4"], "words": ["a", "B b", "007", "few", "none", "fixed"]}


def _rules(rng: random.Random, sources: list[SourceShape]) -> dict[str, dict[str, str]]:
    """Make a dictionary that has a word on some columns."""
    products: dict[str, set[str]] = {}
    types: dict[str, str] = {}
    for source in sources:
        for each in source.fields:
            types[each.ai_column] = each.ai_type
            products.setdefault(each.ai_column, set()).add(source.product)
    rules: dict[str, dict[str, str]] = {}
    for name, ai_type in types.items():
        if rule := rule_of(rng, name, ai_type):
            rules[name] = rule
        if rng.random() < 0.1 and len(products[name]) == len({s.product for s in sources}):
            more = rng.choice([{"required": "Y"}, {"max_null": "60%"}])
            rules[name] = rules.get(name, {}) | more
    return rules


# What a row says of what breaks it: its severity, and whether it holds the partition back.
SEVERITIES = [*[("", "")] * 5, *[("warn", "")] * 4, ("warn", "N"), ("", "N"), ("error", "N"),
              ("error", ""), ("", "Y")]  # fmt: skip


def rule_of(rng: random.Random, name: str, ai_type: str) -> dict[str, str]:
    """Say something of a column, or nothing."""
    said = dict(rng.choice(SAID[ai_type])) if rng.random() < 0.08 else {}
    if rng.random() < (0.15 if name.startswith("id_") else 0.01):
        said["is_key"] = "Y"
    severity, blocks = rng.choice(SEVERITIES)
    return said | {"severity": severity, "blocks": blocks}


_REFERABLE = [{"int64", "int32"}, {"string"}, {"date"}, {"decimal(9,2)"}, {"boolean"}]


def refer(rng: random.Random, shapes: Sequence[Shape]) -> None:
    """Let columns of modules refer to columns of others, or of their own."""
    types = {
        (shape.module, f.ai_column): f.ai_type
        for shape in shapes
        for source in shape.sources
        for f in source.fields
        if not f.technical
    }
    rules = {shape.module: shape.rules for shape in shapes}
    for (module, column), ai_type in types.items():
        alike = next((several for several in _REFERABLE if ai_type in several), set())
        others = [key for key, of in types.items() if of in alike and key != (module, column)]
        if others and rng.random() < 0.15:
            said = rules[module].setdefault(column, {"severity": "", "blocks": ""})
            said["references"] = ".".join(rng.choice(others))
            if not {*said} - {"severity", "blocks", "references"} and said["blocks"] == "Y":
                said["blocks"] = ""  # references hold nothing back


def compute(rng: random.Random, shape: Shape) -> None:
    """Let a module compute columns of joined rows, in any order of the sheet."""
    numbers = {"int64", "int32", "float64"}
    fields = [f for source in shape.sources for f in source.fields if not f.technical]
    types = {f.ai_column: f.ai_type for f in fields}
    for i in range(rng.choice([0, 0, 1, 1, 3])):
        product = rng.choice(["*", *sorted({source.product for source in shape.sources})])
        text = rng.choice([*COMPUTED, f"1000 / {COMPUTED_COLUMN}"])
        whole = {"ROW_KEY": {"int64", "int32"}, "1000 / ": numbers}.get(text[:7], {*types.values()})
        readable = [name for name, dtype in types.items() if dtype in whole]
        if not readable:
            continue
        ai_type = "float64" if text.startswith("1000") else "string"
        read = rng.choice(readable[-4:])
        made = Field("", f"computed{i}", ai_type, text.replace(COMPUTED_COLUMN, read))
        made.required = rng.random() < 0.1
        types[made.ai_column] = ai_type
        shape.computed.append((product, made))
    rng.shuffle(shape.computed)


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
    # Of what is joined only one source may have keys that repeat.
    rule = _rule(rng, fields, f"label_{product}_{submodule}".lower()) if repeats else None
    rng.shuffle(fields)
    said = make_rule(rng) if rng.random() < 0.4 else None
    if said and rule:  # of what is made of one row, none is the latest
        said = (said[0], "", "")
    stored = rng.choice(FORMATS)
    return SourceShape(product, submodule, stored, fields, repeats, rule=rule, taking=said)


def _rule(rng: random.Random, fields: list[Field], label: str) -> RowRule | None:
    """Let one of the mapped columns be made of several, or of a list."""
    able = [f for f in fields if f.source_column not in ("", "Id") and not f.is_key]
    if not able or rng.random() < 0.4:
        return None
    chosen = rng.choice(able)
    if rng.random() < 0.5:
        chosen.source_column = LIST
        return RowRule(explode=LIST)
    if rng.random() < 0.5:
        several = rng.sample(able, min(len(able), rng.choice([1, 2])))
        for each, name in zip(several, OF_OBJECTS, strict=False):
            each.source_column, each.transform = name, ""
        return RowRule(explode=OBJECTS)
    chosen.source_column = "amount"
    fields.append(Field("quarter", label, "string"))
    return RowRule(unpivot=rng.choice(UNPIVOTS))


def _field(rng: random.Random, ai_column: str, ai_type: str, number: int) -> Field:
    required = rng.random() < 0.1
    makes = [t for t, made in TRANSFORMS.items() if ai_type in _TYPES[made.kind]]
    if makes and rng.random() < 0.3:
        transform = rng.choice(makes).replace(COLUMN, f"read{number}")
        return Field("", ai_column, ai_type, transform, required=required)
    return Field(f"Wert {number} ä", ai_column, ai_type, required=required)
