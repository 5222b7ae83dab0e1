"""What a schema says of keys, references and validity, and how it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow import Workstation
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_ahead
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.relations import (
    Notes,
    Reference,
    Validity,
    key_of,
    references_of,
    validity_of,
)
from ai_dataflow_tests import projects
from ai_dataflow_tests.runs import spine

DICTIONARY = """
    module_name,ai_column,description,unit,is_key,references,valid_from
    claims,claim_id,Number of the claim,,Y,,
    claims,amount,Amount claimed,EUR,,others.total,
"""


@pytest.mark.parametrize(
    ("notes", "key"),
    [
        ({"a": {}, "b": {"is_key": "true"}}, ("b",)),
        ({"a": {"is_key": "true"}, "b": {"is_key": "true"}}, ("a",)),
        ({"a": {"valid_from": "t"}, "b": {"valid_from": "t"}, "t": {}}, ("a", "b", "t")),
        ({"a": {"valid_from": "t"}, "t": {"is_key": "true"}}, ("t",)),
        ({"a": {}}, ()),
    ],
)
def test_the_key_is_what_tells_rows_apart(notes: Notes, key: tuple[str, ...]) -> None:
    assert key_of(notes) == key


def test_references_and_validity_are_read_from_notes() -> None:
    notes = {"a": {"references": "my.module.id"}, "b": {"valid_from": "t"}, "c": {}}
    assert references_of(notes) == (Reference("a", "my.module", "id"),)
    assert validity_of(notes) == Validity(("b",), "t")
    assert validity_of({"a": {}}) is None


def test_the_schema_of_a_dataset_says_what_the_dictionary_says(tmp_path: Path) -> None:
    projects.project(tmp_path, toml='ai_columns = "dictionary.csv"\n' + projects.TOML)
    projects.text_file(tmp_path, "dictionary.csv", DICTIONARY.replace("others.total", ""))
    spine.run(tmp_path)
    schema = Workstation.of_project(tmp_path)["claims"].schema
    assert [c.name for c in schema if c.is_key] == ["claim_id"]
    assert repr(schema).splitlines() == [
        "column        type     key  unit  description",
        "claim_id      Int64    key        Number of the claim",
        "amount        Float64       EUR   Amount claimed",
        "product_code  String              the product that the row comes from",
        "client_code   String              The client.",
    ]
    assert schema.frame()["unit"].to_list() == ["", "EUR", "", ""]


def test_what_travels_in_the_schema_makes_nothing_anew(tmp_path: Path) -> None:
    projects.project(tmp_path, toml='ai_columns = "dictionary.csv"\n' + projects.TOML)
    plain = DICTIONARY.replace("others.total", "")
    projects.text_file(tmp_path, "dictionary.csv", plain)
    spine.run(tmp_path)
    refers = plain.replace("Amount claimed,EUR,,,", "Amount claimed,EUR,,claims.amount,")
    assert refers != plain
    projects.text_file(tmp_path, "dictionary.csv", refers)
    ahead = look_ahead(make_draft(load_project(tmp_path)))
    assert (ahead.changes.due, [*ahead.changes.unchanged]) == ({}, ["claims|acme"])
