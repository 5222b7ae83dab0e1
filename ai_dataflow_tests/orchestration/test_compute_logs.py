"""What a step prints arrives in blob storage, as the block in `dagster.yaml` says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ai_dataflow_tests.projects import project
from ai_dataflow_tests.services.azurite import Azurite

pytestmark = pytest.mark.slow

DAGSTER_YAML = Path(__file__).parents[2] / "dagster.yaml"
ACCOUNT = "workstation"
# The manager builds https://<account>.blob.<suffix>: such names lead here. For a key the SDK takes
# the account from the name, before `.blob.core.`.
RESOLVED = """
import socket
resolve = socket.getaddrinfo
def locally(host, *given, **named):
    own = isinstance(host, str) and host.endswith(".blob.core.localhost")
    return resolve("127.0.0.1" if own else host, *given, **named)
socket.getaddrinfo = locally
from dagster._cli import main
main()
"""


def _commented_block() -> dict[str, object]:
    """Give the block of compute logs that is commented out in the repository's file."""
    lines = DAGSTER_YAML.read_text().splitlines()
    start = lines.index("# compute_logs:")
    block = [line for line in lines[start:] if line.startswith("#")]
    return yaml.safe_load("\n".join(line.removeprefix("# ") for line in block))


@pytest.mark.parametrize("credential", ["key", "sas"])
def test_the_step_s_output_is_in_the_container(
    azurite_tls: Azurite, tmp_path: Path, credential: str
) -> None:
    container = azurite_tls.create_container(ACCOUNT)
    sas = azurite_tls.sas(ACCOUNT, container, "racwdl")
    home = tmp_path / "home"
    home.mkdir()
    configured = _commented_block()
    (home / "dagster.yaml").write_text(yaml.safe_dump(configured))
    environment = {
        "AI_DATAFLOW_CONFIG": str(project(tmp_path / "p")),
        "DAGSTER_HOME": str(home),
        "LOGS_ACCOUNT": ACCOUNT,
        "LOGS_CONTAINER": container,
        "LOGS_SECRET": azurite_tls.keys[ACCOUNT] if credential == "key" else sas,
        "LOGS_SUFFIX": f"core.localhost:{azurite_tls.port}",
        "REQUESTS_CA_BUNDLE": str(azurite_tls.certificates and azurite_tls.certificates.authority),
    }
    job = ["job", "execute", "-m", "ai_dataflow.definitions", "-j", "ai_dataflow_job"]
    ran = subprocess.run(
        [sys.executable, "-c", RESOLVED, *job],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = azurite_tls.blobs(ACCOUNT, container, "ai_dataflow/storage/")
    (errors,) = (name for name in found if name.endswith(".err"))
    assert any(name.endswith(".out") for name in found)
    assert b"partitions are well" in azurite_tls.download(ACCOUNT, container, errors)
