"""Generate the insurer: five products, five modules, four clients; a case that is as hard as life.

The sheet of the project is in `sheet`, as people write it. This program writes what the products
deliver, each in its way, and the control table that names it. Nothing but Python is needed; the
same SEED gives the same rows. Example: python examples/insurer/generate.py insurer
"""

import argparse
import csv
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import deliveries
from deliveries import Row

SEED = "insurer"
SHEET = Path(__file__).with_name("sheet")
MARKER = ".insurer"  # a folder with this file in it is ours to empty
EVERY_CLIENT = "*"
CLIENTS = {
    "ORION": "acme borealis cobaltix dunmore",
    "VEGA": "acme borealis cobaltix",
    "LYRA": "acme borealis dunmore",
    "POLARIS": "acme cobaltix dunmore",
    "CYGNUS": "borealis cobaltix dunmore",
}
LYRA_CLIENTS = {"acme": "4711", "borealis": "0815", "dunmore": "1234"}  # as LYRA calls them


class Source(NamedTuple):
    """A source: what the control table calls it, where it is, and which function has its rows."""

    product: str
    module: str
    submodule: str
    location: str
    file_format: str
    rows: str


SOURCES = [
    Source(*line.split())
    for line in """\
ORION agents agent /mnt/orion/{client_code}/agents.csv orion orion_agents
ORION agents branch /mnt/orion/{client_code}/branches.csv orion orion_branches
ORION agents region data/shared/regions.csv csv shared_regions
LYRA agents agent sql://lyra/agents?client_column=client - lyra_agents
ORION parties party /mnt/orion/{client_code}/parties.csv orion orion_parties
VEGA parties party data/vega/{client_code}/parties.jsonl - vega_parties
LYRA parties party sql://lyra/parties?client_column=client - lyra_parties
ORION policies policy /mnt/orion/{client_code}/policies.csv orion orion_policies
VEGA policies policy data/vega/{client_code}/policies.jsonl - vega_policies
POLARIS policies policy data/polaris/{client_code}/policies_*.csv polaris polaris_policies
ORION claims header /mnt/orion/{client_code}/claims.csv orion orion_headers
ORION claims line /mnt/orion/{client_code}/lines.csv orion orion_lines
LYRA claims claim sql://lyra/claims?client_column=client - lyra_claims
LYRA claims assessment sql://lyra/assessments?client_column=client - lyra_assessments
POLARIS claims claim data/polaris/{client_code}/claims.csv polaris polaris_claims
VEGA payments payment data/vega/{client_code}/payments.jsonl - vega_payments
VEGA payments rates data/shared/rates.csv csv shared_rates
POLARIS payments payment data/polaris/{client_code}/payments.csv polaris polaris_payments
POLARIS payments rates data/shared/rates.csv csv shared_rates
CYGNUS payments premium data/cygnus/{client_code}/premiums.csv csv cygnus_premiums
""".splitlines()
]


def clients_of(source: Source) -> list[str]:
    """Give the clients of a source; what all share is of every client."""
    return [EVERY_CLIENT] if source.rows.startswith("shared_") else CLIENTS[source.product].split()


def write_data(root: Path) -> None:
    """Write what the products deliver."""
    (root / "data").mkdir()
    with closing(sqlite3.connect(root / "data/lyra.sqlite")) as database, database:
        for source in SOURCES:
            for client in clients_of(source):
                rng = Random(f"{SEED} {source[:3]} {client}")  # noqa: S311 - no secret
                rows = getattr(deliveries, source.rows)(client, rng)
                if source.location.startswith("sql://"):
                    _write_table(database, source, LYRA_CLIENTS[client], rows)
                else:
                    path = source.location.replace("/mnt/", "data/").format(client_code=client)
                    _write_file(root / path, source, rows)


def _write_table(db: sqlite3.Connection, source: Source, client: str, rows: list[Row]) -> None:
    name = source.location.removeprefix("sql://lyra/").partition("?")[0]
    whole = ("agent_no", "party_no", "claim_no", "deleted")
    types = [f"{column} {'INTEGER' if column in whole else 'TEXT'}" for column in rows[0]]
    db.execute(f"CREATE TABLE IF NOT EXISTS {name} (client TEXT, {', '.join(types)})")
    marks = ", ".join("?" * (len(rows[0]) + 1))
    db.executemany(f"INSERT INTO {name} VALUES ({marks})", [(client, *r.values()) for r in rows])  # noqa: S608


def _write_file(path: Path, source: Source, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        lines = (f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
    elif "*" in path.name:
        for year in sorted({row["year"] for row in rows}):
            those = [{k: v for k, v in r.items() if k != "year"} for r in rows if r["year"] == year]
            _write_csv(path.with_name(path.name.replace("*", str(year))), those, source.file_format)
    else:
        _write_csv(path, rows, source.file_format)


def _write_csv(path: Path, rows: list[Row], file_format: str) -> None:
    is_german = file_format == "orion"
    with path.open("w", encoding="windows-1252" if is_german else "utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, [*rows[0]], delimiter=";" if is_german else ",", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)


def control_rows() -> Iterator[Row]:
    """Give the rows of the control table."""
    for source in SOURCES:
        for client in clients_of(source):
            yield {
                "product_code": source.product,
                "module_name": source.module,
                "submodule_name": source.submodule,
                "client_code": client,
                "module_location": source.location,
                "active": "Y",
                "file_format": source.file_format.strip("-"),
                "client_value": LYRA_CLIENTS[client] if source.product == "LYRA" else "",
            }


def write_project(root: Path) -> None:
    """Write what people write: the sheet as it is, and the control table."""
    for file in SHEET.iterdir():
        shutil.copyfile(file, root / file.name)
    rows = list(control_rows())
    _write_csv(root / "control_table.csv", rows, "")


def prepare(root: Path) -> bool:
    """Make an empty folder with the marker, unless that would cost somebody's files."""
    if root.exists() and not (root / MARKER).is_file() and (root.is_file() or any(root.iterdir())):
        return False
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / MARKER).touch()
    return True


def generate(root: Path) -> None:
    """Write the whole project into a prepared folder."""
    write_data(root)
    write_project(root)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", metavar="DIR", type=Path, help="new, empty, or an earlier insurer")
    root: Path = parser.parse_args().dir
    if not prepare(root):
        parser.exit(2, f"{root} is neither empty nor an earlier insurer: nothing was written\n")
    generate(root)
    print(f"The insurer is in {root}. Next: ai-dataflow run --config {root}")


if __name__ == "__main__":
    main()
