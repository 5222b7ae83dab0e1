"""The contract of a dataset: what readers may rely on, by the Open Data Contract Standard.

Version 3.1 of the standard. What a dataset's schema says is known from the workstation alone; the
rules of the dictionary, the codes and the teams come from the project, where there is one.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ai_dataflow.config.blob_urls import is_blob_url
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.tables.teams import ANY, Team
from ai_dataflow.workstation.commit import TableColumn
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN
from ai_dataflow.workstation.relations import IS_KEY, REFERENCES, VALID_FROM

STANDARD, FIRST = "v3.1.0", "1.0.0"
_LOGICAL = {
    "string": "string", "boolean": "boolean", "short": "integer", "integer": "integer",
    "long": "integer", "byte": "integer", "float": "number", "double": "number", "date": "date",
    "timestamp": "timestamp", "timestamp_ntz": "timestamp", "array": "array", "struct": "object",
    "map": "object",
}  # fmt: skip
_REFERENCE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*")
_WHOLE = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class Terms:
    """What a project says of a module beside its published schema.

    `codes` are the values of the code lists that the dictionary names, by AI column.
    """

    rules: Mapping[str, DictionaryRow] = field(default_factory=dict)
    codes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    teams: Sequence[Team] = ()


NO_TERMS = Terms()


def contract_of(
    url: str,
    module: str,
    columns: Sequence[TableColumn],
    terms: Terms = NO_TERMS,
    *,
    is_published: bool = True,
) -> dict[str, Any]:
    """Give a dataset's contract.

    Args:
        url: of its table.
        module: its name.
        columns: those of its schema, `client_code` left out.
        terms: what a project says of it.
        is_published: whether readers see it already.
    """
    keys = [column.name for column in columns if _is_key(column, terms)]
    client = TableColumn(PARTITION_COLUMN, "string", "The client.")
    properties = [_property(column, terms, keys) for column in (*columns, client)]
    table: dict[str, Any] = {
        "name": module,
        "physicalName": module,
        "physicalType": "table",
        "logicalType": "object",
        "dataGranularityDescription": "One row of one client.",
        "properties": properties,
    }
    if keys:
        table["quality"] = [_is_once(key) for key in keys]
    return {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, url)),
        "name": module,
        "version": FIRST,
        "status": "active" if is_published else "draft",
        "description": {
            "purpose": f"The AI dataset of {module}: the rows of all products, by client.",
            "usage": "A Delta table, partitioned by client. Read it with `ai_dataflow.Workstation` "
            "or with any reader of Delta Lake.",
        },
        "servers": [_server(url)],
        "schema": [table],
        **_people(module, terms.teams),
    }


def _server(url: str) -> dict[str, Any]:
    """Give where the dataset is; nobody is let in by it."""
    at = {"type": "azure", "location": url} if is_blob_url(url) else {"type": "local", "path": url}
    return {"server": "workstation", **at, "format": "delta"}


def _people(module: str, teams: Sequence[Team]) -> dict[str, Any]:
    """Give the teams that something of a module is the concern of, and where they are reached."""
    theirs: dict[tuple[str, str], Team] = {}
    for team in (team for team in teams if team.module in (ANY, module)):
        theirs.setdefault((team.name, team.concern), team)
    if not theirs:
        return {}
    members = [
        {"username": team.name, "role": "every concern" if team.concern == ANY else team.concern}
        for team in theirs.values()
    ]
    mails = {team.name: team.email for team in reversed(theirs.values())}
    support = [
        {"channel": name, "tool": "email", "url": f"mailto:{mails[name]}"} for name in sorted(mails)
    ]
    return {"team": {"name": members[-1]["username"], "members": members}, "support": support}


def _is_key(column: TableColumn, terms: Terms) -> bool:
    rule = terms.rules.get(column.name)
    return _holds(rule, "is_key") if rule else IS_KEY in dict(column.notes)


def _holds(rule: DictionaryRow | None, kind: str) -> bool:
    """Tell whether every published row keeps a rule; what is only told may be broken."""
    return rule is not None and kind in rule.kinds and rule.effect(kind) != "tell"


def _is_once(key: str) -> dict[str, Any]:
    """Say that a value is in one row of a client's product."""
    among = [PARTITION_COLUMN, PRODUCT_COLUMN, key]
    return {
        "type": "library",
        "metric": "duplicateValues",
        "arguments": {"properties": among},
        "mustBe": 0,
        "dimension": "uniqueness",
    }


def _property(column: TableColumn, terms: Terms, keys: Sequence[str]) -> dict[str, Any]:
    """Give a column: its types, what it means, what holds for its values."""
    rule, notes = terms.rules.get(column.name), dict(column.notes)
    technical = (PARTITION_COLUMN, PRODUCT_COLUMN)
    is_needed = column.name in technical or _holds(rule, "required")
    said: dict[str, Any] = {"name": column.name, **typed(column.delta_type)}
    if description := column.description or (rule.description if rule else ""):
        said["description"] = description
    if is_needed:
        said["required"] = True
    if keys and column.name in (*technical, keys[0]):
        position = [*technical, keys[0]].index(column.name) + 1
        said |= {"primaryKey": True, "primaryKeyPosition": position}
    if column.name == PARTITION_COLUMN:
        said |= {"partitioned": True, "partitionKeyPosition": 1}
    if sensitivity := notes.get("sensitivity", rule.sensitivity if rule else ""):
        said["classification"] = sensitivity
    if rule and (options := _limits(rule, said["logicalType"])):
        said["logicalTypeOptions"] = options
    if rule and (checks := [*_checks(rule, terms.codes.get(column.name, ()))]):
        said["quality"] = checks
    said |= _relations(notes, rule)
    return said


def _relations(notes: Mapping[str, str], rule: DictionaryRow | None) -> dict[str, Any]:
    """Give what a column refers to, and what the standard has no word for."""
    unit = notes.get("unit", rule.unit if rule else "")
    since = notes.get(VALID_FROM, rule.valid_from if rule else "")
    references = notes.get(REFERENCES, rule.references if rule else "")
    is_plain = bool(_REFERENCE.fullmatch(references))
    custom = {"unit": unit, "validFrom": since, "references": "" if is_plain else references}
    shown = [{"property": name, "value": text} for name, text in custom.items() if text]
    to = {"relationships": [{"type": "foreignKey", "to": references}]} if is_plain else {}
    return to | ({"customProperties": shown} if shown else {})


def _limits(rule: DictionaryRow, logical: str) -> dict[str, Any]:
    """Give what the values of a column are within, where all are."""
    ends = {"minimum": rule.min, "maximum": rule.max} if _holds(rule, "range") else {}
    if logical in ("integer", "number"):
        return {name: _number(text) for name, text in ends.items() if text}
    if logical in ("date", "timestamp"):
        return {name: text for name, text in ends.items() if text}
    has_pattern = logical == "string" and _holds(rule, "pattern")
    return {"pattern": rule.pattern} if has_pattern else {}


def _number(text: str) -> int | float:
    return int(text) if _WHOLE.fullmatch(text) else float(text)


def _checks(rule: DictionaryRow, codes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give the rules of a column that are more than its type and what all its values keep."""
    if (share := rule.largest_share) is not None:
        most = {"unit": "percent", "mustBeLessOrEqualTo": float(share * 100)}
        yield _check(rule, "max_null", "completeness", {"metric": "nullValues", **most})
    if rule.required and not _holds(rule, "required"):
        yield _check(rule, "required", "completeness", {"metric": "nullValues", "mustBe": 0})
    if (limit := rule.limit_of("range")) and not _holds(rule, "range"):
        yield _check(rule, "range", "conformity", {"type": "text", "description": limit})
    valid = {"pattern": ("pattern", rule.pattern), "code_list": ("validValues", list(codes))}
    for kind, (name, values) in valid.items():
        if values:
            only = {"metric": "invalidValues", "arguments": {name: values}, "mustBe": 0}
            yield _check(rule, kind, "conformity", only)


def _check(rule: DictionaryRow, kind: str, dimension: str, says: Mapping[str, Any]) -> Any:
    return {"type": "library", **says, "dimension": dimension, "severity": _severity(rule, kind)}


def _severity(rule: DictionaryRow, kind: str) -> str:
    """Give how bad it is, as the standard says it."""
    return "warning" if rule.severity_of(kind) == "warn" else "error"


def typed(delta_type: str) -> dict[str, Any]:
    """Give a type, as the standard calls it and as the table does."""
    return _typed(json.loads(delta_type) if delta_type.startswith("{") else delta_type)


def _typed(delta: Any) -> dict[str, Any]:
    if isinstance(delta, str):
        logical = "number" if delta.startswith("decimal") else _LOGICAL.get(delta, "string")
        return {"logicalType": logical, "physicalType": delta}
    said = {"logicalType": _LOGICAL[delta["type"]], "physicalType": delta["type"]}
    if delta["type"] == "array":
        return {**said, "items": {"name": "element", **_typed(delta["elementType"])}}
    if delta["type"] == "struct":
        fields = [{"name": each["name"], **_typed(each["type"])} for each in delta["fields"]]
        return {**said, "properties": fields}
    return said
