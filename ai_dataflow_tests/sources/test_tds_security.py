"""SQL Server's connections: encrypted unless said otherwise, by password or by Entra ID's token."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.services.identity import IdentityEndpoint
from ai_dataflow_tests.services.tls import Certificates, make_certificates
from ai_dataflow_tests.sources.mssql import Way, one, told_by, url
from ai_dataflow_tests.sources.sql import opened, read
from ai_dataflow_tests.tds.server import TdsServer

TABLE = one("nvarchar(20)", ["Ünï😀字", None] * 500)
TRUST = "&TrustServerCertificate=yes"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Give certificates of an authority that nobody knows."""
    return make_certificates(tmp_path_factory.mktemp("tls"))


def test_a_connection_is_encrypted_though_the_url_does_not_say_so(
    way: Way, certificates: Certificates
) -> None:
    with TdsServer(TABLE, certificates=certificates) as server:
        trust = TRUST if way.driver == "microsoft" else ""
        found = read(way.settings(server, query=trust), "t", schema="dbo")
        assert found["v"].to_list() == ["Ünï😀字", None] * 500
        assert {known.is_encrypted for known in server.logins} == {True}


def test_a_certificate_that_nobody_vouches_for_is_a_wrong_connection(
    tmp_path: Path, certificates: Certificates
) -> None:
    """FreeTDS would take it: it looks at certificates only where its freetds.conf says so."""
    with TdsServer(TABLE, certificates=certificates) as server:
        problem = told_by(opened(tmp_path, url(server, "microsoft", ""), retry_seconds=100))
        assert not server.logins
    assert (problem.code, problem.meaning.transient) == ("SRC-020", False)
    assert "certificate" in problem.cause


def test_a_password_is_not_sent_to_a_server_without_encryption(way: Way) -> None:
    with TdsServer(TABLE) as server:
        problem = told_by(opened(way.folder, url(server, way.driver, ""), retry_seconds=0))
        assert not server.logins
    # FreeTDS says no more than that it cannot connect.
    assert problem.code == ("SRC-020" if way.driver == "microsoft" else "SRC-007")


def test_a_session_begins_with_a_token_of_the_identity(
    tmp_path: Path, certificates: Certificates, identity: IdentityEndpoint
) -> None:
    with TdsServer(TABLE, certificates=certificates) as server:
        where = url(server, "microsoft", TRUST, user="")
        # An identity of its own: tokens are kept for the process.
        settings = opened(tmp_path, where, authentication="entra", client_id="reader")
        server.accepted_token = "of another"  # noqa: S105 - nobody's
        problem = told_by(settings)
        assert (problem.code, problem.meaning.transient) == ("SRC-021", False)
        (refused,) = server.logins
        server.accepted_token = refused.token
        assert read(settings, "t", schema="dbo").height == 1_000
        assert len(refused.token) > 10
        assert {(known.user, known.token) for known in server.logins} == {("", refused.token)}
        assert refused.token not in repr(problem)
    assert {asked["resource"] for asked in identity.asked} == {"https://database.windows.net"}
