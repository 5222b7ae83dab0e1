"""Generate the demo project: three products, three modules, twelve clients, planted defects.

The tables at the top describe the data; the functions only turn them into sources and into the
files that a user of `ai_dataflow` writes. No clock, no network: the same SEED, the same rows.
Example: python examples/generate.py demo
"""

import argparse
import csv
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

import polars as pl
import polars.selectors as cs
from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font

SEED = "ai_dataflow demo"
MARKER = ".demo"  # a folder with this file in it is ours to empty
Value = str | int | float | Decimal | date | None  # a bool is an int, a datetime is a date


class Source(NamedTuple):
    """The semantic model of one client: the first columns of the control table."""

    product_code: str
    module_name: str
    submodule_name: str
    client_code: str


class Column(NamedTuple):
    """One AI column. Flags: K key, R required, X only used inside a transform."""

    ai_column: str
    ai_type: str
    flags: str
    names: str  # in ORION, VEGA and LYRA; "-" where the product does not deliver it
    description: str = ""  # for the readers of the dataset


CLIENTS = {
    "ORION": "acme borealis cobaltix dunmore elmwood ferrovia granite",
    "VEGA": "acme borealis elmwood ferrovia halcyon ironbay juniper kestrel",
    "LYRA": "acme borealis dunmore granite ironbay juniper kestrel lumina",
}
INACTIVE = {("VEGA", "juniper")}  # delivered, but the control table says active=N
PARQUET = {"ferrovia", "granite"}  # clients that ORION has moved from CSV to Parquet
LOCATIONS = {
    "ORION": "/mnt/orion/{module_name}/{submodule_name}/{client_code}.csv",
    "VEGA": "data/vega/{module_name}/{submodule_name}/{client_code}",
    "LYRA": "sql://lyra/{module_name}_{submodule_name}?client_column=client_code",
}
NO_YES: dict[str, Sequence[Value]] = {"ORION": "NY", "VEGA": (False, True), "LYRA": (0, 1)}
POLICY = (
    Column("policy_number", "string", "R", "POL_NO policyNumber policy_no", "Policy number"),
    Column("inception_date", "date", "R", "START_DT inceptionDate valid_from", "Cover starts"),
    Column("annual_premium", "decimal(18,2)", "R", "PREM_AMT annualPremium premium", "In euro"),
    Column("is_active", "boolean", "", "ACTIVE_FLAG active active_flag", "Policy is in force"),
)
SUBMODULES: dict[tuple[str, str], tuple[Column, ...]] = {
    ("claims", "header"): (
        Column("claim_id", "string", "KR", "CLM_NO claimId claim_number", "Claim number"),
        Column("policy_ref", "string", "", "POL_NO policyRef policy_no", "Policy that answers"),
        Column("loss_date", "date", "R", "LOSS_DT lossDate date_of_loss", "Day of the loss"),
        Column("reported_at", "timestamp", "", "RPT_TS reportedAt reported", "First notice, UTC"),
        Column("is_open", "boolean", "", "OPEN_FLAG isOpen open_flag", "Claim is not settled"),
        Column("cause_of_loss", "string", "", "CAUSE_TXT cause loss_cause", "In capitals"),
    ),
    ("claims", "line"): (  # joined to header on claim_id: one claim, two or three lines
        Column("claim_id", "string", "KR", "CLM_NO claimId claim_number", "Claim number"),
        Column("line_number", "int64", "R", "LINE_NO lineNo line_no", "Line within the claim"),
        Column("paid_amount", "decimal(18,2)", "R", "PAID_AMT paidAmount paid", "Paid, in euro"),
        Column("units", "int64", "X", "UNITS quantity pieces"),
        Column("unit_cost", "float64", "X", "UNIT_COST costEach cost_each"),
        Column("gross_amount", "float64", "", "- - -", "Units times unit cost, in euro"),
    ),
    ("policies", "motor"): POLICY,
    ("policies", "property"): (  # no key here and in motor: their rows are appended
        *POLICY,
        Column("built_year", "int64", "", "- builtYear year_built", "Year of construction"),
    ),
    ("customers", "customer"): (
        Column("customer_id", "string", "KR", "CUST_NO customerId customer_no", "Number"),
        Column("customer_name", "string", "R", "CUST_NAME name company", "In capitals"),
        Column("country_code", "string", "", "country_code country_code country_code", "ISO 3166"),
        Column("employees", "int64", "", "EMP_CNT staffCount headcount", "Number of employees"),
        Column("risk_score", "float64", "", "RISK_SCORE riskScore -", "Grows with the risk"),
    ),
}
TRANSFORMS = {  # AI columns in braces stand for the names that the product has for them
    "cause_of_loss": "upper(trim({cause_of_loss}))",
    "customer_name": "upper(trim({customer_name}))",
    "country_code": "upper(trim({country_code}))",
    "gross_amount": "CAST({units} AS DOUBLE) * CAST({unit_cost} AS DOUBLE)",
}

# Broken on purpose, a partition each: a file that the control table names and nobody delivered,
# and a Delta table that an old release wrote, without a column that the sheet maps.
MISSING_FILE = Source("ORION", "claims", "line", "dunmore")
MISSING_COLUMN = (Source("VEGA", "policies", "motor", "kestrel"), "annual_premium")
# Broken on purpose, single rows: so many have this value in this AI column. None is in a claim
# header or fills a whole claim, so each is one rejected row, whatever the join does.
DEFECTS: dict[Source, tuple[str, str | None, int]] = {
    # Amounts typed over by hand, days that do not exist, a word for a number.
    Source("ORION", "claims", "line", "acme"): ("paid_amount", "n/a", 3),
    Source("LYRA", "claims", "line", "lumina"): ("paid_amount", "n/a", 2),
    Source("ORION", "policies", "motor", "borealis"): ("inception_date", "2024-02-30", 2),
    Source("LYRA", "policies", "motor", "ironbay"): ("inception_date", "2024-02-30", 3),
    Source("LYRA", "customers", "customer", "granite"): ("employees", "unknown", 2),
    # Blanks in required columns.
    Source("ORION", "policies", "property", "cobaltix"): ("annual_premium", None, 2),
    Source("ORION", "customers", "customer", "elmwood"): ("customer_name", None, 4),
    Source("LYRA", "customers", "customer", "juniper"): ("customer_name", None, 1),
}
# A typed database column could not hold such values: LYRA has TEXT there.
LYRA_TEXT = {column for source, (column, _, _) in DEFECTS.items() if source[0] == "LYRA"}
SQL_TYPES = {"decimal(18,2)": "NUMERIC(18,2)", "float64": "REAL"} | dict.fromkeys(
    ("boolean", "int64"), "INTEGER"
)  # and TEXT for the others: SQLite has no dates


class Place(NamedTuple):
    """Where a value goes: line `line` of the `number`th claim, policy or customer of a source."""

    rng: Random
    source: Source
    number: int
    line: int


NAMES = ("alder", "Brightwater", " Corvex", "dalen", "Evermont", "Fjällby", "Górnik", "Île Verte")
# By AI column, else by AI type. The untidy spellings are what the transforms are for.
MAKERS: dict[str, Callable[[Place], Value]] = {
    "policy_ref": lambda at: f"MOTOR-{at.rng.randint(1, 200):05d}",
    "cause_of_loss": lambda at: at.rng.choice(("fire", " Flood", "THEFT ", "Storm", "collision")),
    "line_number": lambda at: at.line,
    "units": lambda at: at.rng.randint(1, 12),
    "built_year": lambda at: at.rng.randint(1950, 2021),
    "policy_number": lambda at: f"{at.source.submodule_name.upper()}-{at.number:05d}",
    "customer_name": lambda at: f"{at.rng.choice(NAMES)} {at.rng.choice(('Works', 'mills '))}",
    "country_code": lambda at: at.rng.choice(("DE", "fr", "NL ", "se", "PL")),
    "string": lambda at: f"{at.source.module_name[:3].upper()}-{at.number:05d}",
    "boolean": lambda at: at.rng.choice(NO_YES[at.source.product_code]),
    "int64": lambda at: at.rng.randint(1, 5_000),
    "float64": lambda at: round(at.rng.uniform(5, 900), 2),
    "decimal(18,2)": lambda at: Decimal(at.rng.randint(1_000, 9_000_000)).scaleb(-2),
    "date": lambda at: date(2022, 1, 3) + timedelta(days=3 * at.number),
    "timestamp": lambda at: datetime(2022, 1, 4, 9) + timedelta(days=3.0271 * at.number),
}
SOURCES = [Source(p, *m, c) for p in CLIENTS for m in SUBMODULES for c in CLIENTS[p].split()]


def _delivered(source: Source) -> dict[Column, str]:
    """Return the columns that the source has, with their names in the product."""
    product = list(CLIENTS).index(source.product_code)
    columns = SUBMODULES[source.module_name, source.submodule_name]
    names = {c: c.names.split()[product] for c in columns if (source, c[0]) != MISSING_COLUMN}
    return {column: name for column, name in names.items() if name != "-"}


def _rows(source: Source) -> list[list[Value]]:
    # Header and line must agree on the claims, so the key of `count` has no submodule.
    count = Random(f"{SEED} {source[:2]} {source[3]}").randint(200, 260)  # noqa: S311 - no secret
    rng = Random(f"{SEED} {tuple(source)}")  # noqa: S311
    top = 3 if source.submodule_name == "line" else 1
    sizes = [(n, rng.randint(min(2, top), top)) for n in range(1, count + 1)]
    places = [Place(rng, source, n, line + 1) for n, size in sizes for line in range(size)]
    makers = {c[0]: MAKERS.get(c.ai_column, MAKERS[c.ai_type]) for c in _delivered(source)}
    rows = [[make(place) for make in makers.values()] for place in places]
    ai_column, bad, times = DEFECTS.get(source, ("", None, 0))
    for row in rows[10::37][:times]:  # far apart, so that each claim keeps a good line
        row[list(makers).index(ai_column)] = bad
    return rows


def _location(source: Source) -> str:
    where = LOCATIONS[source.product_code]
    return where.replace(".csv", ".parquet") if source.client_code in PARQUET else where


def _path(source: Source) -> Path:
    return Path(_location(source).replace("/mnt", "data").format(**source._asdict()))


def _write_csv(path: Path, rows: Iterable[Sequence[Value]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _write_file(path: Path, names: list[str], rows: list[list[Value]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        return _write_csv(path, [names, *rows])
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    frame = frame.with_columns(cs.decimal().cast(pl.Decimal(18, 2)))
    return frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_delta(path)


def _write_sql(db: sqlite3.Connection, source: Source, rows: list[list[Value]]) -> None:
    types = ["client_code TEXT NOT NULL"]
    for column, name in _delivered(source).items():
        in_sql = "" if column.ai_column in LYRA_TEXT else SQL_TYPES.get(column.ai_type)
        types.append(f"{name} {in_sql or 'TEXT'}")
    table = f"{source.module_name}_{source.submodule_name}"
    db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(types)})")
    # sqlite3 takes no Decimal and no date; as text they get the affinity of the declared type.
    plain = [[str(v) if isinstance(v, Decimal | date) else v for v in row] for row in rows]
    insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(types))})"  # noqa: S608 - ours
    db.executemany(insert, [[source.client_code, *row] for row in plain])


def write_sources(root: Path) -> None:
    """Write what the products deliver."""
    (root / "data").mkdir()
    with closing(sqlite3.connect(root / "data" / "lyra.sqlite")) as db, db:
        for source in SOURCES:
            if source.product_code == "LYRA":
                _write_sql(db, source, _rows(source))
            elif source != MISSING_FILE:
                _write_file(root / _path(source), [*_delivered(source).values()], _rows(source))


MAPPING_HEADER = {  # column of the sheet: its width and the note on its header cell
    "module_name": (14, "The module. One dataset is published per module."),
    "product_code": (14, "The product that has the source column; * means every product."),
    "submodule_name": (16, "The part of the module, as in the control table."),
    "source_column": (18, "The name in the source, exactly. Blank if a transform says it all."),
    "ai_column": (18, "The name in the AI dataset, the same for all products."),
    "ai_type": (15, "string, boolean, int64, float64, decimal(p,s), date or timestamp."),
    "transform": (52, "Optional: a scalar SQL expression over source columns."),
    "is_key": (9, "Y: submodules are joined on this column. No key: they are appended."),
    "required": (10, "Y: a row without a value here is rejected, with the reason."),
    "description": (32, "For readers of the dataset; it travels in the schema."),
}
TEAMS = """\
team,email,concern,product_code,module_name,notify
orion-data,orion-data@example.org,source,ORION,*,
vega-customers,vega-customers@example.org,source,VEGA,customers,
vega-data,vega-data@example.org,source,VEGA,*,
lyra-data,lyra-data@example.org,source,LYRA,*,
ai-mapping,ai-mapping@example.org,mapping,*,*,
ai-platform,ai-platform@example.org,*,*,*,both
"""
SETTINGS = """\
# The demo project of ai_dataflow. Relative paths start at the folder of this file.
control_table = "control_table.csv"    # what to load: one row per product, submodule and client
ai_mapping = "ai_mapping.xlsx#AI_Map"  # which product column feeds which AI column: file#sheet
teams = "teams.csv"                    # who gets which mail: the first row that matches

[mounts]                               # /mnt/orion/... in the control table starts here; in Azure
orion = "data/orion"                   # e.g. "abfss://semantic@orionlake.dfs.core.windows.net"

[sql.lyra]                             # sql://lyra/... in the control table: any SQLAlchemy URL.
url = "sqlite:///data/lyra.sqlite"     # SQLite stands for Azure SQL here

[workstation]
url = "workstation"                    # where datasets, rejected rows and run reports go

[execution]
workers = 4                            # how many partitions (module x client) at once
"""


def _mapping_rows() -> Iterator[list[str]]:
    for (module, submodule), columns in SUBMODULES.items():
        for product in CLIENTS:
            names = _delivered(Source(product, module, submodule, ""))
            own = {column.ai_column: name for column, name in names.items()}
            for column in columns:
                name = names.get(column, "")
                transform = TRANSFORMS.get(column.ai_column, "").format(**own)
                shared = set(column.names.split()) == {name}  # then one row for every product
                where = [module, "*" if shared else product, submodule, name]
                ai = [column.ai_column, column.ai_type, transform]
                is_mapped = "X" not in column.flags and (name or transform)
                if is_mapped and (product == "ORION" or not shared):
                    flags = ["Y" if flag in column.flags else "" for flag in "KR"]
                    yield [*where, *ai, *flags, column.description]


def _write_mapping(path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "AI_Map"
    for row in ([*MAPPING_HEADER], *_mapping_rows()):
        sheet.append([text or None for text in row])
    for cell, (width, note) in zip(sheet[1], MAPPING_HEADER.values(), strict=True):
        cell.font = Font(bold=True)
        cell.comment = Comment(note, "ai_dataflow", height=80, width=260)
        sheet.column_dimensions[cell.coordinate.rstrip("1")].width = width
    sheet.freeze_panes = "A2"
    book.save(path)


def _control_row(source: Source) -> list[str]:
    active = "N" if (source.product_code, source.client_code) in INACTIVE else "Y"
    file_format = "delta" if source.product_code == "VEGA" else ""  # else the name shows it
    return [*source, _location(source), active, file_format]


def write_project(root: Path) -> None:
    """Write what a user of `ai_dataflow` writes."""
    (root / "ai_dataflow.toml").write_text(SETTINGS, encoding="utf-8", newline="\n")
    (root / "teams.csv").write_text(TEAMS, encoding="utf-8", newline="\n")
    header = [*Source._fields, "module_location", "active", "file_format"]
    _write_csv(root / "control_table.csv", [header, *map(_control_row, SOURCES)])
    _write_mapping(root / "ai_mapping.xlsx")


def prepare(root: Path) -> bool:
    """Make an empty folder with the marker, unless that would cost somebody's files."""
    if root.exists() and not (root / MARKER).is_file() and (root.is_file() or any(root.iterdir())):
        return False
    root.mkdir(parents=True, exist_ok=True)
    (root / MARKER).touch()  # first, so that an interrupted run can be repeated
    for entry in [entry for entry in root.iterdir() if entry.name != MARKER]:
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    return True


def _broken() -> Iterator[str]:
    yield f"{MISSING_FILE[1]}|{MISSING_FILE[3]} fails: {_path(MISSING_FILE)} is missing"
    source, ai_column = MISSING_COLUMN
    yield f"{source[1]}|{source[3]} fails: {_path(source)} has no column for {ai_column}"
    for (product, module, part, client), (name, bad, times) in DEFECTS.items():
        yield f"{module}|{client} rejects {times} {product} {part} rows: {name} is {bad or 'blank'}"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", metavar="DIR", type=Path, help="new, empty, or an earlier demo")
    root: Path = parser.parse_args().dir
    if not prepare(root):
        parser.exit(2, f"{root} is neither empty nor an earlier demo: nothing was written\n")
    write_sources(root)
    write_project(root)
    print(f"The demo project is in {root}. What is broken on purpose:", *_broken(), sep="\n  ")


if __name__ == "__main__":
    main()
