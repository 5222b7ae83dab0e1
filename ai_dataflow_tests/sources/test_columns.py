"""Finding columns: exactly, else by the only one that looks like the name."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.sources.columns import columns_like, looks, resolve_column

NAME = "Caf\u00e9 d'or"
SPELLINGS = [
    "caf\u00e9 d'or", "CAF\u00c9 D'OR", "Cafe\u0301 d'or", "Caf\u00e9\u00a0d'or",
    " Caf\u00e9 d'or ", "\ufeffCaf\u00e9 d'or", "Caf\u00e9 d\u2019or",
    "Ca\u200bf\u00e9 d\u2018or\u00a0", "Caf\u00e9\u202fd'or\t",
    "Ca\u00adfe\u0301 D\u201bOR",
]  # fmt: skip
OTHERS = [
    "Cafe d'or",
    "Caf\u00e8 d'or",
    "Caf\u00e9  d'or",
    "Caf\u00e9d'or",
    'Caf\u00e9 d"or',
    "Caf\u00e9_d'or",
]


def _schema(*names: str) -> pl.Schema:
    return pl.Schema(dict.fromkeys(names, pl.String()))


@pytest.mark.parametrize("column", SPELLINGS, ids=ascii)
def test_a_column_that_looks_like_the_name_is_found(column: str) -> None:
    assert resolve_column(NAME, _schema(*OTHERS, column)) == column
    assert resolve_column(column, _schema(*OTHERS, NAME)) == NAME


@pytest.mark.parametrize("column", OTHERS)
def test_one_that_looks_otherwise_is_another(column: str) -> None:
    assert resolve_column(NAME, _schema(column)) == ""


@given(
    st.lists(st.sampled_from([NAME, *SPELLINGS, *OTHERS]), unique=True), st.sampled_from(SPELLINGS)
)
def test_the_exact_name_wins_then_case_then_the_only_one(columns: list[str], name: str) -> None:
    found = resolve_column(name, _schema(*columns))
    same_case = [c for c in columns if c.casefold() == name.casefold()]
    alike = same_case or [c for c in columns if c in (NAME, *SPELLINGS)]
    if name in columns:
        assert found == name
    else:
        assert found == (alike[0] if len(alike) == 1 else "")


@given(st.text(max_size=12))
def test_how_a_name_looks_knows_no_case_and_no_composition(name: str) -> None:
    assert looks(looks(name)) == looks(name)
    for form in ("NFC", "NFD"):
        assert looks(unicodedata.normalize(form, name)) == looks(name)
    assert name in columns_like(name, [name])
