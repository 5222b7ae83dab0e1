"""Requests to end: noted where they are heeded, raised elsewhere, forgotten afterwards."""

from __future__ import annotations

import signal

import pytest

from ai_dataflow.config.interrupts import (
    CTRL_C,
    Interrupted,
    asked,
    check,
    exit_code,
    has_begun,
    heeding,
    taking_signals,
)


def test_a_request_is_raised_at_once_where_nobody_heeds_it() -> None:
    with taking_signals():
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)
        assert (asked(), exit_code(), has_begun()) == ("SIGTERM", 143, False)


def test_a_request_that_is_heeded_is_raised_where_somebody_asks_and_the_next_is_told() -> None:
    heard: list[str] = []
    with taking_signals(noted=lambda: heard.append("noted"), again=lambda: heard.append("again")):
        with heeding():
            check()
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(Interrupted, match=CTRL_C):
                check()
            signal.raise_signal(signal.SIGINT)
        assert (heard, exit_code()) == (["noted", "again"], 130)


def test_who_takes_signals_gives_them_back_and_forgets() -> None:
    before = signal.getsignal(signal.SIGINT)
    with taking_signals(), heeding():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert not asked()
    assert not has_begun()


def test_what_went_on_before_signals_were_taken_is_nothing_that_has_begun() -> None:
    with heeding():  # a run on a thread of its own, which takes none
        pass
    with taking_signals():
        assert not has_begun()


def test_within_a_command_nobody_else_takes_them() -> None:
    with taking_signals(), taking_signals({signal.SIGINT: "cancellation"}), heeding():
        signal.raise_signal(signal.SIGINT)
        assert asked() == CTRL_C


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does in the background
    try:
        with taking_signals():
            signal.raise_signal(signal.SIGINT)
            assert not asked()
    finally:
        signal.signal(signal.SIGINT, before)
