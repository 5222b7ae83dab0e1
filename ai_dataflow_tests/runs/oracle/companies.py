"""Random companies: projects of many clients whose modules share shapes, and how they change."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ai_dataflow_tests.projects import NO_LIMITS
from ai_dataflow_tests.runs.oracle import faults
from ai_dataflow_tests.runs.oracle.deliveries import NUMBERS, Delivery, deliver, number
from ai_dataflow_tests.runs.oracle.dressing import CELLS, CODE_COLUMNS, CODE_ROWS, dress, usual
from ai_dataflow_tests.runs.oracle.reshaping import RowRule
from ai_dataflow_tests.runs.oracle.rules import make_rule
from ai_dataflow_tests.runs.oracle.shapes import (
    CODES,
    UNPIVOTS,
    Shape,
    SourceShape,
    compute,
    make_shape,
    refer,
    rule_of,
)

_CONTROL = ("product_code", "module_name", "submodule_name", "client_code", "module_location",
            "active")  # fmt: skip
_MAPPING = ("module_name", "product_code", "submodule_name", "source_column", "ai_column",
            "ai_type", "transform", "is_key", "required", "published", "client_code",
            *CELLS)  # fmt: skip
_RULES = ("module_name", "product_code", "submodule_name", "where", "unique_by", "keep", "join",
          "as_of", "unpivot", "explode", "client_code")  # fmt: skip
_DICTIONARY = ("module_name", "ai_column", "required", "is_key", "min", "max", "pattern",
               "code_list", "max_null", "references", "severity", "blocks")  # fmt: skip
_BROKEN, _CHANGED = 0.05, 0.2


@dataclass
class Source:
    """A client's source: where it is, how it is stored."""

    shape: SourceShape
    module: str
    client: str
    stored: str
    active: bool = True

    @property
    def location(self) -> str:
        """Its location, as the control table spells it."""
        return f"sql://{self.connection}/main.rows" if self.stored == "sqlite" else self.path

    @property
    def connection(self) -> str:
        """The connection of its database; each has one of its own."""
        client = "shared" if self.shape.shared else self.client
        return f"{self.module}-{client}-{self.shape.product}-{self.shape.submodule}"

    @property
    def path(self) -> str:
        """Its files in the project's folder."""
        format_, _, how = self.stored.partition(" ")
        folder = "shared" if self.shape.shared else "{client_code}"
        name = f"data/{self.module}/{folder}/{self.shape.product}-{self.shape.submodule}"
        ending = {"": "" if format_ == "delta" else f".{format_}", "folder": "",
                  "glob": f"-*.{format_}"}[how]  # fmt: skip
        return name + ending


@dataclass
class Company:
    """A project that changes: the same seed makes the same company and the same changes."""

    folder: Path
    rng: random.Random
    settings: str = ""
    usual: str = ""  # what the settings say of all mapping rows
    shapes: list[Shape] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    numbers: Sequence[int] = NUMBERS  # of rows that a delivery may have

    def clients(self) -> list[list[Source]]:
        """Give the sources of each partition that is active."""
        by_key: dict[tuple[str, str], list[Source]] = {}
        for source in self.sources:
            if source.active and source.client != "*":
                by_key.setdefault((source.module, source.client), []).append(source)
        return list(by_key.values())

    def change(self) -> None:
        """Deliver some sources anew, some of them broken; a client joins and one leaves.

        Now and then the sheet changes too.
        """
        for sources in self.clients():
            if self.rng.random() < _CHANGED:
                self._deliver(self.rng.choice(sources))
        shape = self.rng.choice(self.shapes)
        self.add(shape, f"late{len(self.sources)}")
        for source in self.rng.choice(self.clients()):
            source.active = False
        for source in self.sources:
            if source.client == "*" and self.rng.random() < _CHANGED:
                self._deliver(source)
        edits = (
            self._join_otherwise, self._require_otherwise, self._rule_otherwise,
            self._edit_unpivots, self._take_otherwise, self._compute_otherwise,
        )  # fmt: skip
        for edit in edits:
            if self.rng.random() < 0.5:
                edit()
        self.write_tables()

    def _require_otherwise(self) -> None:
        """Require a column that was not required, or the other way round."""
        changed = self.rng.choice(self.rng.choice(self.rng.choice(self.shapes).sources).fields)
        changed.required = not changed.required

    def _rule_otherwise(self) -> None:
        """Let the dictionary say something else of a column."""
        of_module = self.rng.choice(self.shapes)
        changed = self.rng.choice(self.rng.choice(of_module.sources).fields)
        of_module.rules[changed.ai_column] = rule_of(self.rng, changed.ai_column, changed.ai_type)

    def _compute_otherwise(self) -> None:
        """Require what is computed, or no more."""
        computed = [later for shape in self.shapes for _, later in shape.computed]
        if computed:
            later = self.rng.choice(computed)
            later.required = not later.required

    def _take_otherwise(self) -> None:
        """Filter the rows of a source in another way."""
        ruled = [s for shape in self.shapes for s in shape.sources if s.taking is not None]
        for source_shape in ruled[:1]:
            said = make_rule(self.rng)
            source_shape.taking = (said[0], "", "") if source_shape.rule else said

    def _join_otherwise(self) -> None:
        """Give a source another kind of join."""
        joined = [s for shape in self.shapes for s in shape.sources if s.join and not s.as_of]
        if joined:
            self.rng.choice(joined).join = self.rng.choice(["full", "left", "inner", "lookup"])

    def _edit_unpivots(self) -> None:
        """List other columns now and then."""
        for source in (s for shape in self.shapes for s in shape.sources):
            if source.rule and source.rule.unpivot and self.rng.random() < 0.3:
                source.rule = RowRule(unpivot=self.rng.choice(UNPIVOTS))

    def add(self, shape: Shape, client: str) -> None:
        """Let a client join, with a delivery of each of its sources."""
        for of_shape in shape.sources:
            if of_shape.shared:
                continue
            alike = self.rng.random() < 0.85
            stored = of_shape.stored if alike else self.rng.choice(["parquet", "csv", "jsonl"])
            source = Source(of_shape, shape.module, client, stored)
            self.sources.append(source)
            self._deliver(source)

    def share(self, shape: Shape) -> None:
        """Deliver what all clients of a shape have, anywhere in the control table."""
        for of_shape in (source for source in shape.sources if source.shared):
            source = Source(of_shape, shape.module, "*", of_shape.stored)
            self.sources.insert(self.rng.randint(0, len(self.sources)), source)
            self._deliver(source)

    def _deliver(self, source: Source) -> None:
        is_broken = self.rng.random() < _BROKEN
        at = self.folder / source.path.replace("{client_code}", source.client)
        fault = self.rng.choice(faults.of(source.stored)) if is_broken else ""
        rows = number(self.rng, self.numbers, source.stored, fault)
        delivery = Delivery(self.rng, source.shape, source.client, source.stored, fault, rows)
        deliver(delivery, at)

    def write_tables(self) -> None:
        """Write the control table, the mapping sheet, the dictionary, teams and settings."""
        _table(self.folder / "control_table.csv", _CONTROL, (
            (s.shape.product, s.module, s.shape.submodule, s.client, s.location, "NY"[s.active])
            for s in self.sources
        ))  # fmt: skip
        _table(self.folder / "ai_mapping.csv", _MAPPING, (
            (shape.module, product, submodule, f.named, f.ai_column,
             f.ai_type, f.transform, "Y" * f.is_key, "Y" * f.required, "N" * f.technical, client,
             *(f.cells.get(name, "") for name in CELLS))
            for shape in self.shapes
            for product, submodule, client, fields in shape.rows()
            for f in fields
        ))  # fmt: skip
        _table(self.folder / "ai_columns.csv", _DICTIONARY, (
            (shape.module, name, *(said.get(column, "") for column in _DICTIONARY[2:]))
            for shape in self.shapes
            for name, said in shape.rules.items()
        ))  # fmt: skip
        _table(self.folder / "codes.csv", CODE_COLUMNS, [
            *((name, value, value, "") for name, values in CODES.items() for value in values),
            *CODE_ROWS,
        ])  # fmt: skip
        _table(
            self.folder / "teams.csv", ("team", "email", "concern"), [("all", "a@example.org", "*")]
        )
        _table(self.folder / "source_rules.csv", _RULES, (
            (shape.module, *row)
            for shape in self.shapes
            for source in shape.sources
            for row in _ruled(source)
        ))  # fmt: skip
        (self.folder / "ai_dataflow.toml").write_text("".join(self._settings()))

    def _settings(self) -> Iterator[str]:
        yield 'control_table = "control_table.csv"\nai_mapping = "ai_mapping.csv"\n'
        yield 'source_rules = "source_rules.csv"\n'
        yield 'ai_columns = "ai_columns.csv"\ncode_lists = "codes.csv"\n'
        yield 'teams = "teams.csv"\n[workstation]\nurl = "workstation"\n'
        yield f"[mapping]\n{self.usual}" if self.usual else ""
        for shape in self.shapes:
            yield f"[modules.{shape.module}]\n{NO_LIMITS}"
            yield f'max_rejected = "{shape.limit}"\n' if shape.limit else ""
            yield 'duplicate_keys = "reject"\n' if shape.rejects_repeats else ""
        for source in filter(lambda source: source.stored == "sqlite", self.sources):
            path = source.path.replace("{client_code}", source.client)
            yield f'[sql.{source.connection}]\nurl = "sqlite:///{path}"\n'
        yield self.settings


def make_company(folder: Path, seed: int, clients: int, settings: str = "") -> Company:
    """Make a company of about so many partitions, in two or three modules.

    `settings` are more lines of `ai_dataflow.toml`.
    """
    company = Company(folder, random.Random(seed), settings)  # noqa: S311 - no secret
    company.usual = usual(random.Random(f"{seed} usual"))  # noqa: S311 - no secret
    shares = company.rng.choice([(0.8, 0.2), (0.5, 0.5), (0.7, 0.2, 0.1)])
    for i, share in enumerate(shares):
        shape = make_shape(company.rng, f"m{i}", wide=company.rng.random() < 0.15)
        compute(random.Random(f"{seed} {i}"), shape)  # noqa: S311 - no secret
        dress(random.Random(f"{seed} {i} cells"), shape)  # noqa: S311 - no secret
        company.shapes.append(shape)
        for client in range(max(1, int(clients * share))):
            company.add(shape, f"client{client:03}")
        company.share(shape)
    refer(random.Random(f"{seed} references"), company.shapes)  # noqa: S311 - no secret
    company.write_tables()
    return company


def _ruled(shape: SourceShape) -> Iterator[tuple[str, ...]]:
    """Give the rows of the source rules that are about a source."""
    if not (shape.join or shape.rule or shape.taking):
        return
    rule = shape.rule or RowRule()
    how = shape.join, shape.as_of, rule.unpivot, rule.explode
    where, *unique = shape.taking or ("", "", "")
    product = "*" if shape.is_ruled_for_all else shape.product
    yield product, shape.submodule, where, *unique, *how, ""
    for client, own in shape.own_where.items():
        yield shape.product, shape.submodule, own, *unique, *how, client


def _table(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
