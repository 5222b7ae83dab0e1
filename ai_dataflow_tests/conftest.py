"""What all tests share: an environment of their own, and the real case where it is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import ai_dataflow_tests.quick_instances  # noqa: F401 - from here on
from ai_dataflow_tests.disks import make_disk  # noqa: F401 - pytest finds it here
from ai_dataflow_tests.engine.in_process import _in_process  # noqa: F401 - pytest finds it here
from ai_dataflow_tests.further import is_left_out
from ai_dataflow_tests.groups import Grouped
from ai_dataflow_tests.partition.effort import VARIABLE
from ai_dataflow_tests.services.fixtures import (  # noqa: F401 - pytest finds them here
    SERVERS,
    azurite,
    azurite_tls,
    identity,
    mail_server,
    odbc_drivers,
    postgres,
    proxy,
    spark_cluster,
)

# Random examples are the same in each run, so that nobody's change fails by chance; a long run, as
# `make properties`, looks for new ones. They may take the time that a loaded machine needs.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=VARIABLE not in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")

_FEW = 200  # who runs one file has all of it
SHARED = Path(__file__).parents[2] / "shared" / "real"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the golden files anew."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses a server as slow; what starts one itself, or takes long, says so.

    Tests of which CI has another of the kind are left out, and counted as deselected.
    """
    if len(items) > _FEW and (left_out := [i for i in items if is_left_out(i.nodeid)]):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not is_left_out(item.nodeid)]
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouped:
    """Give tests that share a cluster or a browser to one worker."""
    return Grouped(config, log)


@pytest.fixture(autouse=True, scope="session")
def _own_environment() -> Iterator[None]:
    """Keep the tests from the Dagster, the project and the identity of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:  # for fixtures of sessions and modules too
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.delenv("AI_DATAFLOW_CONFIG", raising=False)
        for name in [*os.environ]:
            if name.startswith(("AZURE_", "IDENTITY_", "MSI_", "OPENLINEAGE_")):
                patch.delenv(name)
        yield


def copy_real_case(folder: Path) -> Path:
    """Copy the real case, for tests to break."""
    if not SHARED.is_dir():
        pytest.skip(f"the real case is not at {SHARED}")
    # Not copytree's default: the original is read-only.
    shutil.copytree(SHARED, folder, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.fixture
def real_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the real case that a test may break, with an empty workstation."""
    monkeypatch.setenv("AI_WORKSTATION_URL", str(tmp_path / "workstation"))
    return copy_real_case(tmp_path / "real")
