"""Storage accounts: how to get into each, told to the three libraries that read and write.

obstore, Polars and deltalake each have their own client and their own names for the same things.
All get the endpoint and the credential from here, never from the process's environment, where a
key of one account would be taken for every other's.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from obstore.store import AzureStore

from ai_dataflow.config.blob_urls import BlobUrl
from ai_dataflow.config.diagnostics import did_you_mean
from ai_dataflow.config.sections import StorageAccount
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.faults import Breaker, Fault, Kind
from ai_dataflow.connections.identity import Token, token

SCOPE = "https://storage.azure.com/.default"
_REQUEST_SECONDS = 30
_CONNECT_SECONDS = 5
_MANY = 1000  # retries end by time, not by number
_FIRST_BACKOFF = timedelta(milliseconds=200)
_LONGEST_BACKOFF = timedelta(seconds=10)
_BACKOFF_BASE = 2
_POLARS_ATTEMPTS = 2  # it makes a new client after each error and begins again
_KEY_VARIABLES = tuple(f"AZURE_STORAGE_{kind}_KEY" for kind in ("ACCOUNT", "ACCESS", "MASTER"))

# The accounts that did not answer a moment ago, however long they were asked.
DOWN = Breaker(seconds=30)


@dataclass(frozen=True)
class Account:
    """A storage account; its settings hold its secrets and are never shown.

    `hint` is said where signing in fails: that the account has no section, and which one is near.
    """

    name: str
    endpoint: str
    settings: StorageAccount
    retry_seconds: int
    hint: str = ""

    @property
    def uses_tokens(self) -> bool:
        """Whether Entra ID lets us in, rather than a key or a shared access signature."""
        return not (self.settings.account_key or self.settings.sas_token)

    @property
    def sas_expiry(self) -> str:
        """When the shared access signature expires, as it says itself; blank for other means."""
        sas = self.settings.sas_token
        return parse_qs(sas.get_secret_value()).get("se", [""])[0] if sas else ""

    @property
    def has_expired(self) -> bool:
        """Whether the shared access signature has expired, as far as it says."""
        try:
            until = datetime.fromisoformat(self.sas_expiry)
        except ValueError:
            return False
        return (until if until.tzinfo else until.replace(tzinfo=UTC)) < datetime.now(UTC)

    def sign_in(self) -> Token | None:
        """Make sure that there is a token, where one is needed.

        Asking here, rather than in a library's callback, keeps the reason of a refusal.

        Raises:
            Fault: there is none, or the account is down.
        """
        DOWN.check(self)
        return self.token() if self.uses_tokens else None

    def token(self) -> Token:
        """Give a token for the account.

        Raises:
            Fault: Entra ID gave none.
        """
        try:
            return token(self.settings.identity, SCOPE)
        except Fault as fault:
            raise self._no_way(fault.kind, fault.reason, fault.package) from None

    def fault(self, kind: Kind, reason: str) -> Fault:
        """Make a fault of this account."""
        return Fault(kind, reason, account=self.name)

    def _no_way(self, kind: Kind, reason: str, package: str = "") -> Fault:
        said = f"no way into account {self.name}: {reason}{self.hint}"
        return Fault(kind, said, account=self.name, package=package)

    def store(self, container: str) -> AzureStore:
        """Give obstore's client of a container; one per container, for its connections."""
        self.sign_in()
        return _store(self, container)

    def polars(self) -> dict[str, Any]:
        """Give the arguments that Polars' scans and sinks need beside the URL.

        Raises:
            Fault: Entra ID gave no token.
        """
        self.sign_in()
        options = self._address() | {
            "max_retries": _MANY,
            "retry_timeout_ms": self.retry_seconds * 1000 // _POLARS_ATTEMPTS,
            "retry_init_backoff_ms": _milliseconds(_FIRST_BACKOFF),
            "retry_max_backoff_ms": _milliseconds(_LONGEST_BACKOFF),
            "retry_base_multiplier": float(_BACKOFF_BASE),
        }
        provider = _polars_token(self) if self.uses_tokens else None
        return {"storage_options": options | self._secret(), "credential_provider": provider}

    def delta(self) -> dict[str, str]:
        """Give deltalake's options, with a token of now: open a table anew for each use.

        Raises:
            Fault: Entra ID gave no token; or the environment has a key, which deltalake
                would take rather than a shared access signature.
        """
        signed_in = self.sign_in()
        if self.settings.sas_token and (keys := [n for n in _KEY_VARIABLES if n in os.environ]):
            what = f"unset {keys[0]}, which would be taken instead of its sas_token"
            raise self._no_way("login", what)
        bearer = {"bearer_token": signed_in.text} if signed_in else {}
        return self._address() | self._secret() | bearer | {
            "max_retries": str(_MANY),
            "retry_timeout": f"{self.retry_seconds}s",
            "backoff_config.init_backoff": f"{_milliseconds(_FIRST_BACKOFF)}ms",
            "backoff_config.max_backoff": f"{_milliseconds(_LONGEST_BACKOFF)}ms",
            "backoff_config.base": str(_BACKOFF_BASE),
        }  # fmt: skip

    def _address(self) -> dict[str, str]:
        return {
            "account_name": self.name,
            "endpoint": self.endpoint,
            "allow_http": str(self.endpoint.startswith("http://")).lower(),
            "use_emulator": "false",  # these two, lest the environment decides
            "skip_signature": "false",
            "timeout": f"{_REQUEST_SECONDS}s",
            "connect_timeout": f"{_CONNECT_SECONDS}s",
        }

    def _secret(self) -> dict[str, str]:
        if key := self.settings.account_key:
            return {"account_key": key.get_secret_value(), "credential_type": "access_key"}
        if sas := self.settings.sas_token:
            return {"sas_token": sas.get_secret_value(), "credential_type": "sas_token"}
        return {}


def account_of(url: BlobUrl, settings: Settings) -> Account:
    """Give the account of a URL; one without a section signs in by azure-identity's default."""
    section = settings.storage.get(url.account, StorageAccount())
    endpoint = (section.endpoint or url.endpoint).rstrip("/")
    hint = ""
    if url.account not in settings.storage:
        near = did_you_mean(url.account, settings.storage)
        hint = f"; there is no section [storage.{url.account}]{near}"
    return Account(url.account, endpoint, section, settings.execution.retry_seconds, hint)


@functools.lru_cache(maxsize=256)
def _store(account: Account, container: str) -> AzureStore:
    return AzureStore(
        container,
        config={
            "account_name": account.name,
            "endpoint": account.endpoint,
            "use_emulator": False,
            "skip_signature": False,
        },
        client_options={
            "allow_http": account.endpoint.startswith("http://"),
            "timeout": timedelta(seconds=_REQUEST_SECONDS),
            "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        },
        retry_config={
            "max_retries": _MANY,
            "retry_timeout": timedelta(seconds=account.retry_seconds),
            "backoff": {
                "init_backoff": _FIRST_BACKOFF,
                "max_backoff": _LONGEST_BACKOFF,
                "base": _BACKOFF_BASE,
            },
        },
        credential_provider=_obstore_credential(account),
    )


def _obstore_credential(account: Account) -> Callable[[], Any]:
    """Give obstore's callback. A provider beats what obstore would take from the environment."""

    def provide() -> dict[str, Any]:
        if key := account.settings.account_key:
            return {"access_key": key.get_secret_value(), "expires_at": None}
        if sas := account.settings.sas_token:
            return {"sas_token": sas.get_secret_value(), "expires_at": None}
        given = account.token()
        return {"token": given.text, "expires_at": given.expires}

    return provide


@functools.lru_cache(maxsize=256)
def _polars_token(account: Account) -> Callable[[], tuple[dict[str, str], int]]:
    """Give Polars' callback: always the same one, by which Polars knows its open connections."""

    def provide() -> tuple[dict[str, str], int]:
        given = account.token()
        return {"bearer_token": given.text}, int(given.expires.timestamp())

    return provide


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
