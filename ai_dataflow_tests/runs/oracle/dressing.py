"""What random sheets say in further cells: words, code lists, defaults, alternatives, own rows."""

from __future__ import annotations

import random
from dataclasses import replace

from ai_dataflow_tests.runs.oracle.reshaping import RowRule
from ai_dataflow_tests.runs.oracle.rules import make_rule
from ai_dataflow_tests.runs.oracle.shapes import (
    ALTERNATIVES,
    LIST,
    OF_OBJECTS,
    Field,
    Shape,
    SourceShape,
)
from ai_dataflow_tests.runs.oracle.transforms import of_sheet

CELLS = ("code_list", "unmapped", "default", "null_values", "trim")
CODE_COLUMNS = ("code_list", "source_value", "ai_value", "product_code")
# What texts become; the lists are for the AI types below.
CODE_ROWS = [
    ("letters", "a", "A1", ""), ("letters", "B b", "b", ""), ("letters", "x", " y ", ""),
    ("letters", "007", "7", ""), ("letters", "true", "wahr", ""), ("letters", "a", "LA", "LYRA"),
    ("letters", "é", "e", "ORION"),
    ("numbers", "1", "10", ""), ("numbers", "2", "2.0", ""), ("numbers", "x", "-7", ""),
    ("numbers", "true", "3", ""), ("numbers", "2024-02-29", "5", ""),
    ("numbers", "1", "11", "ORION"), ("numbers", "many", "12", "VEGA"),
    ("days", "a", "2024-01-31", ""), ("days", "old", "0001-01-01", ""),
    ("days", "1", "9999-12-31", ""), ("days", "a", "2024-02-01", "VEGA"),
    ("flags", "J", "yes", ""), ("flags", "N", "no", ""), ("flags", "1", "true", ""),
    ("flags", "N", "true", "LYRA"),
]  # fmt: skip
_LISTS = {
    "string": ["letters", "numbers"], "int64": ["numbers"], "int32": ["numbers"],
    "float64": ["numbers"], "decimal(9,2)": ["numbers"], "date": ["days"], "timestamp": ["days"],
    "boolean": ["flags"],
}  # fmt: skip
_LITERALS = {
    "string": ["none", "'keep'", " B b"], "int64": ["0", "-1"], "int32": ["0"],
    "float64": ["0.5"], "decimal(9,2)": ["1.5"], "date": ["1999-12-31"],
    "timestamp": ["1999-12-31 10:00"], "boolean": ["no"],
}  # fmt: skip
WORDS = ("n/a", "x", "-")


def usual(rng: random.Random) -> str:
    """Say of all mapping rows how they read texts, or nothing."""
    words = f"null_values = [{', '.join(repr(word) for word in WORDS[:2])}]\n"
    return rng.choice(["", "", "", words, "trim = true\n", f"{words}trim = true\n"])


def dress(rng: random.Random, shape: Shape, clients: int = 3) -> None:
    """Let rows of a module's sheet say more; some for one of its first clients alone."""
    for source in shape.sources:
        for each in filter(_is_plain, source.fields):
            _say_more(rng, each, 0.3)
        _own_rows(rng, source, clients)
    beside = random.Random(f"{rng.getstate()[1][:3]}")  # noqa: S311 - no secret; see `make_shape`
    for source in shape.sources:
        _call_otherwise(beside, source)
    for _, computed in shape.computed:
        _say_more(rng, computed, 0.3)
    by_submodule: dict[str, list[SourceShape]] = {}
    for source in shape.sources:
        by_submodule.setdefault(source.submodule, []).append(source)
    for submodule, sources in by_submodule.items():
        if rng.random() < 0.2:
            of_all = Field("Id", f"id_any_{submodule}", "string")
            _say_more(rng, of_all, 0.3)
            shape.stars.append((submodule, of_all))
        sources[0].is_ruled_for_all = len(sources) == 1 and rng.random() < 0.3


def _call_otherwise(rng: random.Random, source: SourceShape) -> None:
    """Let a rule list alternatives of what it unpivots or explodes."""
    if source.rule and rng.random() < 0.5:
        how = source.rule
        unpivot, explode = (ALTERNATIVES.get(text, "") for text in (how.unpivot, how.explode))
        source.rule = RowRule(unpivot=unpivot, explode=explode)


def _is_plain(each: Field) -> bool:
    return not each.is_key and not each.technical and each.source_column != "quarter"


def _say_more(rng: random.Random, each: Field, often: float) -> None:
    """Say in further cells what becomes of a value."""
    cells = each.cells
    is_float = bool(each.transform) and each.transform.startswith("1000")
    if rng.random() < often / 2 and each.source_column not in ("Id", LIST) and not is_float:
        cells["code_list"] = rng.choice(_LISTS[each.ai_type])
        literal = rng.choice(_LITERALS[each.ai_type])
        cells["unmapped"] = rng.choice(["", "", "reject", "keep", "null", literal])
    if rng.random() < often:
        cells["default"] = rng.choice(_LITERALS[each.ai_type])
    if rng.random() < often:
        cells["null_values"] = rng.choice(["n/a", "n/a | -", "x | n/a", "B b"])
    if rng.random() < often:
        cells["trim"] = rng.choice("YN")
    is_column = each.source_column.startswith("Wert") or (
        each.transform and (of_sheet_column(each) or "").startswith("read")
    )
    if is_column and rng.random() < often:
        each.alternative = f"alt {each.read}"


def of_sheet_column(each: Field) -> str | None:
    """Give the source column of a transform of a source; None where it reads AI columns."""
    try:
        return of_sheet(each.transform)[0]
    except LookupError:
        return None


def _own_rows(rng: random.Random, source: SourceShape, clients: int) -> None:
    """Let a client have rows of its own: other columns, other cells, another filter."""
    if rng.random() < 0.7:
        return
    client = f"client{rng.randrange(clients):03}"
    able = [each for each in source.fields if _is_plain(each)]
    for each in rng.sample(able, min(len(able), rng.choice([1, 1, 2]))):
        own = replace(each, cells={}, required=rng.random() < 0.2, alternative="")
        is_free = each.source_column not in ("Id", "amount", LIST, *OF_OBJECTS)
        if is_free and not source.shared and rng.random() < 0.6:
            own.source_column, own.transform = f"Own {each.ai_column}", ""
        elif each.alternative and rng.random() < 0.5:
            own.alternative = each.alternative
        _say_more(rng, own, 0.3)
        if source.shared or own.source_column == each.source_column:
            own.alternative = each.alternative
            own.cells = {n: t for n, t in own.cells.items() if n not in ("code_list", "unmapped")}
            own.cells |= {n: t for n, t in each.cells.items() if n in ("code_list", "unmapped")}
        source.own.setdefault(client, []).append(own)
    if source.taking is not None and rng.random() < 0.5:
        source.own_where[client] = make_rule(rng)[0]
