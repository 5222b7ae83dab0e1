"""What a project's tables say: control table, mapping sheet and dictionary, read as CSV."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ai_dataflow_tests.runs.oracle.reshaping import RowRule

Key = tuple[str, str]  # module and client


@dataclass(frozen=True)
class Mapping:
    """A row of the mapping sheet, with the cell of what feeds it."""

    product: str
    submodule: str
    source_column: str
    ai_column: str
    ai_type: str
    transform: str
    is_key: bool
    required: bool
    technical: bool
    cell: str

    @property
    def said(self) -> tuple[object, ...]:
        """What it says, wherever in the sheet it stands."""
        return (self.source_column, self.ai_type, self.transform, self.is_key, self.required,
                self.technical)  # fmt: skip


@dataclass(frozen=True)
class TakingRule:
    """A row of the source rules; `cell` is its line, to which a column's name is added."""

    where: str = ""
    unique_by: str = ""
    keep: str = ""
    cell: str = ""

    @property
    def said(self) -> tuple[str, ...]:
        """What it says, wherever in the table it stands."""
        return self.where, self.unique_by, self.keep


@dataclass(frozen=True)
class Source:
    """A row of the control table, with the mapping rows and the rule that are about it."""

    product: str
    submodule: str
    location: str
    cell: str
    mappings: tuple[Mapping, ...]
    taking: TakingRule
    join: str = ""
    as_of: str = ""
    rule: RowRule | None = None

    @property
    def keys(self) -> list[str]:
        """The AI columns that it is joined on."""
        return [row.ai_column for row in self.mappings if row.is_key]


@dataclass(frozen=True)
class Rule:
    """A row of the dictionary; `said` are its cells by column."""

    ai_column: str
    line: int
    said: dict[str, str]

    def cell(self, column: str) -> str:
        """Give the place of a cell."""
        return f"ai_columns.csv:{self.line}:{column}"

    def effects(self, *, rejects_repeats: bool) -> dict[str, str]:
        """Give what becomes of what breaks each kind of check that it asks for."""
        kinds = {"required": "required", "min": "range", "max": "range", "pattern": "pattern",
                 "code_list": "code_list", "is_key": "is_key", "max_null": "max_null"}  # fmt: skip
        usual = dict.fromkeys(kinds.values(), "reject") | {
            "is_key": "reject" if rejects_repeats else "fail", "max_null": "fail"
        }  # fmt: skip
        asked = dict.fromkeys(kind for cell, kind in kinds.items() if self.said[cell])
        if self.said["severity"] == "warn":
            return dict.fromkeys(asked, "tell")
        if self.said["blocks"] == "Y":
            return dict.fromkeys(asked, "fail")
        told = {"fail": "tell"} if self.said["blocks"] == "N" else {}
        return {kind: told.get(usual[kind], usual[kind]) for kind in asked}


@dataclass(frozen=True)
class Module:
    """What holds for a module: its AI columns in order, each with its type; limits and rules.

    `computed` are the rows of the sheet that read no source.
    """

    types: dict[str, str]
    rules: dict[str, Rule]
    codes: dict[str, list[str]]
    limit: str = ""
    rejects_repeats: bool = False
    computed: tuple[Mapping, ...] = ()

    @property
    def said(self) -> object:
        """What its rules say, wherever they stand."""
        rules = sorted(
            (name, [cell for column, cell in sorted(rule.said.items())
                    if column not in ("severity", "blocks")], sorted(effects.items()))
            for name, rule in self.rules.items()
            if (effects := rule.effects(rejects_repeats=self.rejects_repeats))
        )  # fmt: skip
        return str((rules, sorted(self.codes.items())))


@dataclass(frozen=True)
class Tables:
    """A project's sources by partition, and its modules."""

    sources: dict[Key, list[Source]]
    modules: dict[str, Module]


def read_tables(folder: Path) -> Tables:
    """Read a project's tables."""
    sheet: dict[str, list[Mapping]] = {}
    for line, row in _rows(folder / "ai_mapping.csv"):
        sheet.setdefault(row["module_name"], []).append(_mapping(line, row))
    rules = {}
    if (folder / "source_rules.csv").exists():
        names = ("module_name", "product_code", "submodule_name")
        for line, row in _rows(folder / "source_rules.csv"):
            said = row["where"], row["unique_by"], row["keep"]
            taking = TakingRule(*said, f"source_rules.csv:{line}:")
            how = row["join"], row["as_of"], _reshaping(line, row)
            rules[tuple(row[name] for name in names)] = taking, *how
    sources: dict[Key, list[Source]] = {}
    rows = [
        (line, row) for line, row in _rows(folder / "control_table.csv") if row["active"] == "Y"
    ]
    for line, row in rows:
        key = row["module_name"], row["client_code"]
        if row["client_code"] != "*":
            sources.setdefault(key, []).append(_source(line, row, sheet[key[0]], rules))
    for line, row in rows:  # what all clients of a product have comes behind what is their own
        for (module, _), own in sources.items() if row["client_code"] == "*" else ():
            shared = _source(line, row, sheet[row["module_name"]], rules)
            if module == row["module_name"] and any(s.product == shared.product for s in own):
                own.append(shared)
    settings = tomllib.loads((folder / "ai_dataflow.toml").read_text())
    rules_of, codes = _dictionary(folder), _codes(folder)
    modules = {}
    for name, mapped in sheet.items():
        said = settings.get("modules", {}).get(name, {})
        modules[name] = Module(
            {row.ai_column: row.ai_type for row in mapped if not row.technical},
            rules_of.get(name, {}), codes,
            said.get("max_rejected", ""), said.get("duplicate_keys") == "reject",
            tuple(row for row in mapped if not row.submodule),
        )  # fmt: skip
    return Tables(sources, modules)


def _dictionary(folder: Path) -> dict[str, dict[str, Rule]]:
    rules: dict[str, dict[str, Rule]] = {}
    for line, row in _rows(folder / "ai_columns.csv"):
        module, column = row.pop("module_name"), row.pop("ai_column")
        rules.setdefault(module, {})[column] = Rule(column, line, row)
    return rules


def _codes(folder: Path) -> dict[str, list[str]]:
    codes: dict[str, list[str]] = {}
    for _, row in _rows(folder / "codes.csv"):
        codes.setdefault(row["code_list"], []).append(row["ai_value"])
    return codes


def computed_of(module: Module, product: str) -> list[Mapping]:
    """Give the computed rows of a product: its own take the place of those for all."""
    rows = module.computed
    own = {row.ai_column for row in rows if row.product == product}
    return [
        r for r in rows if r.product == product or (r.product == "*" and r.ai_column not in own)
    ]


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from enumerate(csv.DictReader(lines), start=2)


def _mapping(line: int, row: dict[str, str]) -> Mapping:
    fed_by = "transform" if row["transform"] else "source_column"
    return Mapping(
        row["product_code"], row["submodule_name"], row["source_column"], row["ai_column"],
        row["ai_type"], row["transform"], row["is_key"] == "Y", row["required"] == "Y",
        row.get("published") == "N", f"ai_mapping.csv:{line}:{fed_by}",
    )  # fmt: skip


def _reshaping(line: int, row: dict[str, str]) -> RowRule | None:
    cell = "unpivot" if row["unpivot"] else "explode"
    is_said = row["unpivot"] or row["explode"]
    place = f"source_rules.csv:{line}:{cell}"
    return RowRule(row["unpivot"], row["explode"], place) if is_said else None


def _source(
    line: int,
    row: dict[str, str],
    sheet: list[Mapping],
    rules: dict[tuple[str, ...], tuple[TakingRule, str, str, RowRule | None]],
) -> Source:
    names = row["product_code"], row["submodule_name"]
    return Source(
        *names,
        row["module_location"].replace("{client_code}", row["client_code"]),
        f"control_table.csv:{line}:module_location",
        tuple(mapping for mapping in sheet if (mapping.product, mapping.submodule) == names),
        *rules.get((row["module_name"], *names), (TakingRule(), "", "", None)),
    )
