"""The ODBC drivers that tests use, by path: no entry in an odbcinst.ini is needed."""

from __future__ import annotations

import platform
from pathlib import Path

import mssql_python_odbc
import pyodbc

from ai_dataflow_tests.services.processes import ServiceError

_LIBRARIES = Path("/usr/lib")
# What unixODBC says of a driver that it cannot load.
_NOT_LOADED = {"01000", "IM002", "IM003", "IM004"}


def psqlodbc() -> Path:
    """Give the driver for PostgreSQL, of Debian's odbc-postgresql."""
    return _found(_LIBRARIES, "*/odbc/psqlodbcw.so", "the ODBC driver for PostgreSQL")


def freetds() -> Path:
    """Give the free driver for SQL Server, of Debian's tdsodbc."""
    return _found(_LIBRARIES, "*/odbc/libtdsodbc.so", "FreeTDS' ODBC driver")


def msodbcsql() -> Path:
    """Give Microsoft's driver for SQL Server, of PyPI's mssql-python-odbc."""
    libraries = Path(mssql_python_odbc.get_libs_dir())
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    pattern = f"linux/debian_ubuntu/{machine}/lib/libmsodbcsql-18*"
    return _found(libraries, pattern, "Microsoft's ODBC driver")


def loads(driver: Path) -> bool:
    """Tell whether unixODBC loads a driver: it then gets as far as finding no server."""
    try:
        pyodbc.connect(f"Driver={driver};Server=127.0.0.1;Port=1;", timeout=1)
    except pyodbc.Error as error:
        return error.args[0] not in _NOT_LOADED
    return True


def _found(folder: Path, pattern: str, what: str) -> Path:
    path = next(iter(sorted(folder.glob(pattern))), None)
    if path is None:
        raise ServiceError.not_installed(what)
    return path
