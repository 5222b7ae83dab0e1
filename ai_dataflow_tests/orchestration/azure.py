"""Projects whose sources and workstation are storage accounts of an Azurite, and their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ai_dataflow.sources import accounts
from ai_dataflow_tests.services.azurite import Azurite


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
    accounts._down.clear()
