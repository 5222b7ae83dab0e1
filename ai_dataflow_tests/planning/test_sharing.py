"""Clients that would get each other's rows: held back, whoever is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import project, text_file

HEADER = "product_code,module_name,submodule_name,client_code,module_location,active"
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,id,claim_id,int64
    claims,ORION,line,id,claim_id,int64
"""
CLIENTS = ("a", "ab", "b")
PATHS = ("a.csv", "ab.csv", "b.csv", "a/x.csv", "a/b.csv", "ab/x.csv", "a_b/x.csv", "b/a/x.csv")
LOCATIONS = (
    "{client_code}.csv", "{client_code}*.csv", "{client_code}", "{client_code}*", "*{client_code}",
    "*/{client_code}", "**/{client_code}.csv", "[{client_code}]*.csv", ".",
)  # fmt: skip


def _project(folder: Path, locations: Mapping[str, str], submodule: str = "claim") -> Path:
    rows = [f"ORION,claims,{submodule},{client},data/{location},Y"
            for client, location in locations.items()]  # fmt: skip
    return project(folder, control="\n".join([HEADER, *rows]), mapping=MAPPING)


def _plan(folder: Path, only: list[str] | None = None) -> Plan:
    keys = None if only is None else [PartitionKey(f"claims|{client}") for client in only]
    return look_live(make_draft(load_project(folder)), keys).plan


def _held(plan: Plan) -> set[str]:
    assert {p.code for p in plan.errors} <= {"CTL-016", "SRC-001"}
    return {key.client for key in plan.held}


@examples(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    locations=st.fixed_dictionaries({c: st.sampled_from(LOCATIONS) for c in CLIENTS}),
    paths=st.sets(st.sampled_from(PATHS), min_size=2),
)
def test_no_file_feeds_two_clients(
    tmp_path_factory: pytest.TempPathFactory, locations: dict[str, str], paths: set[str]
) -> None:
    """What each client alone would read tells who reads what another reads."""
    folder = tmp_path_factory.mktemp("shop")
    _project(folder, locations)
    (folder / "data/claims.csv").unlink()
    for path in paths:
        text_file(folder, f"data/{path}", "id\n1\n")
    read: dict[str, set[Path]] = {}
    for client, location in locations.items():
        alone = _plan(_project(folder, {client: location}))
        listing = next((j.sources[0].seen for j in alone.jobs.values()), None)
        files = getattr(listing, "files", ())
        read[client] = {Path(getattr(listing, "folder", "")) / file.path for file in files}
        (folder / "data/claims.csv").unlink()
    sharing = {c for c in CLIENTS for o in CLIENTS if o != c and read[c] & read[o]}
    _project(folder, locations)
    (folder / "data/claims.csv").unlink()
    assert _held(_plan(folder)) == sharing
    for client in CLIENTS:
        assert _held(_plan(folder, [client])) & {client} == sharing & {client}


def test_both_rows_are_named(tmp_path: Path) -> None:
    folder = _project(tmp_path, {"a": "{client_code}*.csv", "ab": "{client_code}*.csv"})
    for name in ("a_2024", "ab_2024"):
        text_file(folder, f"data/{name}.csv", "id\n1\n")
    (problem,) = _plan(folder).errors
    assert problem.code == "CTL-016"
    assert problem.message == (
        "ab_2024.csv at data/a*.csv is the source of a, ab: each would be published with the rows "
        "of all; see control_table.csv:2:module_location and control_table.csv:3:module_location"
    )
    assert problem.place == "control_table.csv:2:module_location"
    assert problem.partitions == ("claims|a", "claims|ab")
    assert (problem.owner, problem.severity) == ("ai-platform", "error")


def test_a_link_is_the_file_that_it_leads_to(tmp_path: Path) -> None:
    folder = _project(tmp_path, {"a": "a.csv", "b": "b.csv"})
    text_file(folder, "data/a.csv", "id\n1\n")
    (folder / "data/b.csv").symlink_to("a.csv")
    assert _held(_plan(folder)) == {"a", "b"}


def test_files_that_share_their_bytes_are_several(tmp_path: Path) -> None:
    """Hard links: what a backup or a store that keeps equal files once makes of them."""
    folder = _project(tmp_path, {"a": "a.csv", "b": "b.csv"})
    text_file(folder, "data/a.csv", "id\n1\n")
    (folder / "data/b.csv").hardlink_to(folder / "data/a.csv")
    assert _held(_plan(folder)) == set()


def test_a_delta_table_and_its_partition(tmp_path: Path) -> None:
    rows = pl.DataFrame({"id": [1, 2], "client": ["a", "b"]})
    folder = _project(tmp_path, {"a": "t/client=a", "b": "t/client=b", "c": "t"})
    options = {"partition_by": "client"}
    rows.write_delta(folder / "data/t", delta_write_options=options)
    assert _held(_plan(folder)) == {"a", "b", "c"}
    _project(folder, {"a": "t/client=a", "b": "t/client=b"})
    assert _held(_plan(folder)) == set()


def test_one_client_may_read_a_file_twice(tmp_path: Path) -> None:
    rows = [f"ORION,claims,{name},a,data/a.csv,Y" for name in ("claim", "line")]
    folder = project(tmp_path, control="\n".join([HEADER, *rows]), mapping=MAPPING)
    text_file(folder, "data/a.csv", "id\n1\n")
    assert _held(_plan(folder)) == set()


def test_another_submodules_file_is_another_clients_too(tmp_path: Path) -> None:
    rows = ["ORION,claims,claim,a,data/*.csv,Y", "ORION,claims,line,b,data/b.csv,Y"]
    folder = project(tmp_path, control="\n".join([HEADER, *rows]), mapping=MAPPING)
    (folder / "data/claims.csv").unlink()
    for name in ("a", "b"):
        text_file(folder, f"data/{name}.csv", "id\n1\n")
    assert _held(_plan(folder)) == {"a", "b"}
