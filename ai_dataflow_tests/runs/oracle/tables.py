"""What a project's tables say: control table, mapping sheet and dictionary, read as CSV."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ai_dataflow_tests.runs.oracle.cells import Cells, Codes
from ai_dataflow_tests.runs.oracle.reshaping import RowRule

Key = tuple[str, str]  # module and client


@dataclass(frozen=True)
class Mapping:
    """A row of the mapping sheet, with the cell of what feeds it.

    `names` are those of its source column, of which a file has the first that it has.
    """

    product: str
    submodule: str
    client: str
    names: tuple[str, ...]
    ai_column: str
    ai_type: str
    transform: str
    is_key: bool
    required: bool
    technical: bool
    cells: Cells
    cell: str

    @property
    def said(self) -> tuple[object, ...]:
        """What it says, wherever in the sheet it stands."""
        return (self.names, self.ai_type, self.transform, self.is_key, self.required,
                self.technical, self.cells)  # fmt: skip


@dataclass(frozen=True)
class TakingRule:
    """A row of the source rules; `cell` is its line, to which a column's name is added."""

    where: str = ""
    unique_by: str = ""
    keep: str = ""
    cell: str = ""
    cells: Cells = field(default_factory=Cells)  # how it reads texts

    @property
    def said(self) -> tuple[str, ...]:
        """What it says, wherever in the table it stands."""
        return self.where, self.unique_by, self.keep


@dataclass(frozen=True)
class Source:
    """A row of the control table, with the mapping rows and the rule that are about it."""

    client: str
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
    codes: Codes
    limit: str = ""
    rejects_repeats: bool = False
    computed: tuple[Mapping, ...] = ()

    @property
    def said(self) -> object:
        """What its rules say, wherever they stand."""
        rules = sorted(
            (name, [cell for column, cell in sorted(rule.said.items())
                    if column not in ("references", "severity", "blocks")],
             sorted(effects.items()))
            for name, rule in self.rules.items()
            if (effects := rule.effects(rejects_repeats=self.rejects_repeats))
        )  # fmt: skip
        return str((rules, sorted(self.codes.rows.items())))


@dataclass(frozen=True)
class Tables:
    """A project's sources by partition, and its modules."""

    sources: dict[Key, list[Source]]
    modules: dict[str, Module]


@dataclass(frozen=True)
class SourceRule:
    """A row of the source rules."""

    product: str
    client: str
    taking: TakingRule = field(default_factory=TakingRule)
    join: str = ""
    as_of: str = ""
    reshaping: RowRule | None = None


class _Specific(Protocol):
    @property
    def product(self) -> str: ...
    @property
    def client(self) -> str: ...


S = TypeVar("S", bound=_Specific)


def most_specific(rows: Iterable[S], product: str, client: str) -> list[S]:
    """Give the rows for a product and a client that name most of the two."""
    about = [r for r in rows if r.product in (product, "*") and r.client in (client, "")]
    ranks = [(row.product != "*") + bool(row.client) for row in about]
    return [row for row, rank in zip(about, ranks, strict=True) if rank == max(ranks)]


def read_tables(folder: Path) -> Tables:
    """Read a project's tables."""
    settings = tomllib.loads((folder / "ai_dataflow.toml").read_text())
    usual = settings.get("mapping", {})
    sheet: dict[str, list[Mapping]] = {}
    for line, row in _rows(folder / "ai_mapping.csv"):
        sheet.setdefault(row["module_name"], []).append(_mapping(line, row, usual))
    rules = _source_rules(folder, Cells(null_values=tuple(usual.get("null_values", ())),
                                        trim=usual.get("trim", False)))  # fmt: skip
    sources: dict[Key, list[Source]] = {}
    rows = [
        (line, row) for line, row in _rows(folder / "control_table.csv") if row["active"] == "Y"
    ]
    for line, row in rows:
        key = row["module_name"], row["client_code"]
        if row["client_code"] != "*":
            sources.setdefault(key, []).append(_source(line, row, sheet[key[0]], rules, key[1]))
    for line, row in rows:  # what all clients of a product have comes behind what is their own
        for (module, client), own in sources.items() if row["client_code"] == "*" else ():
            shared = _source(line, row, sheet[row["module_name"]], rules, client)
            if module == row["module_name"] and any(s.product == shared.product for s in own):
                own.append(shared)
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


def _source_rules(folder: Path, read: Cells) -> dict[tuple[str, str], list[SourceRule]]:
    rules: dict[tuple[str, str], list[SourceRule]] = {}
    if not (folder / "source_rules.csv").exists():
        return rules
    for line, row in _rows(folder / "source_rules.csv"):
        said = row["where"], row["unique_by"], row["keep"]
        taking = TakingRule(*said, f"source_rules.csv:{line}:", read)
        how = row["join"], row["as_of"], _reshaping(line, row)
        rule = SourceRule(row["product_code"], row.get("client_code", ""), taking, *how)
        rules.setdefault((row["module_name"], row["submodule_name"]), []).append(rule)
    return rules


def _dictionary(folder: Path) -> dict[str, dict[str, Rule]]:
    rules: dict[str, dict[str, Rule]] = {}
    for line, row in _rows(folder / "ai_columns.csv"):
        module, column = row.pop("module_name"), row.pop("ai_column")
        rules.setdefault(module, {})[column] = Rule(column, line, row)
    return rules


def _codes(folder: Path) -> Codes:
    codes: dict[str, list[tuple[str, str, str]]] = {}
    for _, row in _rows(folder / "codes.csv"):
        said = row.get("product_code", ""), row["source_value"], row["ai_value"]
        codes.setdefault(row["code_list"], []).append(said)
    return Codes(codes)


def computed_of(module: Module, product: str, client: str) -> list[Mapping]:
    """Give the computed rows of a product and a client, of each column the most specific."""
    return _mapped(module.computed, product, client)


def _mapped(rows: Iterable[Mapping], product: str, client: str) -> list[Mapping]:
    """Give the rows that apply, of each AI column the most specific, in the sheet's order."""
    by_column: dict[str, list[Mapping]] = {}
    for row in rows:
        by_column.setdefault(row.ai_column, []).append(row)
    chosen = (most_specific(several, product, client) for several in by_column.values())
    applies = {id(row) for several in chosen for row in several}
    return [row for row in rows if id(row) in applies]


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with file.open(encoding="utf-8", newline="") as lines:
        for line, row in enumerate(csv.DictReader(lines), start=2):
            yield line, {name: cell.strip() for name, cell in row.items()}


def _mapping(line: int, row: dict[str, str], usual: dict[str, Any]) -> Mapping:
    fed_by = "transform" if row["transform"] else "source_column"
    words = [word.strip() for word in row.get("null_values", "").split("|") if word.strip()]
    trim = row.get("trim", "")
    cells = Cells(
        row.get("code_list", ""), row.get("unmapped", ""), row.get("default", ""),
        tuple(words or usual.get("null_values", ())),
        trim == "Y" if trim else bool(usual.get("trim")),
    )  # fmt: skip
    return Mapping(
        row["product_code"], row["submodule_name"], row.get("client_code", ""),
        tuple(name.strip() for name in row["source_column"].split("|") if name.strip()),
        row["ai_column"], row["ai_type"], row["transform"], row["is_key"] == "Y",
        row["required"] == "Y", row.get("published") == "N", cells,
        f"ai_mapping.csv:{line}:{fed_by}",
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
    rules: dict[tuple[str, str], list[SourceRule]],
    client: str,
) -> Source:
    product, submodule = row["product_code"], row["submodule_name"]
    of_source = rules.get((row["module_name"], submodule), [])
    rule = [*most_specific(of_source, product, client), SourceRule(product, client)][0]
    about = [mapping for mapping in sheet if mapping.submodule == submodule]
    return Source(
        client, product, submodule,
        row["module_location"].replace("{client_code}", row["client_code"]),
        f"control_table.csv:{line}:module_location",
        tuple(_mapped(about, product, client)),
        rule.taking, rule.join, rule.as_of, rule.reshaping,
    )  # fmt: skip
