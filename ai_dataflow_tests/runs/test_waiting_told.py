"""What people see of what waits: the commands' texts and exit codes, Dagster's pages, the mail."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import default
from functools import partial
from pathlib import Path

import pytest

from ai_dataflow_tests.projects import MAPPING, project, table, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli, dagster_statuses

KEY = "claims|acme"
WHY = """\
waiting[RUN-024]: publishes less than before
  --> ai_mapping.csv:3:source_column
  ORION would publish 3 rows, readers see 8 now; 5 of 8 (62.5%) would be rejected, before 0 of 8 \
(0.0%), 5 of them for REJ-001 (amount)
  fix: if it is right, `ai-dataflow accept 'claims|acme'` publishes it; else mend the sheet, and run
  partitions: claims|acme
  owner: ai-mapping
"""
_cli = partial(cli, columns=120)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project that ran once, and whose sheet was edited then: five of eight rows fail."""
    project(tmp_path, mapping=MAPPING.replace("float64", "string"))
    rows = "".join(f"{n},{amount}\n" for n, amount in enumerate("123xxxxx", 1))
    text_file(tmp_path, "data/claims.csv", f"ClaimNo,Amount\n{rows}")
    assert spine.run(tmp_path).exit_code == 0
    table(tmp_path, "ai_mapping", MAPPING)
    return tmp_path


@pytest.mark.slow
def test_every_command_tells_what_waits(shop: Path) -> None:
    ran = _cli(shop, "run")
    assert ran.returncode == 1
    assert ran.stdout.count(WHY) == 1
    (mail,) = (shop / "mails").glob("*.eml")
    message = message_from_bytes(mail.read_bytes(), policy=default)
    body = message.get_body(("plain",))
    assert (message["to"], body is not None) == ("ai-mapping@example.org", True)
    assert "WAITING 1 of 1 partition" in message["subject"]
    assert "publishes less than before (waiting)" in str(body)
    assert "`ai-dataflow accept 'claims|acme'`" in str(body)
    assert dagster_statuses(shop, "ai_dataset") == {KEY: "FAILED"}
    assert dagster_statuses(shop, "adls_extract") == {KEY: "MATERIALIZED"}

    status = _cli(shop, "status")
    assert (status.returncode, status.stdout.count(WHY)) == (1, 1)
    assert "1 waiting" in status.stdout
    plan = _cli(shop, "plan")
    assert "waiting: claims|acme, since 20" in plan.stdout
    assert "`ai-dataflow accept 'claims|acme'` publishes it" in plan.stdout
    assert list(json.loads(_cli(shop, "plan", "--json").stdout)["waiting"]) == [KEY]
    retried = _cli(shop, "retry")
    assert (retried.returncode, "nothing to run again" in retried.stderr) == (0, True)
    assert "not published" in _cli(shop, "rejects").stdout

    again = _cli(shop, "run", "--json")
    (told,) = json.loads(again.stdout)["partitions"]
    assert (again.returncode, told["status"], told["version"]) == (1, "waiting", None)
    accepted = _cli(shop, "accept", KEY)
    assert accepted.returncode == 0
    assert accepted.stdout.split() == [
        "published",
        "rows",
        "rejected",
        "version",
        KEY,
        "3",
        "5",
        "1",
    ]
    assert dagster_statuses(shop, "ai_dataset") == {KEY: "MATERIALIZED"}
    assert spine.run_changed(shop).statuses() == {"unchanged": 1}
    twice = _cli(shop, "accept", KEY)
    assert (twice.returncode, "nothing waits any more" in twice.stdout) == (0, True)


@pytest.mark.slow
def test_who_accepts_in_advance_is_told_so(shop: Path) -> None:
    told = _cli(shop, "accept", "--sheet")
    assert told.stdout == "accepted in advance, the next run publishes it: claims|acme\n"
    assert spine.run_changed(shop).statuses() == {"ok": 1}
    none = _cli(shop, "accept", "--module", "claims")
    assert (none.returncode, none.stdout) == (0, "Nothing waits.\n")


def test_what_cannot_be_accepted_is_refused_before_anything_begins(tmp_path: Path) -> None:
    project(tmp_path)
    unknown = _cli(tmp_path, "accept", "claims|acne")
    assert (unknown.returncode, "did you mean `claims|acme`?" in unknown.stderr) == (2, True)
    module = _cli(tmp_path, "accept", "--module", "clams")
    assert (module.returncode, "did you mean `claims`?" in module.stderr) == (2, True)
    assert _cli(tmp_path, "accept").returncode == 2
    assert _cli(tmp_path, "accept", KEY, "--sheet").returncode == 2
    assert not (tmp_path / "workstation").exists()


def test_a_limit_that_is_none_is_refused(tmp_path: Path) -> None:
    project(tmp_path)
    with (tmp_path / "ai_dataflow.toml").open("a") as settings:
        settings.write('[modules.claims]\nmax_rows_fall = "half"\n')
    refused = _cli(tmp_path, "validate")
    assert refused.returncode == 2
    assert 'is no share from "0%" to "100%"' in refused.stdout
