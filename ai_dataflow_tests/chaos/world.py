"""The project under chaos: what its products deliver in each generation, and what must come of it.

A generation is a number that every row carries, so whoever reads a dataset knows which one it is.
What is expected is computed here in plain Python, by the rules in docs/merging.md.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ai_dataflow.config.settings import load_settings
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow_tests.projects import NO_LIMITS, project, text_file

CLIENTS = ("acme", "borealis", "cirrus")
MODULES = ("claims", "policies")
PARTITIONS = tuple(f"{module}|{client}" for module in MODULES for client in CLIENTS)

CONTROL = (
    """
    product_code,module_name,submodule_name,client_code,module_location,active
"""
    + "".join(
        f"""\
    ORION,claims,header,{client},data/{client}/header.csv,Y
    ORION,claims,line,{client},data/{client}/line.csv,Y
    VEGA,claims,claim,{client},sql://vega/claims?client_column=client,Y
    ORION,policies,policy,{client},data/{client}/policy.csv,Y
"""
        for client in CLIENTS
    )
    + """\
    VEGA,claims,office,*,sql://vega/offices,Y
"""
)
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key,required
    claims,ORION,header,ClaimNo,claim_id,int64,Y,Y
    claims,ORION,header,Gen,generation,int64,,
    claims,ORION,header,Days,days,int64,,
    claims,ORION,line,ClaimNo,claim_id,int64,Y,Y
    claims,ORION,line,Gen,line_generation,int64,,
    claims,ORION,line,Amount,amount,int64,,
    claims,VEGA,claim,id,claim_id,int64,,Y
    claims,VEGA,claim,gen,generation,int64,,Y
    claims,VEGA,claim,total,amount,int64,,
    claims,VEGA,office,id,claim_id,int64,,Y
    claims,VEGA,office,gen,generation,int64,,Y
    policies,ORION,policy,PolicyNo,policy_id,int64,,Y
    policies,ORION,policy,Gen,generation,int64,,Y
    policies,ORION,policy,Premium,premium,int64,,
"""
TOML = """
[execution]
workers = {workers}

[sql.vega]
url = "sqlite:///data/vega.sqlite"

{workstation}
""" + "".join(f"\n[modules.{module}]\n{NO_LIMITS}" for module in MODULES)
LOCAL = '[workstation]\nurl = "workstation"\n'

COLUMNS = {
    "claims": ("product_code", "claim_id", "generation", "line_generation", "days", "amount"),
    "policies": ("product_code", "policy_id", "generation", "premium"),
}
# Of a reject: the product, the submodule, the AI column, and the number and the generation that
# are in the raw row.
KEYS = {"header": ("ClaimNo", "Gen"), "claim": ("id", "gen"), "policy": ("PolicyNo", "Gen")}

OFFICE = 9001  # in a table that all clients share

Row = tuple[str | int | None, ...]
Rows = Counter[Row]


@dataclass(frozen=True)
class World:
    """A project and the generation that its products have delivered last."""

    folder: Path
    modules: ClassVar[tuple[str, ...]] = MODULES
    clients: ClassVar[tuple[str, ...]] = CLIENTS

    @cached_property
    def workstation(self) -> Folders:
        """Where it publishes."""
        return open_workstation(load_settings(self.folder))

    def deliver(self, generation: int) -> None:
        """Let the products deliver: all files and tables anew."""
        for client in CLIENTS:
            for name, lines in _files(generation, client).items():
                text = "".join(",".join(map(str, line)) + "\n" for line in lines)
                text_file(self.folder, f"data/{client}/{name}.csv", text)
        _deliver_table(self.folder / "data" / "vega.sqlite", generation)


def make_world(folder: Path, workstation: str = LOCAL, workers: int = 1) -> World:
    """Write a project; nothing is delivered yet. `workstation` is the settings' part for it.

    With one worker a run's writes have one order, so that the n-th of them is always the same.
    """
    toml = TOML.format(workers=workers, workstation=workstation)
    project(folder, control=CONTROL, mapping=MAPPING, toml=toml)
    return World(folder)


def generation_of(module: str, row: Row) -> int | None:
    """Give the generation that a row carries; the line's where the header was rejected."""
    values = dict(zip(COLUMNS[module], row, strict=True))
    found = values["generation"] if values["generation"] is not None else values["line_generation"]
    return found if isinstance(found, int) else None


def expected(module: str, client: str, generation: int) -> Rows:
    """Give the rows of a partition in a generation."""
    if module == "policies":
        policies = range(_policies(generation, client))
        bad = _is_odd(generation, client)
        return Counter(("ORION", n, generation, n * 7) for n in policies if n or not bad)
    vega = _vega(generation, client)
    offices = Counter([("VEGA", OFFICE, generation, None, None, None)])
    return (
        _expected_orion(generation, client)
        + offices
        + Counter(
            ("VEGA", n, generation, None, None, int(total)) for n, total in vega if total != "n/a"
        )
    )


def _expected_orion(generation: int, client: str) -> Rows:
    found: Rows = Counter()
    for claim, days in _headers(generation, client):
        header = (generation, days) if isinstance(days, int) else (None, None)
        lines = [amount for number, amount in _lines(generation, client) if number == claim]
        for amount in lines:
            found["ORION", claim, header[0], generation, header[1], amount] += 1
        if not lines and header[0] is not None:
            found["ORION", claim, generation, None, days, None] += 1
    return found


def expected_rejects(module: str, client: str, generation: int) -> Rows:
    """Give the rejects of a partition in a generation; see `KEYS`."""
    if module == "policies":
        bad = _is_odd(generation, client)
        return Counter([("ORION", "policy", "premium", "0", str(generation))] if bad else [])
    headers = [
        ("ORION", "header", "days", str(claim), str(generation))
        for claim, days in _headers(generation, client)
        if not isinstance(days, int)
    ]
    vega = [
        ("VEGA", "claim", "amount", str(n), str(generation))
        for n, total in _vega(generation, client)
        if total == "n/a"
    ]
    return Counter([*headers, *vega])


def reject_row(product: str, submodule: str, ai_column: str, raw_row: str) -> Row:
    """Give a reject as `expected_rejects` does."""
    raw = json.loads(raw_row)
    return (product, submodule, ai_column, *(str(raw[name]) for name in KEYS[submodule]))


def _index(client: str) -> int:
    return CLIENTS.index(client)


def _is_odd(generation: int, client: str) -> bool:
    return (generation + _index(client)) % 2 == 1


def _policies(generation: int, client: str) -> int:
    return 4 + (generation + _index(client)) % 3


def _headers(generation: int, client: str) -> list[tuple[int, int | str]]:
    """Give claim numbers and days. In two of three generations the first is a reject."""
    first = 100 * _index(client)
    bad = (generation + _index(client)) % 3 > 0
    count = 3 + (generation + _index(client)) % 2
    return [(first + n, "soon" if bad and not n else 10 + n) for n in range(count)]


def _lines(generation: int, client: str) -> list[tuple[int, int]]:
    """Give claim numbers and amounts: two lines for each claim, none for the last."""
    headers = _headers(generation, client)[:-1]
    return [(claim, generation * 1000 + n) for claim, _ in headers for n in range(2)]


def _vega(generation: int, client: str) -> list[tuple[int, str]]:
    """Give claim ids and totals, as text. For two of three clients one is no number."""
    bad = _is_odd(generation, client)
    ids = range(2 + generation % 2)
    return [(n, "n/a" if bad and n == 1 else str(generation + n)) for n in ids]


def _files(generation: int, client: str) -> dict[str, list[tuple[int | str, ...]]]:
    bad = _is_odd(generation, client)
    policies = range(_policies(generation, client))
    headers = _headers(generation, client)
    lines = _lines(generation, client)
    return {
        "header": [("ClaimNo", "Gen", "Days"), *((n, generation, days) for n, days in headers)],
        "line": [("ClaimNo", "Gen", "Amount"), *((n, generation, much) for n, much in lines)],
        "policy": [
            ("PolicyNo", "Gen", "Premium"),
            *((n, generation, n * 7 if n or not bad else "much") for n in policies),
        ],
    }


def _deliver_table(file: Path, generation: int) -> None:
    file.unlink(missing_ok=True)
    rows = [(client, n, generation, total) for client in CLIENTS
            for n, total in _vega(generation, client)]  # fmt: skip
    database = sqlite3.connect(file)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("CREATE TABLE claims (client TEXT, id INTEGER, gen INTEGER, total TEXT)")
    database.executemany("INSERT INTO claims VALUES (?, ?, ?, ?)", rows)
    database.execute("CREATE TABLE offices (id INTEGER, gen INTEGER)")
    database.execute("INSERT INTO offices VALUES (?, ?)", (OFFICE, generation))
    database.commit()
    database.close()
