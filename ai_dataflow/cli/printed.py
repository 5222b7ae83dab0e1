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
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from ai_dataflow.cli.card.card_values import (
    CardColumn,
    CardProduct,
    CardVersion,
    Owner,
    RejectsByReason,
)
from ai_dataflow.config.codes import Concern
from ai_dataflow.notifications.model import Kind
from ai_dataflow.notifications.outbox import Entry, State
from ai_dataflow.planning.changes import Reason
from ai_dataflow.planning.coverage import Cover
from ai_dataflow.planning.explain import ExplainedProduct, ExplainedRule, Feed
from ai_dataflow.workstation.column_changes import ColumnState
from ai_dataflow.workstation.cut_off import CutOff
from ai_dataflow.workstation.reject_groups import RejectGroup
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.statuses import PartitionStatus

VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)


class DiagnosticItem(_Part):
    """A problem: what is wrong, where, what to do, whose it is, and the partitions it touches."""

    code: str
    severity: Literal["error", "warning"]
    place: str
    message: str
    fix: str
    owner: str
    partitions: list[str]
    cause: str = ""


class Document(_Part):
    """What a command prints.

    Keys may join it; when one goes or means something else, its version is raised.
    """

    NAME: ClassVar[str] = ""
    schema_name: str = Field(default="", alias="schema")
    schema_version: int = VERSION

    def model_post_init(self, _context: Any, /) -> None:
        """Say which document it is."""
        self.schema_name = f"ai_dataflow.{self.NAME}"


class ErrorDocument(Document):
    """Any command that could not do what it was asked to, exit code 2: why."""

    NAME = "error"
    items: list[DiagnosticItem]


class TextFilesItem(_Part):
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
    sources: list[TextFilesItem] = []


class StatusDocument(Document):
    """`status`: every partition, what readers see of it, and what is wrong.

    `cut_off` are runs that ended without a report; left out where there is none.
    """

    NAME = "status"
    items: list[PartitionStatus]
    cut_off: Annotated[list[CutOff], Field(exclude_if=operator.not_)] = []


class UnchangedItem(_Part):
    """A partition that is not made again: since when it is as it is, and the run that made it."""

    since: datetime | None
    run_id: str


class CoverageItem(_Part):
    """Which AI columns of a module each product maps; `ratio` is the mapped part, 0 to 1."""

    ratio: float
    columns: dict[str, dict[str, Cover]]
    markdown: str


class TriedItem(_Part):
    """A product of a partition: rows and rejects now and after a run; whether it would wait."""

    partition: str
    product: str
    rows_before: int
    rows: int
    rejected_before: int
    rejected: int
    waits: bool


class PlanDocument(Document):
    """`plan`: the partitions that a run would make and why, by module|client; what holds others.

    `waiting` are those that wait to be accepted. Only with `--rows` there are `rows`, and
    `would_fail`: what would end a partition.
    """

    NAME = "plan"
    run: list[str]
    new: list[str]
    changes: dict[str, list[Reason]]
    unchanged: dict[str, UnchangedItem]
    waiting: dict[str, UnchangedItem]
    held: dict[str, list[DiagnosticItem]]
    removed: list[str]
    coverage: dict[str, CoverageItem]
    rows: list[TriedItem] = []
    would_fail: dict[str, DiagnosticItem] = {}


class PlanExplainDocument(Document):
    """`plan --explain`: what a partition compiles to."""

    NAME = "plan_explain"
    partition: str
    products: list[ExplainedProduct]
    holds: Annotated[list[ExplainedRule], Field(exclude_if=operator.not_)] = []
    published: list[str]


class ExplainDocument(Document):
    """`explain`: what feeds an AI column, from each source."""

    NAME = "explain"
    items: list[Feed]


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


class MissingItem(_Part):
    """A value that a code list lacks: of which product, and how many rows it leaves out."""

    product: str
    value: str
    rows: int


class CodeListItem(_Part):
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


class FormattedItem(_Part):
    """A CSV table, and whether its text is, or would be, another one."""

    file: str
    changed: bool


class SheetFormatDocument(Document):
    """`sheet format`: the CSV tables that were looked at."""

    NAME = "sheet_format"
    items: list[FormattedItem]


class ColumnChangeItem(_Part):
    """A column that came, went or has another type; whether its values were compared."""

    column: str
    change: ColumnState
    before: str
    after: str
    compared: bool


class ClientDiffItem(_Part):
    """A client's rows before and after; those added, removed, changed; keys of several rows."""

    client_code: str
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    repeated_keys: int


class ChangedColumnItem(_Part):
    """In how many rows of a client a column's value changed."""

    client_code: str
    column: str
    rows: int


class MappingChangeItem(_Part):
    """A column of a product that was mapped otherwise: its cell, how, for how many clients."""

    product_code: str
    ai_column: str
    mapping_cell: str
    before: str
    after: str
    clients: int


class CodeChangeItem(_Part):
    """The numbers of the program's rules by which rows were made, for how many clients."""

    before: int
    after: int
    clients: int


class DriftItem(_Part):
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
    rows: dict[str, list[dict[str, Any]]] = {}


class FrequentItem(_Part):
    """A value, and how many rows have it."""

    value: str
    rows: int


class LooksItem(_Part):
    """How many texts look like a number, a date, a blank, like nothing of these."""

    number: int
    date: int
    blank: int
    other: int


class ProfileItem(BaseModel):
    """What a column is like in a product; without a column, the rows. See docs/profiles.md."""

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


class ProfileDocument(Document):
    """`profile`: what the columns of a dataset are like, by product, of the clients together."""

    NAME = "profile"
    module: str
    items: list[ProfileItem]


class SnapshotItem(_Part):
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


class CleanedItem(_Part):
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


class MailItem(_Part):
    """A mail in the outbox, without its text: to whom, about which run, what became of it."""

    key: str
    run_id: str
    team: str
    kind: Kind
    message_id: str
    thread_id: str
    subject: str
    to: list[str]
    cc: list[str]
    created: datetime
    expires: datetime
    state: State
    pending: list[str]
    accepted: list[str]
    refused: dict[str, str]
    attempts: int
    due: datetime
    last_error: str
    code: str
    ended: datetime | None
    where: str

    @classmethod
    def of(cls, entry: Entry) -> MailItem:
        """Make the item of an entry of the outbox."""
        letter = entry.letter.model_dump(exclude={"html", "text"})
        return cls(**letter, **entry.model_dump(exclude={"letter"}))


class NotifyStatusDocument(Document):
    """`notify status`: what waits in the outbox, what was sent or given up in the last 30 days."""

    NAME = "notify_status"
    items: list[MailItem]


class NotifySendDocument(Document):
    """`notify send`: what became of the mails; `busy`: another process is sending."""

    NAME = "notify_send"
    sent: list[MailItem]
    waiting: list[MailItem]
    given_up: list[MailItem]
    problems: list[str]
    busy: bool


class PreviewItem(_Part):
    """A mail that a run would send, and the files that show it."""

    team: str
    kind: Kind
    to: list[str]
    cc: list[str]
    subject: str
    files: list[str]


class NotifyPreviewDocument(Document):
    """`notify preview` and `notify --dry-run`: the mails of a run."""

    NAME = "notify_preview"
    items: list[PreviewItem]


class NotifyTestDocument(Document):
    """`notify --test`: who got the test mail, the file if there is no server, and what failed."""

    NAME = "notify_test"
    accepted: list[str]
    where: str
    items: list[DiagnosticItem]


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
