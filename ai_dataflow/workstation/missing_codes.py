"""Values that code lists lack: found in the rejects that they made, counted for who adds them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ai_dataflow.config.codes import CODES
from ai_dataflow.tables.ai_mapping import MappingRow, by_column, row_of
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reaching import reaching

_OF_ROW = ("product_code", "submodule_name", "ai_column", "raw_row")


@dataclass(frozen=True, order=True)
class MissingCode:
    """A value of a product that a code list lacks.

    It is a value of rows: for the terminal of who asks for it, and nowhere else (P10).
    """

    code_list: str
    product: str
    value: str


def missing_codes(
    workstation: Folders, module: str, mapping: Iterable[MappingRow]
) -> Counter[MissingCode]:
    """Count the rows that are left out of a module, by the value that no code list has.

    Args:
        workstation: where.
        module: whose rejects.
        mapping: the sheet's rows. What a transform makes of a row cannot be told from the row: such
            columns are not counted.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    index = by_column(row for row in mapping if row.code_list)
    files = (f for c in reject_tables.current(workstation, module).values() for f in c.rejects)
    reasons = [code.code for code in CODES.values() if code.kind == "unmapped"]
    with reaching(workstation.rejects(module)):
        rejects = reject_tables.scan(workstation, module, tuple(files)).filter(
            reject_tables.IS_OPEN & pl.col("reason").is_in(reasons)
        )
        rows = rejects.select(_OF_ROW).collect()
    counted = Counter[MissingCode]()
    for product, submodule, ai_column, raw in rows.iter_rows():
        row = row_of(index, (module, product, submodule), ai_column)
        if row is None or row.transform:
            continue
        value = json.loads(raw).get(row.source_column)
        if value is not None:
            counted[MissingCode(row.code_list, product, str(value).strip())] += 1
    return counted
