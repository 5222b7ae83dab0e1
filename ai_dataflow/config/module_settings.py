"""The section of a module: how much has to be mapped, may be rejected, may shrink; what is kept."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, field_validator

from ai_dataflow.config.sections import Section

_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")


class ModuleSettings(Section):
    """`[modules.<name>]`: how much has to be mapped, may be rejected, and may shrink.

    Below `min_coverage` (0 to 1) of AI columns × products the coverage check fails; with
    `coverage_blocks` the module's partitions are held back too. A partition that rejects more than
    `max_rejected`, a count of rows or a share of them ("1%"), is not published. One in which a
    product's share of rejects rises by more points than `max_rejected_rise`, or its rows fall by a
    larger share than `max_rows_fall`, waits to be accepted; "100%" is no limit. Rows without a
    client in files that clients share fail all of these, or are rejects of one (`without_client`).
    Rows that repeat a key of the dictionary fail the partition, or are rejects (`duplicate_keys`).
    `profile` is how much is kept of what the columns of a publication are like.
    With `unusual` what is published is compared with what was before, by the profiles of both.
    """

    min_coverage: float = Field(default=0.0, ge=0, le=1)
    coverage_blocks: bool = False
    max_rejected: str = ""
    max_rejected_rise: str = "10%"
    max_rows_fall: str = "50%"
    without_client: Literal["fail", "reject"] = "fail"
    duplicate_keys: Literal["fail", "reject"] = "fail"
    profile: Literal["off", "counts", "full"] = "full"
    unusual: bool = True

    @field_validator("max_rejected", mode="before")
    @classmethod
    def _is_a_limit(cls, limit: Any) -> Any:
        """Take `100` and `"100"` alike; refuse what is neither a count nor a share."""
        text = str(limit).replace(" ", "")
        shares = _SHARE.fullmatch(text)
        if isinstance(limit, bool | float) or not (text.isdecimal() or shares):
            raise ValueError('is neither a count of rows, such as 100, nor a share, such as "1%"')
        if shares and Decimal(shares[1]) > 100:  # noqa: PLR2004
            raise ValueError("is more than all rows")
        return text

    @field_validator("max_rejected_rise", "max_rows_fall")
    @classmethod
    def _is_a_share(cls, limit: str) -> str:
        shares = _SHARE.fullmatch(limit.replace(" ", ""))
        if not shares or Decimal(shares[1]) > 100:  # noqa: PLR2004
            raise ValueError('is no share from "0%" to "100%"')
        return shares[0]

    @property
    def limits_of_shrinking(self) -> str:
        """How much a product may shrink, as text: what waits is judged anew where it changes."""
        return f"{self.max_rejected_rise} {self.max_rows_fall}"

    def shrinks(self, rejected: Decimal, rows: Decimal) -> bool:
        """Tell whether a product shrinks too much.

        Args:
            rejected: by how much its share of rejected rows rises, from -1 to 1.
            rows: by how much its published rows fall, as a share of those before.
        """
        rise, fall = (Decimal(t[:-1]) / 100 for t in (self.max_rejected_rise, self.max_rows_fall))
        return rejected > rise or rows > fall

    def allows(self, rejected: int, read: int) -> bool:
        """Tell whether so many rejected rows, of so many that were read, are within the limit."""
        if not self.max_rejected:
            return True
        if shares := _SHARE.fullmatch(self.max_rejected):
            return rejected * 100 <= Decimal(shares[1]) * read
        return rejected <= int(self.max_rejected)
