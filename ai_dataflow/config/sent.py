"""Values that are sent to other processes by the thousand: packed as what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any

# What takes the values out of each such class; all have two fields or more.
_VALUES: dict[type, Callable[[Any], tuple[Any, ...]]] = {}


class Sent:
    """The base of a frozen dataclass with slots that is often pickled.

    `dataclasses` looks up the fields anew for each value, which takes longer than to pickle it.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Give the class and its arguments, in order."""
        kind: Any = type(self)
        if kind not in _VALUES:
            _VALUES[kind] = attrgetter(*(field.name for field in fields(kind)))
        return kind, _VALUES[kind](self)
