"""Dialects: what each accepts, what is warned of where none is said, where an error points."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from ai_dataflow.compiler.transforms import TransformError, compile_transform, written
from ai_dataflow_tests.compiler.evaluated import evaluated
from ai_dataflow_tests.compiler.page import page
from ai_dataflow_tests.rooms import PACKAGE

ROWS = pl.DataFrame({"id": ["1"], "name": ["nina"], "amount": ["2.5"], "day": ["31.12.2025"]})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ISNULL(name,'x')", "nina"),
        ("LEN(name)", 4),
        ("IIF(amount > 1, 'big', 'small')", "big"),
        ("CONVERT(date, day, 104)", dt.date(2025, 12, 31)),
        ("DATEADD(day, 1, CONVERT(date, day, 104))", dt.date(2026, 1, 1)),
        ("LEFT([name], 2) + '-' + RIGHT(name, 2)", "ni-na"),
        ("CHARINDEX('n', name)", 1),
        ("CAST(id AS nvarchar(10))", "1"),
        ("DATEPART(year, CONVERT(date, day, 104))", 2025),
        ("CAST(amount AS money) * 2", 5),
        ("TRY_CONVERT(int, name)", None),
        ("N'x' + name", "xnina"),
        ("EOMONTH(CONVERT(date, day, 104), -1)", dt.date(2025, 11, 30)),
        ("amount + 1", 3.5),
        ("CONVERT(varchar(7), CONVERT(date, day, 104), 120)", "2025-12"),
    ],
)
def test_t_sql_is_understood(text: str, value: Any) -> None:
    done = evaluated(text, ROWS, "tsql")
    assert (done.values, done.failed) == ([value], [False])


@pytest.mark.parametrize(
    ("form", "bad", "good"),
    [
        ("%Y-%m-%d %H:%M:%S", "2016-12-31 23:59:60", "2060-01-31 12:34:06"),
        ("%d/%m/%y %H:%M:%S", "1/2/60 12:34:60", "31/12/60 00:00:00"),
        ("%H.%M.%S %d.%m.%y", "12.00.60 01.01.24", "12.00.00 01.01.60"),
        ("%Y%m%d%H%M%S", "20240131123460", "20600131123400"),
        ("%d%m%Y%H%M%S%.f", "31122024123460.5", "31121960120000.5"),
        ("%b %d, %Y %-I:%-M:%-S %p", "Jan 3, 2024 1:2:60 PM", "Jan 3, 1960 1:2:6 PM"),
        ("%Y-%m-%d %T", "2024-01-31 12:34:60", "2060-01-31 12:34:00"),
        ("yyyy-MM-dd HH:mm:ss", "2024-01-31 12:34:60", "2060-01-31 12:34:00"),
        ("%d.%m.%y", "31.01.24 12:34:60", "31.01.60 12:34:00"),
    ],
)
def test_the_second_60_fails_in_every_format(form: str, bad: str, good: str) -> None:
    rows = pl.DataFrame({"t": [bad, good, "", None]})
    done = evaluated(f"TO_TIMESTAMP(t, '{form}')", rows)
    assert (done.values[0], done.values[1] is None, done.values[2:]) == (None, False, [None, None])
    assert done.failed == [True, False, False, False]


@pytest.mark.parametrize(
    ("text", "dialect", "value"),
    [
        ("TO_DATE(day, 'dd.MM.yyyy')", "spark", dt.date(2025, 12, 31)),
        ("TO_DATE(day, 'DD.MM.YYYY')", "postgres", dt.date(2025, 12, 31)),
        ("STRPTIME(day, '%d.%m.%Y')", "duckdb", dt.datetime(2025, 12, 31)),
        ("TO_DATE(day, 'dd.MM.yyyy')", "", dt.date(2025, 12, 31)),
        ("TO_DATE(day, 'DD.MM.YYYY')", "", dt.date(2025, 12, 31)),
        ('CONCAT(`name`, "!")', "spark", "nina!"),
        ("NVL(name, 'x')", "spark", "nina"),
        ("ISNULL(name, 'x') || [id]", "", "nina1"),
        ("amount::numeric(10, 1)::int", "postgres", 3),
    ],
)
def test_the_others_are_too(text: str, dialect: str, value: Any) -> None:
    assert evaluated(text, ROWS, dialect).values == [value]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("LENGTH(name) / 2", "`/` of two whole numbers"),
        ("name + id", "`+` puts texts together"),
        ("LEN(name)", "LEN counts blanks"),
        ("CONCAT(name, id)", "CONCAT leaves nulls out"),
        ("SUBSTRING(name, 0, 2)", "positions before the first"),
        ("CAST(name AS VARCHAR(2))", "keeps the whole text"),
    ],
)
def test_what_dialects_disagree_on_is_warned_of(text: str, says: str) -> None:
    (doubt,) = compile_transform(text, ROWS.schema).doubts
    assert (doubt.code, doubt.offset) == ("MAP-028", 1)
    assert says in doubt.message
    if "+" not in text:
        assert compile_transform(text, ROWS.schema, "duckdb").doubts == ()


def test_a_text_that_no_cast_takes_is_warned_of() -> None:
    (doubt,) = compile_transform("CAST('2024-1-1' AS DATE)", ROWS.schema).doubts
    assert (doubt.code, doubt.offset) == ("MAP-029", 1)
    with pytest.raises(TransformError, match="ISO 8601"):
        compile_transform("DATE '2024-1-1'", ROWS.schema)


@pytest.mark.parametrize(
    ("text", "offset", "says"),
    [
        ("UPPER(TRIM(nam))", 12, "no column `nam`"),
        ("UPPER(TRMI(name))", 7, "no function `trmi`; did you mean `trim`"),
        ("CAST(name AS varchr)", 1, "did you mean `VARCHAR`"),
        ("UPPER(name", 7, "expecting"),
        ("name = 1", 1, "do not go together"),
        ("LEFT(name)", 1, "takes 2 arguments, not 1"),
        ("UPPER(\n  LOWRE(name))", 10, "did you mean `lower`"),
        ("DATEADD(dya, 1, TO_DATE(day))", 1, "no unit of time"),
        ("TO_CHAR(TO_DATE(day), 'yyyy-ww')", 1, "no format of days"),
        ("TO_CHAR(TO_DATE(day), 'DDth MM YYYY')", 1, "no format of days"),
        ("name LIKE 'x!' ESCAPE '!'", 1, "ends with its escape"),
    ],
)
def test_an_error_points_into_the_expression(text: str, offset: int, says: str) -> None:
    with pytest.raises(TransformError, match=says) as error:
        compile_transform(text, ROWS.schema)
    assert error.value.offset == offset


def test_a_compiled_expression_shows_the_casts_that_were_put_in() -> None:
    text = "IIF(amount > 1, name, 'small')"
    made = compile_transform(text, ROWS.schema, "tsql")
    shown = "IIF(CAST(amount AS DECIMAL(38, 10)) > CAST(1 AS DECIMAL(38, 10)), name, 'small')"
    assert written(text, made, "tsql") == shown


def test_the_page_is_made_from_the_table_of_functions() -> None:
    assert (PACKAGE.parent / "docs/transforms.md").read_text(encoding="utf-8") == page()
