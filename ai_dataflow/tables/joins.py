"""How a source is joined to what was joined before it: the words of a rule's `join` and `as_of`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

from ai_dataflow.config.diagnostics import did_you_mean

JoinKind = Literal["full", "left", "inner", "lookup"]
JOIN_KINDS = get_args(JoinKind)
_AS_OF = re.compile(r"\s*(\w+)\s*(>=|>)\s*(\w+)\s*")


@dataclass(frozen=True)
class AsOf:
    """Which of the lookup's rows with equal keys holds: the last whose `since` is not too late.

    It must be before the value of `moment` in the row that looks up; with `or_at`, not after it.
    """

    moment: str
    since: str
    or_at: bool

    def __str__(self) -> str:
        """Give the comparison as people write it."""
        return f"{self.moment} {'>=' if self.or_at else '>'} {self.since}"


def join_kind(text: str) -> JoinKind:
    """Give the kind of join that a cell names; blank is `full`, as is what cannot be understood."""
    word = text.casefold()
    return cast("JoinKind", word) if word in JOIN_KINDS else "full"


def as_of(text: str) -> AsOf | None:
    """Read a comparison; None where it is none that can be understood.

    Example:
        >>> as_of("booked_on >= valid_from")
        AsOf(moment='booked_on', since='valid_from', or_at=True)
    """
    read = _AS_OF.fullmatch(text)
    return AsOf(read[1], read[3], read[2] == ">=") if read else None


def bad_join(text: str) -> str:
    """Say what is wrong with a word for a join; nothing where all is well."""
    word = text.casefold()
    if word in ("", *JOIN_KINDS):
        return ""
    return f"`{text[:80]}` is no kind of join{did_you_mean(word, JOIN_KINDS)}"


def bad_as_of(text: str) -> str:
    """Say what is wrong with a comparison; nothing where all is well."""
    return f"`{text[:80]}` cannot be understood" if text and not as_of(text) else ""
