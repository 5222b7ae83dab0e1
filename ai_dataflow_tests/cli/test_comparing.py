"""`diff` and `snapshots`: counts without values, values on demand, and what is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ai_dataflow_tests.runs.runs import cli
from ai_dataflow_tests.workstation.tables import publish, table


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project that has published `sales` twice; its sources are nobody's business."""
    (tmp_path / "ai_dataflow.toml").write_text('[workstation]\nurl = "workstation"\n')
    publish(tmp_path, USA={"n": [1, 2, 2], "s": ["secret", "b", "b"]}, CAN={"n": [1], "s": ["z"]})
    publish(tmp_path, USA={"n": [1, 3], "s": ["SECRET", "d"]})
    return tmp_path


def test_a_diff_counts_and_shows_no_value(project: Path) -> None:
    made = cli(project, "diff", "sales", "--key", "n")
    assert made.returncode == 0
    assert made.stdout.splitlines() == [
        "sales, version 0 to 1, by n",
        "",
        "client  rows before  rows after  added  removed  changed",
        "USA               3           2      1        2        1",
        "",
        "1 client has the same rows",
        "1 key in several rows: equal rows of these are the same",
        "",
        "column  rows changed  clients",
        "s                  1        1",
        "",
        "what made 1 client is not known: one of the versions has no profile",
    ]


def test_rows_are_shown_on_demand(project: Path) -> None:
    made = cli(project, "diff", "sales", "--from", "-1", "--key", "n", "--rows", "1")
    assert made.stdout.splitlines()[-3:] == [
        '+ {"n": 3, "s": "d", "client_code": "USA"}',
        '- {"n": 2, "s": "b", "client_code": "USA"}',
        '~ {"client_code": "USA", "n": 1, "s": ["secret", "SECRET"]}',
    ]
    document = json.loads(cli(project, "diff", "sales", "--rows", "1", "--json").stdout)
    assert {kind: len(rows) for kind, rows in document["rows"].items()} == {
        "added": 1, "removed": 1, "changed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nosuch"], "nothing is published at"),
        (["sales", "--from", "7"], "there is no version 7"),
        (["sales", "--from", "yesterday"], "there is no run yesterday; a version is a number"),
        (["sales", "--client", "FRA"], "rows of FRA in neither version"),
        (["sales", "--key", "nosuch"], "no nosuch in both versions"),
    ],
)
def test_what_is_not_published_is_told(project: Path, arguments: list[str], says: str) -> None:
    made = cli(project, "diff", *arguments, columns=400)
    assert made.returncode == 2
    assert "error[RUN-041]" in made.stderr
    assert says in made.stderr


def test_a_version_whose_files_are_gone_is_told(project: Path) -> None:
    files = Path(table(project).url).glob("client_code=USA/*.parquet")
    min(files, key=lambda file: file.stat().st_mtime_ns).unlink()
    made = cli(project, "diff", "sales")
    assert made.returncode == 2
    assert "error[RUN-042]" in made.stderr


def test_snapshots_are_runs_with_versions(project: Path) -> None:
    assert cli(project, "snapshots").stdout == "no run has published anything yet\n"
