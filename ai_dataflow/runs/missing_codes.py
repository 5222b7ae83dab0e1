"""Values that code lists lack: found in the rejects that they made, counted for who adds them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import polars as pl

from ai_dataflow.compiler.alternatives import fed_by
from ai_dataflow.config.codes import CODES
from ai_dataflow.config.grouped import grouped
from ai_dataflow.partition.raw_rows import unmarked
from ai_dataflow.sources.columns import as_seen, resolve_column, text_of
from ai_dataflow.sources.schemas import schema_of
from ai_dataflow.tables.ai_mapping import MappingRow, rows_for
from ai_dataflow.tables.project import Project
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reaching import reading_back

_REASONS = [code.code for code in CODES.values() if code.kind == "unmapped"]
_FILE = "\ue000file"
_OF_ROW = ("product_code", "submodule_name", "ai_column", "raw_schema", "raw_row")


@dataclass(frozen=True, order=True)
class MissingCode:
    """A value of a product that a code list lacks.

    It is a value of rows: for the terminal of who asks for it, and nowhere else (P10).
    """

    code_list: str
    product: str
    value: str


def missing_codes(workstation: Folders, project: Project, module: str) -> Counter[MissingCode]:
    """Count the rows that the last runs left out of a module, by the value that no code list has.

    What a transform makes of a row cannot be told from the row: such columns are not counted. Of a
    partition whose last run was not published, the rows of that run count.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    mapping = grouped((row for row in project.mapping if row.module == module),
                      lambda row: row.submodule)  # fmt: skip
    ignoring_case = project.code_lists.ignoring_case

    @cache
    def read(
        client: str, product: str, submodule: str, ai_column: str, raw_schema: str
    ) -> tuple[str, str]:
        """Give the code list of a client's column, and the source column that it was read from."""
        names = module, product, submodule
        rows = rows_for(mapping.get(submodule, ()), names, client)
        row = next((row for row in rows if row.ai_column == ai_column), None)
        is_told = row is not None and row.code_list and not row.transform
        return (row.code_list, _column(row, raw_schema)) if row and is_told else ("", "")

    counted = Counter[MissingCode]()
    for client, product, *column, raw in _left_out(workstation, module):
        code_list, name = read(client, product, *column)
        if name and (value := json.loads(raw).get(name)) is not None:
            text = _spelled(value)
            text = text.lower() if code_list in ignoring_case else text
            counted[MissingCode(code_list, product, text)] += 1
    return counted


def _left_out(workstation: Folders, module: str) -> Iterator[tuple[str, ...]]:
    """Give each row that is left out as a code list lacks its value, with the client."""
    table = workstation.rejects(module)
    current = reject_tables.current(workstation, module)
    clients = {path: name for name, of in current.items() for path in of.unpublished or of.rejects}
    if not clients:
        return
    uris = {table.uri(path): client for path, client in clients.items()}
    with reading_back(table):
        rejects = reject_tables.scan(workstation, module, tuple(clients), include_file_paths=_FILE)
        rows = rejects.filter(reject_tables.IS_OPEN & pl.col("reason").is_in(_REASONS))
        left_out = rows.select(pl.col(_FILE).replace_strict(uris), *_OF_ROW).collect()
    yield from left_out.iter_rows()


def _column(row: MappingRow, raw_schema: str) -> str:
    """Find the column of a raw row that a mapping row reads a text from; nothing without one."""
    schema, _ = unmarked(schema_of(raw_schema))
    first = fed_by(row, schema)[0]
    name = resolve_column(first, schema) or resolve_column(as_seen(first), schema)
    return text_of(name, schema) if name else ""


def _spelled(value: object) -> str:
    """Spell a value of a raw row as it is looked up in a code list."""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
