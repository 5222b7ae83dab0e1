"""`describe`: the data card of what a run published, on the terminal, as JSON and as a page."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.profile_tables import add_profiles, write_profiles
from ai_dataflow.workstation.profiles import open_profiles
from ai_dataflow_tests.projects import project, table, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/claims.csv,Y
    ORION,claims,claim,borealis,data/borealis.csv,Y
    VEGA,claims,claim,acme,data/vega.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,description
    claims,ORION,claim,ClaimNo,claim_id,int64,Number of the claim
    claims,ORION,claim,Amount,amount,float64,Paid
    claims,ORION,claim,Name,insured,string,Who is insured
    claims,VEGA,claim,Id,claim_id,int64,
"""
COLUMNS = """
    module_name,ai_column,unit,sensitivity,is_key
    claims,claim_id,,,Y
    claims,amount,euro,,
    claims,insured,,personal,
"""
SECRETS = ("Lovelace", "Hopper")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("described")
    project(folder, control=CONTROL, mapping=MAPPING)
    table(folder, "ai_columns", COLUMNS)
    toml = folder / "ai_dataflow.toml"
    toml.write_text('ai_columns = "ai_columns.csv"\n' + toml.read_text(encoding="utf-8"))
    text_file(folder, "data/claims.csv", "ClaimNo,Amount,Name\n1,10.5,Lovelace\n2,20,Lovelace\n")
    text_file(folder, "data/borealis.csv", "ClaimNo,Amount,Name\n3,,Hopper\nx,4,Hopper\n")
    text_file(folder, "data/vega.csv", "Id\n1\n")
    spine.run(folder)
    text_file(folder, "data/borealis.csv", "ClaimNo,Amount,Name\n3,7,Hopper\nx,4,Hopper\n")
    spine.run(folder)
    return folder


def _card(folder: Path, *options: str) -> dict[str, Any]:
    told = cli(folder, "describe", "claims", *options, "--json")
    assert told.returncode == 0, told.stderr
    card: dict[str, Any] = json.loads(told.stdout)
    return card


def _columns(card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in card["columns"]}


def test_it_says_what_is_published(published: Path) -> None:
    card = _card(published)
    assert (card["rows"], card["clients"], card["version"]) == (4, 2, 1)
    assert [(p["product"], p["rows"], p["clients"]) for p in card["products"]] == [
        ("ORION", 3, 2), ("VEGA", 1, 1),
    ]  # fmt: skip
    amount = _columns(card)["amount"]
    assert (amount["description"], amount["unit"], amount["clients"]) == ("Paid", "euro", 2)
    figures = amount["figures"]
    assert (figures["rows"], figures["filled"], figures["mean"]) == (4, 3, 12.5)
    by_product = {of["product"]: of for of in amount["products"]}
    assert by_product["ORION"]["cover"] == "mapped"
    assert by_product["ORION"]["cells"] == ["ai_mapping.csv:3:source_column"]
    assert "VEGA" not in by_product or by_product["VEGA"]["figures"]["filled"] == 0
    assert _columns(card)["claim_id"]["is_key"]


def test_it_says_how_full_columns_were_in_each_version(published: Path) -> None:
    card = _card(published)
    assert [(version["number"], version["rows"]) for version in card["versions"]] == [
        (0, 4),
        (1, 4),
    ]
    assert _columns(card)["amount"]["shares"] == [0.5, 0.75]


def test_it_says_how_far_values_moved_since_the_first_of_these_versions(published: Path) -> None:
    columns = _columns(_card(published))
    assert columns["amount"]["moved"]["distribution"] > 0.2
    assert columns["claim_id"]["moved"]["distribution"] == pytest.approx(0)
    assert columns["insured"]["moved"]["categories"] == 0


def test_it_says_what_is_left_out_and_who_owns_what(published: Path) -> None:
    card = _card(published)
    (group,) = card["left_out"]
    assert (group["reason"], group["ai_column"], group["rows"]) == ("REJ-001", "claim_id", 1)
    owners = {(owner["concern"], owner["product"]): owner["team"] for owner in card["owners"]}
    assert owners["source", "ORION"] == "orion-data"
    assert owners["mapping", ""] == "ai-mapping"
    assert card["covered"] == pytest.approx(4 / 6, abs=1e-3)


def test_the_values_of_a_sensitive_column_are_shown_on_request_alone(published: Path) -> None:
    """P10: a card goes further than the workstation."""
    page = published / "card.html"
    for options in ((), ("--client", "acme")):
        written = cli(published, "describe", "claims", *options, "--html", str(page))
        told = (cli(published, "describe", "claims", *options), written)
        texts = [each.stdout for each in told] + [page.read_text(encoding="utf-8")]
        texts.append(json.dumps(_card(published, *options)))
        assert [name for name in SECRETS for text in texts if name in text] == []
    assert _columns(_card(published))["insured"]["figures"]["distinct"] == 2
    shown = json.dumps(_card(published, "--sensitive"))
    assert all(name in shown for name in SECRETS)


def test_profile_leaves_out_what_the_card_leaves_out(published: Path) -> None:
    """P10: by the newest version too, of a version before the column was sensitive."""
    folder = shutil.copytree(published, published.with_name("guarded"))
    table(folder, "ai_columns", COLUMNS.replace("amount,euro,,", "amount,euro,Internal,"))
    text_file(folder, "data/vega.csv", "Id\n2\n")
    spine.run(folder)
    for options in ((), ("--client", "acme"), ("--version", "0")):
        shown = cli(folder, "profile", "claims", *options).stdout
        printed = cli(folder, "profile", "claims", *options, "--json").stdout
        assert not [name for name in (*SECRETS, "10.5") if name in shown + printed]
        assert "insured: values are not shown: personal" in shown
        of = {
            i["ai_column"]: i for i in json.loads(printed)["items"] if i["product_code"] == "ORION"
        }
        assert (of["insured"]["is_hidden"], of["claim_id"]["is_hidden"]) == (True, False)
        assert of["insured"]["distinct"] == 1 + (options != ("--client", "acme"))
    opened = cli(folder, "profile", "claims", "--sensitive", "--json").stdout
    assert all(name in opened for name in (*SECRETS, "10.5"))
    assert "not shown" not in cli(folder, "profile", "claims", "--sensitive").stdout


def test_a_publication_that_was_profiled_twice_counts_once(published: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(published, tmp_path / "twice")
    folders = Folders(Folder(str(folder / "workstation")))
    before = _card(folder)
    rows = open_profiles(folders, "claims").read()
    made = write_profiles(folders.profiles("claims"), rows)
    add_profiles(folders, "claims", [made], Writer("again"))
    after = _card(folder)
    assert after["columns"] == before["columns"]
    assert [p["rows"] for p in after["products"]] == [p["rows"] for p in before["products"]]


def test_of_one_client_it_has_the_rows_of_that_one(published: Path) -> None:
    card = _card(published, "--client", "borealis")
    assert (card["rows"], card["clients"], card["client"]) == (1, 1, "borealis")
    assert _columns(card)["amount"]["shares"] == [0.0, 1.0]
    assert len(card["left_out"]) == 1
    assert _card(published, "--client", "acme")["left_out"] == []


def test_the_terminal_shows_meaning_unit_and_fill_by_product(published: Path) -> None:
    lines = cli(published, "describe", "claims", columns=120).stdout.splitlines()
    assert lines[0] == "claims"
    assert "4 rows of 2 clients" in lines[2]
    (amount,) = (line for line in lines if line.startswith("amount"))
    assert amount.split() == ["amount", "float64", "euro", "75.0%", "100%", "–", "unique", "Paid"]
    assert any(line.startswith("REJ-001") and line.endswith("1        1") for line in lines)


def test_the_page_is_written_and_nothing_else(published: Path, tmp_path: Path) -> None:
    before = sorted(published.rglob("*"))
    page = tmp_path / "card.html"
    told = cli(published, "describe", "claims", "--html", str(page))
    assert told.stdout == f"wrote {page}\n"
    assert "<title>claims · data card</title>" in page.read_text(encoding="utf-8")
    assert sorted(published.rglob("*")) == before


def _code(told: subprocess.CompletedProcess[str]) -> str:
    assert told.returncode == 2
    return str(json.loads(told.stdout)["items"][0]["code"])


def test_what_is_not_published_and_what_cannot_be_written_is_told(
    published: Path, tmp_path: Path
) -> None:
    assert _code(cli(published, "describe", "claim", "--json")) == "RUN-041"
    assert _code(cli(published, "describe", "claims", "--client", "nobody", "--json")) == "RUN-041"
    nowhere = str(tmp_path / "nowhere" / "card.html")
    assert _code(cli(published, "describe", "claims", "--html", nowhere, "--json")) == "CFG-033"


def test_the_workstation_alone_is_enough(published: Path, tmp_path: Path) -> None:
    url = (published / "workstation").as_posix()
    text_file(tmp_path, "ai_dataflow.toml", f'[workstation]\nurl = "{url}"\n')
    card = _card(tmp_path)
    assert card["rows"] == 4
    assert (card["owners"], card["covered"]) == ([], None)
    assert card["notes"][0].startswith("Owners and coverage are not shown: CFG-")
    assert _columns(card)["amount"]["products"][0]["cells"] == ["ai_mapping.csv:3:source_column"]


def test_without_a_profile_it_says_so(tmp_path: Path) -> None:
    toml = '[workstation]\nurl = "workstation"\n[modules.claims]\nprofile = "off"\n'
    spine.run(project(tmp_path, toml=toml))
    card = _card(tmp_path)
    assert (card["rows"], card["products"]) == (2, [])
    assert card["notes"][0].startswith("This version has no profile")
    assert cli(tmp_path, "describe", "claims", "--html", "card.html").returncode == 0
    assert "no profile" in cli(tmp_path, "describe", "claims").stdout
