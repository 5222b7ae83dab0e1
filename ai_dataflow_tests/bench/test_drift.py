"""A small form of the bench of drift: clean nights are usual, and most faults are found."""

from __future__ import annotations

import pytest

from bench.drift import histories, judged, lines
from bench.drift_faults import FAULTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_clean_nights_are_usual_and_faults_are_found() -> None:
    outcome = judged(histories(seed=21, count=4, nights=32))
    assert outcome.alarm_share <= 0.025  # of 128 nights: 1 % is 1
    assert outcome.found_share >= 0.9
    assert len(list(lines(outcome))) == 4 + len(FAULTS)
