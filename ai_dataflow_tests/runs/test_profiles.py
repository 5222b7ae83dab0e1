"""Profiles of runs: of the version that readers see, by client and product, or absent."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from ai_dataflow import Workstation
from ai_dataflow.cli.show.column_profiles import show_profile
from ai_dataflow.partition import profiling
from ai_dataflow.runs import keeping_profiles
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.workstation import profile_history
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.profile_tables import add_profiles, write_profiles
from ai_dataflow.workstation.profiles import SCHEMA, open_profiles
from ai_dataflow_tests.projects import CONTROL, project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

OF_MAKING = ("publication", "run_id", "at")
TWO = f"{CONTROL}    ORION,claims,claim,bolt,data/bolt.csv,Y\n"


def two_clients(tmp_path: Path, **more: str) -> Path:
    """Write a project of two clients."""
    folder = project(tmp_path, control=TWO, **more)
    (folder / "data" / "bolt.csv").write_text("ClaimNo,Amount\n3,30\n4,\n5,50\n")
    return folder


def folders_of(folder: Path) -> Folders:
    """Give the workstation's folders."""
    return Workstation(folder / "workstation")._folders


def rows_profiled(folder: Path) -> dict[tuple[str, str], int]:
    """Count the rows that the current profiles tell of."""
    rows = Workstation(folder / "workstation")["claims"].profile().filter(ai_column="")
    return {(r["client_code"], r["product_code"]): r["rows"] for r in rows.to_dicts()}


def profile_of(folder: Path, client: str) -> pl.DataFrame:
    """Give the current profiles of a client without what says which making they are of."""
    return Workstation(folder / "workstation")["claims"].profile(client=client).drop(*OF_MAKING)


def rows_published(folder: Path) -> dict[tuple[str, str], int]:
    """Count the rows that readers see."""
    rows = Workstation(folder / "workstation")["claims"].scan()
    counted = rows.group_by("client_code", "product_code").len().collect()
    return {(client, product): height for client, product, height in counted.iter_rows()}


def test_a_profile_is_of_the_version_that_it_names(tmp_path: Path) -> None:
    """Of each version: after a second run the first one's is still there."""
    folder = two_clients(tmp_path)
    spine.run(folder)
    assert rows_profiled(folder) == rows_published(folder) == {
        ("acme", "ORION"): 2, ("bolt", "ORION"): 3
    }  # fmt: skip
    (folder / "data" / "bolt.csv").write_text("ClaimNo,Amount\n3,30\n4,40\n")
    spine.run_changed(folder)
    dataset = Workstation(folder / "workstation")["claims"]
    now, then = (dataset.profile(version, "bolt").filter(ai_column="amount") for version in (1, 0))
    assert (now["nulls"].item(), then["nulls"].item()) == (0, 1)
    assert (now["mapping_cell"].item(), now["mapping"].item()) == (
        "ai_mapping.csv:3:source_column", "claim · Amount · float64"
    )  # fmt: skip
    assert rows_profiled(folder) == rows_published(folder)
    merged = dataset.profile(by=["ai_column"]).filter(ai_column="claim_id")
    assert merged.select("rows", "distinct", "least", "greatest").row(0) == (4, 4, "1", "4")


def test_a_new_type_gives_all_clients_a_new_profile(tmp_path: Path) -> None:
    """One that was not run is recast in the commit: its profile has the new type, the old stays."""
    folder = two_clients(tmp_path)
    spine.run(folder)
    table = folder / "ai_mapping.csv"
    table.write_text(table.read_text().replace("claim_id,int64", "claim_id,string"))
    report = spine.run(folder, ["claims|bolt"])
    assert not report.failed
    dataset = Workstation(folder / "workstation")["claims"]
    now, then = (dataset.profile(version).filter(ai_column="claim_id") for version in (1, 0))
    assert now["ai_type"].to_list() == ["string"] * 2
    assert then["ai_type"].to_list() == ["int64"] * 2
    assert now["length_greatest"].to_list() == [1, 1]
    assert now["mapping_cell"].to_list() == ["ai_mapping.csv:2:source_column"] * 2
    assert rows_profiled(folder) == rows_published(folder)


def test_what_waits_has_its_profile_when_it_is_accepted(tmp_path: Path) -> None:
    """It was kept when it was made, and nobody saw it."""
    folder = two_clients(tmp_path)
    spine.run(folder)
    (folder / "data" / "bolt.csv").write_text("ClaimNo,Amount\n9,90\n")
    assert [p.status for p in spine.run_changed(folder).failed] == ["waiting"]
    assert rows_profiled(folder) == rows_published(folder)
    assert not spine.accept(folder, "claims|bolt").failed
    assert rows_profiled(folder) == rows_published(folder)
    assert rows_profiled(folder)["bolt", "ORION"] == 1
    accepted = profile_of(folder, "bolt")
    spine.run(folder)
    assert accepted.equals(profile_of(folder, "bolt"))


def test_a_replay_has_a_profile(tmp_path: Path) -> None:
    """Of what is published from then on, as a run of the same rows has it."""
    folder = two_clients(tmp_path)
    (folder / "data" / "bolt.csv").write_text("ClaimNo,Amount\n3,30\nvier,40\n")
    spine.run(folder)
    assert rows_profiled(folder)["bolt", "ORION"] == 1
    table = folder / "ai_mapping.csv"
    table.write_text(
        table.read_text()
        .replace("ai_type\n", "ai_type,transform\n")
        .replace("claim_id,int64", "claim_id,int64,\"REPLACE(ClaimNo, 'vier', '4')\"")
        .replace("amount,float64", "amount,float64,")
        .replace("claim,ClaimNo,", "claim,,")
    )
    spine.replay(folder)
    assert rows_profiled(folder) == rows_published(folder)
    assert rows_profiled(folder)["bolt", "ORION"] == 2
    replayed = profile_of(folder, "bolt")
    spine.run(folder)
    assert replayed.equals(profile_of(folder, "bolt"))


@pytest.mark.parametrize("level", ["off", "counts"])
def test_less_is_kept_if_less_is_wanted(tmp_path: Path, level: str) -> None:
    """Nothing, or counts and ends."""
    toml = f'[workstation]\nurl = "workstation"\n[modules.claims]\nprofile = "{level}"\n'
    folder = two_clients(tmp_path, toml=toml)
    spine.run(folder)
    rows = open_profiles(folders_of(folder), "claims").read()
    assert (rows.height > 0) == (level == "counts")
    amounts = rows.filter(ai_column="amount")
    assert amounts["distinct"].to_list() == [2, 2][: amounts.height]
    assert amounts["mean"].null_count() == amounts["hashes"].null_count() == amounts.height


@pytest.mark.proves(
    "write", "denied", "profiles that cannot be kept are a warning; the data is there"
)
@pytest.mark.parametrize("fault", ["computing", "keeping"])
def test_what_hinders_profiles_hinders_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, in_process: None
) -> None:
    """It is told as a warning, without a value, and the data is published."""

    def fail(*_: object) -> None:
        raise pl.exceptions.ComputeError("4711 cannot be profiled")

    folder = two_clients(tmp_path)
    if fault == "computing":
        monkeypatch.setattr(profiling, "profiles_of", fail)
    else:
        monkeypatch.setattr(keeping_profiles, "add_profiles", fail)
    report = spine.run(folder)
    assert not report.failed
    (problem,) = report.diagnostics
    assert (problem["code"], problem["severity"], report.exit_code) == ("WST-009", "warning", 0)
    assert "4711" not in str(problem)
    assert rows_published(folder)
    assert not rows_profiled(folder)


def test_cleanup_keeps_the_profiles_that_versions_name(tmp_path: Path) -> None:
    """Those of a killed run go, many files become one, and each version has what it had."""
    folder = two_clients(tmp_path)
    for run in range(3):
        (folder / "data" / "bolt.csv").write_text(f"ClaimNo,Amount\n{run},30\n")
        spine.run_changed(folder)
    place, dataset = folders_of(folder), Workstation(folder / "workstation")["claims"]
    before = [dataset.profile(version) for version in (0, 1, 2)]
    killed = before[0].with_columns(publication=pl.lit("f" * 32))
    left = write_profiles(place.profiles("claims"), killed)
    add_profiles(place, "claims", [left], Writer(""))
    at_once = timedelta(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_history, "_FILES", 2)
        assert not any(done.problems for done in clean(place, "cleanup", at_once).values())
    assert "f" * 32 not in open_profiles(place, "claims").read()["publication"]
    assert len(open_profiles(place, "claims").files) == 1
    assert [dataset.profile(version).equals(was) for version, was in enumerate(before)] == [
        True
    ] * 3
    clean(place, "cleanup", at_once)
    files = (folder / "workstation" / "_profiles" / "claims").glob("*.parquet")
    assert len([*files]) == 1


def test_cleanup_puts_small_files_together_and_leaves_the_others(tmp_path: Path) -> None:
    """A table may be larger than memory is: the oldest publications go, file by file."""
    folder = two_clients(tmp_path)
    for run in range(6):
        (folder / "data" / "bolt.csv").write_text(f"ClaimNo,Amount\n{run},30\n")
        spine.run_changed(folder)
    place = folders_of(folder)
    each = open_profiles(place, "claims").read()
    newest = each.filter(pl.col("at").rank("dense", descending=True).over("client_code") <= 4)
    files, height = {*open_profiles(place, "claims").files}, newest.height
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_history, "PUBLICATIONS", 4)
        patch.setattr(profile_history, "_SMALL", 0)
        clean(place, "cleanup", timedelta(0))
        stayed = {*open_profiles(place, "claims").files}
        assert len(stayed - files) == 1, "the file of both clients lost one of them"
        assert len(files - stayed) == 2, "that, and one of which nothing stays"
        patch.setattr(profile_history, "_ROWS", 1 + height // 2)
        patch.setattr(profile_history, "_SMALL", height)
        patch.setattr(profile_history, "_FILES", 1)
        clean(place, "cleanup", timedelta(0))
    assert len(open_profiles(place, "claims").files) == 2
    assert open_profiles(place, "claims").read().equals(newest)


def test_the_command_shows_what_columns_are_like(tmp_path: Path) -> None:
    """By product, of the clients together."""
    folder = two_clients(tmp_path)
    spine.run(folder)
    shown = cli(folder, "profile", "claims").stdout
    assert "claims, ORION: 5 rows" in shown
    assert "80.0%" in shown
    document = json.loads(cli(folder, "profile", "claims", "--client", "bolt", "--json").stdout)
    amount = next(item for item in document["items"] if item["ai_column"] == "amount")
    assert (amount["rows"], amount["nulls"], amount["greatest"]) == (3, 1, "50.0")
    assert cli(folder, "profile", "claims", "--client", "nobody").returncode == 2


def test_without_columns_rows_are_counted_once(tmp_path: Path) -> None:
    """Each column's profile has the product's rows: together they would be as often as columns."""
    folder = two_clients(tmp_path)
    spine.run(folder)
    dataset = Workstation(folder / "workstation")["claims"]
    by_product = dataset.profile(by="product_code")
    assert by_product.select("product_code", "rows").rows() == [("ORION", 5)]
    for wrong in ([], ["rows"], ["ai_column", "ai_column"]):
        with pytest.raises(ValueError, match="`by` takes one or more of client_code"):
            dataset.profile(by=wrong)


def test_some_is_not_shown_as_nothing_and_blanks_are_seen() -> None:
    """Shares are of the values, and errors are the ones that the table has."""
    row = {
        "product_code": "ORION", "ai_column": "name", "ai_type": "string", "rows": 5_000,
        "nulls": 1_000, "distinct": 900, "distinct_error": 0.125, "least": "", "greatest": "z",
        "frequent": [{"value": " ", "rows": 2_000}, {"value": "z", "rows": 2}],
    }  # fmt: skip
    console = Console(record=True, width=200)
    rows = pl.DataFrame([row], SCHEMA).with_columns(is_hidden=pl.lit(value=False))
    show_profile(console, "claims", rows, {})
    line = console.export_text().splitlines()[-1]
    assert line.split() == [
        "name", "string", "80.0%", "900", "±12%", '""', "z", '"', '"', "50%,", "z", "<1%"
    ]  # fmt: skip
