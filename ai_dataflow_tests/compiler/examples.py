"""Examples of every function: over rows with limits in them, beside what says what is right.

`LIKE_DUCKDB` are compared with DuckDB, by its own spelling where it has another; `BY_HAND` have
their values here, for what DuckDB has not, or what a dialect does otherwise.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from ai_dataflow_tests.compiler.reference import FAILED

BIG = 2**63
ROWS = pl.DataFrame(
    {
        "t": ["Müller, Hans", "", " ab ", "aXa-b-c", None, "😀é", "a%_b"],
        "u": [",", "a", "", "-", "x", "é", "a"],
        "n": [1, -7, BIG - 1, -BIG, None, 0, 3],
        "m": [3, 2, -1, 7, 1, None, 0],
        "f": [2.5, -2.5, 0.5, 1e308, None, 0.0, -1.25],
        "c": [*map(Decimal, ("1.25", "-2.35", "99999999.99", "0", "-0.5")), None, Decimal("3.05")],
        "d": [dt.date(2024, 1, 31), dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2023, 2, 28),
              None, dt.date(1970, 1, 1), dt.date(2024, 12, 30)],
        "e": [dt.date(2024, 3, 1), dt.date(2, 2, 2), dt.date(9999, 1, 1), dt.date(2024, 2, 29),
              dt.date(2000, 1, 1), None, dt.date(2024, 12, 29)],
        "s": [dt.datetime(2024, 1, 31, 13, 45, 6, 123456), dt.datetime(1, 1, 1),
              dt.datetime(9999, 12, 31, 23, 59, 59), dt.datetime(1969, 12, 31, 23, 0), None,
              dt.datetime(1970, 1, 1), dt.datetime(2024, 12, 30, 0, 0, 0, 5000)],
        "b": [True, False, None, True, False, None, True],
        "l": [[1, 2], [], [3], None, [None, 5], [0], [7, 7]],
    },
    schema_overrides={"c": pl.Decimal(10, 2)},
)  # fmt: skip


class Example(NamedTuple):
    """An expression, how DuckDB spells it, the dialect in which it is compiled."""

    text: str
    theirs: str
    dialect: str = "duckdb"


def _examples(lines: str) -> list[Example]:
    made = []
    for line in lines.strip().splitlines():
        text, _, theirs = (part.strip() for part in line.partition(" ## "))
        made.append(Example(text, theirs or text))
    return made


LIKE_DUCKDB = _examples("""
UPPER(t)
UCASE(t) ## UPPER(t)
LOWER(t)
REVERSE(t) ## CASE WHEN t = '😀é' THEN 'é😀' ELSE REVERSE(t) END
LENGTH(t)
LEN(t)
OCTET_LENGTH(t) ## octet_length(encode(t))
BIT_LENGTH(t)
TRIM(t)
TRIM(t, 'ab ')
LTRIM(t)
RTRIM(t)
LTRIM(t, 'a')
LEFT(t, 2)
LEFT(t, -1)
RIGHT(t, 2)
RIGHT(t, -2)
SUBSTRING(t, 2)
SUBSTRING(t, 2, 3)
SUBSTRING(t, m) ## CASE WHEN m = 0 THEN t ELSE SUBSTRING(t, m) END
STRPOS(t, u)
STRPOS(t, ',')
INSTR(t, u)
CHARINDEX(u, t) ## STRPOS(t, u)
LOCATE('-', t) ## STRPOS(t, '-')
POSITION(u IN t)
REPLACE(t, 'a', 'xyz')
REPLACE(t, u, '!')
TRANSLATE(t, 'ab', 'x')
LPAD(t, 5, 'xy')
LPAD(t, 3, '-')
LPAD(t, m, '-') ## LPAD(t, m::INT, '-')
RPAD(t, 8, 'xy')
REPEAT(t, 2)
REPEAT(t, m)
SPACE(m) ## REPEAT(' ', m)
CONCAT(t, n, NULL)
CONCAT_WS('-', t, NULL, u)
t || u
t || n
SPLIT_PART(t, '-', 2)
SPLIT_PART(t, '-', -1)
SPLIT_PART(t, '-', 9)
STARTS_WITH(t, u)
ENDS_WITH(t, u)
CONTAINS(t, u)
ASCII(t)
CHR(65 + m) ## CHR((65 + m)::INT)
NORMALIZE(t) ## nfc_normalize(t)
REGEXP_LIKE(t, '[ab]') ## regexp_matches(t, '[ab]')
REGEXP_REPLACE(t, 'a', 'z')
REGEXP_REPLACE(t, '(a)', '<\\1>', 'g')
REGEXP_EXTRACT(t, '([a-z])-', 1)
REGEXP_COUNT(t, 'a') ## len(regexp_extract_all(t, 'a'))
t LIKE '%a%'
t LIKE 'a!%!__' ESCAPE '!'
t ILIKE '%A%'
t ~ '.*a.*'
ABS(n)
ABS(f)
ABS(c)
SIGN(n)
SIGN(f)
NEGATE(n) ## 0 - n
ROUND(f)
ROUND(f, 1)
ROUND(c, 1)
ROUND(n)
ROUND(n, -1)
TRUNCATE(f) ## TRUNC(f)
TRUNC(c)
CEILING(f)
CEIL(c)
FLOOR(f)
FLOOR(c)
n + m
n - m
n * m
n // m ## CASE WHEN m = 0 THEN error('zero') ELSE n // m END
n % m ## CASE WHEN m = 0 THEN error('zero') ELSE n % m END
MOD(n, m) ## CASE WHEN m = 0 THEN error('zero') ELSE n % m END
DIV(n, m) ## CASE WHEN m = 0 THEN error('zero') ELSE n // m END
-n ## 0 - n
f / m ## CASE WHEN m = 0 THEN error('zero') ELSE f / m END
f * f
c + n ## c + n::DECIMAL(38, 0)
c * 2
c - 0.01
POWER(f, 2)
SQRT(m)
CBRT(m)
SQUARE(f) ## f * f
EXP(m)
LN(m)
LOG(m)
LOG10(m)
LOG2(m)
LOG1P(m) ## LN(1 + m)
SIN(f)
COS(m)
TAN(m)
COT(m)
ASIN(f)
ACOS(f)
ATAN(f)
SIND(m) ## SIN(RADIANS(m))
COSD(m) ## COS(RADIANS(m))
TAND(m) ## TAN(RADIANS(m))
COTD(m) ## COT(RADIANS(m))
ASIND(m) ## DEGREES(ASIN(m))
ACOSD(m) ## DEGREES(ACOS(m))
ATAND(m) ## DEGREES(ATAN(m))
ATAN2D(m, 2) ## DEGREES(ATAN2(m, 2))
SINH(m)
COSH(m)
TANH(m)
DEGREES(f)
RADIANS(f)
ATAN2(f, m)
PI()
BITAND(n, m) ## n & m
BITOR(n, m) ## n | m
XOR(n, m)
BITNOT(n) ## ~n
BIT_COUNT(n) ## bit_count(n)
DATEADD('day', m, d) ## d + to_days(m::INT)
DATEADD('month', 1, d) ## d + INTERVAL 1 MONTH
DATEADD('month', m, e) ## e + to_months(m::INT)
DATEADD('year', 1, d) ## d + INTERVAL 1 YEAR
DATEADD('hour', m, s) ## s + to_hours(m::BIGINT)
DATE_ADD(d, INTERVAL '1 day') ## d + INTERVAL 1 DAY
d + INTERVAL '1 month' ## d + INTERVAL 1 MONTH
s - INTERVAL '2 days 3 hours'
ADD_MONTHS(d, 1) ## d + INTERVAL 1 MONTH
ADD_DAYS(d, 1) ## d + INTERVAL 1 DAY
DATE_SUB(d, 1) ## d - INTERVAL 1 DAY
DATEDIFF('day', d, e) ## date_diff('day', d, e)
DATEDIFF('month', d, e) ## date_diff('month', d, e)
DATEDIFF('year', d, e) ## date_diff('year', d, e)
DATEDIFF('quarter', d, e) ## date_diff('quarter', d, e)
DATEDIFF('hour', s, CAST(e AS TIMESTAMP)) ## date_diff('hour', s, e::TIMESTAMP)
s < TIMESTAMP '2024-01-31 13:45:07'
d - e
DATE_PART('year', d)
EXTRACT(week FROM d)
EXTRACT(dow FROM d)
EXTRACT(doy FROM d)
EXTRACT(isoyear FROM d)
EXTRACT(millisecond FROM s)
EXTRACT(microsecond FROM s)
EXTRACT(epoch FROM s)
EXTRACT(century FROM d)
EXTRACT(decade FROM d)
YEAR(d)
QUARTER(d)
MONTH(d)
WEEK(d)
DAY(d)
HOUR(s)
MINUTE(s)
SECOND(s)
DAYOFYEAR(d)
DAYOFWEEK(d)
ISODOW(d)
MILLISECOND(s) ## EXTRACT(millisecond FROM s)
EPOCH(s) ## EPOCH(s)
DATENAME('month', d) ## monthname(d)
DATENAME('weekday', d) ## dayname(d)
MONTHNAME(d)
DAYNAME(d)
DATE_TRUNC('month', d)
DATE_TRUNC('year', s)
DATE_TRUNC('quarter', s)
DATE_TRUNC('hour', s)
DATE_TRUNC('week', d)
DATE_TRUNC('decade', s)
TRUNC(d, 'month') ## DATE_TRUNC('month', d)
LAST_DAY(d)
DATEFROMPARTS(2024, m, 30) ## make_date(2024, m, 30)
MAKE_DATE(2023, 2, m) ## make_date(2023, 2, m)
TO_DATE('31.01.2024', '%d.%m.%Y') ## strptime('31.01.2024', '%d.%m.%Y')
TO_TIMESTAMP('2024-01-31 10:11:12', 'yyyy-MM-dd HH:mm:ss') ## TIMESTAMP '2024-01-31 10:11:12'
STRPTIME('31/01/24', '%d/%m/%y')
TRY_STRPTIME(t, '%d/%m/%y')
STRFTIME(d, '%d.%m.%Y')
DATE_FORMAT(s, 'yyyy-MM-dd HH:mm') ## strftime(s, '%Y-%m-%d %H:%M')
UNIX_SECONDS(s) ## epoch_us(s) // 1000000
FROM_UNIXTIME(m) ## make_timestamp(m * 1000000)
COALESCE(n, m)
IFNULL(t, u)
ISNULL(t, u) ## IFNULL(t, u)
NVL2(n, m, 5) ## CASE WHEN n IS NOT NULL THEN m ELSE 5 END
NULLIF(n, m)
NULLIF(t, '')
IF(b, n, m)
IIF(n > 0, t, u) ## IF(n > 0, t, u)
CHOOSE(m, 'x', 'y', 'z') ## CASE m WHEN 1 THEN 'x' WHEN 2 THEN 'y' WHEN 3 THEN 'z' END
DECODE(m, 1, 'x', NULL, 'y', 'z') ## CASE WHEN m = 1 THEN 'x' WHEN m IS NULL THEN 'y' ELSE 'z' END
GREATEST(n, m)
LEAST(n, m, NULL)
STRING_TO_ARRAY(t, '-') ## string_split(t, '-')
ARRAY_TO_STRING(l, ',')
ARRAY_LENGTH(l) ## len(l)
ARRAY_CONTAINS(l, 7) ## list_contains(l, 7)
l[1]
b AND NULL
b OR n > 0
NOT b
n IN (1, -7, NULL)
n NOT IN (1, 3)
n BETWEEN m AND 5
n IS DISTINCT FROM m
b IS TRUE
b IS NOT FALSE
CASE WHEN b THEN n WHEN m > 1 THEN m END
CASE m WHEN 1 THEN 'x' WHEN 3 THEN 'y' ELSE t END
CAST(n AS INT)
CAST(n AS SMALLINT)
CAST(f AS INT)
CAST(c AS INT)
CAST(n AS DOUBLE)
CAST(d AS TIMESTAMP)
CAST(s AS DATE)
CAST(b AS INT)
CAST(n AS VARCHAR)
TRY_CAST(n AS INT)
TRY_CAST(t AS INT)
""")

F = FAILED
NEVER = [None] * 7
BY_HAND: list[tuple[str, str, list[Any]]] = [
    ("ROW_KEY(7)", "", ["5b7cd508cede0d92e0eafe5076dbde92"] * 7),
    ("INITCAP(t)", "", ["Müller, Hans", "", " Ab ", "Axa-B-C", None, "😀É", "A%_B"]),
    ("ISNUMERIC(u)", "", [0] * 7),
    ("ISDATE('2024-01-31')", "", [1] * 7),
    ("ISDATE('2024-1-31')", "", [0] * 7),
    ("QUOTENAME(u)", "", ["[,]", "[a]", "[]", "[-]", "[x]", "[é]", "[a]"]),
    ("STUFF(t, 2, 1, '#')", "", ["M#ller, Hans", None, " #b ", "a#a-b-c", None, "😀#", "a#_b"]),
    ("SOUNDEX('Robert')", "", ["R163"] * 7),
    ("LEN(t)", "tsql", [12, 0, 3, 7, None, 2, 4]),
    ("CHARINDEX('', t)", "tsql", [0, 0, 0, 0, None, 0, 0]),
    ("LEFT(t, -1)", "tsql", [F, F, F, F, None, F, F]),
    ("LEFT(t, -1)", "spark", ["", "", "", "", None, "", ""]),
    ("SUBSTRING(t, 0, 2)", "tsql", ["M", "", " ", "a", None, "😀", "a"]),
    ("SUBSTRING(t, 0, 2)", "spark", ["Mü", "", " a", "aX", None, "😀é", "a%"]),
    ("SUBSTRING(t, -2, 2)", "spark", ["ns", "", "b ", "-c", None, "😀é", "_b"]),
    ("SUBSTRING(t, 1, -1)", "", [F, F, F, F, None, F, F]),
    ("CONCAT(t, n)", "spark", ["Müller, Hans1", "-7", f" ab {BIG - 1}", f"aXa-b-c{-BIG}", None,
                               "😀é0", "a%_b3"]),
    ("n / 2", "tsql", [0, -3, (BIG - 1) // 2, -BIG // 2, None, 0, 1]),
    ("n / 2", "postgres", [0, -3, (BIG - 1) // 2, -BIG // 2, None, 0, 1]),
    ("m / 2", "", [1.5, 1.0, -0.5, 3.5, 0.5, None, 0.0]),
    ("n / m", "tsql", [0, -3, -BIG + 1, -(BIG // 7), None, None, F]),
    ("POWER(m, 2)", "tsql", [9, 4, 1, 49, 1, None, 0]),
    ("POWER(n, 2)", "", [1, 49, F, F, None, 0, 9]),
    ("POWER(2, m)", "", [8, 4, F, 128, 2, None, 1]),
    ("ROUND(f, 0, 1)", "tsql", [2.0, -2.0, 0.0, 1e308, None, 0.0, -1.0]),
    ("CAST(f AS INT)", "tsql", [2, -2, 0, F, None, 0, -1]),
    ("CAST(c AS INT)", "postgres", [1, -2, 100_000_000, 0, -1, None, 3]),
    ("CAST(c AS DECIMAL(10,1))", "", [F, F, F, Decimal(0), Decimal("-0.5"), None, F]),
    ("c / m", "", [Decimal("0.41666667"), Decimal("-1.175"), Decimal("-99999999.99"), Decimal(0),
                   Decimal("-0.5"), None, F]),
    ("CAST(t AS VARCHAR(2))", "tsql", ["Mü", "", " a", "aX", None, "😀é", "a%"]),
    ("LOG(m, 2)", "tsql", [1.584962501, 1.0, F, 2.807354922, 0.0, None, F]),
    ("LOG(2, m)", "spark", [1.584962501, 1.0, F, 2.807354922, 0.0, None, F]),
    ("DATEPART(weekday, d)", "tsql", [4, 2, 6, 3, None, 5, 2]),
    ("DATEPART(week, d)", "tsql", [5, 1, 53, 9, None, 1, 53]),
    ("DATEDIFF(week, d, e)", "tsql", [4, 56, -52, 52, None, None, 0]),
    ("EOMONTH(d, 1)", "tsql", [dt.date(2024, 2, 29), dt.date(1, 2, 28), F, dt.date(2023, 3, 31),
                               None, dt.date(1970, 2, 28), dt.date(2025, 1, 31)]),
    ("DATETRUNC(week, d)", "tsql", [dt.date(2024, 1, 28), F, dt.date(9999, 12, 26),
                                    dt.date(2023, 2, 26), None, dt.date(1969, 12, 28),
                                    dt.date(2024, 12, 29)]),
    ("MONTHS_BETWEEN(e, d)", "", [1, 13, -11, 12, None, None, 0]),
    ("DATEDIFF(e, d)", "spark", [30, 397, -364, 366, None, None, -1]),
    ("CONVERT(varchar(10), s, 104)", "tsql", ["31.01.2024", "01.01.0001", "31.12.9999",
                                              "31.12.1969", None, "01.01.1970", "30.12.2024"]),
    ("u = 'a '", "tsql", [False, True, False, False, False, False, True]),
    ("u = 'a '", "", [False] * 7),
    ("t + '[' LIKE '%[[]'", "tsql", [True, True, True, True, None, True, True]),
    ("t + '&' LIKE '%[!-&]'", "tsql", [True, True, True, True, None, True, True]),
    ("TRIM(t || CHR(9))", "", ["Müller, Hans", "", "ab", "aXa-b-c", None, "😀é", "a%_b"]),
    ("TRIM(t || CHR(9))", "spark", ["Müller, Hans\t", "\t", "ab \t", "aXa-b-c\t", None, "😀é\t",
                                    "a%_b\t"]),
    ("REGEXP_SUBSTR(t, '[ab]')", "", ["a", None, "a", "a", None, None, "a"]),
    ("TO_DATE('31.01.2024', NULL)", "", NEVER),
    ("TRY_STRPTIME(UPPER(REPLACE(REPLACE(LPAD(t, 5, u), u, t), u, t) || LPAD(t, 5, u)), '%d')", "",
     NEVER),
    ("TRY_CONVERT(date, UPPER(REPLACE(REPLACE(LPAD(t, 5, u), u, t), u, t) || LPAD(t, 5, u)), 104)",
     "tsql", NEVER),
    ("t LIKE 'a[%X]_%'", "tsql", [False, False, False, True, None, False, True]),
    ("REGEXP_REPLACE(t, 'a', 'z')", "spark", ["Müller, Hzns", "", " zb ", "zXz-b-c", None, "😀é",
                                              "z%_b"]),
    ("t + '!'", "tsql", ["Müller, Hans!", "!", " ab !", "aXa-b-c!", None, "😀é!", "a%_b!"]),
    ("n ^ m", "tsql", [2, -5, -BIG, -BIG + 7, None, None, 3]),
    ("m ^ 2", "postgres", [9.0, 4.0, 1.0, 49.0, 1.0, None, 0.0]),
    ("ISNULL(m, '5')", "tsql", [3, 2, -1, 7, 1, 5, 0]),
    ("CAST(n AS TINYINT)", "tsql", [1, F, F, F, None, 0, 3]),
]  # fmt: skip
