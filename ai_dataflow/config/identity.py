"""Who we are towards Microsoft Entra ID, for storage accounts and databases alike."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.config.sections import EntraIdentity

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_REFUSED_SECONDS = 30.0

_locks: defaultdict[EntraIdentity, Lock] = defaultdict(Lock)
_refused: dict[tuple[EntraIdentity, str], tuple[float, SignInError]] = {}


class Token(NamedTuple):
    """A bearer token and until when it is good."""

    text: str
    expires: datetime


class SignInError(Exception):
    """Entra ID gave no token. `is_transient` where asking later may help."""

    def __init__(self, reason: str, *, is_transient: bool = False) -> None:
        super().__init__(reason)
        self.is_transient = is_transient


@functools.lru_cache(maxsize=64)
def credential(identity: EntraIdentity) -> TokenCredential:
    """Give the credential of an identity; it keeps its tokens and renews them.

    Raises:
        SignInError: azure-identity is not installed, or the certificate cannot be used.
    """
    try:
        from azure import identity as entra  # noqa: PLC0415  # only those who need it pay for it
    except ImportError:
        raise SignInError("azure-identity is not installed: install ai_dataflow[azure]") from None
    if identity.client_secret:
        return entra.ClientSecretCredential(
            identity.tenant_id, identity.client_id, identity.client_secret.get_secret_value()
        )
    if identity.client_certificate:
        return _with_certificate(identity)
    return entra.DefaultAzureCredential(managed_identity_client_id=identity.client_id or None)


def token(identity: EntraIdentity, scope: str) -> Token:
    """Give a token that is good for some minutes at least; asks only when there is none.

    Looking for a credential that is not there takes seconds: a refusal is good for a while too,
    and a thousand sources of one identity wait for one answer.

    Raises:
        SignInError: the reason, without a secret.
    """
    with _locks[identity]:
        since, refusal = _refused.get((identity, scope), (0.0, None))
        if refusal and time.monotonic() - since < _REFUSED_SECONDS:
            raise refusal
        try:
            return _ask(identity, scope)
        except SignInError as error:
            _refused[identity, scope] = (time.monotonic(), error)
            raise


def _ask(identity: EntraIdentity, scope: str) -> Token:
    # The credential first: it tells whether azure-identity is there.
    asked = credential(identity)
    from azure.core import exceptions  # noqa: PLC0415  # as above

    try:
        given = asked.get_token(scope)
    except exceptions.ClientAuthenticationError as error:
        # azure-identity says "authentication failed" of an Entra ID that it did not reach, too.
        unheard = (exceptions.ServiceRequestError, exceptions.ServiceResponseError)
        is_transient = isinstance(error.__cause__, unheard)
        raise SignInError(redacted(error), is_transient=is_transient) from None
    except exceptions.AzureError as error:
        raise SignInError(redacted(error), is_transient=True) from None
    return Token(given.token, datetime.fromtimestamp(given.expires_on, UTC))


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
        raise SignInError(f"the client certificate cannot be used: {redacted(error)}") from None
