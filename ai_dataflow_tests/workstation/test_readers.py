"""Reading datasets back, by the client, the columns and the version that one asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

import ai_dataflow
from ai_dataflow import load
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.workstation.readers import ColumnNotPublishedError, DatasetNotFoundError
from ai_dataflow_tests.workstation.tables import publish


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project that has published `sales` twice."""
    (tmp_path / "ai_dataflow.toml").write_text('[workstation]\nurl = "workstation"\n')
    publish(tmp_path, USA={"n": [1, 2], "s": ["x", "y"]}, CAN={"n": [3], "s": ["z"]})
    publish(tmp_path, CAN={"n": [4, 5], "s": ["z", "z"]})
    return tmp_path


def test_a_module_is_all_its_clients(project: Path) -> None:
    rows = load("sales", config=project).collect().sort("n")
    assert rows["n"].to_list() == [1, 2, 4, 5]
    assert rows["client_code"].to_list() == ["USA", "USA", "CAN", "CAN"]


@pytest.mark.parametrize(
    ("client", "numbers"),
    [("USA", [1, 2]), ("CAN", [4, 5]), (["CAN"], [4, 5]), (("USA", "CAN"), [1, 2, 4, 5]),
     ([], [])],
)  # fmt: skip
def test_a_client_is_its_own_rows(
    project: Path, client: str | list[str], numbers: list[int]
) -> None:
    rows = load("sales", client, config=project).collect()
    assert sorted(rows["n"].to_list()) == numbers


@pytest.mark.parametrize("client", ["FRA", ["USA", "FRA"]])
def test_a_client_that_is_missing_is_not_an_empty_one(
    project: Path, client: str | list[str]
) -> None:
    with pytest.raises(DatasetNotFoundError, match="FRA"):
        load("sales", client, config=project)


def test_columns_come_in_the_order_asked_for(project: Path) -> None:
    rows = load("sales", "USA", ["s", "client_code", "n"], config=project).collect()
    assert rows.rows() == [("x", "USA", 1), ("y", "USA", 2)]


@pytest.mark.parametrize(
    ("column", "says"),
    [("client_cod", "no column `client_cod`; did you mean `client_code`?"),
     ("x y z", "no column `x y z`; it has n, s, ")],
)  # fmt: skip
def test_a_column_that_is_not_there_is_told_with_those_that_are(
    project: Path, column: str, says: str
) -> None:
    with pytest.raises(ColumnNotPublishedError) as error:
        load("sales", columns=["n", column], config=project)
    assert says in str(error.value)


def test_a_version_stays_as_it_was(project: Path) -> None:
    newest = publish(project, CAN=None)
    assert sorted(load("sales", version=newest - 1, config=project).collect()["n"]) == [1, 2, 4, 5]
    assert sorted(load("sales", version=newest - 2, config=project).collect()["n"]) == [1, 2, 3]


def test_the_project_is_the_one_that_the_environment_names(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_DATAFLOW_CONFIG", str(project))
    assert ai_dataflow.load("sales", client="USA").collect().height == 2


def test_a_dataset_that_was_never_published_is_not_found(project: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="nosuch"):
        load("nosuch", config=project)


def test_a_version_that_was_never_published_is_not_found(project: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="99"):
        load("sales", version=99, config=project)


def test_without_a_project_there_is_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(DataflowError) as error:
        load("sales", config=tmp_path)
    assert error.value.diagnostics[0].code == "CFG-001"
