"""Projects whose sources and workstation are storage accounts of an Azurite, and their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ai_dataflow import load
from ai_dataflow.connections import accounts
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import run_project
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.processes import unique

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,{orion},Y
    ORION,claims,claim,borealis,{orion},Y
    VEGA,claims,claim,cirrus,/mnt/vega/cirrus.csv,Y
    VEGA,premiums,premium,cirrus,/mnt/vega/cirrus.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,*,claim,ClaimNo,claim_id,int64
    claims,*,claim,Amount,amount,float64
    premiums,*,premium,ClaimNo,premium_id,int64
"""
ORION, VEGA, WORKSTATION = "orionlake", "vegalake", "workstation"
ROWS = 400  # of each source; the amount of one is none
CLIENTS = ("acme", "borealis", "cirrus")
Servers = Mapping[str, Azurite]


def abfss(account: str, container: str, path: str = "") -> str:
    """Give the URL of a path in an account, as people write it."""
    return f"abfss://{container}@{account}.dfs.core.windows.net/{path}".rstrip("/")


def storage(
    azurite: Azurite,
    names: Iterable[str],
    *,
    endpoints: Mapping[str, str] | None = None,
    sas: Mapping[str, str] | None = None,
) -> str:
    """Give the `[storage.*]` sections of accounts: with their keys, or the SAS tokens given."""
    found, tokens = endpoints or {}, sas or {}
    sections = []
    for name in names:
        credential = (
            f'sas_token = "{tokens[name]}"'
            if name in tokens
            else f'account_key = "{azurite.keys[name]}"'
        )
        endpoint = found.get(name) or azurite.endpoint(name)
        sections.append(f'[storage.{name}]\n{credential}\nendpoint = "{endpoint}"\n')
    return "\n".join(sections)


def as_in_a_new_process() -> None:
    """Forget which accounts were down, as whoever runs the command again has forgotten."""
    accounts.DOWN.clear()


def frame_of(client: str) -> pl.DataFrame:
    """Give the rows of a client's source; the last one's amount is no number."""
    first = CLIENTS.index(client) * 10_000
    amounts = [*(f"{number}.25" for number in range(ROWS - 1)), "much"]
    return pl.DataFrame({"ClaimNo": range(first, first + ROWS), "Amount": amounts})


@dataclass(frozen=True)
class Lake:
    """A project of four partitions, two of them of ORION's account, with a workstation."""

    folder: Path
    container: str

    def run(self) -> RunReport:
        """Run all partitions, without Dagster."""
        as_in_a_new_process()
        return spine.run(self.folder)

    def run_in_dagster(self) -> RunReport:
        """Run all partitions, as whoever calls the command; Dagster has their statuses."""
        as_in_a_new_process()
        return run_project(self.folder)

    def rows(self, module: str = "claims") -> pl.DataFrame:
        """Give what is published of a module, in one order."""
        as_in_a_new_process()
        return load(module, config=self.folder).collect().sort(pl.all())

    def publish_at(self, path: str) -> None:
        """Let the project publish elsewhere in its workstation."""
        toml = self.folder / "ai_dataflow.toml"
        url = abfss(WORKSTATION, self.container)
        old = next(
            line for line in toml.read_text().splitlines() if line.startswith(f'url = "{url}')
        )
        toml.write_text(toml.read_text().replace(old, f'url = "{url}/{path}"'))


def make_lake(
    folder: Path,
    servers: Servers,
    *,
    endpoints: Mapping[str, str] | None = None,
    retry_seconds: int = 120,  # as by default: a busy machine takes long to start a server
    orion: str = "{client_code}.csv",
) -> Lake:
    """Write a project, and what its products deliver as CSV; `servers` are those of its accounts.

    `orion` is where in its account ORION delivers; what is no CSV the test delivers by itself.
    """
    container = unique()
    for account in (ORION, VEGA, WORKSTATION):
        servers[account].create_container(account, container)
    for client, account in zip(CLIENTS, (ORION, ORION, VEGA), strict=True):
        content = frame_of(client).write_csv().encode()
        servers[account].upload(account, container, f"{client}.csv", content)
    sections = [storage(servers[name], [name], endpoints=endpoints) for name in servers]
    toml = [
        f'[mounts]\norion = "{abfss(ORION, container)}"\nvega = "{abfss(VEGA, container)}"',
        f'[workstation]\nurl = "{abfss(WORKSTATION, container, "ai")}"',
        f"[execution]\nworkers = 4\nretry_seconds = {retry_seconds}",
        *sections,
    ]
    control = CONTROL.format(orion=f"/mnt/orion/{orion}")
    project(folder, control=control, mapping=MAPPING, toml="\n".join(toml))
    return Lake(folder, container)
