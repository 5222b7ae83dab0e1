"""What a shell is offered: the project's names, and nothing where something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests import projects
from ai_dataflow_tests.runs.runs import cli

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/claims.csv,Y
    ORION,claims,claim,coral,data/nowhere.csv,Y
    ORION,claims,claim,gone,data/gone.csv,N
    VEGA,policies,policy,acme,data/claims.csv,Y
"""


def _offered(
    folder: Path, patch: pytest.MonkeyPatch, *words: str, begun: str = "", quote: str = ""
) -> list[str]:
    line = ["ai-dataflow", *words, quote + begun]
    patch.setenv("_AI_DATAFLOW_COMPLETE", "complete_bash")
    patch.setenv("COMP_WORDS", "\n".join(line))
    patch.setenv("COMP_CWORD", str(len(line) - 1))
    told = cli(folder)
    assert told.stderr == ""
    return told.stdout.split()


@pytest.mark.parametrize(
    ("words", "begun", "offered"),
    [
        (("status", "--module"), "", ["claims", "policies"]),
        (("status", "--module"), "p", ["policies"]),
        (("run", "--client"), "", ["acme", "coral"]),
        (("run", "-p"), "cl", ["claims\\|acme", "claims\\|coral"]),
        (("run", "-p"), "claims\\|c", ["claims\\|coral"]),
        (("plan", "--explain"), "pol", ["policies\\|acme"]),
        (("retry", "--owner"), "ai-", ["ai-mapping", "ai-platform"]),
        (("help",), "RUN-030", ["RUN-030"]),
        ((), "sta", ["status"]),
    ],
)
def test_names_of_the_project_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], begun: str,
    offered: list[str],
) -> None:  # fmt: skip
    projects.project(tmp_path, control=CONTROL)
    assert _offered(tmp_path, monkeypatch, *words, begun=begun) == offered


def test_in_quotes_a_partition_is_spelled_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects.project(tmp_path, control=CONTROL)
    offered = _offered(tmp_path, monkeypatch, "run", "-p", begun="claims|a", quote="'")
    assert offered == ["claims|acme"]


@pytest.mark.parametrize(
    ("shell", "offered"),
    [
        ("zsh", ['_arguments \'*: :(("claims|acme"', '"claims|coral"))\'']),
        ("fish", ["claims|acme", "claims|coral"]),
    ],
)
def test_zsh_and_fish_quote_a_partition_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, offered: list[str]
) -> None:
    projects.project(tmp_path, control=CONTROL)
    monkeypatch.setenv("_AI_DATAFLOW_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    for begun in ("cl", "'claims|", "claims\\|"):
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", f"ai-dataflow run -p {begun}")
        assert cli(tmp_path).stdout.splitlines() == offered


@pytest.mark.parametrize("wrong", ["settings", "table", "everything"])
def test_where_something_is_wrong_nothing_is_offered_and_nothing_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    projects.project(tmp_path, control=CONTROL)
    if wrong == "settings":
        (tmp_path / "ai_dataflow.toml").write_text("[[")
    elif wrong == "table":
        (tmp_path / "control_table.csv").write_bytes(b"\xff\xfe\x00")
    else:
        (tmp_path / "ai_dataflow.toml").unlink()
    assert _offered(tmp_path, monkeypatch, "status", "--module") == []
