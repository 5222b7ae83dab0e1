"""Worker processes together take no more than the settings allow."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.config.sections import ExecutionSettings, SqlConnection
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import shares

SETTINGS = st.builds(
    Settings,
    folder=st.just(Path()),
    execution=st.builds(
        ExecutionSettings,
        workers=st.integers(1, 256),
        max_memory=st.none() | st.integers(256 * 10**6, 10**12),
    ),
    sql=st.dictionaries(
        st.sampled_from(["orion", "lyra"]),
        st.builds(
            SqlConnection, url=st.just("sqlite:///a.db"), max_connections=st.integers(1, 256)
        ),
    ),
)


@given(SETTINGS, st.integers(1, 64))
def test_shares_make_up_no_more_than_is_allowed(settings: Settings, cores: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shares, "cores", lambda: cores)
        count, one = shares.processes(settings), shares.share(settings)
    assert 1 <= count <= min(cores, settings.execution.workers)
    assert one.execution.memory * count <= settings.execution.memory
    for name, connection in settings.sql.items():
        assert one.sql[name].max_connections >= 1
        assert one.sql[name].max_connections * count <= connection.max_connections


def test_a_process_of_a_cluster_has_all_of_it() -> None:
    settings = Settings(folder=Path(), execution={"engine": "spark"})
    assert shares.share(settings) is settings
