"""Whose fault it is that something cannot be written: the workstation's, or that of the rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from polars.exceptions import ComputeError
from pydantic import SecretStr

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.sections import StorageAccount
from ai_dataflow.connections.accounts import Account
from ai_dataflow.connections.faults import Fault
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.reaching import reaching

KEY = StorageAccount(account_key=SecretStr("aHVudGVyMg=="))
ACCOUNT = Account("workstation", "http://127.0.0.1:1/workstation", KEY, 1)
THERE = Folder("abfss://ai@workstation.dfs.core.windows.net/d", ACCOUNT, "ai", "d")
NOT_READ = Fault("unreachable", "the database is away")


def _told(folder: Folder, error: Exception) -> tuple[str, str]:
    with pytest.raises(DataflowError) as caught, reaching(folder):
        raise error
    (problem,) = caught.value.diagnostics
    return problem.code, problem.message


@pytest.mark.parametrize("error", [NOT_READ, ComputeError("invalid value in column n")])
def test_what_the_rows_did_passes_through(tmp_path: Path, error: Exception) -> None:
    """They come from a database, or are computed, while they are written."""
    for folder in (THERE, Folder(str(tmp_path))):
        with pytest.raises(type(error)) as caught, reaching(folder):
            raise error
        assert caught.value is error


def test_what_the_account_did_is_told_as_that() -> None:
    away = ACCOUNT.fault("unreachable", "account workstation does not answer")
    assert _told(THERE, away) == (
        "WST-004", f"{THERE.url} cannot be reached: account workstation does not answer"
    )  # fmt: skip
    assert _told(THERE, OSError("HTTP error: error sending request"))[0] == "WST-004"
    assert _told(THERE, ComputeError("HTTP error: error sending request"))[0] == "WST-004"


@pytest.mark.parametrize("kind", [OSError, ComputeError])
def test_what_the_disk_did_is_told_as_that(tmp_path: Path, kind: type[Exception]) -> None:
    code, message = _told(Folder(str(tmp_path)), kind("No space left on device (os error 28)"))
    assert (code, "no space is left on its disk" in message) == ("WST-001", True)
