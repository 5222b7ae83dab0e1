"""The project of an encounter: what each generation of its sheet publishes, and what readers see.

A generation is a sheet: it is added to each amount, a thousandfold, so that readers see whose sheet
a row was made with. Two products, of which one is joined and one is in a database.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl
from deltalake import DeltaTable

from ai_dataflow.connections.scans import delta_options, delta_uri, scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.staging import last_extracts
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.kept_rows import all_kept
from ai_dataflow_tests.chaos.world import LOCAL, World
from ai_dataflow_tests.projects import project, text_file

CLIENTS = ("acme", "borealis")
MODULE = "claims"
PARTITIONS = tuple(f"{MODULE}|{client}" for client in CLIENTS)
ENDPOINT = "PAUSED_ENDPOINT"
# Polars has other names for them; a reader needs none.
_RETRIES = {"max_retries", "retry_timeout", "backoff_config.init_backoff",
            "backoff_config.max_backoff", "backoff_config.base"}  # fmt: skip

_CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
""" + "".join(
    f"""\
    ORION,claims,head,{client},data/{client}/head.csv,Y
    ORION,claims,line,{client},data/{client}/line.csv,Y
    VEGA,claims,claim,{client},sql://vega/claims?client_column=client,Y
"""
    for client in CLIENTS
)
_TOML = """
[execution]
workers = 1

[sql.vega]
url = "sqlite:///data/vega.sqlite"

{workstation}
"""
# Row 3 is a reject of the first sheet, row 4 of all sheets but the last.
_AMOUNTS = {1: "10", 2: "20", 3: "x", 4: "y"}
OLD, OURS, NEW, LAST = 1, 2, 3, 9
# After a sheet that rejects nothing the first one would reject two rows of four: it waits.
FULL, SHRUNK = LAST, OLD

Row = tuple[str, int, int | None]
Rows = frozenset[Row]


@dataclass(frozen=True)
class Scene(World):
    """A project with one module of two clients."""

    modules: ClassVar[tuple[str, ...]] = (MODULE,)
    clients: ClassVar[tuple[str, ...]] = CLIENTS

    def deliver(self, generation: int) -> None:
        """Give the project the sheet of a generation, and the rows that its database has then."""
        text_file(self.folder, "ai_mapping.csv", _sheet(generation))
        _deliver_table(self.folder / "data" / "vega.sqlite", generation)

    def rows(self) -> dict[str, Rows]:
        """Give each client's rows as Polars reads them, which have to be what deltalake reads."""
        folder = self.workstation.dataset(MODULE)
        plain = {k: v for k, v in (delta_options(folder) or {}).items() if k not in _RETRIES}
        options = plain or None
        if not DeltaTable.is_deltatable(delta_uri(folder), options):
            return {client: frozenset() for client in CLIENTS}
        seen = pl.read_delta(delta_uri(folder), storage_options=options)
        table = DeltaTable(delta_uri(folder), storage_options=options)
        again = pl.DataFrame(table.to_pyarrow_table())
        found = {c: _rows(seen.filter(client_code=c)) for c in CLIENTS}
        assert found == {c: _rows(again.filter(client_code=c)) for c in CLIENTS}
        assert sum(map(len, found.values())) == seen.height, "rows are there twice"
        return found

    def open_rejects(self) -> dict[str, int]:
        """Count the open rejects of what readers see, of each client; all their files are there."""
        found = reject_tables.current(self.workstation, MODULE)
        scans = {c: reject_tables.scan(self.workstation, MODULE, now.rejects)
                 for c, now in found.items()}  # fmt: skip
        return {c: s.filter(reject_tables.IS_OPEN).collect().height for c, s in scans.items()}

    def copied(self) -> dict[str, int]:
        """Give the generation of each client's copy of the table."""
        found = {}
        for client in CLIENTS:
            staging = self.workstation.staging(MODULE, client)
            copy = next(e for e in last_extracts(staging).values() if e.staged)
            rows = scan_parquet(staging, [file.path for file in copy.files]).collect()
            found[client] = rows["total"].item() // 1000
        return found

    def kept(self) -> dict[str, set[str]]:
        """Give the sources whose rows are kept for what readers see, of each client."""
        now = reject_tables.current(self.workstation, MODULE)
        kept = [*all_kept(self.workstation, MODULE)]
        return {
            c: {k.submodule for k in kept if (k.client, k.publication) == (c, now[c].publication)}
            for c in CLIENTS
        }

    def has_published(self, run_id: str, client: str, version: int) -> bool:
        """Tell whether a run has given a client files with a version of the dataset."""
        # Not by `history`, whose numbers are wrong where a table is opened at an older version.
        name = f"_delta_log/{version:020}.json"
        log = self.workstation.dataset(MODULE).read(name).splitlines()
        actions = [json.loads(line) for line in log]
        runs = {action["commitInfo"].get("run_id") for action in actions if "commitInfo" in action}
        added = [action["add"]["partitionValues"] for action in actions if "add" in action]
        return runs == {run_id} and {"client_code": client} in added


def make_scene(folder: Path, workstation: str = LOCAL) -> Scene:
    """Write a project; `workstation` are the settings' part for it."""
    project(folder, control=_CONTROL, toml=_TOML.format(workstation=workstation))
    lines = "".join(f"{n},{amount}\n" for n, amount in _AMOUNTS.items())
    heads = "".join(f"{n},name\n" for n in _AMOUNTS)
    for client in CLIENTS:
        text_file(folder, f"data/{client}/head.csv", f"id,name\n{heads}")
        text_file(folder, f"data/{client}/line.csv", f"id,amount\n{lines}")
    return Scene(folder)


def rows_of(generation: int, *, replayed: int = 0) -> Rows:
    """Give a client's rows of a sheet; the rejects of it that a later sheet has replayed."""
    orion: dict[int, int | None] = {1: 10, 2: 20, 3: 30 if generation > 1 else None, 4: None}
    found = {n: amount and amount + 1000 * generation for n, amount in orion.items()}
    if replayed:
        found[3] = found[3] or 30 + 1000 * replayed
        found[4] = 40 + 1000 * replayed if replayed == LAST else None
    return frozenset(
        {*(("ORION", n, amount) for n, amount in found.items()), ("VEGA", 5, _total(generation))}
    )


def _total(generation: int) -> int:
    return 50 + 1000 * generation


def _sheet(generation: int) -> str:
    mended = {"x": "30", "y": "40"} if generation == LAST else {"x": "30"}
    cases = "".join(f"WHEN '{bad}' THEN '{good}' " for bad, good in mended.items())
    text = f"CASE amount {cases}ELSE amount END" if generation > 1 else "amount"
    return f"""
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key
        claims,ORION,head,id,id,int64,,Y
        claims,ORION,line,id,id,int64,,Y
        claims,ORION,line,,amount,int64,CAST({text} AS BIGINT) + {1000 * generation},
        claims,VEGA,claim,id,id,int64,,
        claims,VEGA,claim,total,amount,int64,,
    """


def _deliver_table(file: Path, generation: int) -> None:
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE claims (client TEXT, id INTEGER, total INTEGER)")
        rows = [(client, 5, _total(generation)) for client in CLIENTS]
        database.executemany("INSERT INTO claims VALUES (?, ?, ?)", rows)
        database.commit()


def _rows(frame: pl.DataFrame) -> Rows:
    return frozenset(frame.select("product_code", "id", "amount").rows())


class Snapshot:
    """What a workstation has, to be put back before each encounter."""

    def __init__(self, scene: Scene) -> None:
        root = scene.workstation.root
        self._root = root
        self._files = {file.path: root.read(file.path) for file in root.files()}

    def put_back(self) -> None:
        """Let the workstation be as it was."""
        _clear(self._root)
        for path, content in self._files.items():
            self._root.write(path, content)


def _clear(root: Folder) -> None:
    if root.account is None:
        shutil.rmtree(root.url, ignore_errors=True)
        return
    root.delete([file.path for file in root.files()])


def behind(endpoint: str) -> None:
    """Let this process reach the workstation by an endpoint."""
    os.environ[ENDPOINT] = endpoint
