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


@pytest.mark.parametrize(
    ("name", "columns", "said"),
    [
        ("Amount", ["amount"], "MAP-017 `Amount` is taken for `amount`, the only column that "
         "differs in case alone"),
        ("amount", ["am\u200bount"], "MAP-017 `amount` is taken for `am\\u200bount`, the only "
         "column that differs in nothing that is easy to see"),
        ("caf\u00e9", ["cafe\u0301"], "MAP-017 `caf\u00e9` is taken for `cafe\\u0301`, the only "
         "column that differs in nothing that is easy to see"),
        ("amount", ["amount ", "amount\u00a0"], "MAP-018 `amount` could be any of "
         "`amount\\x20`, `amount\\xa0`"),
        ("amount", ["\u0430mount", "Ref"], "MAP-014 rows.csv has no column `amount`; did you mean "
         "`\\u0430mount`?"),
        ("\u0430mount", ["amount", "Ref"], "MAP-014 rows.csv has no column `\\u0430mount`; did "
         "you mean `amount`?"),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_message_never_shows_two_names_that_look_the_same(
    name: str, columns: list[str], said: str
) -> None:
    rows = [mapped("x", "string", name), *([mapped("Ref")] if "Ref" in columns else [])]
    schema = pl.Schema(dict.fromkeys(columns, pl.String()))
    try:
        problems = compile_source(source(FILE, *rows), schema).warnings
    except MappingError as error:
        problems = error.diagnostics
    (problem,) = problems
    message = problem.message.removeprefix(f"{FILE.name}: ").replace(FILE.name, "rows.csv")
    assert f"{problem.code} {message}" == said
