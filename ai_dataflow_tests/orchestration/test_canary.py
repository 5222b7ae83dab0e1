"""No secret and no value of a row shows up where people and machines look (P10).

A project in which everything fails is run in every way. Then all that it wrote is searched for what
was planted in its settings and its data.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow import cli
from ai_dataflow.cli import mails_after_run
from ai_dataflow.config.settings import load_settings
from ai_dataflow.connections.scans import scan_delta
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import read_reports
from ai_dataflow_tests.orchestration.canaries import Canaries, plant, written_in
from ai_dataflow_tests.runs.runs import send_here
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.ports import ClosedPort
from ai_dataflow_tests.services.postgres import Postgres

pytestmark = pytest.mark.slow

COMMANDS = (
    "validate", "validate --json", "validate --format github", "validate --offline",
    "run", "run --json", "run --full --json", "rejects", "rejects --json",
    "replay --dry-run", "replay", "replay --json",
    "accept --sheet", "accept --module claims --json",
    "status", "status --json", "plan", "plan --json",
    "plan --explain claims|text", "plan --explain claims|orionlake", "plan --explain joined|acme",
    "explain amount", "explain amount --json", "help SRC-011", "run -p claims|wrong-claims",
)  # fmt: skip
DAGSTER = """
telemetry: {enabled: false}
python_logs: {python_log_level: DEBUG, managed_python_loggers: [root]}
"""


@pytest.fixture
def planted(
    azurite: Azurite, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, Canaries]]:
    folder = tmp_path / "p"
    with ClosedPort() as closed:
        # Whoever signs in with a client secret asks there.
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"https://127.0.0.1:{closed.port}")
        yield folder, plant(folder, azurite, postgres, closed.port)


def test_no_command_shows_a_secret_or_a_value(
    planted: tuple[Path, Canaries],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, canaries = planted
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(mails_after_run, "_send", send_here)  # what its sender logs is seen too
    for command in COMMANDS:
        monkeypatch.setattr(sys, "argv", ["ai-dataflow", *command.split()])
        with pytest.raises(SystemExit):
            cli.main()
        shown = capfd.readouterr()
        text = shown.out + shown.err + caplog.text
        assert text, command
        assert not canaries.found_in(text.encode()), command
        assert "Traceback" not in shown.out + shown.err, command
        caplog.clear()
    assert not canaries.found_in(written_in(folder / ".dagster"))
    assert not canaries.found_in(written_in(folder / ".cache"))
    _check_workstation(folder, canaries)


def _check_workstation(folder: Path, canaries: Canaries) -> None:
    """Values are in the rejects' raw rows and in datasets; secrets are nowhere."""
    workstation = open_workstation(load_settings(folder))
    root = workstation.root
    content = {file.path: root.read(file.path) for file in root.files()}
    for path, written in content.items():
        assert not canaries.secrets_in(written), path
        of_runs = ("_runs/", "_staging/", "_inputs/", "_arrivals/")
        if path.startswith(of_runs) and not path.endswith(".parquet"):
            assert not canaries.found_in(written), path
    tables = [scan_delta(workstation.rejects(module)).collect() for module in ("claims", "bent")]
    rejects = pl.concat(tables)
    raw = canaries.found_in("".join(rejects["raw_row"]).encode())
    assert raw == {"a text", "no number", "too many fields"}
    others = rejects.drop("raw_row").select(pl.concat_str(pl.all().fill_null(""))).to_series()
    assert not canaries.found_in("".join(others).encode())
    reports = read_reports(workstation.reports())
    report = next(r for r in reports if len(r.partitions) > 1 and not r.statuses()["unchanged"])
    codes = {error.code for partition in report.failed for error in partition.errors}
    assert codes >= {
        "SRC-001", "SRC-003", "SRC-007", "SRC-008", "SRC-011", "SRC-012", "SRC-021", "DAT-001",
        "DAT-004",
    }  # fmt: skip
    well = {p.partition for p in report.partitions if p.status == "ok"}
    assert well == {"claims|text"}


def test_dagster_keeps_no_secret_and_no_value(
    planted: tuple[Path, Canaries], tmp_path: Path
) -> None:
    folder, canaries = planted
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(DAGSTER)
    ran = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "execute", "-m", "ai_dataflow.definitions",
         "-j", "ai_dataflow_job"],
        env=os.environ | {"DAGSTER_HOME": str(home), "AI_DATAFLOW_CONFIG": str(folder)},
        capture_output=True,
        check=False,
    )  # fmt: skip
    kept = written_in(home)
    assert b"partitions failed" in ran.stderr
    assert b"SRC-011" in kept
    assert not canaries.found_in(ran.stdout + ran.stderr)
    assert not canaries.found_in(kept)
