"""What the sheet computes of a product's joined rows, or why such a row is left out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ai_dataflow_tests.partition.values import FAILED
from ai_dataflow_tests.runs.oracle.cells import UNMAPPED, Codes
from ai_dataflow_tests.runs.oracle.dictionary import Check
from ai_dataflow_tests.runs.oracle.formats import Row
from ai_dataflow_tests.runs.oracle.tables import Mapping

COLUMN = "COLUMN"


def _key(row: Row, name: str) -> Any:
    if row.get(name) is None:
        return None
    texts = [row["product_code"], str(row[name])]
    spelled = "".join(f"{len(text.encode())}:{text}," for text in texts)
    return hashlib.sha256(spelled.encode()).hexdigest()[:32]


def _share(row: Row, name: str) -> Any:
    value = row.get(name)
    return None if value is None else 1000 / value if value else FAILED


# By the text of the sheet; what is read may be any AI column, of `_share` and `_key` a number.
COMPUTED: dict[str, Callable[[Row, str], Any]] = {
    "client_code || '/' || product_code": lambda r, _: f"{r['client_code']}/{r['product_code']}",
    "ROW_KEY(product_code, COLUMN)": _key,
    "1000 / COLUMN": _share,
    "CASE WHEN COLUMN IS NULL THEN 'none' ELSE 'some' END": lambda row, name: (
        "none" if row.get(name) is None else "some"
    ),
}


@dataclass(frozen=True)
class Step:
    """A computed column: the row of the sheet, what it reads, what that becomes."""

    row: Mapping
    read: str
    meaning: Callable[[Row, str], Any]
    codes: dict[str, str]

    def value(self, values: Row) -> Any:
        """Compute its value of those of a row."""
        read = {name: self.row.cells.read(value) for name, value in values.items()}
        return self.row.cells.made(self.meaning(read, self.read), self.row.ai_type, self.codes)


def steps(rows: list[Mapping], codes: Codes, product: str) -> list[Step]:
    """Give computed rows in the order in which they can be computed."""
    made = {row.ai_column: _step(row, codes, product) for row in rows}

    def depth(step: Step) -> int:
        return 1 + depth(made[step.read]) if step.read in made else 0

    return sorted(made.values(), key=depth)


def _step(row: Mapping, codes: Codes, product: str) -> Step:
    for pattern, meaning in COMPUTED.items():
        if found := re.fullmatch(re.escape(pattern).replace(COLUMN, r"(\w+)"), row.transform):
            own = codes.of(row.cells.code_list, product)
            return Step(row, found[1] if found.groups() else "", meaning, own)
    raise LookupError(row.transform)


def checks_computed(computed: list[Step]) -> list[Check]:
    """Give what a joined row may be left out for, in the order in which it is told."""
    told = []
    for row in (step.row for step in computed):
        is_lost, is_null = _is(row, FAILED), _is(row, None)
        told += [Check(row.ai_column, "REJ-012", row.cell, is_lost)]
        if row.cells.code_list:
            told += [Check(row.ai_column, "REJ-014", row.cell, _is(row, UNMAPPED))]
        told += [Check(row.ai_column, "REJ-013", row.cell, is_null)] if row.required else []
    return told


def _is(row: Mapping, value: Any) -> Callable[[Row], bool]:
    return lambda values: values[row.ai_column] is value


def completed(row: Row, computed: list[Step], product: str, client: str) -> Row:
    """Give a joined row with what is computed of it; what cannot be is `FAILED`."""
    values = {**row, "product_code": product, "client_code": client}
    for step in computed:
        # What a row computes of what failed does not matter: it is left out.
        is_lost = values.get(step.read) in (FAILED, UNMAPPED)
        values[step.row.ai_column] = None if is_lost else step.value(values)
    return {name: values[name] for name in (*row, *(step.row.ai_column for step in computed))}
