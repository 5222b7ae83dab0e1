"""The parts of ai_dataflow that are installed where they are needed, such as `[azure]`."""

from __future__ import annotations

from importlib.util import find_spec

from ai_dataflow.config.diagnostics import Diagnostic

# The extra that brings a package, by the name that is imported.
_EXTRAS = {
    "arrow_odbc": "mssql",
    "azure": "azure",
    "confluent_kafka": "kafka",
    "dagster_pyspark": "spark",
    "dagster_webserver": "ui",
    "databricks": "databricks",
    "datasets": "datasets",
    "mlflow": "mlflow",
    "mssql_python_odbc": "mssql",
    "openlineage": "openlineage",
    "psycopg": "postgresql",
    "pyodbc": "mssql",
    "pyspark": "spark",
    "torch": "torch",
}


def is_installed(package: str) -> bool:
    """Tell whether a package could be imported; it is not imported here, but what it is in is."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def install_line(package: str) -> str:
    """Give the line that installs a package, as it is imported: the extra that has it, else it."""
    extra = _EXTRAS.get(package.partition(".")[0])
    return f"pip install 'ai_dataflow[{extra}]'" if extra else f"pip install {package}"


def not_installed(package: str, needed_by: str, place: str) -> Diagnostic:
    """Tell that a package is not installed which something in the settings needs (CFG-022)."""
    return Diagnostic(
        "CFG-022",
        f"{needed_by} needs the package {package}, which is not installed",
        place=place,
        fix=install_line(package),
    )
