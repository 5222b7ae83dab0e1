"""What `--json` prints: one document each, with the name and the version of its schema.

Run as a program, this module writes the JSON schemas: `python -m ai_dataflow.cli.printed
docs/schemas`.
"""

from __future__ import annotations

import json
import operator
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ai_dataflow.cli import printed_mails, printed_plans  # noqa: F401 - they add documents
from ai_dataflow.cli.card.card_values import (
    CardColumn,
    CardProduct,
    CardVersion,
    Owner,
    RejectsByReason,
)
from ai_dataflow.cli.printed_parts import DiagnosticItem, Document, PrintedPart
from ai_dataflow.config.codes import Concern
from ai_dataflow.workstation.column_changes import ColumnState
from ai_dataflow.workstation.cut_off import CutOff
from ai_dataflow.workstation.reject_groups import RejectGroup
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.statuses import PartitionStatus


class TextFilesItem(PrintedPart):
    """How text files of a source are read that are not all in UTF-8 with commas.

    `begins` is how many lines stand before the first row, `columns` how many names the header has,
    `doubt` what there is to be said of an encoding that nobody told.
    """

    location: str
    product: str
    submodule: str
    partition: str
    files: int
    encoding: str
    delimiter: str
    quote: str
    packing: str
    begins: int
    columns: int
    doubt: str


class ValidateDocument(Document):
    """`validate`: every problem, in the order of the tables; how text files are read, by source."""

    NAME = "validate"
    items: list[DiagnosticItem]
    sources: list[TextFilesItem] = Field(default=[])


class StatusDocument(Document):
    """`status`: every partition, what readers see of it, and what is wrong.

    `cut_off` are runs that ended without a report, `damaged` those whose report cannot be read, so
    that it counts for no partition; left out where there is none.
    """

    NAME = "status"
    items: list[PartitionStatus]
    cut_off: list[CutOff] = Field(default=[], exclude_if=operator.not_)
    damaged: list[str] = Field(default=[], exclude_if=operator.not_)


@dataclass(frozen=True)
class RejectItem(RejectGroup):
    """Rejects of one source of a partition for one reason; `title` says what the reason means."""

    title: str = ""


class DescribeDocument(Document):
    """`describe`: the data card of a module, or of one client of it. It has values of the data.

    `versions` are the last ones, the oldest first; the `shares` of a column are its filled part in
    each of them. `covered` is the mapped part of the columns, where a project's tables tell.
    """

    NAME = "describe"
    module: str
    workstation: str
    client: str
    version: int
    published: datetime
    run_id: str
    rows: int
    clients: int
    products: list[CardProduct]
    columns: list[CardColumn]
    versions: list[CardVersion]
    left_out: list[RejectsByReason]
    owners: list[Owner]
    covered: float | None
    notes: list[str]


class RejectsDocument(Document):
    """`rejects`: the rows that were left out, by source and reason."""

    NAME = "rejects"
    items: list[RejectItem]


class MissingItem(PrintedPart):
    """A value that a code list lacks: of which product, and how many rows it leaves out."""

    product: str
    value: str
    rows: int


class CodeListItem(PrintedPart):
    """A code list: how many codes it has, and the AI columns that use it, as `module.column`.

    `rows_missing` counts the rows that are left out for want of a code; `missing` are the values,
    where they are asked for.
    """

    code_list: str
    codes: int
    columns: list[str]
    rows_missing: int
    missing: list[MissingItem]


class CodesDocument(Document):
    """`codes`: the code lists, and with `--missing` the values that they lack."""

    NAME = "codes"
    items: list[CodeListItem]


class SheetCheckDocument(Document):
    """`sheet check`: the copy that was written, all problems, what of the workbook it lacks."""

    NAME = "sheet_check"
    file: str
    items: list[DiagnosticItem]
    lost: list[str]


class FormattedItem(PrintedPart):
    """A CSV table, and whether its text is, or would be, another one."""

    file: str
    changed: bool


class SheetFormatDocument(Document):
    """`sheet format`: the CSV tables that were looked at."""

    NAME = "sheet_format"
    items: list[FormattedItem]


class ColumnChangeItem(PrintedPart):
    """A column that came, went or has another type; whether its values were compared."""

    column: str
    change: ColumnState
    before: str
    after: str
    compared: bool


class ClientDiffItem(PrintedPart):
    """A client's rows before and after; those added, removed, changed; keys of several rows."""

    client_code: str
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    repeated_keys: int


class ChangedColumnItem(PrintedPart):
    """In how many rows of a client a column's value changed."""

    client_code: str
    column: str
    rows: int


class MappingChangeItem(PrintedPart):
    """A column of a product that was mapped otherwise: its cell, how, for how many clients."""

    product_code: str
    ai_column: str
    mapping_cell: str
    before: str
    after: str
    clients: int


class CodeChangeItem(PrintedPart):
    """The numbers of the program's rules by which rows were made, for how many clients."""

    before: int
    after: int
    clients: int


class DriftItem(PrintedPart):
    """How far a column moved at most, by kind of distance, and of how many clients it did."""

    ai_column: str
    kind: str
    distance: float
    clients: int


class DiffDocument(Document):
    """`diff`: what differs between two versions of a dataset, by client.

    `mapping` and `code` tell what was made otherwise, of clients that were published anew; those
    in `unprofiled` have no profile in one of the versions, so of them it is not known.

    Only with `--rows` there are `rows`, by kind: `added`, `removed`, `changed`. A changed one has
    its key, the names of the `changed.columns`, and all values `.before` and `.after`.
    """

    NAME = "diff"
    module: str
    before: int
    after: int
    key: tuple[str, ...]
    columns: list[ColumnChangeItem]
    items: list[ClientDiffItem]
    changed_columns: list[ChangedColumnItem]
    mapping: list[MappingChangeItem]
    code: list[CodeChangeItem]
    unprofiled: list[str]
    drift: list[DriftItem]
    rows: dict[str, list[dict[str, Any]]] = Field(default={})


class FrequentItem(PrintedPart):
    """A value, and how many rows have it."""

    value: str
    rows: int


class LooksItem(PrintedPart):
    """How many texts look like a number, a date, a blank, like nothing of these."""

    number: int
    date: int
    blank: int
    other: int


class ProfileItem(BaseModel):
    """What a column is like in a product; without a column, the rows. See docs/profiles.md.

    `is_hidden`: its sensitivity hides the values.
    """

    model_config = ConfigDict(extra="ignore")

    product_code: str
    ai_column: str
    ai_type: str
    mapping_cell: str
    mapping: str
    rows: int
    nulls: int
    distinct: int | None
    distinct_error: float | None
    least: str | None
    greatest: str | None
    mean: float | None
    deviation: float | None
    length_least: int | None
    length_greatest: int | None
    length_mean: float | None
    quantiles: list[float] | None
    frequent: list[FrequentItem] | None
    looks: LooksItem | None
    is_hidden: bool


class ProfileDocument(Document):
    """`profile`: what the columns of a dataset are like, by product, of the clients together."""

    NAME = "profile"
    module: str
    items: list[ProfileItem]


class SnapshotItem(PrintedPart):
    """A run, when it ended, and the version that each module had then."""

    run_id: str
    at: datetime
    versions: dict[str, int]


class SnapshotsDocument(Document):
    """`snapshots`: the last runs, the newest first."""

    NAME = "snapshots"
    items: list[SnapshotItem]


class ContractDocument(Document):
    """`contract`: the contract of a module's dataset, as the Open Data Contract Standard has it."""

    NAME = "contract"
    module: str
    contract: dict[str, Any]


class CleanedItem(PrintedPart):
    """What was left over in a module's folders: URLs and bytes; and what hindered."""

    module: str
    files: list[str]
    bytes: int
    problems: list[DiagnosticItem]


class CleanupDocument(Document):
    """`cleanup`: what was removed, or would be."""

    NAME = "cleanup"
    items: list[CleanedItem]


class CodeDocument(Document):
    """`help`: what a code means; the texts are Markdown."""

    NAME = "help"
    code: str
    title: str
    kind: str
    concern: Concern
    means: str
    example: str
    cure: str
    transient: bool


DOCUMENTS: dict[str, type[BaseModel]] = {
    "run": RunReport,
    **{kind.NAME: kind for kind in Document.__subclasses__()},
}


def json_schema(name: str) -> dict[str, Any]:
    """Give the JSON schema of a document, by the last part of its name."""
    schema = DOCUMENTS[name].model_json_schema(mode="serialization")
    schema["properties"]["schema"] = {"const": f"ai_dataflow.{name}", "type": "string"}
    schema["required"] = sorted({"schema", "schema_version", *schema.get("required", ())})
    _open(schema)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"ai_dataflow.{name}"}
    return head | schema


def _open(schema: Any) -> None:
    """Let keys join, as the versions allow: only what is printed is held to what is known now."""
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("additionalProperties") is False:
            del part["additionalProperties"]


def write_schemas(folder: Path) -> None:
    """Write each schema into a file of its document's name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in DOCUMENTS:
        text = json.dumps(json_schema(name), indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
