"""Every ai_type has one spelling, a Polars type and a Delta type that both exist."""

from __future__ import annotations

import polars as pl
import pytest
from deltalake.schema import ArrayType, PrimitiveType, StructType

from ai_dataflow.tables import ai_types

ALL = [*ai_types.NAMES, "decimal(1,0)", "decimal(38,38)", "list(list(date))",
       "list(struct(A int64,b decimal(5,2)))"]  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_every_type_is_a_polars_and_a_delta_type(name: str) -> None:
    assert ai_types.is_known(name)
    delta = ai_types.to_delta(name)
    nested = {"list": ArrayType.from_json, "struct": StructType.from_json}
    assert nested.get(name.partition("(")[0], PrimitiveType)(delta)
    assert isinstance(ai_types.to_polars(name), pl.DataType)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        (" INT64 ", "int64"),
        ("Decimal( 18 , 2 )", "decimal(18,2)"),
        ("Date", "date"),
        ("List( Float32 )", "list(float32)"),
        ("STRUCT( A  Int64 , b decimal(5, 2) )", "struct(A int64,b decimal(5,2))"),
    ],
)
def test_case_and_blanks_do_not_matter(spelled: str, name: str) -> None:
    assert ai_types.is_known(spelled)
    assert ai_types.normal(spelled) == name


@pytest.mark.parametrize(
    "name",
    ["", "int", "strng", "decimal", "decimal()", "decimal(18)", "decimal(39,2)", "decimal(0,0)",
     "list()", "list(json)", "list(int)", "struct()", "struct(a)", "struct(a int64,A date)", "list",
     "struct(a int64,)", "list(int64", "list(int64))",
     "decimal(5,6)", "decimal(18,-2)", "decimal(१८,२)"],
)  # fmt: skip
def test_what_is_no_type_is_not_known(name: str) -> None:
    assert not ai_types.is_known(name)


def test_decimals_are_exact_and_timestamps_are_instants() -> None:
    assert ai_types.to_polars("decimal(18,2)") == pl.Decimal(18, 2)
    assert ai_types.to_polars("timestamp") == pl.Datetime("us", "UTC")
