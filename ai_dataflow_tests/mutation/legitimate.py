"""Which silent changes of which cells are what the user may well have meant, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

Row = Mapping[str, str]

TYPOS = frozenset({"typo-drop", "typo-double", "typo-swap"})
TYPED = frozenset({"number", "date", "true"})
FLAGS = frozenset({"blank", "typo-drop", "true", "swap-below", "swap-right"})
ANY = frozenset({"any"})


class Rule(NamedTuple):
    """What may be done to the cells of a column, in the rows that it is about, and why."""

    table: str
    column: str
    kinds: frozenset[str]
    why: str
    about: Callable[[Row], bool] = lambda _: True


def _is_of_any_product(row: Row) -> bool:
    return row["module_name"] == "policies"


def _is_alone(row: Row) -> bool:
    return row["product_code"] != "ORION" or _is_of_any_product(row)


def _has_transform(row: Row) -> bool:
    return bool(row["transform"])


RULES = (
    Rule(
        "control_table", "client_code", TYPOS | TYPED | {"swap-below"},
        "a new client of a product with one submodule, whose data is there", _is_alone,
    ),
    Rule(
        "control_table", "product_code", TYPOS | TYPED,
        "a new product, which the `*` rows map", _is_of_any_product,
    ),
    Rule("control_table", "file_format", frozenset({"blank", "swap-below"}), "told by the suffix"),
    Rule(
        "control_table", "module_location", frozenset({"swap-below"}),
        "another source that has all mapped columns", _is_alone,
    ),
    Rule(
        "ai_mapping", "ai_column", TYPOS | {"true", "case", "swap-below"},
        "another column; that one of the module now lacks a product shows in the coverage",
    ),
    Rule("ai_mapping", "description", ANY, "any text describes"),
    Rule("ai_mapping", "is_key", FLAGS, "a choice; a single submodule is not joined"),
    Rule("ai_mapping", "required", FLAGS, "a choice"),
    Rule("ai_mapping", "is_key", frozenset({"header:swap-right"}), "is_key and required: Y or N"),
    Rule(
        "ai_mapping", "source_column", frozenset({"blank", "case"}),
        "not read where a transform is; another that is there is warned of", _has_transform,
    ),
    Rule(
        "ai_mapping", "source_column", frozenset({"swap-below", "swap-right"}),
        "another column that the source has, of a type that fits",
    ),
    Rule("ai_mapping", "transform", TYPED, "a constant, which needs no column"),
    Rule(
        "ai_mapping", "transform", frozenset({"blank", "swap-below", "typo-drop", "typo-double"}),
        "another expression over columns that are there",
    ),
    Rule("teams", "team", ANY, "any text names a team"),
    Rule("teams", "email", TYPOS | {"case", "swap-below"}, "another address"),
    Rule("teams", "concern", frozenset({"swap-below"}), "each concern still has an owner"),
    Rule("teams", "product_code", frozenset({"blank", "swap-below"}), "blank is any"),
    Rule("teams", "module_name", frozenset({"blank", "swap-below"}), "blank is any"),
    Rule("teams", "notify", frozenset({"blank", "swap-below"}), "a choice; blank is failures"),
    Rule("teams", "cc", TYPOS | {"blank", "case", "swap-below"}, "other addresses, or nobody"),
    Rule("teams", "remind", frozenset({"blank", "swap-below"}), "a choice; blank is daily"),
)  # fmt: skip


def is_legitimate(table: str, column: str, kind: str, row: Row) -> bool:
    """Tell whether a valid project in which this cell was so changed may be another valid one."""
    return any(
        (rule.table, rule.column) == (table, column)
        and (kind in rule.kinds or (rule.kinds == ANY and not kind.startswith("header:")))
        and rule.about(row)
        for rule in RULES
    )
