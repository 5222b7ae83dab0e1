"""A control row's location, resolved; what cannot be is refused in its cell."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import Settings, SqlConnection
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import FileLocation, Location, SqlLocation, resolve
from ai_dataflow.tables.table import Sheet

FOLDER = Path("/project")
SETTINGS = Settings(
    folder=FOLDER,
    mounts={
        "orion": "data/orion/",
        "lake": "/srv/lake",
        "blob": "abfss://semantic@orionlake.dfs.core.windows.net",
        "deep": "abfss://semantic@orionlake.dfs.core.windows.net/a b/",
    },
    sql={"policydb": SqlConnection(url=SecretStr("sqlite://"))},
)


def resolved(location: str, file_format: str = "") -> Location:
    row = ControlRow(
        Sheet("control_table.csv"), 42, "ORION", "claims", "header", "acme", location,
        file_format, active=True,
    )  # fmt: skip
    return resolve(row, SETTINGS)


def problem(location: str) -> Diagnostic:
    with pytest.raises(DataflowError) as error:
        resolved(location)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.place == "control_table.csv:42:module_location"
    assert diagnostic.line == 42
    return diagnostic


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("data/claims.csv", "/project/data/claims.csv"),
        ("/srv/claims/*.parquet", "/srv/claims/*.parquet"),
        ("/mnt/orion/claims", "/project/data/orion/claims"),
        ("/mnt/lake/claims", "/srv/lake/claims"),
        (
            "{product_code}/{module_name}/{submodule_name}/{client_code}.csv",
            "/project/ORION/claims/header/acme.csv",
        ),
        ("/mnt/lake/{client_code}", "/srv/lake/acme"),
    ],
)
def test_a_path_becomes_absolute_with_mounts_and_names_filled_in(location: str, url: str) -> None:
    found = resolved(location, "csv")
    assert isinstance(found, FileLocation)
    assert (found.url, found.file_format) == (url, "csv")


def test_a_location_is_shown_as_the_control_table_spells_it() -> None:
    assert str(resolved("/mnt/orion/{client_code}")) == "/mnt/orion/acme"
    assert str(resolved("sql://policydb/dbo.Claims")) == "sql://policydb/dbo.Claims"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("sql://policydb/Claims", SqlLocation("policydb", "Claims", client="acme")),
        ("sql://policydb/dbo.Claims", SqlLocation("policydb", "Claims", "dbo", client="acme")),
        (
            "sql://policydb/dbo.{submodule_name}?client_column=Client",
            SqlLocation("policydb", "header", "dbo", "Client", "acme"),
        ),
        (
            "sql://policydb/dbo.Claim%20Lines",
            SqlLocation("policydb", "Claim Lines", "dbo", client="acme"),
        ),
    ],
)
def test_a_table_has_connection_schema_and_client_column(
    location: str, expected: SqlLocation
) -> None:
    assert resolved(location) == expected


@pytest.mark.parametrize(
    ("location", "code", "says"),
    [
        ("/mnt/orio/claims", "CTL-007", "no mount `orio`; did you mean `orion`?"),
        ("/mnt/", "CTL-007", "no mount ``"),
        ("sql://polcydb/dbo.Claims", "CTL-008", "`polcydb`; did you mean `policydb`?"),
        ("sql://[policydb]/dbo.Claims", "CTL-008", "policydb"),
        ("data/{client}.csv", "CTL-009", "`{client}` is no placeholder; did you mean"),
        ("sql://policydb/", "CTL-009", "no table"),
        ("sql://policydb/dbo.", "CTL-009", "no table"),
        ("sql://policydb/dbo.Claims?client=C", "CTL-009", "`client`"),
        ("sql://policydb/dbo.Claims?client_column=", "CTL-009", "client_column"),
        ("ftp://host/claims.csv", "CTL-009", "ftp://"),
    ],
)
def test_what_is_no_location_is_refused_in_its_cell(location: str, code: str, says: str) -> None:
    diagnostic = problem(location)
    assert diagnostic.code == code
    assert says in diagnostic.message


@pytest.mark.parametrize(
    "location", ["sql://sa:hunter2@policydb/dbo.Claims", "mssql://sa:hunter2@db/dbo.Claims"]
)
def test_a_password_put_into_a_location_is_not_repeated(location: str) -> None:
    assert "hunter2" not in repr(problem(location))


@pytest.mark.parametrize(
    "location",
    ["../x.csv", "..", "data/../../x.csv", "data/../../../etc/*.csv", "./../x", "../{client_code}",
     "/mnt/orion/..", "/mnt/orion/../vega/x.csv", "/mnt/lake/a/../../x", "/mnt/orion//../../x",
     "/mnt/orion/~/../../x"],
)  # fmt: skip
def test_a_location_that_leads_out_of_its_folder_is_refused(location: str) -> None:
    assert problem(location).code == "CTL-013"


@pytest.mark.parametrize(
    "location", ["data/../x.csv", "..data/x.csv", "data/x..csv", "/a/../x.csv", "/mnt/orion/a/../x"]
)
def test_dots_that_stay_inside_or_begin_absolute_are_fine(location: str) -> None:
    assert isinstance(resolved(location), FileLocation)


@pytest.mark.parametrize("location", ["~no-such-user-here/x.csv", "data/a\0b.csv", "data/a\nb.csv"])
def test_a_path_that_no_system_has_is_no_location(location: str) -> None:
    assert problem(location).code == "CTL-009"


LAKE = "abfss://semantic@orionlake.dfs.core.windows.net"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (f"{LAKE}/claims.csv", f"{LAKE}/claims.csv"),
        (f"{LAKE}/claims/", f"{LAKE}/claims"),
        (f"ABFSS{LAKE[5:]}/Claims", f"{LAKE}/Claims"),
        (f"{LAKE}/ü #1 50%/a+b[0-9]*.csv", f"{LAKE}/ü #1 50%/a+b[0-9]*.csv"),
        (f"{LAKE}/year=2026/**/*.parquet", f"{LAKE}/year=2026/**/*.parquet"),
        (
            f"{LAKE}/{{product_code}}/{{client_code}}/*.csv",
            f"{LAKE}/ORION/acme/*.csv",
        ),
        (
            "abfss://{client_code}@orionlake.dfs.core.windows.net/x",
            "abfss://acme@orionlake.dfs.core.windows.net/x",
        ),
        ("/mnt/blob/claims.csv", f"{LAKE}/claims.csv"),
        ("/mnt/blob", f"{LAKE}/"),
        ("/mnt/blob/", f"{LAKE}/"),
        ("/mnt/deep/{client_code}/x.csv", f"{LAKE}/a b/acme/x.csv"),
    ],
)
def test_a_place_in_a_storage_account_is_a_url_of_its_own(location: str, url: str) -> None:
    found = resolved(location)
    assert isinstance(found, FileLocation)
    assert found.url == url
    assert (
        str(found).replace("acme", "{client_code}").replace("ORION", "{product_code}") == location
    )


@pytest.mark.parametrize(
    ("location", "says"),
    [
        (f"{LAKE}/../x", "`.` or `..`"),
        ("/mnt/blob/../other/x", "`.` or `..`"),
        ("/mnt/blob/a/./x", "`.` or `..`"),
        ("/mnt/blob/a//x", "an empty part"),
        (f"{LAKE}/a\tb", "cannot be seen"),
        (f"{LAKE}/a.csv?sv=1&sig=hunter2", "has a signature"),
        ("abfss://orionlake/x", "is not of the form"),
        ("abfss://{module_name}_x@orionlake.dfs.core.windows.net/x", "can be no container"),
        ("https://orionlake.blob.core.windows.net/semantic/x?sig=hunter2", "https://"),
        ("wasbs://semantic@orionlake.blob.core.windows.net/x", "wasbs://"),
        ("abfs://semantic@orionlake.dfs.core.windows.net/x", "abfs://"),
    ],
)
def test_a_url_that_is_no_place_says_what_is_wrong(location: str, says: str) -> None:
    diagnostic = problem(location)
    assert diagnostic.code == "CTL-009"
    assert says in diagnostic.message
    assert "hunter2" not in f"{diagnostic} {diagnostic!r}"
    if "://orionlake.blob" in location or location.startswith(("wasbs", "abfs:")):
        assert f"{LAKE}/x" in diagnostic.fix
