"""Faults and what is remembered of them; the tables of those that tell of them."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest

from ai_dataflow.config.codes import CODES
from ai_dataflow.connections.faults import Breaker, Fault, Kind, Telling, diagnostic
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.sql import sql_failures
from ai_dataflow.tables import sql_tables
from ai_dataflow.workstation import reaching

KINDS = get_args(Kind)
# Who hears of faults, and the words that they fill their texts with.
AUDIENCES: dict[str, tuple[Telling, tuple[str, ...]]] = {
    "files of a product": (file_failures.FAULTS, ("location",)),
    "tables of a product": (sql_failures.FAULTS, ("location", "connection")),
    "tables that people edit": (sql_tables.FAULTS, ("name", "connection", "file")),
    "the workstation": (reaching.FAULTS, ("url",)),
}
DOWN = Fault("unreachable", "it does not answer")


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_kind_of_fault_has_its_code_and_words_for_everyone(audience: str) -> None:
    telling, names = AUDIENCES[audience]
    assert set(telling) == set(KINDS)
    for kind in KINDS:
        fault = Fault(kind, "for a reason", attempts=3, seconds=41)
        problem = diagnostic(fault, telling, "a cell", **{name: f"<{name}>" for name in names})
        assert (problem.place, problem.severity) == ("a cell", "error")
        assert problem.fix
        assert not {"{", "}"} & set(problem.message + problem.fix)
        assert problem.meaning.transient == fault.is_transient, "as the catalogue says"
        if kind != "missing":
            assert "for a reason" in problem.message + problem.cause
        assert not ("for a reason" in problem.message and problem.cause), "it is said once"


def test_what_is_filled_in_is_no_text_to_fill() -> None:
    telling: Telling = dict.fromkeys(KINDS, ("CFG-006", "{name}: {reason}", "see {name}"))
    problem = diagnostic(Fault("refused", "{name}"), telling, "here", name="{reason}")
    assert (problem.message, problem.fix) == ("{reason}: {name}", "see {reason}")
    assert problem.code in CODES


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_survives_pickling(kind: Kind) -> None:
    fault = Fault(kind, "for a reason", account="orionlake", attempts=3, seconds=41)
    again = pickle.loads(pickle.dumps(fault))  # noqa: S301 - our own
    assert vars(again) == vars(fault)
    assert (str(again), again.persistence) == ("for a reason", "after 3 attempts over 41 s")


def test_a_place_that_exhausted_our_patience_is_not_asked_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    breaker = Breaker(seconds=30)
    breaker.trip("orion", DOWN)
    for now in (1000.0, 1029.9):
        clock[0] = now
        with pytest.raises(Fault) as caught:
            breaker.check("orion")
        assert caught.value.reason == "it does not answer"
        breaker.check("vega")
    clock[0] = 1030.0
    breaker.check("orion")


def test_a_place_that_fails_again_is_remembered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    breaker = Breaker(seconds=30)
    breaker.trip("orion", Fault("unreachable", "first"))
    clock[0] = 1040.0
    breaker.trip("orion", Fault("unknown_host", "second"))
    with pytest.raises(Fault, match="second"):
        breaker.check("orion")


def test_a_place_that_is_well_is_asked_at_once() -> None:
    breaker = Breaker(seconds=30)
    breaker.trip("orion", DOWN)
    breaker.trip("vega", DOWN)
    breaker.reset("orion")
    breaker.reset("never heard of")
    breaker.check("orion")
    with pytest.raises(Fault):
        breaker.check("vega")
    breaker.clear()
    breaker.check("vega")


def test_many_threads_hear_the_same_and_leave_no_trace() -> None:
    breaker = Breaker(seconds=30)
    breaker.trip("orion", DOWN)

    def ask(_: int) -> str:
        try:
            breaker.check("orion")
        except Fault as fault:
            return fault.reason
        return ""

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(5_000))) == {"it does not answer"}
    depth, frame = 0, DOWN.__traceback__
    while frame:
        depth, frame = depth + 1, frame.tb_next
    assert depth < 100, "it does not grow with each that hears of it"
