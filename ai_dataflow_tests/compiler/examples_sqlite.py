"""Examples beside SQLite, and more beside DuckDB.

An expression, `##` how it is spelled there, `!!` in which rows of `edges` it differs, and how. What
differs is for the docs: a transform's user should know it.
"""

# ruff: noqa: E501 - an example is a line

from __future__ import annotations

SQLITE = r"""
UPPER(t) !! 0 5 8: letters of ASCII alone
LOWER(t)
LENGTH(t)
OCTET_LENGTH(t) ## LENGTH(CAST(t AS BLOB))
TRIM(t) !! 2: blanks alone; here white space, where no dialect is set
TRIM(t, 'ab ')
LTRIM(t, 'a')
RTRIM(t, 'b')
SUBSTRING(t, 2)
SUBSTRING(t, 2, 3)
SUBSTRING(t, m) !! 2 7 9: below 1 from the end
INSTR(t, u)
STRPOS(t, u) ## INSTR(t, u)
REPLACE(t, u, '!')
REPLACE(t, 'a', u)
t || u
t || n
ASCII(t) ## UNICODE(t) !! 1: null of '', here 0
CHR(65 + m) ## CHAR(65 + m) !! 5: null is the character 0
SOUNDEX('Robert')
SOUNDEX('Tymczak')
t LIKE '%a!%%' ESCAPE '!'
t LIKE '_'
t = u
t < u
ABS(f)
ABS(m)
SIGN(n)
SIGN(f)
-n !! 3: becomes a float where it overflows
n + 1 !! 2: becomes a float where it overflows
n * m !! 3: becomes a float where it overflows
n // m ## n / m !! 6: null where the second is 0
n % m !! 6: null where the second is 0
f / m !! 6: null where the second is 0
ROUND(f)
ROUND(f, 1)
ROUND(CAST(1.005 AS DOUBLE), 2) ## ROUND(1.005, 2) !! all: goes by the digits that a float is written with, here by its bits
TRUNC(f)
CEIL(f)
CEILING(m)
FLOOR(f)
FLOOR(m)
MOD(n, 7) ## n % 7
POWER(f, 2)
POW(m, 2)
SQRT(m) !! 2 7 9: null where it is none
EXP(m)
LN(f) !! 1 5 6 7: null where it is none
LOG10(n) !! 1 3 5 7: null where it is none
LOG2(f) !! 1 5 6 7: null where it is none
SIN(f)
COS(m)
TAN(m)
ASIN(f) !! 0 1 3 6 8 9: null where it is none
ACOS(m) !! 0 1 3 7 8 9: null where it is none
ATAN(f)
ATAN2(f, m)
SINH(m)
COSH(m)
TANH(m)
DEGREES(f)
RADIANS(f)
PI()
n & m
n | m
~n
n = m
n < f
GREATEST(n, m) ## MAX(n, m) !! 4 5: null where one is null
LEAST(t, u) ## MIN(t, u) !! 4: null where one is null
COALESCE(n, m, 0)
IFNULL(t, u)
NULLIF(n, m)
NULLIF(t, '')
IIF(b, n, m)
n IN (1, NULL)
n NOT IN (1, NULL)
n IN (m, 1)
n NOT IN (m, 1)
t IN ('', NULL)
n BETWEEN m AND 5
n NOT BETWEEN m AND 5
n NOT BETWEEN NULL AND 3
b AND NULL
b OR NULL
b AND n > m
NOT (b OR n > m)
b IS TRUE
b IS NOT TRUE
n IS DISTINCT FROM m ## n IS NOT m
CASE WHEN b THEN n END
CASE n WHEN NULL THEN 1 WHEN 3 THEN 2 END
STRFTIME(d, '%d.%m.%Y') ## STRFTIME('%d.%m.%Y', d)
EPOCH(s) ## UNIXEPOCH(s)
FROM_UNIXTIME(m) ## DATETIME(m, 'unixepoch')
LAST_DAY(d) ## DATE(d, 'start of month', '+1 month', '-1 day') !! 2: has no year after 9999 to come back from
ADD_DAYS(e, m) ## DATE(e, m || ' days')
DATE_SUB(e, 1) ## DATE(e, '-1 day')
YEAR(d) ## CAST(STRFTIME('%Y', d) AS INTEGER)
MONTH(d) ## CAST(STRFTIME('%m', d) AS INTEGER)
DAY(d) ## CAST(STRFTIME('%d', d) AS INTEGER)
HOUR(s) ## CAST(STRFTIME('%H', s) AS INTEGER)
DAYOFYEAR(d) ## CAST(STRFTIME('%j', d) AS INTEGER)
DAYOFWEEK(d) ## CAST(STRFTIME('%w', d) AS INTEGER)
DATEDIFF('day', d, e) ## CAST(JULIANDAY(e) - JULIANDAY(d) AS INTEGER)
"""

DUCKDB_TOO = r"""
GREATEST(f, g)
LEAST(f, g)
SUBSTRING(t, 2, m) !! 2 7 9: counts a length below 0 to the left; here such a row is rejected
SPLIT_PART(t, u, 1) !! 2: '' splits between all characters; here nowhere
LPAD(t, 5, u) !! 2: refuses to fill with ''; here the text stays as it is
CHR(m) ## CHR(m::INT) !! 6: 0 is a character
UPPER(t) !! 8: `ß` stays one letter
TRIM(t)
LOG10(1000) - 3
LOG2(536870912) - 29
LOG(3, 243) - 5
CAST(f AS DECIMAL(10, 1))
CAST(c AS DECIMAL(4, 1)) !! 0 1 6 7: rounds away digits; here such a row is rejected
SIGN(g) !! 0 8: 0 of NaN, here NaN
t || s !! 1 2 3 5 6 8 9: leaves out zeros at the end of a second's fraction; here it has six digits
ROUND(CAST(2.675 AS DOUBLE), 2) !! all: 2.67, here 2.68, as the product with 100 is 267.5
"""
