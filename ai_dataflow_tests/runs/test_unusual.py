"""What is unusual of what runs publish: in the report, the mails, Dagster, and nowhere a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.notifications.messages import Surroundings, messages_of
from ai_dataflow.notifications.render import to_html, to_text
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.projects import project, table, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import instance_of, run_project

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,sales,order,acme,data/acme.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
    sales,ORION,order,No,sale_id,int64,
    sales,ORION,order,City,city,string,
    sales,ORION,order,Amount,amount,float64,
    sales,ORION,order,Due,due,string,
"""
OTHER_MAPPING = MAPPING.replace(
    "Amount,amount,float64,", ",amount,float64,CAST(Amount AS DOUBLE) * 100"
)
TEAMS = """
    team,email,concern,product_code,module_name,notify
    orion,orion@example.org,source,ORION,,both
    sheet,sheet@example.org,mapping,,,digest
    platform,platform@example.org,platform,,,failures
"""
TOML = """
    [workstation]
    url = "workstation"
    [modules.sales]
    {}
"""
ROWS = 400
CANARIES = ("Karlsbad", "Quedlinburg", "Ulm", "Zwickau")


def shop(folder: Path, settings: str = "", mapping: str = MAPPING) -> Path:
    """Write a project of one partition, with a delivery."""
    project(folder, control=CONTROL, mapping=mapping, teams=TEAMS, toml=TOML.format(settings))
    deliver(folder)
    return folder


def deliver(
    folder: Path, factor: int = 1, cities: tuple[str, ...] = CANARIES[:3], rows: int = ROWS
) -> None:
    """Deliver rows; `factor` of the amounts, and the cities that they are of."""
    lines = [
        f"{n},{cities[n % len(cities)]},{(n % 97 + 3.25) * factor:.2f},2025-03-{n % 28 + 1:02}"
        for n in range(rows)
    ]
    text_file(folder, "data/acme.csv", "\n".join(["No,City,Amount,Due", *lines]) + "\n")


def told(report: RunReport) -> dict[str, tuple[str, str, str]]:
    """Give what is unusual by column: its kind, its owner, its place."""
    return {one.ai_column: (one.kind, one.owner, one.place) for one in report.unusual}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunReport]:
    """Run a project whose amounts turn into cents and whose cities change, within Dagster."""
    folder = shop(tmp_path_factory.mktemp("odd"))
    spine.run(folder)
    deliver(folder, factor=100, cities=(*CANARIES[1:3], CANARIES[3]))
    return folder, run_project(folder)


def test_what_is_unusual_is_reported_and_published(odd: tuple[Path, RunReport]) -> None:
    _, report = odd
    assert told(report) == {
        "amount": ("level", "orion", "ai_mapping.csv:4:source_column"),
        "city": ("new", "orion", "ai_mapping.csv:3:source_column"),
    }
    assert (report.partitions[0].status, report.exit_code) == ("ok", 0)
    amount = next(one for one in report.unusual if one.ai_column == "amount")
    assert (amount.partition, amount.product, amount.against) == ("sales|acme", "ORION", "before")
    assert amount.message.startswith("the typical size is 100 times that before")


def test_no_value_is_in_the_report_the_mails_or_dagster(odd: tuple[Path, RunReport]) -> None:
    folder, report = odd
    teams = load_project(folder).teams
    messages, _ = messages_of(report, [], teams, Surroundings())
    assert [message.team for message in messages] == ["orion"]
    mails = [text for message in messages for text in (to_html(message), to_text(message))]
    assert all("sales.amount of ORION, client acme" in mail for mail in mails)
    with instance_of(folder) as instance:
        stored = [str(entry) for entry in instance.all_logs(report.run_id)]
    assert any("the typical size is 100 times" in entry for entry in stored)
    said = [report.model_dump_json(), *mails, *stored]
    values = [*CANARIES, "325.00", "9925.00"]
    assert not [value for value in values for text in said if value in text]


def test_rows_are_of_their_source(tmp_path: Path) -> None:
    folder = shop(tmp_path, "max_rows_fall = '100%'")
    spine.run(folder)
    deliver(folder, rows=ROWS // 4)
    report = spine.run(folder)
    assert told(report)[""] == ("rows", "orion", "control_table.csv:2:module_location")
    assert next(one.message for one in report.unusual) == "100 rows; 400 before (-75%)"


def test_what_waited_is_compared_when_it_is_accepted(tmp_path: Path) -> None:
    """It was compared with nothing while nobody saw it; what is made next is usual."""
    folder = shop(tmp_path)
    spine.run(folder)
    deliver(folder, factor=100, rows=ROWS // 4)
    waiting = spine.run(folder)
    assert ([p.status for p in waiting.partitions], waiting.unusual) == (["waiting"], [])
    report = spine.accept(folder, "sales|acme")
    assert told(report)[""] == ("rows", "orion", "control_table.csv:2:module_location")
    assert told(report)["amount"] == ("level", "orion", "ai_mapping.csv:4:source_column")
    assert spine.run(folder).unusual == []


def test_a_replay_is_compared_with_what_it_replaces(tmp_path: Path) -> None:
    """What passes then may be unlike what passed before: here every second row is a reject."""
    folder = shop(tmp_path)
    text = (folder / "data/acme.csv").read_text().splitlines()
    odd = [line.replace(".25", ".25 EUR") if n % 2 else line for n, line in enumerate(text)]
    (folder / "data/acme.csv").write_text("\n".join(odd) + "\n")
    assert spine.run(folder).partitions[0].rows_rejected == ROWS // 2
    strict = "Amount,amount,float64,"
    scaled = ",amount,float64,\"CAST(REPLACE(Amount, ' EUR', '') AS DOUBLE) * 100\""
    table(folder, "ai_mapping", MAPPING.replace(strict, scaled))
    report = spine.replay(folder)
    assert report.partitions[0].rows_replayed == ROWS // 2
    assert told(report)["amount"][:2] == ("distribution", "sheet")


def test_a_change_of_the_sheet_is_the_sheets(tmp_path: Path) -> None:
    spine.run(shop(tmp_path))
    report = spine.run(shop(tmp_path, mapping=OTHER_MAPPING))
    assert {column: owner for column, (_, owner, _) in told(report).items()} == {"amount": "sheet"}


@pytest.mark.parametrize("settings", ["unusual = false", 'profile = "off"'])
def test_who_does_not_want_it_hears_nothing(tmp_path: Path, settings: str) -> None:
    spine.run(shop(tmp_path, settings))
    deliver(tmp_path, factor=100)
    report = spine.run(tmp_path)
    assert (report.unusual, report.diagnostics) == ([], [])


def test_profiles_that_cannot_be_read_are_a_warning(tmp_path: Path) -> None:
    spine.run(shop(tmp_path))
    for file in (tmp_path / "workstation/_profiles/sales").glob("**/*.parquet"):
        file.write_bytes(b"no parquet")
    deliver(tmp_path, factor=100)
    report = spine.run(tmp_path)
    assert (report.partitions[0].status, report.exit_code) == ("ok", 0)
    warned = [d for d in report.diagnostics if d["code"] == "RUN-048"]
    assert [(d["severity"], d["owner"]) for d in warned] == [("warning", "platform")]
