"""Filters: which partitions they choose, and what a name says that nothing has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ai_dataflow.cli.choosing import Filters, chosen
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow_tests import projects
from ai_dataflow_tests.runs.runs import cli

PAIRS = [
    (PartitionKey("claims|acme"), "ORION"),
    (PartitionKey("claims|acme"), "VEGA"),
    (PartitionKey("claims|coral"), "ORION"),
    (PartitionKey("policies|acme"), "LYRA"),
]
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/claims.csv,Y
    ORION,claims,claim,coral,data/nowhere.csv,Y
"""


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        (Filters(), ["claims|acme", "claims|coral", "policies|acme"]),
        (Filters(module=["claims"]), ["claims|acme", "claims|coral"]),
        (Filters(module=["claims", "policies"], client=["acme"]), ["claims|acme", "policies|acme"]),
        (Filters(product=["ORION"]), ["claims|acme", "claims|coral"]),
        (Filters(product=["VEGA"], module=["claims"]), ["claims|acme"]),
        (Filters(partition=["policies|acme"]), ["policies|acme"]),
    ],
)
def test_filters_narrow_each_other_and_their_values_are_alternatives(
    filters: Filters, keys: list[str]
) -> None:
    assert chosen(PAIRS, filters) == keys


@pytest.mark.parametrize(
    ("filters", "code", "says"),
    [
        (Filters(module=["claim"]), "RUN-030", "no module `claim`; did you mean `claims`?"),
        (Filters(client=["zzz"]), "RUN-030", "there are acme, coral"),
        (Filters(product=["ORIN"]), "RUN-030", "did you mean `ORION`?"),
        (Filters(partition=["claims|amce"]), "RUN-001", "did you mean `claims|acme`?"),
        (
            Filters(module=["policies"], client=["coral"]), "RUN-030",
            "no partition is of module policies and client coral",
        ),
    ],
)  # fmt: skip
def test_what_nothing_has_is_an_error_with_what_there_is(
    filters: Filters, code: str, says: str
) -> None:
    with pytest.raises(DataflowError) as error:
        chosen(PAIRS, filters)
    (problem,) = error.value.diagnostics
    assert problem.code == code
    assert says in f"{problem.message} {problem.fix}"


@pytest.mark.slow
def test_the_commands_share_them(tmp_path: Path) -> None:
    projects.project(tmp_path, control=CONTROL)

    def items(*words: str) -> list[str]:
        document = json.loads(cli(tmp_path, *words, "--json").stdout)
        return [item.get("partition") or item["code"] for item in document["items"]]

    def statuses(*words: str) -> dict[str, str]:
        report = json.loads(cli(tmp_path, *words, "--json").stdout)
        return {p["partition"]: p["status"] for p in report["partitions"]}

    assert items("validate", "--client", "coral") == ["SRC-001"]
    assert items("validate", "--client", "acme") == items("validate", "--owner", "ai-mapping") == []
    planned = json.loads(cli(tmp_path, "plan", "--client", "acme", "--json").stdout)
    assert (planned["run"], planned["held"]) == (["claims|acme"], {})
    assert statuses("run", "--client", "acme") == {"claims|acme": "ok"}
    assert statuses("run", "--client", "acme") == {"claims|acme": "unchanged"}
    assert statuses("run", "--client", "acme", "--full") == {"claims|acme": "ok"}
    assert statuses("run", "--client", "coral")["claims|coral"] in ("failed", "held")
    assert items("status", "--state", "ok") == ["claims|acme"]
    assert items("status", "--owner", "orion-data") == ["claims|coral"]
    assert items("status", "--owner", "ai-mapping") == []
    assert statuses("retry", "--client", "acme") == {}
    assert list(statuses("retry", "--owner", "orion-data")) == ["claims|coral"]
    for words in (
        ("retry", "--owner", "nobody-known"), ("status", "--state", "bad"),
        ("rejects", "--module", "claim"), ("replay", "--client", "amce"),
        ("rejects", "--state", "closed"), ("explain", "amount", "--product", "VEGA"),
    ):  # fmt: skip
        refused = cli(tmp_path, *words)
        assert (refused.returncode, "RUN-030" in refused.stderr) == (2, True), words
