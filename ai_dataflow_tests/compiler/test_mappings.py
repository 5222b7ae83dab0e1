"""What compiling a mapping says of the columns that it cannot read, or takes for others."""

from __future__ import annotations

import pickle
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.compiler.mappings import MappingError, compile_source
from ai_dataflow_tests.partition.jobs import mapped, source

SCHEMA = pl.Schema({"Amount": pl.Float64(), "Ref": pl.String(), "REF": pl.String()})
FILE = Path("claims.csv")


def test_columns_that_are_not_there_or_could_be_several_are_unread() -> None:
    rows = (mapped("Amt"), mapped("ref"), mapped("Amount", "timestamp"))
    with pytest.raises(MappingError) as caught:
        compile_source(source(FILE, *rows), SCHEMA)
    error = caught.value
    codes = [problem.code for problem in error.diagnostics]
    assert codes == ["MAP-014", "MAP-018", "MAP-015"]
    assert error.unread == error.diagnostics[:2]
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), again.diagnostics) == (MappingError, error.diagnostics)


def test_a_column_that_is_taken_for_another_is_a_guess() -> None:
    rows = (mapped("amount", "float64"), mapped("Ref"))
    compiled = compile_source(source(FILE, *rows), SCHEMA)
    assert [problem.code for problem in compiled.guesses] == ["MAP-017"]
    assert compiled.guesses == compiled.warnings
