"""New rows of a SQL table join its copy, and whatever else happened to it is noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from ai_dataflow import load
from ai_dataflow.extracts.staging import last_extracts
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_ahead
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.services.postgres import Postgres

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active,load
    LYRA,claims,claim,acme,sql://lyra/events{options},Y,{load}
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,LYRA,claim,no,claim_id,int64
    claims,LYRA,claim,amount,amount,int64
"""
TOML = """
    [sql.lyra]
    url = "{url}"
    {changes}
    [workstation]
    url = "workstation"
"""
CREATE = "CREATE TABLE events (no INTEGER, amount INTEGER, client VARCHAR(20), seen {seen})"


class Shop:
    """A table of events, and a project over it."""

    def __init__(self, folder: Path, url: str, seen: str, **options: str) -> None:
        self.folder = folder
        self.engine = sa.create_engine(url)
        self.do("DROP TABLE IF EXISTS events", CREATE.format(seen=seen))
        control = CONTROL.format(options=options.get("options", ""), load=options.get("load", ""))
        changes = options.get("changes", "")
        toml = TOML.format(url=url, changes=changes)
        project(folder, control=control, mapping=MAPPING, toml=toml)

    def do(self, *statements: str) -> None:
        """Execute statements."""
        with self.engine.begin() as session:
            for statement in statements:
                session.execute(sa.text(statement))

    def run(self) -> str:
        """Run what changed; give what the extract says of how it was made."""
        report = spine.run_changed(self.folder)
        assert report.exit_code == 0, report.failed
        assert self.published() == self.rows()
        staging = open_workstation(load_project(self.folder).settings).staging("claims", "acme")
        (extract,) = last_extracts(staging).values()
        return extract.note

    def rows(self) -> list[tuple[int, int]]:
        """Give what is in the table."""
        with self.engine.begin() as session:
            return sorted(map(tuple, session.execute(sa.text("SELECT no, amount FROM events"))))

    def published(self) -> list[tuple[int, int]]:
        """Give what readers see."""
        rows = load("claims", "acme", columns=["claim_id", "amount"], config=self.folder)
        return sorted(rows.collect().rows())

    def told(self) -> list[str]:
        """Give why it would run."""
        due = look_ahead(make_draft(load_project(self.folder))).changes.due
        return [str(reason) for reasons in due.values() for reason in reasons]


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """Give a shop with three days of events."""
    seen = "INTEGER"
    url = f"sqlite:///{tmp_path / 'lyra.sqlite'}"
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        url, seen = postgres.url(postgres.create_database()), "TIMESTAMPTZ"
    made = Shop(tmp_path / "p", url, seen, options="?change_column=seen", load="append_by:Seen")
    made.do(*(insert(made, no, day) for no, day in ((1, 1), (2, 2), (3, 3))))
    assert made.run() == "read in full: there is no copy of it yet"
    assert made.told() == []
    return made


def moment(shop: Shop, day: int) -> str:
    """Spell a day in the type of the column."""
    return str(day) if shop.engine.dialect.name == "sqlite" else f"'2026-01-{day:02} 10:00:00.25'"


def insert(shop: Shop, no: int, day: int, amount: int = 10) -> str:
    """Give the statement that adds an event."""
    return f"INSERT INTO events VALUES ({no}, {amount}, 'acme', {moment(shop, day)})"  # noqa: S608


def test_new_rows_join_those_that_were_copied(shop: Shop) -> None:
    shop.do(insert(shop, 4, 4), insert(shop, 5, 4))
    assert shop.told() == ["sql://lyra/events changed"]
    assert shop.run().startswith("3 rows read, which are new")  # the last one that was known, too
    shop.do(insert(shop, 6, 4))
    assert shop.run().startswith("3 rows read, which are new")
    assert shop.told() == []


def moved_up(shop: Shop) -> str:
    """Give the statement that changes the first event."""
    return f"UPDATE events SET amount = 7, seen = {moment(shop, 4)} WHERE no = 1"  # noqa: S608


DELETE = "DELETE FROM events WHERE no = 2"
IN_BETWEEN: dict[str, Callable[[Shop], list[str]]] = {
    "late": lambda shop: [insert(shop, 9, 1)],
    "deleted": lambda _: [DELETE],
    "changed": lambda shop: [moved_up(shop)],
    "one left and another came late": lambda shop: [DELETE, insert(shop, 9, 1)],
    "without a value": lambda _: ["INSERT INTO events VALUES (9, 1, 'acme', NULL)"],
}


@pytest.mark.parametrize("what", IN_BETWEEN)
def test_what_is_not_appended_is_read_in_full(shop: Shop, what: str) -> None:
    shop.do(*IN_BETWEEN[what](shop), insert(shop, 20, 5))
    assert shop.run().startswith("read in full: older rows")


def test_a_mapping_that_needs_another_column_reads_all(shop: Shop) -> None:
    sheet = shop.folder / "ai_mapping.csv"
    sheet.write_text(sheet.read_text() + "claims,LYRA,claim,client,client,string\n")
    assert shop.run() == "read in full: its columns or the mapping changed"


def test_a_table_of_which_nothing_tells_is_read_always(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.url(postgres.create_database())
    shop = Shop(tmp_path, url, "INTEGER")
    shop.do(insert_number(1))
    shop.run()
    (reason,) = shop.told()
    assert reason == (
        "sql://lyra/events is read always: nothing tells whether the SQL table changed"
    )


def insert_number(no: int) -> str:
    """Give the statement that adds an event of a numbered moment."""
    return f"INSERT INTO events VALUES ({no}, 1, 'acme', {no})"  # noqa: S608


@pytest.mark.parametrize(
    "query", ["SELECT MAX(seen) FROM events", "SELECT MAX(seen) FROM events WHERE client = :client"]
)
def test_a_change_query_tells(postgres: Postgres, tmp_path: Path, query: str) -> None:
    url = postgres.url(postgres.create_database())
    shop = Shop(tmp_path, url, "INTEGER", changes=f'changes = {{ "Events" = "{query}" }}')
    shop.do(insert_number(1))
    shop.run()
    assert shop.told() == []
    shop.do("UPDATE events SET amount = 3")
    assert shop.told() == []  # the query does not say so
    shop.do("UPDATE events SET seen = 2")
    assert shop.told() == ["sql://lyra/events changed"]


def test_a_change_query_that_cannot_be_asked_fails_its_partition(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.url(postgres.create_database())
    changes = 'changes = { events = "SELECT nothing FROM events" }'
    shop = Shop(tmp_path, url, "INTEGER", changes=changes)
    report = spine.run_changed(shop.folder)
    assert report.statuses() == {"failed": 1}
    assert [p.error.code for p in report.partitions if p.error] == ["SRC-008"]


def test_a_copy_of_another_database_is_not_appended_to(tmp_path: Path) -> None:
    masked, real = (f"sqlite:///{tmp_path / name}.sqlite" for name in ("masked", "real"))
    shop = Shop(tmp_path / "p", masked, "INTEGER", load="append_by:seen")
    shop.do(insert_number(1), insert_number(2))
    shop.run()
    toml = shop.folder / "ai_dataflow.toml"
    toml.write_text(toml.read_text().replace(masked, real))
    shop.engine = sa.create_engine(real)
    shop.do(CREATE.format(seen="INTEGER"), insert_number(1), insert_number(2))
    shop.do("UPDATE events SET amount = 9")
    assert shop.run() == "read in full: the last copy is of another database, or other code"


def test_how_a_table_is_loaded_is_an_input(tmp_path: Path) -> None:
    shop = Shop(tmp_path, f"sqlite:///{tmp_path / 'l.sqlite'}", "INTEGER", load="append_by:seen")
    shop.do(insert_number(1))
    shop.run()
    control = shop.folder / "control_table.csv"
    control.write_text(control.read_text().replace("append_by:seen", ""))
    assert shop.told() == ["control row control_table.csv:2:module_location changed"]
