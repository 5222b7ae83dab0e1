"""Diagnostics: their catalogue, their three shapes, and the small texts inside them."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ai_dataflow
from ai_dataflow.config.codes import CODES
from ai_dataflow.config.diagnostics import (
    DataflowError,
    Diagnostic,
    did_you_mean,
    listing,
    redacted,
)
from ai_dataflow.config.visible import visible

PROBLEM = Diagnostic(
    "MAP-006",
    "`flaot64` is no ai_type",
    place="ai_mapping.xlsx!AI_Map!F17",
    fix="one of string, float64",
    product="ORION",
    submodule="claim",
    owner="ai-mapping",
    partitions=("claims|acme",),
)


def test_every_code_that_the_package_uses_is_in_the_catalogue() -> None:
    package = Path(ai_dataflow.__file__).parent
    used = {
        code
        for file in package.rglob("*.py")
        for code in re.findall(r'"([A-Z]{3}-\d{3})"', file.read_text())
    }
    assert "CTL-007" in used
    assert used <= CODES.keys()


def test_validate_prints_this_shape() -> None:
    assert PROBLEM.to_json() == {
        "code": "MAP-006",
        "severity": "error",
        "place": "ai_mapping.xlsx!AI_Map!F17",
        "message": "`flaot64` is no ai_type",
        "fix": "one of string, float64",
        "owner": "ai-mapping",
        "partitions": ["claims|acme"],
    }


def test_a_run_report_has_this_shape() -> None:
    error = PROBLEM.to_error()
    assert (error["code"], error["kind"], error["concern"]) == ("MAP-006", "mapping", "mapping")
    assert (error["owner"], error["place"]) == ("ai-mapping", "ai_mapping.xlsx!AI_Map!F17")
    assert (error["product"], error["submodule"]) == ("ORION", "claim")


def test_a_person_reads_this() -> None:
    assert str(PROBLEM).splitlines() == [
        "error[MAP-006]: unknown ai_type",
        "  --> ai_mapping.xlsx!AI_Map!F17",
        "  `flaot64` is no ai_type",
        "  fix: one of string, float64",
    ]


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(DataflowError(PROBLEM)))  # noqa: S301 - our own
    assert error.diagnostics == (PROBLEM,)


@pytest.mark.parametrize(
    "quoting",
    [
        "could not convert 'Jane Doe' to int",
        'invalid input: "Jane Doe"',
        "couldn't convert 'Jane Doe'",
        "bad value 'O'Jane Doe'",
        "bad value 'Mr\nJane Doe'",
        "bad value 'Jane\nDoe'",
        "first line\nbad value: Jane Doe",
    ],
)
def test_what_a_foreign_error_quotes_is_left_out(quoting: str) -> None:
    assert "Jane" not in redacted(ValueError(quoting))


@pytest.mark.parametrize(
    "told",
    [
        "no: Driver={D};UID=reader;PWD={hunter2;x};Server=s",
        "no: pwd = hunter2",
        "no: Password=hunter2;Encrypt=yes",
        "no: AccessToken=hunter2",
        "no: AccountKey=hunter2==;EndpointSuffix=s",
        "no: https://a.example.org/x?sv=1&sig=hunter2&se=2",
        "no: postgresql://reader:hunter2@db.example.org/policy",
        "no: client_secret=hunter2",
        "arithmetic overflow for data type tinyint, value = hunter2.",
    ],
)
def test_what_a_foreign_error_names_of_secrets_and_values_is_left_out(told: str) -> None:
    shown = redacted(ValueError(told))
    assert not any(secret in shown for secret in ("hunter2", "reader"))
    assert shown.startswith(told[:3])


def test_bytes_that_are_no_text_are_told_by_their_place() -> None:
    with pytest.raises(UnicodeDecodeError) as error:
        "für".encode("latin-1").decode("utf-8")
    assert redacted(error.value) == "it is not UTF-8 (byte 1)"


def test_what_a_foreign_error_says_is_kept() -> None:
    assert redacted(ValueError("disk full")) == "disk full"
    assert redacted(ValueError()) == "ValueError"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("aktive", "; did you mean `active`?"),
        ("ACTIVE", "; did you mean `active`?"),
        ("client", "; did you mean `client_code`?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_a_near_name_is_offered_and_a_far_one_is_not(name: str, hint: str) -> None:
    assert did_you_mean(name, ["active", "client_code"]) == hint


def test_a_long_listing_counts_its_tail() -> None:
    assert listing("abc") == "a, b, c"
    assert listing("abcd", limit=2) == "a, b and 2 more"
    assert listing([]) == ""


@given(st.text(), st.lists(st.text()))
def test_a_hint_is_one_of_the_known_names_or_nothing(name: str, known: list[str]) -> None:
    assert did_you_mean(name, known) in {"", *(f"; did you mean `{visible(k)}`?" for k in known)}


@given(st.lists(st.text()), st.integers(min_value=1))
def test_a_listing_never_fails(names: list[str], limit: int) -> None:
    assert listing(iter(names), limit).startswith(names[0] if names else "")
