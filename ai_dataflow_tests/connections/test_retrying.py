"""Patience with what may pass: how often, with which pauses, until when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ai_dataflow.connections.faults import Fault, Kind
from ai_dataflow.connections.retrying import patiently


def _failing(times: int, kind: Kind = "unreachable") -> Callable[[], int]:
    calls: list[int] = []

    def work() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise Fault(kind, "busy")
        return len(calls)

    return work


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let nobody wait; give how long they would have."""
    taken: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", taken.append)
    return taken


def test_what_may_pass_is_tried_again_with_growing_pauses(naps: list[float]) -> None:
    assert patiently(_failing(4), 120) == 5
    assert len(naps) == 4
    for pause, least in zip(naps, (1, 2, 4, 8), strict=True):
        assert least <= pause <= least + 1


def test_what_will_not_pass_is_told_at_once(naps: list[float]) -> None:
    with pytest.raises(Fault) as caught:
        patiently(_failing(1, "login"), 120)
    assert (naps, caught.value.attempts) == ([], 1)


def test_without_patience_there_is_one_attempt(naps: list[float]) -> None:
    with pytest.raises(Fault) as caught:
        patiently(_failing(1), 0)
    assert (naps, caught.value.persistence) == ([], "after 1 attempt over 0 s")


def test_patience_ends_before_its_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr(
        "tenacity.nap.time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds)
    )
    with pytest.raises(Fault) as caught:
        patiently(_failing(1000), 40)
    fault = caught.value
    assert fault.attempts in (5, 6)
    assert 15 <= fault.seconds <= 40
    assert fault.persistence == f"after {fault.attempts} attempts over {fault.seconds:.0f} s"


def test_an_extract_that_ran_long_before_it_broke_is_retried_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    calls: list[int] = []

    def work() -> str:
        calls.append(1)
        if len(calls) == 1:
            clock[0] += 3600
            raise Fault("unreachable", "link failure")
        return "whole"

    assert patiently(work, 10) == "whole"
