"""What `--json` prints: one document that its schema in the docs describes, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ai_dataflow.cli.printed import DOCUMENTS, write_schemas
from ai_dataflow_tests import projects
from ai_dataflow_tests.runs.runs import cli

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
# The commands, in an order in which each finds something; the exit code; the document.
COMMANDS = [
    ("validate", 0, "validate"),
    ("plan", 0, "plan"),
    ("plan --explain claims|acme", 0, "plan_explain"),
    ("explain amount", 0, "explain"),
    ("run --full", 0, "run"),
    ("run", 0, "run"),
    ("retry", 0, "run"),
    ("status", 0, "status"),
    ("diff claims --from 0 --rows 1", 0, "diff"),
    ("snapshots", 0, "snapshots"),
    ("contract claims", 0, "contract"),
    ("rejects --samples 1", 0, "rejects"),
    ("describe claims", 0, "describe"),
    ("profile claims", 0, "profile"),
    ("replay --dry-run", 0, "run"),
    ("codes --missing", 0, "codes"),
    ("sheet check ai_mapping.xlsx", 0, "sheet_check"),
    ("sheet format --check", 0, "sheet_format"),
    ("cleanup --dry-run", 0, "cleanup"),
    ("notify status", 0, "notify_status"),
    ("notify preview", 0, "notify_preview"),
    ("notify send", 0, "notify_send"),
    ("notify --test orion-data", 0, "notify_test"),
    ("help map-014", 0, "help"),
    ("status --module nosuch", 2, "error"),
    ("plan --explain claims|nosuch", 2, "error"),
    ("run --nosuch", 2, "error"),
    ("help MAP-0", 2, "error"),
    ("diff claims --from nosuch", 2, "error"),
    ("diff claims --rows 99999999999999999999", 2, "error"),
    ("contract nosuch", 2, "error"),
    ("contract claims --output data", 2, "error"),
    ("cleanup --older-than nan", 2, "error"),
    ("cleanup --older-than 1e300", 2, "error"),
    ("status --config nowhere", 2, "error"),
    ("validate --config nowhere", 2, "validate"),
]


def test_the_schemas_in_the_docs_are_those_of_the_code(tmp_path: Path) -> None:
    """Made anew by `python -m ai_dataflow.cli.printed docs/schemas`."""
    write_schemas(tmp_path)
    made = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_text(encoding="utf-8") for file in SCHEMAS.iterdir()}


def _errors(name: str, document: Any) -> list[str]:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


@pytest.mark.slow
def test_each_command_prints_the_document_of_its_schema(tmp_path: Path) -> None:
    projects.project(tmp_path, workbooks=True)
    rows = (tmp_path / "data/claims.csv").read_text()
    (tmp_path / "data/claims.csv").write_text(rows + "3,lots\n")
    for command, code, name in COMMANDS:
        words = command.split()
        made = cli(tmp_path, *words, "--json")
        assert made.returncode == code, (command, made.stderr)
        document = json.loads(made.stdout)
        named = (document["schema"], document["schema_version"])
        assert named == (f"ai_dataflow.{name}", 1), command
        assert _errors(name, document) == [], command
    assert {name for _, _, name in COMMANDS} == DOCUMENTS.keys()


def test_a_document_that_is_not_as_its_schema_says_is_noticed() -> None:
    document = {"schema": "ai_dataflow.status", "schema_version": 1, "items": [{"partition": 1}]}
    assert _errors("status", document)
    assert _errors("error", document | {"items": []})
