"""Identities: who we are towards Entra ID is asked once, not at every request."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ai_dataflow.config.sections import EntraIdentity
from ai_dataflow.connections import identity
from ai_dataflow.connections.faults import Fault
from ai_dataflow.connections.identity import Token, token

STORAGE = "https://storage.azure.com/.default"
AZ = """#!/bin/sh
echo asked >> {log}
echo '{{"accessToken": "secret", "expires_on": {expires}, "tokenType": "Bearer"}}'
"""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    identity.forget()
    yield
    identity.forget()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be signed in by the Azure CLI, which is a process each time; give its log."""
    log = tmp_path / "asked"
    cli = tmp_path / "az"
    cli.write_text(AZ.format(log=log, expires=int(time.time()) + 3600))
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    return log


def test_the_azure_cli_is_asked_once(asked: Path) -> None:
    given = {token(EntraIdentity(), STORAGE) for _ in range(50)}
    assert {each.text for each in given} == {"secret"}
    assert asked.read_text().splitlines() == ["asked"]


def test_another_scope_is_another_token(asked: Path) -> None:
    for scope in (STORAGE, "https://database.windows.net/.default", STORAGE):
        token(EntraIdentity(), scope)
    assert len(asked.read_text().splitlines()) == 2


def test_a_refusal_is_good_for_a_while_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    refusals = set()
    for _ in range(3):
        with pytest.raises(Fault) as error:
            token(EntraIdentity(), STORAGE)
        refusals.add(id(error.value))
    assert len(refusals) == 1


@pytest.mark.parametrize(
    ("life", "left", "is_good"),
    [(3600, 3000, True), (3600, 301, True), (3600, 299, False), (10, 6, True), (10, 4, False)],
)
def test_a_token_is_renewed_five_minutes_before_its_end_or_at_half_of_a_short_life(
    life: int, left: int, is_good: bool
) -> None:
    now = datetime.now(UTC)
    expires = now + timedelta(seconds=left)
    assert Token("t", expires, expires - timedelta(seconds=life)).is_good == is_good
