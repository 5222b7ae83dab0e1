"""Slips: what compiles and is probably not meant. All of them are warnings.

A name with one letter wrong is valid; it only makes another column, client or product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rapidfuzz.distance import OSA

from ai_dataflow.config.diagnostics import Diagnostic, listing
from ai_dataflow.config.grouped import grouped
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.planning.findings import Findings
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.control_table import NAMES, ControlRow

_SHORTEST = 4


def check_slips(
    findings: Findings,
    mapping: Sequence[MappingRow],
    active: Sequence[ControlRow],
) -> None:
    """Find names that are nearly others."""
    for problem in (*_columns(mapping), *_names(active)):
        findings.add(problem)


def check_keys(sources: Sequence[SourceJob]) -> Iterator[Diagnostic]:
    """Find a submodule that maps another's key without marking it: it is appended, not joined."""
    keys = {key: source.submodule for source in sources for key in source.key_columns}
    for source in sources:
        if source.key_columns:
            continue
        for row in source.mappings:
            if row.ai_column in keys:
                yield row.problem(
                    "MAP-027",
                    "is_key",
                    f"`{row.ai_column}` is a key of `{keys[row.ai_column]}` and not of "
                    f"`{source.submodule}`: its rows are appended, not joined",
                    "mark it as a key here too, if the rows belong together",
                    severity="warning",
                    ai_column=row.ai_column,
                )


def check_required(
    sources: Sequence[SourceJob], columns: Sequence[AiColumn] = ()
) -> Iterator[Diagnostic]:
    """Find required columns that a submodule which is not joined does not map: all is rejected.

    `columns` are the module's: the dictionary may require what the product's rows do not.
    """
    joined = [source for source in sources if source.key_columns]
    groups = [joined, *([source] for source in sources if not source.key_columns)]
    rows = [row for source in sources for row in source.mappings]
    rules = {column.name: column.rule for column in columns if column.rule}
    # What no submodule maps is told of the product.
    required: dict[str, MappingRow | DictionaryRow] = {
        row.ai_column: rules[row.ai_column]
        for row in rows
        if row.ai_column in rules and is_demanded(rules[row.ai_column])
    }
    required |= {row.ai_column: row for row in rows if row.required}
    for group in filter(None, groups):
        mapped = {row.ai_column for source in group for row in source.mappings}
        for column in required.keys() - mapped:
            names = listing(f"`{source.submodule}`" for source in group)
            yield required[column].problem(
                "MAP-031",
                "required",
                f"`{column}` is required, and {names} has none: all its rows will be rejected",
                "map the column there too, or clear `required`",
                severity="warning",
                ai_column=column,
            )


def is_demanded(rule: DictionaryRow) -> bool:
    """Tell whether the dictionary has no row published that lacks a value."""
    return rule.required and rule.effect("required") != "tell"


def near_pairs(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Give pairs of a rare name and a more frequent one that is a single slip away.

    Digits tell names apart on purpose, and short names are near to each other by chance. Two names
    one slip apart have a common form once a letter is left out, so only those are compared.
    """
    forms: dict[str, list[str]] = {}
    for name in counts:
        if len(name) >= _SHORTEST:
            for form in {name, *(name[:i] + name[i + 1 :] for i in range(len(name)))}:
                forms.setdefault(form, []).append(name)
    seen = set()
    for names in forms.values():
        for a in names:
            for b in names:
                if counts[a] < counts[b] and (a, b) not in seen and _is_slip(a, b):
                    seen.add((a, b))
                    yield a, b


def _is_slip(a: str, b: str) -> bool:
    letters_of = [c for c in a if c.isdigit()] == [c for c in b if c.isdigit()]
    return letters_of and a.casefold() != b.casefold() and OSA.distance(a, b) == 1


def _columns(mapping: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    for rows in grouped(mapping, lambda row: row.module).values():
        columns = grouped(rows, lambda row: row.ai_column)
        used = {name: {(r.product, r.submodule) for r in rows} for name, rows in columns.items()}
        for rare, common in near_pairs(Counter(row.ai_column for row in rows)):
            if used[rare] & used[common]:
                continue  # one source has both: they are meant
            yield columns[rare][0].problem(
                "MAP-025",
                "ai_column",
                f"`{rare}` is a column of its own beside `{common}`, which is nearly the same",
                "spell both in one way, if they are one column",
                severity="warning",
                module=rows[0].module,
                ai_column=rare,
            )


def _names(active: Sequence[ControlRow]) -> Iterator[Diagnostic]:
    attributes = dict(zip(NAMES, ("product", "module", "submodule", "client"), strict=True))
    for column, attribute in attributes.items():
        for rare, common in near_pairs(Counter(getattr(row, attribute) for row in active)):
            row = next(row for row in active if getattr(row, attribute) == rare)
            yield row.problem(
                "CTL-017",
                column,
                f"`{rare}` is another {column} than `{common}`, which is nearly the same",
                "correct it, if they are one",
                severity="warning",
                product=row.product,
                module=row.module,
            )
