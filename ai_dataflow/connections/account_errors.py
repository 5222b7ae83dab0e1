"""How a storage account's refusal becomes a `Fault`, read from the messages of the libraries.

The messages themselves are never passed on: they quote URLs, and a URL may hold a signature (P10).
The codes are those of "Blob service error codes" in Microsoft's documentation.
"""

from __future__ import annotations

import re

from obstore.exceptions import BaseError

from ai_dataflow.connections.accounts import DOWN, Account
from ai_dataflow.connections.faults import Fault

# What obstore and signing in raise; `foreign_errors` has that of the others.
OF_STORES = (BaseError, Fault, OSError)

_COLOUR = re.compile(r"\x1b\[\d*m")
_STATUS = re.compile(r"Server returned [\w -]*status code\W+(\d{3})\b")
_CODE = re.compile(r"<Code>\s*(\w+)\s*</Code>")
_REQUEST = re.compile(r"Error performing (list|bulk delete|[A-Z]+)\b")
_RETRIES = re.compile(r"in ([\d.]+)(ms|s)\b, after (\d+) retries")
_NETWORK = re.compile(
    r"HTTP error|error sending request|error decoding response body|request or response body error"
    r"|dns error|operation timed out|Connection (?:refused|reset)|connection (?:error|closed)"
)
_UNKNOWN_HOST = re.compile(r"dns error|failed to lookup|Name or service not known")
_WRONG_CREDENTIAL = {
    "AuthenticationFailed",
    "AuthorizationFailure",
    "InvalidAuthenticationInfo",
    "KeyBasedAuthenticationNotPermitted",
    "NoAuthenticationInformation",
}
_NOT_ABOUT_US = {"AccountIsDisabled"}
_NETWORK_RULE = "This request is not authorized to perform this operation"
_NEEDS = {
    "list": ("Storage Blob Data Reader", "l"),
    "read": ("Storage Blob Data Reader", "r"),
    "write": ("Storage Blob Data Contributor", "c and w"),
    "delete": ("Storage Blob Data Contributor", "d"),
}
_DOING = {"list": "list", "bulk delete": "delete", "DELETE": "delete", "PUT": "write"}


def account_fault(error: BaseException, account: Account | None) -> Fault | None:
    """Tell what an error says of the account; None where it is about something else."""
    if account is None:
        return None
    if isinstance(error, Fault):
        return error if error.account else None  # a database has its own
    text = _COLOUR.sub("", str(error))
    if status := _STATUS.search(text):
        return _answered(int(status[1]), text, account)
    if _NETWORK.search(text) is None:
        return None
    fault = _unreachable(text, account)
    if _RETRIES.search(text):  # one that throttles answers: it is not down
        DOWN.trip(account, fault)
    return fault


def _answered(status: int, text: str, account: Account) -> Fault:
    match = _CODE.search(text)
    code = match[1] if match else ""
    said = f"account {account.name} answered {status}{f' {code}' if code else ''}"
    if status in (401, 403) and code not in _NOT_ABOUT_US:
        return _denied(status, code, text, said, account)
    if status == 404:  # noqa: PLR2004
        return account.fault("missing", said)
    if status in (408, 429) or status >= 500:  # noqa: PLR2004
        return account.fault("unreachable", said + _persistence(text))
    return account.fault("refused", said)


def _denied(status: int, code: str, text: str, said: str, account: Account) -> Fault:
    doing = _operation(text)
    said = f"{said} to a {doing}"
    role, letter = _NEEDS[doing]
    is_refused = status == 401 or account.has_expired  # noqa: PLR2004
    if is_refused or (code in _WRONG_CREDENTIAL and _NETWORK_RULE not in text):
        return account.fault("login", f"{said}{_expiry(account)}")
    if account.settings.account_key:  # which may do everything
        if code:
            return account.fault("denied", f"{said}: a network rule is in the way")
        return account.fault("login", f"{said}: its account_key is wrong, or a network rule")
    right = f"`{letter}` in its sas_token" if account.settings.sas_token else f"the role {role}"
    other = "a network rule" if code else "the credential is wrong"
    return account.fault("denied", f"{said}: {right} is missing, or {other}")


def _operation(text: str) -> str:
    request = _REQUEST.search(text)
    return _DOING.get(request[1], "read") if request else "read"


def _expiry(account: Account) -> str:
    if not account.sas_expiry:
        return ""
    verb = "was" if account.has_expired else "is"
    return f"; its sas_token {verb} good until {account.sas_expiry}"


def _unreachable(text: str, account: Account) -> Fault:
    tried = _persistence(text)
    if _UNKNOWN_HOST.search(text):
        reason = f"the name of account {account.name} cannot be resolved{tried}"
        return account.fault("unknown_host", reason)
    return account.fault("unreachable", f"account {account.name} does not answer{tried}")


def _persistence(text: str) -> str:
    """Say how often it was tried, and how long, as far as the library tells."""
    tried = _RETRIES.search(text)
    if tried is None:
        return ""
    seconds = float(tried[1]) / (1000 if tried[2] == "ms" else 1)
    return f", after {tried[3]} retries in {seconds:.0f} s"
