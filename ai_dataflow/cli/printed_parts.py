"""What all documents of `--json` have in common, and the one that tells of errors.

Those of a command that imports little are in modules of their own; the others in `printed`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1


class PrintedPart(BaseModel):
    """What documents are made of: nothing in them that nobody has described."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)


class DiagnosticItem(PrintedPart):
    """A problem: what is wrong, where, what to do, whose it is, and the partitions it touches."""

    code: str
    severity: Literal["error", "warning"]
    place: str
    message: str
    fix: str
    owner: str
    partitions: list[str]
    cause: str = ""


class Document(PrintedPart):
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
