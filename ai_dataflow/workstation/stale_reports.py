"""What run reports and `status` say of a source of which nothing new comes."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from ai_dataflow.config.keys import PartitionKey


class StaleReport(BaseModel):
    """A source of a partition of which nothing new came for longer than is usual.

    `since` is when its content changed last, `age` the seconds since then and `usual` the usual
    interval; `overdue_since` is when it was late. `delivery` is its path or table.
    """

    model_config = ConfigDict(extra="ignore")

    partition: str
    product: str
    submodule: str
    since: datetime
    overdue_since: datetime
    age: float
    usual: float
    place: str = ""
    delivery: str = ""
    owner: str = ""
    concern: str = "source"

    @property
    def module(self) -> str:
        """The partition's module."""
        return PartitionKey(self.partition).module

    @property
    def message(self) -> str:
        """What is told of it."""
        return f"nothing new for {span(self.age)}, usual is {span(self.usual)}"


def span(seconds: float) -> str:
    """Spell a length of time in the unit that fits it.

    Example:
        >>> span(9 * 86400), span(86400), span(7300), span(60)
        ('9 days', '1 day', '2 hours', '1 minute')
    """
    units = {"day": 86400, "hour": 3600}
    unit = next((u for u, length in units.items() if seconds >= 0.9 * length), "minute")
    count = max(round(seconds / units.get(unit, 60)), 1)
    return f"{count:,} {unit}{'s' if count > 1 else ''}"
