"""What the dictionary says must hold for a product's rows, in plain Python."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ai_dataflow_tests.partition.values import become
from ai_dataflow_tests.runs.oracle.formats import Row
from ai_dataflow_tests.runs.oracle.joining import Made
from ai_dataflow_tests.runs.oracle.tables import Module, Rule, Source


@dataclass(frozen=True)
class Check:
    """What must hold for a row; without `fails` the column is a key.

    `kind` is that of a check of the dictionary, `effect` what becomes of what breaks it.
    """

    ai_column: str
    reason: str
    cell: str
    fails: Callable[[Row], bool] | None = None
    kind: str = ""
    effect: str = "reject"


def checks_of(sources: list[Source], module: Module, computed: list[Check]) -> list[Check]:
    """Give what must hold for each row of a product, in the order in which a row is told of it."""
    mapped = {row.ai_column for source in sources for row in source.mappings}
    mapped |= {check.ai_column for check in computed}
    needed: dict[str, Check] = {}
    for row in (row for source in sources for row in source.mappings if row.required):
        needed.setdefault(row.ai_column, Check(row.ai_column, "REJ-004", row.cell, _is_null(row)))
    rules = (module.rules[name] for name in module.types if name in module.rules)
    return [
        *needed.values(),
        *computed,
        *(check for rule in rules for check in _of_rule(rule, module, sources[0].product)
          if rule.ai_column in mapped or check.reason == "REJ-015"),
    ]  # fmt: skip


def _is_null(row: Any) -> Callable[[Row], bool]:
    return lambda values: values.get(row.ai_column) is None


def _of_rule(rule: Rule, module: Module, product: str) -> Iterator[Check]:
    name, ai_type = rule.ai_column, module.types[rule.ai_column]

    def check(reason: str, cell: str, breaks: Callable[[Any], bool]) -> Check:
        def fails(row: Row) -> bool:
            return row.get(name) is not None and breaks(row[name])

        kind = "range" if cell in ("min", "max") else cell
        return Check(name, reason, rule.cell(cell), fails, kind, effects[kind])

    effects = rule.effects(rejects_repeats=module.rejects_repeats)
    if rule.said["required"] == "Y":
        is_null, effect = _is_null(rule), effects["required"]
        yield Check(name, "REJ-015", rule.cell("required"), is_null, "required", effect)
    if text := rule.said["min"]:
        smallest = become(text, ai_type)
        yield check("REJ-016", "min", lambda value: value < smallest)
    if text := rule.said["max"]:
        largest = become(text, ai_type)
        yield check("REJ-016", "max", lambda value: value > largest)
    if pattern := rule.said["pattern"]:
        yield check("REJ-017", "pattern", lambda value: not re.fullmatch(pattern, value))
    if codes := rule.said["code_list"]:
        listed = {become(text, ai_type) for text in module.codes.of(codes, product).values()}
        yield check("REJ-018", "code_list", lambda value: value not in listed)
    if rule.said["is_key"] == "Y":
        effect = effects["is_key"]
        yield Check(name, "REJ-019", rule.cell("is_key"), None, "is_key", effect)


def failing(rows: list[Made], checks: list[Check]) -> list[int | None]:
    """Tell of each row the first check that leaves it out, or its whole partition.

    Keys are compared among those that none leaves out.
    """
    first: list[int | None] = [
        next((i for i, c in enumerate(checks) if c.effect == "reject" and c.fails and c.fails(row)),
             None)
        for row, _ in rows
    ]  # fmt: skip
    passing = [row for (row, _), number in zip(rows, first, strict=True) if number is None]
    for i, check in enumerate(checks):
        if check.fails is None and check.effect != "tell":
            times = Counter(row.get(check.ai_column) for row in passing)
            name = check.ai_column
            for n, (row, _) in enumerate(rows):
                value = row.get(name)
                is_open = first[n] is None or checks[first[n] or 0].fails is None
                if is_open and value is not None and times[value] > 1:
                    first[n] = i if first[n] is None else min(i, first[n] or 0)
    return first


def holds_back(rows: list[Made], checks: list[Check]) -> bool:
    """Tell whether a row that is not rejected by itself breaks what holds its partition back."""
    by_effect = {
        effect: [check.fails for check in checks if check.fails and check.effect == effect]
        for effect in ("reject", "fail")
    }
    good = [row for row, _ in rows if not any(fails(row) for fails in by_effect["reject"])]
    return any(fails(row) for fails in by_effect["fail"] for row in good)


def told(rows: list[Row], checks: list[Check], module: Module) -> dict[str, int]:
    """Count the published rows that break what is only told."""
    broken: dict[str, set[int]] = {}
    for check in (check for check in checks if check.effect == "tell"):
        times = Counter(row.get(check.ai_column) for row in rows)
        for i, row in enumerate(rows):
            value = row.get(check.ai_column)
            if check.fails(row) if check.fails else value is not None and times[value] > 1:
                broken.setdefault(f"{check.kind} {check.ai_column}", set()).add(i)
    counted = {name: len(numbers) for name, numbers in broken.items()}
    return counted | lacks_values(rows, module, "tell")


def lacks_values(rows: list[Row], module: Module, effect: str = "fail") -> dict[str, int]:
    """Give the columns in which more rows have no value than may, with their number."""
    lacking = {}
    for rule in (rule for name, rule in module.rules.items() if name in module.types):
        effects = rule.effects(rejects_repeats=module.rejects_repeats)
        if effects.get("max_null") == effect:
            nulls = sum(row.get(rule.ai_column) is None for row in rows)
            if nulls * 100 > Fraction(rule.said["max_null"].rstrip("%")) * len(rows):
                lacking[f"max_null {rule.ai_column}"] = nulls
    return lacking
