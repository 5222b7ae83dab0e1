"""The columns of a dataset as readers see them, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import TableColumn, columns_of, types_of
from ai_dataflow.workstation.layout import PARTITION_COLUMN
from ai_dataflow.workstation.readers import open_version
from ai_dataflow.workstation.relations import IS_KEY, REFERENCES, VALID_FROM

_CLIENT = "The client."
_GUARDS_NOTHING = ("", "public", "none", "open")  # said of a column's sensitivity
_HEADS = ("column", "type", "key", "unit", "description", "refers to")


@dataclass(frozen=True)
class DatasetColumn:
    """A column of a dataset: its name, its type, and what the sheet says that it means.

    `notes` are what else the dictionary says of it, such as its `unit` and its `sensitivity`.
    """

    name: str
    type: pl.DataType
    description: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """What its values are measured in; blank where nobody says so."""
        return self.notes.get("unit", "")

    @property
    def is_key(self) -> bool:
        """Whether a value is in one row of a client's product."""
        return bool(self.notes.get(IS_KEY))

    @property
    def sensitivity(self) -> str:
        """How its values have to be guarded, in the dictionary's words, or blank."""
        return self.notes.get("sensitivity", "")

    @property
    def is_sensitive(self) -> bool:
        """Whether its sensitivity says something, other than `public`, `open` or `none`."""
        return self.sensitivity.casefold() not in _GUARDS_NOTHING

    @property
    def references(self) -> str:
        """The column of another module in which its values are, as `module.column`; or blank."""
        return self.notes.get(REFERENCES, "")

    @property
    def valid_from(self) -> str:
        """The column that tells since when each of several rows of a value holds; or blank."""
        return self.notes.get(VALID_FROM, "")

    @property
    def _cells(self) -> tuple[str, ...]:
        key = "key" if self.is_key else f"by {self.valid_from}" if self.valid_from else ""
        return self.name, str(self.type), key, self.unit, self.description, self.references


class DatasetSchema(tuple[DatasetColumn, ...]):
    """The columns of a dataset, in their order; printed, it is a table for people.

    It has their names, types, keys, units, descriptions, and what they refer to. A column whose
    rows follow each other has `by` and the column of their moments as its key.
    """

    __slots__ = ()

    def frame(self) -> pl.DataFrame:
        """Give that table as a frame of texts."""
        rows = [column._cells for column in self]
        return pl.DataFrame(rows, dict.fromkeys(_HEADS, pl.String), orient="row")

    def __repr__(self) -> str:
        """Give the table, without the columns that would be blank."""
        shown = [(name, *cells) for name, cells in self.frame().to_dict(as_series=False).items()]
        columns = [[name, *cells] for name, *cells in shown if any(cells) or name == "column"]
        widths = [max(map(len, column)) for column in columns]
        lines = zip(*columns, strict=True)
        padded = (map(str.ljust, line, widths) for line in lines)
        return "\n".join("  ".join(line).rstrip() for line in padded)


def sensitive_columns(table: Folder, version: int) -> dict[str, str]:
    """Give the columns whose values are guarded, and what the dictionary says of each.

    Of a version, and by the newest one: what became sensitive since is so in old versions too, and
    a column that is there no longer is as sensitive as it was.

    Raises:
        DatasetNotFoundError: there is no such version.
        DataflowError: the workstation does not let us in.
    """
    both = (columns_of(open_version(table, number, must_exist=True)) for number in (version, None))
    columns = (column for columns in both for column in schema_of(columns))
    return {column.name: column.sensitivity for column in columns if column.is_sensitive}


def schema_of(columns: tuple[TableColumn, ...]) -> DatasetSchema:
    """Give the columns of a table's version, `client_code` last."""
    types = types_of(columns)
    described = (
        DatasetColumn(c.name, types[c.name], c.description, dict(c.notes)) for c in columns
    )
    return DatasetSchema((*described, DatasetColumn(PARTITION_COLUMN, pl.String(), _CLIENT)))
