"""ODBC connection strings: completed with what a user should not have to write.

The string that SQLAlchemy makes from a URL serves pyodbc and arrow-odbc alike. Microsoft's driver
comes with the package `mssql-python-odbc` and is found there; connections to SQL Server are
encrypted unless the string says otherwise.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ai_dataflow.config.extras import is_installed

# From Microsoft's msodbcsql.h; the driver reads a length and the token as UTF-16.
SQL_COPT_SS_ACCESS_TOKEN = 1256
MICROSOFT_DRIVER = "ODBC Driver 18 for SQL Server"
# A token says who we are; beside these the driver refuses it.
_WHO = frozenset({"uid", "user", "pwd", "password", "trusted_connection", "authentication"})
_ATTRIBUTE = re.compile(r"\s*([^=;]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)\s*(?:;|$)")
_ENCRYPTED = {"freetds": ("Encryption", "require"), "": ("Encrypt", "yes")}
# psqlODBC reads a whole result into memory unless told to use a cursor, and spells times and
# intervals as the server's defaults say.
POSTGRESQL = {
    "UseDeclareFetch": "1",
    "Fetch": "10000",
    "BoolsAsChar": "0",
    "ConnSettings": "{SET IntervalStyle TO postgres}",
}


def attributes(text: str) -> dict[str, str]:
    """Take a connection string apart; values keep their braces."""
    return {key: value.strip() for key, value in _ATTRIBUTE.findall(text)}


def with_defaults(text: str, defaults: Mapping[str, str]) -> str:
    """Add the attributes that a connection string does not have, whatever their case."""
    given = attributes(text)
    names = {key.casefold() for key in given}
    missing = {key: value for key, value in defaults.items() if key.casefold() not in names}
    return _joined({**given, **missing})


def for_sql_server(text: str) -> str:
    """Give the string with the driver's library, encrypted unless it says otherwise."""
    given = attributes(text)
    name = next((key for key in given if key.casefold() == "driver"), "")
    driver = given.get(name, "").strip("{}")
    kind = "freetds" if is_freetds(text) else ""
    if driver == MICROSOFT_DRIVER and (library := microsoft_library()):
        given[name] = f"{{{library}}}"
    key, value = _ENCRYPTED[kind]
    completed = with_defaults(_joined(given), {key: value})
    return _for_freetds(completed) if kind else completed


def for_bulk(text: str) -> str:
    """Give the string for bulk reads from SQL Server; nothing where they would not be exact.

    With blocks of rows FreeTDS cuts off long texts and swallows an error between two rows.
    arrow-odbc passes bytes; as which characters, drivers take from the process's locale. A session
    that broke must not come back unnoticed, as Microsoft's driver else lets it.
    """
    if is_freetds(text) or not text.isascii():
        return ""
    given = attributes(for_sql_server(text))
    kept = {key: value for key, value in given.items() if key.casefold() != "connectretrycount"}
    return _joined({**kept, "ConnectRetryCount": "0"})


def for_token(text: str) -> str:
    """Leave out who we are: an access token says it."""
    kept = {k: v for k, v in attributes(text).items() if k.casefold() not in _WHO}
    return _joined(kept)


def is_freetds(text: str) -> bool:
    """Tell whether the string names the FreeTDS driver, by name or by library."""
    driver = {k.casefold(): v for k, v in attributes(text).items()}.get("driver", "")
    return "freetds" in driver.casefold() or "tdsodbc" in driver.casefold()


def packed(token: str) -> bytes:
    """Give a token as the driver takes it.

    See "Authenticating with an access token" in the documentation of Microsoft's ODBC driver.
    """
    encoded = token.encode("utf-16-le")
    return struct.pack(f"<I{len(encoded)}s", len(encoded), encoded)


@cache
def microsoft_library() -> str:
    """Give the library of the package `mssql-python-odbc`, where unixODBC does not know the driver.

    Nothing where the driver is registered (then its name will do) or the package is not there.
    """
    import pyodbc  # noqa: PLC0415  # needs unixODBC, which only these databases do

    if MICROSOFT_DRIVER in pyodbc.drivers():
        return ""
    package = find_spec("mssql_python_odbc")
    libraries = Path(package.origin or "").parent.glob("libs/**/*msodbcsql*") if package else ()
    return _best([str(path) for path in libraries if _is_library(path)])


def check_installed() -> None:
    """Make sure that there is what reads through Microsoft's driver, before anything is read.

    Raises:
        ModuleNotFoundError: the package that is not there.
    """
    import pyodbc  # noqa: PLC0415  # as above

    is_registered = MICROSOFT_DRIVER in pyodbc.drivers()
    needed = ("arrow_odbc", *(() if is_registered else ("mssql_python_odbc",)))
    for package in needed:
        if not is_installed(package):
            raise ModuleNotFoundError(name=package)


def _is_library(path: Path) -> bool:
    return path.is_file() and any(part in path.name for part in (".so", ".dylib", ".dll"))


def _best(libraries: list[str]) -> str:
    """Choose among the builds for distributions: this one's, else Debian's."""
    ids = _distribution()
    wanted = "alpine" if "alpine" in ids else "suse" if "suse" in ids else ""
    wanted = wanted or ("rhel" if ids & {"rhel", "fedora", "centos"} else "debian")
    return next((path for path in libraries if wanted in path), next(iter(libraries), ""))


def _distribution() -> set[str]:
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return set()
    named = re.findall(r"^ID(?:_LIKE)?=\"?([^\"\n]*)", text, re.MULTILINE)
    return {word for line in named for word in line.split()}


def _for_freetds(text: str) -> str:
    """Spell values in braces as FreeTDS reads them: to the first `};`, none of them doubled."""
    given = attributes(text).items()
    read = {k: v.replace("}}", "}") if v.startswith("{") else v for k, v in given}
    return f"{_joined(read)};"


def _joined(given: Mapping[str, str]) -> str:
    return ";".join(f"{key}={value}" for key, value in given.items())
