"""The page of faults: every cell has a test or a reason, and the page is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ai_dataflow.config.codes import CODES
from ai_dataflow_tests.reliability import (
    FAULTS,
    PROMISES,
    REASONS,
    STAGES,
    TESTS,
    Proof,
    page,
    proofs,
    reason,
)

PAGE = TESTS.parent / "docs" / "reliability.md"
ANEW = ".venv/bin/python -m ai_dataflow_tests.reliability > docs/reliability.md"


@pytest.fixture(scope="module")
def found() -> list[Proof]:
    return proofs()


def test_the_page_is_not_stale(found: list[Proof]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(found), f"it is stale; make it anew:\n  {ANEW}"


def test_the_module_prints_the_page(found: list[Proof]) -> None:
    command = [sys.executable, "-X", "utf8", "-m", "ai_dataflow_tests.reliability"]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    assert (done.stdout, done.stderr) == (page(found), "")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_cell_has_a_test_or_a_reason(stage: str, fault: str, found: list[Proof]) -> None:
    proved = any((proof.stage, proof.fault) == (stage, fault) for proof in found)
    assert proved or reason(stage, fault), "neither a test nor a reason why there is none"
    assert not (proved and (stage, fault) in REASONS), "it has a test: the reason can go"


def test_every_proof_is_in_a_cell_and_names_codes_that_there_are(found: list[Proof]) -> None:
    assert {proof.stage for proof in found} <= set(STAGES)
    assert {proof.fault for proof in found} <= set(FAULTS)
    words = {word.strip(",.;:()") for proof in found for word in proof.sees.split()}
    named = {word for word in words if word[:3].isupper() and word[3:4] == "-"}
    assert named
    assert named <= CODES.keys()


@pytest.mark.parametrize("name", PROMISES)
def test_the_test_of_a_promise_is_there(name: str) -> None:
    _, file, test = PROMISES[name]
    assert f"def {test}(" in (TESTS / file).read_text(encoding="utf-8")


def test_markers_are_read_from_the_files(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        '@pytest.mark.proves("write", "full", "WST-001; "\n"nothing is lost")\n'
        '@pytest.mark.proves("commit", "full", "the same")\n'
        "@pytest.mark.slow\ndef test_it():\n    pass\n"
    )
    (one, other) = proofs(tmp_path)
    assert one == Proof("write", "full", "WST-001; nothing is lost", "test_x.py", "test_it")
    assert (one.short, other.stage) == ("WST-001", "commit")
