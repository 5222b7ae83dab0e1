"""How many random examples are tried: few in CI, as many as `make properties N=...` asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

VARIABLE = "AI_DATAFLOW_EXAMPLES"
_IN_CI = 40


def settings_of(share: int = 1, in_ci: int = _IN_CI) -> Callable[[Any], Any]:
    """Give the settings of a property; a costly one has its `share` of the examples, 1 in so many.

    Those of CI, of which there are `in_ci`, are always the same; see conftest.
    """
    asked = int(os.environ.get(VARIABLE, "0"))
    return settings(
        max_examples=max((asked or in_ci) // share, 1),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
