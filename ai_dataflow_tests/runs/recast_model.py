"""What a value becomes in another type, in plain Python: the rule that docs/merging.md states."""

from __future__ import annotations

from datetime import date


def become(value: object, kind: str) -> object:
    """Give a value in another type.

    Raises:
        ValueError: there is none.
    """
    match value, kind:
        case (None, _) | (str(), "string") | (int(), "int64") | (float(), "float64"):
            return value
        case date(), "date":
            return value
        case _, "string":
            return str(value)
        case str(), "int64":
            return int(value)
        case str() | int(), "float64":
            return float(value)
        case float(), "int64":
            return int(value)
        case str(), "date":
            return date.fromisoformat(value)
        case _:
            raise ValueError(kind)


def is_kept(value: object, old: str, new: str) -> bool:
    """Tell whether a value of an old type is in a new one, and back again the same."""
    try:
        return become(become(value, new), old) == value
    except ValueError:
        return False
