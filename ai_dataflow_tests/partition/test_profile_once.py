"""Distinct values are counted as plain Python counts them, close together or far apart."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.partition import profile_once
from ai_dataflow.partition.profile_groups import Array, Groups
from ai_dataflow.partition.profile_once import distinct_sizes, distinct_texts
from ai_dataflow_tests.partition.effort import settings_of

ENDS = [-(2**63), 2**63 - 1]
KEYS = st.one_of(
    st.integers(-3, 3), st.integers(0, 2_000), st.integers(*ENDS), st.sampled_from(ENDS)
)
GROUPS = st.lists(st.lists(KEYS, max_size=40), max_size=8)


@settings_of()
@given(GROUPS, st.sampled_from([1, 8, 1 << 16]))
def test_distinct_numbers_are_counted_in_each_group(groups: list[list[int]], at_once: int) -> None:
    keys = np.array([key for group in groups for key in group], dtype=np.int64)
    of = Groups(np.array([len(group) for group in groups], dtype=np.int64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_once, "_AT_ONCE", at_once)
        assert distinct_sizes(keys, of).tolist() == [len({*group}) for group in groups]
        texts = pl.Series([str(key) for key in keys.tolist()], dtype=pl.String())
        assert distinct_texts(texts, of).tolist() == [len({*group}) for group in groups]


def test_those_that_share_a_bucket_are_counted_too() -> None:
    """Whatever the hashes are; here all of them are the same, or almost."""
    keys = np.array([5, 9, 5, 7, 9, 5, 1, 1, 2], dtype=np.int64)
    groups = Groups(np.array([6, 0, 3]))
    for hashed in (np.zeros_like(keys), keys % 2, -keys % 3):
        counted: Array = distinct_sizes(keys, groups, hashed.astype(np.uint64) << np.uint64(62))
        assert counted.tolist() == [3, 0, 2]
