"""What a partition's inputs say of a source that could not be looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.planning.inputs import content_seen
from ai_dataflow_tests.partition.jobs import mapped, source

OWN = source(Path("a.csv"), mapped("a"))


def _seen(code: str, message: str) -> str:
    return content_seen(replace(OWN, seen=(Diagnostic(code, message),)))


def test_what_is_missing_is_an_input_whatever_the_words() -> None:
    assert _seen("SRC-001", "there is nothing") == _seen("SRC-001", "nothing is there") != ""
    assert _seen("SRC-001", "there is nothing") != _seen("SRC-002", "it is empty")


def test_what_passes_by_itself_tells_nothing_of_the_source() -> None:
    assert _seen("SRC-012", "the account does not answer, after 10 retries in 14 s") == ""
