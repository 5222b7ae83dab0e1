"""What cells may say: the flags among the columns, and the words that a drop-down offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from ai_dataflow.config.format_settings import FORMAT_TYPES
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_columns import SEVERITIES
from ai_dataflow.tables.ai_mapping import Unmapped
from ai_dataflow.tables.control_table import NAMES
from ai_dataflow.tables.table import NO, YES, Names
from ai_dataflow.tables.teams import CONCERNS, Notify, Remind

Column = tuple[str, str]  # the setting that names its table, and its name
# Yes or no. Where a blank says no, a no is spelled so. Elsewhere a blank is something else: it
# leaves `required` to the dictionary, which a no contradicts.
BLANK_IS_NO = frozenset({
    ("ai_mapping", "is_key"),
    ("ai_columns", "is_key"),
    ("ai_columns", "required"),
})  # fmt: skip
FLAGS = BLANK_IS_NO | {
    ("ai_mapping", "required"),
    ("ai_mapping", "trim"),
    ("ai_mapping", "published"),
    ("control_table", "active"),
    ("ai_columns", "blocks"),
}
# Columns in which no row may be blank; a mapping row needs a `source_column` or a `transform`.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "ai_mapping": ("module_name", "product_code", "ai_column", "ai_type"),
    "source_rules": ("module_name", "product_code", "submodule_name"),
    "code_lists": ("code_list", "source_value", "ai_value"),
    "ai_columns": ("module_name", "ai_column"),
    "control_table": (*NAMES, "module_location", "active"),
    "teams": ("team", "email", "concern"),
}
TYPES = frozenset({("ai_mapping", "ai_type"), ("ai_columns", "ai_type")})
# Columns of which nothing but these words is right; in others they are what is usual.
CLOSED: Mapping[Column, tuple[str, ...]] = {
    **dict.fromkeys(FLAGS, ("Y", "N")),
    ("ai_columns", "severity"): SEVERITIES,
    ("source_rules", "join"): ("full", "left", "inner", "lookup"),
    ("teams", "concern"): CONCERNS,
    ("teams", "notify"): get_args(Notify),
    ("teams", "remind"): get_args(Remind),
}
USUAL: Mapping[Column, tuple[str, ...]] = {
    **dict.fromkeys(TYPES, ai_types.NAMES),
    ("ai_mapping", "unmapped"): get_args(Unmapped),
    ("source_rules", "keep"): ("latest:", "first:", "fail"),
    ("control_table", "file_format"): FORMAT_TYPES,
    ("control_table", "load"): ("full", "append_by:"),
}


@dataclass(frozen=True)
class Offers:
    """What drop-downs offer beside the words of the product: the names that a project has.

    `source_columns` are the columns of each source, by module, product (`*` is every product) and
    submodule; a source that cannot be reached has none.
    """

    names: Mapping[Column, tuple[str, ...]] = field(default_factory=dict)
    source_columns: Mapping[Names, tuple[str, ...]] = field(default_factory=dict)

    def words(self, column: Column) -> tuple[str, ...]:
        """Give the words for a column's cells."""
        return CLOSED.get(column) or (*USUAL.get(column, ()), *self.names.get(column, ()))


def spelled(column: Column, cell: str) -> str:
    """Spell a cell in the one way of those that mean the same; what is wrong stays as it is.

    Example:
        >>> spelled(("ai_mapping", "is_key"), "yes"), spelled(("ai_mapping", "trim"), "no")
        ('Y', 'N')
        >>> spelled(("ai_mapping", "is_key"), "no"), spelled(("ai_mapping", "ai_type"), "INT 64")
        ('', 'int64')
    """
    if column in TYPES and ai_types.is_known(cell):
        return ai_types.normal(cell)
    if column not in FLAGS or cell.casefold() not in YES | NO:
        return cell
    no = "" if column in BLANK_IS_NO else "N"
    return "Y" if cell.casefold() in YES else no
