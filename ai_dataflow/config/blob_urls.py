"""`abfss://container@account.dfs.core.windows.net/path`: how a place in a storage account is named.

The form is Hadoop's, as in Microsoft's "Use the Azure Data Lake Storage Gen2 URI". Paths are taken
as they are written: nothing in them is percent-encoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

SCHEME = "abfss://"
_PUBLIC_CLOUD = "dfs.core.windows.net"
_URL = re.compile(r"abfss://([^@/]+)@([^@/.]+)\.([^@/]+)(/.*)?", re.IGNORECASE | re.DOTALL)
_WEB = re.compile(
    r"https?://([^./]+)\.(z\d+\.)?(?:blob|dfs)\.([^/?#]+)/([^/?#]+)/?([^?#]*)", re.IGNORECASE
)
_HOST = re.compile(r"[A-Za-z0-9.-]+")
_SIGNATURE = re.compile(r"[?&]sig=", re.IGNORECASE)
# "Naming and Referencing Containers" and "Storage account overview" of Microsoft's documentation.
_CONTAINER = re.compile(r"\$root|\$web|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}")
_SPELLING = "abfss://<container>@<account>.dfs.core.windows.net/<path>"


@dataclass(frozen=True)
class BlobUrl:
    """A place in a container; `host` follows the account's name, `path` has no first `/`."""

    container: str
    account: str
    host: str = _PUBLIC_CLOUD
    path: str = ""

    @property
    def endpoint(self) -> str:
        """The account's Blob service: it serves accounts with and without a namespace."""
        return f"https://{self.account}.{self.host.replace('dfs.', 'blob.', 1)}"

    @property
    def root(self) -> BlobUrl:
        """The container itself."""
        return replace(self, path="")

    @property
    def canonical(self) -> str:
        """The URL with the public cloud's host, the only one that the data libraries parse.

        They are told the endpoint beside it.
        """
        return f"{SCHEME}{self.container}@{self.account}.{_PUBLIC_CLOUD}/{self.path}"

    def __str__(self) -> str:
        """Give the URL."""
        return f"{SCHEME}{self.container}@{self.account}.{self.host}/{self.path}"


def is_blob_url(text: str) -> bool:
    """Tell an `abfss://` URL from a path."""
    return text[: len(SCHEME)].casefold() == SCHEME


def parse(text: str) -> BlobUrl:
    """Take an `abfss://` URL apart.

    Raises:
        ValueError: what is wrong with it.
    """
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(f"the URL is not of the form {_SPELLING}")
    container, account, host, path = match[1], match[2], match[3], (match[4] or "").strip("/")
    if _SIGNATURE.search(text):
        raise ValueError("the URL has a signature: that belongs to [storage] as a sas_token")
    if not _HOST.fullmatch(host):
        raise ValueError(f"what follows the account is no host: the form is {_SPELLING}")
    if not _CONTAINER.fullmatch(container):
        rule = "3 to 63 lower-case letters, digits and hyphens"
        raise ValueError(f"`{container[:80]}` can be no container: those are {rule}")
    if not ACCOUNT_NAME.fullmatch(account):
        rule = "3 to 24 lower-case letters and digits"
        raise ValueError(f"`{account[:80]}` can be no storage account: those are {rule}")
    if any(part in ("", ".", "..") for part in path.split("/")) and path:
        raise ValueError("its path has an empty part, `.` or `..`")
    return BlobUrl(container, account, host.casefold(), path)


def suggestion(text: str) -> str:
    """Give the `abfss://` spelling of another kind of URL to the same place; else the form."""
    if match := _WEB.match(text):
        account, zone, cloud, container, path = match.groups()
        return f"{SCHEME}{container}@{account}.{zone or ''}dfs.{cloud}/{path}"
    if re.match(r"(abfs|wasbs?|adl)://", text, re.IGNORECASE):
        rest = text.partition("://")[2].partition("?")[0]  # where a signature would be
        return SCHEME + re.sub(r"\.blob\.", ".dfs.", rest, count=1)
    return _SPELLING
