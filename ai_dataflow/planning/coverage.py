"""Coverage: which AI columns each product of a module really maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ai_dataflow.config.diagnostics import Diagnostic, listing
from ai_dataflow.config.module_settings import ModuleSettings
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.tables.ai_mapping import MappingRow

Cover = Literal["mapped", "missing", "required-missing"]
_MARKS: dict[Cover, str] = {"mapped": "✓", "missing": "–", "required-missing": "✗ required"}


@dataclass(frozen=True)
class Coverage:
    """A module's matrix: for each AI column, for each product, whether the product maps it."""

    module: str
    products: tuple[str, ...]
    cells: Mapping[str, Mapping[str, Cover]]

    @property
    def ratio(self) -> float:
        """The mapped part of all cells, 0 to 1; an empty matrix is covered."""
        covers = [cover for row in self.cells.values() for cover in row.values()]
        return covers.count("mapped") / len(covers) if covers else 1.0

    def to_json(self) -> dict[str, Any]:
        """Give the matrix as plain data."""
        return {
            "ratio": round(self.ratio, 4),
            "columns": {column: dict(row) for column, row in self.cells.items()},
            "markdown": self.to_markdown(),
        }

    def to_markdown(self) -> str:
        """Give the matrix as a Markdown table."""
        head = "| AI column | " + " | ".join(self.products) + " |"
        rule = "|---" * (len(self.products) + 1) + "|"
        rows = [
            f"| {column} | " + " | ".join(_MARKS[row[p]] for p in self.products) + " |"
            for column, row in self.cells.items()
        ]
        return "\n".join([head, rule, *rows])


def module_coverage(
    module: str, columns: Iterable[AiColumn], rows: Iterable[tuple[str, Sequence[MappingRow]]]
) -> Coverage:
    """Make a module's matrix from the mapping rows of its products, one source after the other."""
    columns = list(columns)
    mapped: dict[str, set[str]] = {}
    required = {column.name for column in columns if column.rule and column.rule.required}
    for product, mappings in rows:
        mapped.setdefault(product, set()).update(row.ai_column for row in mappings)
        required.update(row.ai_column for row in mappings if row.required)
    products = tuple(sorted(mapped))

    def cover(column: str, product: str) -> Cover:
        if column in mapped[product]:
            return "mapped"
        return "required-missing" if column in required else "missing"

    cells = {c.name: {p: cover(c.name, p) for p in products} for c in columns}
    return Coverage(module, products, cells)


def check_coverage(
    coverage: Coverage, rows: Iterable[MappingRow], settings: ModuleSettings
) -> list[Diagnostic]:
    """Find required columns that a product does not map, and a ratio below the threshold."""
    problems = []
    for column, cells in coverage.cells.items():
        lacking = [product for product, cover in cells.items() if cover == "required-missing"]
        requiring = (
            r for r in rows
            if (r.module, r.ai_column, r.required) == (coverage.module, column, True)
        )  # fmt: skip
        if lacking and (row := next(requiring, None)):  # else the dictionary does, see its checks
            problems.append(_required_missing(row, lacking))
    if coverage.ratio < settings.min_coverage:
        problems.append(_below(coverage, settings))
    return problems


def _required_missing(row: MappingRow, products: list[str]) -> Diagnostic:
    return row.problem(
        "MAP-021",
        "required",
        f"`{row.ai_column}` is required here, and {listing(products)} does not map it: it is null "
        "in all its rows",
        "map it for every product of the module, or do not require it",
        severity="warning",
        module=row.module,
        ai_column=row.ai_column,
    )


def _below(coverage: Coverage, settings: ModuleSettings) -> Diagnostic:
    problem = Diagnostic(
        "COV-001",
        f"{coverage.ratio:.0%} of the module's columns are mapped, less than the "
        f"{settings.min_coverage:.0%} asked for",
        place=f"ai_dataflow.toml:modules.{coverage.module}.min_coverage",
        fix=f"map the missing columns; `ai-dataflow plan` shows them for {coverage.module}",
        module=coverage.module,
    )
    return problem if settings.coverage_blocks else replace(problem, severity="warning")
