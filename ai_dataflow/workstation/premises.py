"""Premises: what must still be so when something is committed that was made from published rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.layout import PARTITION_COLUMN
from ai_dataflow.workstation.reaching import overtaken


@dataclass(frozen=True)
class Premise:
    """What a commit rests on.

    `replaces` are the files that some clients must have; `recast` are clients whose rows, of a
    `version`, are written anew: other rows they must not have got.
    """

    replaces: Mapping[str, Collection[str]] = field(default_factory=dict)
    recast: Collection[str] = ()
    version: int | None = None

    def check(self, delta: DeltaTable, table: Folder) -> None:
        """Make sure that it is still so.

        Raises:
            DataflowError: WST-003.
        """
        for client, expected in self.replaces.items():
            if _files_of(delta, client) != set(expected):
                raise overtaken(table, f"{client} was published anew meanwhile")
        if self.version is not None and changed_since(delta, table, self.version, self.recast):
            raise overtaken(table, "rows that were to get new types were published anew meanwhile")


NO_PREMISE = Premise()


def _files_of(delta: DeltaTable, client: str) -> set[str]:
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    return set(
        map(unquote, actions.filter(pl.col(f"partition.{PARTITION_COLUMN}") == client)["path"])
    )


def changed_since(delta: DeltaTable, table: Folder, version: int, clients: Collection[str]) -> bool:
    """Tell whether commits after a version changed what readers see of some clients.

    What another program only wrote anew, as `OPTIMIZE` does, changes nothing: by the Delta protocol
    such actions have no data change.
    """
    later = range(version + 1, delta.version() + 1)
    commits = (table.read(f"_delta_log/{number:020}.json").splitlines() for number in later)
    actions = (json.loads(line) for lines in commits for line in lines)
    files = (action.get("add") or action.get("remove") or {} for action in actions)
    return any(file.get("dataChange") and _is_of(file, clients) for file in files)


def _is_of(file: Mapping[str, Any], clients: Collection[str]) -> bool:
    values = file.get("partitionValues")
    return values is None or values.get(PARTITION_COLUMN) in clients
