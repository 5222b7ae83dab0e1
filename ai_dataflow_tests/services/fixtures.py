"""The fixtures of the services: each server starts when a test first asks, once per worker.

Tests share a server, so they make containers and databases of their own: `create_container` and
`create_database` give unique names. A test that stops or kills a server starts one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ai_dataflow_tests.services import odbc
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.identity import IdentityEndpoint
from ai_dataflow_tests.services.postgres import Postgres
from ai_dataflow_tests.services.processes import ServiceError
from ai_dataflow_tests.services.proxy import FaultyProxy
from ai_dataflow_tests.services.smtp import MailServer
from ai_dataflow_tests.services.spark import SparkCluster

# A test with one of these needs a server that is a process of its own: it is slow.
SERVERS = {"azurite", "azurite_tls", "postgres", "spark_cluster"}


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Give an Azurite with the accounts orionlake, vegalake, lyralake and workstation."""
    with Azurite() as server:
        yield server


@pytest.fixture(scope="session")
def azurite_tls() -> Iterator[Azurite]:
    """Give an Azurite that speaks HTTPS and accepts bearer tokens."""
    with Azurite(tls=True) as server:
        yield server


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultyProxy]:
    """Give a proxy before `azurite` that can be told to go wrong."""
    with FaultyProxy(azurite.port) as faulty:
        yield faulty


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityEndpoint]:
    """Give this process a managed identity, which `DefaultAzureCredential` finds."""
    with IdentityEndpoint() as endpoint:
        for name, value in endpoint.environment().items():
            monkeypatch.setenv(name, value)
        yield endpoint


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give a PostgreSQL server."""
    with Postgres() as server:
        yield server


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """Give a mail server without TLS and login."""
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def spark_cluster() -> Iterator[SparkCluster]:
    """Give a Spark cluster of two workers with one core each."""
    try:
        cluster = SparkCluster()
    except ServiceError as error:
        pytest.skip(str(error))
    with cluster:
        yield cluster


@pytest.fixture(scope="session")
def odbc_drivers() -> dict[str, str]:
    """Give the paths of the ODBC drivers, which load: `microsoft`, `freetds`, `postgresql`."""
    found = {
        "microsoft": odbc.msodbcsql(),
        "freetds": odbc.freetds(),
        "postgresql": odbc.psqlodbc(),
    }
    for driver in found.values():
        assert odbc.loads(driver), f"unixODBC cannot load {driver}: run `make services-setup`"
    return {name: str(path) for name, path in found.items()}
