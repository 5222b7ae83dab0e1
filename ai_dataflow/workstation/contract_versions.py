"""The version of a contract: raised by what changed since the one before, as semantic versions are.

*Major*: a column is gone or has another type, or one that always had a value may lack it.
*Minor*: a column is new, or what must hold is another. *Patch*: texts, people and places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_TEXTS = ("description", "classification", "customProperties")
Contract = Mapping[str, Any]


def next_version(before: Contract, after: Contract) -> str:
    """Give the version of a contract that takes the place of another one.

    Example:
        >>> next_version({"version": "1.4.2"}, {"version": "1.0.0", "status": "active"})
        '1.4.3'
    """
    given = str(before.get("version", ""))
    match = _VERSION.fullmatch(given)
    if {**before, "version": ""} == {**after, "version": ""}:
        return given
    major, minor, patch = map(int, match.groups()) if match else (1, 0, 0)
    if breaks(before, after):
        return f"{major + 1}.0.0"
    if _without_texts(before) != _without_texts(after):
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def breaks(before: Contract, after: Contract) -> bool:
    """Tell whether what reads by one contract may fail by another."""
    old, new = _columns(before), _columns(after)
    return any(name not in new or _is_less(column, new[name]) for name, column in old.items())


def _is_less(old: Contract, new: Contract) -> bool:
    shape = ("logicalType", "physicalType", "items", "properties")
    is_other = any(old.get(name) != new.get(name) for name in shape)
    return is_other or bool(old.get("required")) > bool(new.get("required"))


def _columns(contract: Contract) -> dict[str, Contract]:
    tables = contract.get("schema") or []
    return {each["name"]: each for table in tables for each in table.get("properties") or []}


def _without_texts(contract: Contract) -> list[Any]:
    columns = [
        {name: value for name, value in column.items() if name not in _TEXTS}
        for column in _columns(contract).values()
    ]
    return [columns, [table.get("quality") for table in contract.get("schema") or []]]
