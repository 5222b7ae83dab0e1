"""What a project's tables say: the control table and the mapping sheet, read as CSV."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
class Source:
    """A row of the control table, with the mapping rows and the rule that are about it."""

    product: str
    submodule: str
    location: str
    cell: str
    mappings: tuple[Mapping, ...]
    join: str = ""
    as_of: str = ""

    @property
    def keys(self) -> list[str]:
        """The AI columns that it is joined on."""
        return [row.ai_column for row in self.mappings if row.is_key]


@dataclass(frozen=True)
class Tables:
    """A project's sources by partition, each module's AI columns in order, and its limit."""

    sources: dict[Key, list[Source]]
    columns: dict[str, list[str]]
    limits: dict[str, str]


def read_tables(folder: Path) -> Tables:
    """Read a project's tables."""
    sheet: dict[str, list[Mapping]] = {}
    for line, row in _rows(folder / "ai_mapping.csv"):
        sheet.setdefault(row["module_name"], []).append(_mapping(line, row))
    rules = {}
    if (folder / "source_rules.csv").exists():
        names = ("module_name", "product_code", "submodule_name")
        for _, row in _rows(folder / "source_rules.csv"):
            rules[tuple(row[name] for name in names)] = row["join"], row["as_of"]
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
    return Tables(
        sources,
        {
            module: list(dict.fromkeys(r.ai_column for r in rows if not r.technical))
            for module, rows in sheet.items()
        },
        {name: said.get("max_rejected", "") for name, said in settings.get("modules", {}).items()},
    )


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


def _source(
    line: int,
    row: dict[str, str],
    sheet: list[Mapping],
    rules: dict[tuple[str, ...], tuple[str, str]],
) -> Source:
    names = row["product_code"], row["submodule_name"]
    return Source(
        *names,
        row["module_location"].replace("{client_code}", row["client_code"]),
        f"control_table.csv:{line}:module_location",
        tuple(mapping for mapping in sheet if (mapping.product, mapping.submodule) == names),
        *rules.get((row["module_name"], *names), ("", "")),
    )
