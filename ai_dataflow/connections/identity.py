"""Who we are towards Microsoft Entra ID, for storage accounts and databases alike."""

from __future__ import annotations

import functools
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.config.sections import EntraIdentity
from ai_dataflow.connections.faults import Breaker, Fault, Kind

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_MARGIN = timedelta(minutes=5)

_locks: defaultdict[EntraIdentity, Lock] = defaultdict(Lock)
_kept: dict[tuple[EntraIdentity, str], Token] = {}
_refusals = Breaker(seconds=30)


class Token(NamedTuple):
    """A bearer token and until when it is good."""

    text: str
    expires: datetime
    given: datetime

    @property
    def is_good(self) -> bool:
        """Whether it is good for five minutes more, or for half of a shorter life."""
        left = self.expires - datetime.now(UTC)
        return left > min(_MARGIN, (self.expires - self.given) / 2)


@functools.lru_cache(maxsize=64)
def credential(identity: EntraIdentity) -> TokenCredential:
    """Give the credential of an identity; it keeps its tokens and renews them.

    Raises:
        Fault: azure-identity is not installed, or the certificate cannot be used.
    """
    try:
        from azure import identity as entra  # noqa: PLC0415  # only those who need it pay for it
    except ImportError:
        reason = "azure-identity is not installed"
        raise Fault("login", reason, package="azure.identity") from None
    if identity.client_secret:
        return entra.ClientSecretCredential(
            identity.tenant_id, identity.client_id, identity.client_secret.get_secret_value()
        )
    if identity.client_certificate:
        return _with_certificate(identity)
    return entra.DefaultAzureCredential(managed_identity_client_id=identity.client_id or None)


def token(identity: EntraIdentity, scope: str) -> Token:
    """Give a token that is good for some minutes at least; asks only when there is none.

    Not every credential keeps its tokens (the Azure CLI is a process each time), and looking for
    one that is not there takes seconds: an answer and a refusal are kept, and a thousand sources of
    one identity wait for one answer.

    Raises:
        Fault: the reason, without a secret.
    """
    if (kept := _kept.get((identity, scope))) and kept.is_good:
        return kept
    with _locks[identity]:
        if (kept := _kept.get((identity, scope))) and kept.is_good:
            return kept
        _refusals.check((identity, scope))
        try:
            _kept[identity, scope] = _ask(identity, scope)
        except Fault as fault:
            _refusals.trip((identity, scope), fault)
            raise
        return _kept[identity, scope]


def forget() -> None:
    """Forget identities, tokens and refusals: who we are has changed."""
    credential.cache_clear()
    _kept.clear()
    _refusals.clear()


def _ask(identity: EntraIdentity, scope: str) -> Token:
    # The credential first: it tells whether azure-identity is there.
    asked = credential(identity)
    from azure.core import exceptions  # noqa: PLC0415  # as above

    try:
        given = asked.get_token(scope)
    except exceptions.ClientAuthenticationError as error:
        # azure-identity says "authentication failed" of an Entra ID that it did not reach, too.
        unheard = (exceptions.ServiceRequestError, exceptions.ServiceResponseError)
        kind: Kind = "unreachable" if isinstance(error.__cause__, unheard) else "login"
        raise Fault(kind, redacted(error)) from None
    except exceptions.AzureError as error:
        raise Fault("unreachable", redacted(error)) from None
    now = datetime.now(UTC)
    return Token(given.token, datetime.fromtimestamp(given.expires_on, UTC), now)


def _with_certificate(identity: EntraIdentity) -> TokenCredential:
    from azure.identity import CertificateCredential  # noqa: PLC0415  # as above

    password = identity.client_certificate_password
    try:
        return CertificateCredential(
            identity.tenant_id,
            identity.client_id,
            str(identity.client_certificate),
            password=password.get_secret_value() if password else None,
        )
    except (OSError, ValueError) as error:
        reason = f"the client certificate cannot be used: {redacted(error)}"
        raise Fault("login", reason) from None
