"""Examples beside PostgreSQL.

An expression, `##` how it is spelled there, `!!` in which rows of `edges` it differs, and how. What
differs is for the docs: a transform's user should know it.
"""

# ruff: noqa: E501 - an example is a line

from __future__ import annotations

POSTGRES = r"""
UPPER(t) ## UPPER(t COLLATE "und-x-icu")
UCASE(t) ## UPPER(t COLLATE "und-x-icu")
LOWER(t) ## LOWER(t COLLATE "und-x-icu")
INITCAP(t) ## INITCAP(t COLLATE "und-x-icu") !! 9: ICU's words have apostrophes in them: `Don't`, here `Don'T`
REVERSE(t) !! 7: turns an accent that is a character of its own away from its letter
LENGTH(t)
OCTET_LENGTH(t)
BIT_LENGTH(t)
TRIM(t)
LTRIM(t)
RTRIM(t)
TRIM(t, 'ab ')
LTRIM(t, 'a')
LEFT(t, m) ## LEFT(t, m::int)
RIGHT(t, m) ## RIGHT(t, m::int)
SUBSTRING(t, m) ## SUBSTRING(t, m::int)
SUBSTRING(t, m, 2) ## SUBSTRING(t, m::int, 2)
SUBSTRING(t, 2, m) ## SUBSTRING(t, 2, m::int)
SUBSTRING(t, m, m) ## SUBSTRING(t, m::int, m::int)
STRPOS(t, u)
POSITION(u IN t)
REPLACE(t, u, '!')
REPLACE(t, 'a', u)
TRANSLATE(t, 'ab', 'x')
TRANSLATE(t, 'aba', 'xyz')
LPAD(t, m, '-') ## LPAD(t, m::int, '-')
LPAD(t, 5, u)
RPAD(t, 5, u)
REPEAT(t, m) ## REPEAT(t, m::int)
SPACE(m) ## REPEAT(' ', m::int)
CONCAT(t, n, NULL)
CONCAT_WS(u, t, NULL, u)
t || u
t || n
t || b
t || d
t || c
t || f !! 5 7 9: writes 0 and 1000 where 0.0 and 1000.0 are written here
t || s !! 1 2 3 5 6 8 9: leaves out zeros at the end of a second's fraction; here it has six digits
SPLIT_PART(t, u, 1)
SPLIT_PART(t, u, 2)
SPLIT_PART(t, u, -1)
SPLIT_PART(t, 'b', m) ## SPLIT_PART(t, 'b', m::int)
STARTS_WITH(t, u)
ASCII(t)
CHR(m) ## CHR(m::int)
CHR(128512 + m) ## CHR((128512 + m)::int)
NORMALIZE(t)
t LIKE '%a%'
t LIKE 'a_b%'
t LIKE '__'
t LIKE ''
t LIKE '%!_%' ESCAPE '!'
t LIKE '%\%%'
t NOT LIKE '%a%'
t ILIKE '%STRA%'
t ILIKE 'É%' ## t COLLATE "und-x-icu" ILIKE 'É%'
t = u
t = 'a%_b '
t < u
t >= 'a'
t ~ '^a'
t ~ 'b.$'
t ~ 'a.b' !! 3: `.` is a line feed too
t ~* '^A'
t !~ 'a'
t ~ NULL
REGEXP_LIKE(t, 'A', 'i')
REGEXP_COUNT(t, '[ab]')
REGEXP_SUBSTR(t, '[ab]+')
REGEXP_REPLACE(t, '[a-c]', 'z')
REGEXP_REPLACE(t, '[a-c]', 'z', 'g')
REGEXP_REPLACE(t, '(a)(.)', '\\2\\1', 'g') !! 0 2 3 6 8: `.` is a line feed too
REGEXP_REPLACE(t, '', '-', 'g')
REGEXP_REPLACE(t, NULL, '-')
ABS(n)
ABS(c)
ABS(f)
SIGN(n)
SIGN(c)
SIGN(f)
SIGN(g) !! 0 8: 0 of NaN, here NaN
NEGATE(n) ## -n
-n
-c
-f
ROUND(f) !! 0 1 2: a float's half goes to the even one
ROUND(f, 1) ## ROUND(f::numeric, 1)
ROUND(c)
ROUND(c, 1)
ROUND(c, -1)
ROUND(n, -1) !! 2 3: a number beyond BIGINT comes out
ROUND(f, NULL) ## ROUND(f::numeric, NULL)
ROUND(CAST(1.005 AS DOUBLE PRECISION), 2) ## ROUND(1.005::float8::numeric, 2) !! all: goes by the digits that a float is written with, here by its bits: 1.01, here 1.0
TRUNC(f)
TRUNC(c)
TRUNC(c, 1)
TRUNC(n, -1)
CEIL(f)
CEILING(c)
CEIL(g)
FLOOR(f)
FLOOR(c)
FLOOR(n)
n + m
n - m
n * m
n / m
n % m
n + 1
n - 2
f + g
f * g
f / m
c + n
c * c
c - 0.01
c % 2
c / 3 !! 0 1 4 6 7 8: a quotient has 16 digits or more; here six more than the first number
MOD(n, m)
MOD(c, -0.3)
DIV(n, m) ## DIV(n, m)
POWER(f, 2)
POWER(f, 0.5)
POWER(m, 2)
POWER(0, m)
POWER(g, 0)
m ^ 2
SQRT(f)
CBRT(m)
CBRT(-27)
SQUARE(f) ## f * f
EXP(m)
EXP(m * 1000) !! 2 7 9: refuses what is too small for a float; here it is 0
LN(f)
LOG10(n) ## LOG10(n::float8)
LOG10(1000) - 3 ## LOG10(1000::float8) - 3
LOG(n) ## LOG(n::float8)
LOG(m, n)
LOG(3, 243) - 5
LOG(10, 1000) - 3
LOG2(8) - 3 ## LOG(2, 8) - 3
LOG2(536870912) - 29 ## LOG(2, 536870912) - 29
LOG1P(f) ## LN(1 + f)
SIN(f)
COS(m)
TAN(m)
COT(m)
ASIN(f)
ACOS(m)
ATAN(f)
ATAN2(f, m)
SIND(m)
COSD(m)
TAND(m)
COTD(m)
ASIND(f)
ACOSD(f)
ATAND(f)
ATAN2D(f, m)
SIND(30) - 0.5 !! all: is exact at 30, 45, 60 and 90 degrees; here it is 1e-16 beside it
COSD(90) !! all: as SIND
TAND(90) !! all: infinite, here 1.6e16
SINH(m)
COSH(m)
TANH(m)
DEGREES(f)
RADIANS(f)
PI()
n & m
n | m
~n
BITAND(n, m) ## n & m
BITOR(n, m) ## n | m
XOR(n, m) ## n # m
BITNOT(n) ## ~n
BIT_COUNT(n) ## BIT_COUNT(n::bit(64))
n = m
n < f
g = g
g > 1
g < f
f = 0
c = 2.5
b = TRUE
b <> (n > m)
n IS DISTINCT FROM m
n IS NOT DISTINCT FROM m
g IS DISTINCT FROM f
t IS NOT DISTINCT FROM NULL
GREATEST(n, m)
GREATEST(f, g)
GREATEST(t, u)
GREATEST(d, e)
GREATEST(c, m)
LEAST(n, m, NULL)
LEAST(f, g)
LEAST(t, u, 'm')
COALESCE(n, m, 0)
COALESCE(c, m)
COALESCE(m, f)
COALESCE(d, s)
COALESCE(NULL, m, 1.5)
IFNULL(t, u) ## COALESCE(t, u)
ISNULL(t, u) ## COALESCE(t, u)
NVL2(n, m, 5) ## CASE WHEN n IS NOT NULL THEN m ELSE 5 END
NULLIF(n, m)
NULLIF(f, 0)
NULLIF(g, g)
NULLIF(t, '')
NULLIF(c, 2.50)
n IN (1, NULL)
n NOT IN (1, NULL)
n IN (NULL)
n NOT IN (NULL)
n IN (m, 1)
n NOT IN (m, 1, NULL)
f IN (0, 1.5)
g IN (0, 2)
c IN (2.5, 3.05)
t IN ('', NULL)
t NOT IN ('', 'a%')
d IN (DATE '2024-01-31', e)
n BETWEEN m AND 5
n NOT BETWEEN m AND 5
n BETWEEN 5 AND m
n NOT BETWEEN NULL AND 3
n BETWEEN SYMMETRIC 5 AND 0
n BETWEEN SYMMETRIC NULL AND 3
n NOT BETWEEN SYMMETRIC m AND 3
d BETWEEN DATE '2000-01-01' AND e
b AND NULL
b OR NULL
NOT b
NULL AND FALSE
b AND n > m
b OR n > m
NOT (b OR n > m)
b IS TRUE
b IS NOT TRUE
b IS FALSE
CASE WHEN b THEN n END
CASE WHEN NULL THEN 1 ELSE 2 END
CASE n WHEN NULL THEN 1 WHEN 3 THEN 2 END
CASE m WHEN 3 THEN 'x' WHEN 2 THEN t END
CASE WHEN b THEN n ELSE c END
CASE WHEN b THEN n WHEN n > 0 THEN f ELSE c END
CASE WHEN m = 0 THEN NULL ELSE n / m END
IF(b, n, m) ## CASE WHEN b THEN n ELSE m END
CHOOSE(m, 'x', 'y') ## (ARRAY['x', 'y'])[m]
DECODE(m, 1, 'x', NULL, 'y', 'z') ## CASE WHEN m = 1 THEN 'x' WHEN m IS NULL THEN 'y' ELSE 'z' END
CAST(n AS SMALLINT)
CAST(n AS INT)
CAST(f AS INT)
CAST(f AS BIGINT)
CAST(g AS INT)
CAST(c AS INT)
CAST(c AS DECIMAL(4, 1)) !! 0 1 6 7: rounds away digits; here such a row is rejected
CAST(f AS DECIMAL(10, 1))
CAST(f AS DECIMAL(10, 0))
CAST(n AS DECIMAL(38, 10))
CAST(n AS DOUBLE PRECISION)
CAST(b AS INT)
CAST(c AS VARCHAR)
CAST(b AS VARCHAR)
CAST(d AS VARCHAR)
CAST(t AS VARCHAR(2))
CAST(s AS DATE)
CAST(d AS TIMESTAMP)
CAST('2024-02-30' AS DATE)
d + 1
d - 1
d - e
d + INTERVAL '1 month' ## (d + INTERVAL '1 month')::date
d - INTERVAL '1 month' ## (d - INTERVAL '1 month')::date
d + INTERVAL '1 year' ## (d + INTERVAL '1 year')::date
d + INTERVAL '1 day 1 month' ## (d + INTERVAL '1 day 1 month')::date
d + INTERVAL '1 year 1 month' ## (d + INTERVAL '1 year 1 month')::date
s + INTERVAL '1 month 1 day'
s - INTERVAL '13 months'
s - INTERVAL '1 month 2 days 3 hours'
s + INTERVAL '90 minutes'
DATEADD('month', m, d) ## (d + m * INTERVAL '1 month')::date
DATEADD('year', m, d) ## (d + m * INTERVAL '1 year')::date
DATEADD('quarter', m, s) ## s + m * INTERVAL '3 months'
DATEADD('second', m, s) ## s + m * INTERVAL '1 second'
ADD_MONTHS(d, m) ## (d + m * INTERVAL '1 month')::date
ADD_DAYS(d, m) ## d + m::int
DATE_SUB(d, m) ## d - m::int
DATEDIFF('day', d, e) ## e - d
MONTHS_BETWEEN(d, e) ## (EXTRACT(year FROM AGE(d, e)) * 12 + EXTRACT(month FROM AGE(d, e)))
DATE_PART('hour', s)
EXTRACT(year FROM d)
EXTRACT(week FROM d)
EXTRACT(dow FROM d)
EXTRACT(isodow FROM d)
EXTRACT(doy FROM d)
EXTRACT(isoyear FROM d)
EXTRACT(quarter FROM d)
EXTRACT(century FROM d)
EXTRACT(millennium FROM d)
EXTRACT(decade FROM d)
EXTRACT(microsecond FROM s)
EXTRACT(epoch FROM s)
EXTRACT(second FROM s) !! 0 6 7: has the fraction; here it is cut off
EXTRACT(millisecond FROM s) !! 0 7: has the fraction; here it is cut off
YEAR(d) ## EXTRACT(year FROM d)
QUARTER(d) ## EXTRACT(quarter FROM d)
MONTH(d) ## EXTRACT(month FROM d)
WEEK(d) ## EXTRACT(week FROM d)
DAY(d) ## EXTRACT(day FROM d)
HOUR(s) ## EXTRACT(hour FROM s)
MINUTE(s) ## EXTRACT(minute FROM s)
SECOND(s) ## FLOOR(EXTRACT(second FROM s))
DAYOFYEAR(d) ## EXTRACT(doy FROM d)
DAYOFWEEK(d) ## EXTRACT(dow FROM d)
ISODOW(d) ## EXTRACT(isodow FROM d)
MILLISECOND(s) ## FLOOR(EXTRACT(millisecond FROM s))
EPOCH(s) ## EXTRACT(epoch FROM s)
UNIX_SECONDS(s) ## FLOOR(EXTRACT(epoch FROM s))
FROM_UNIXTIME(m) ## TO_TIMESTAMP(m) AT TIME ZONE 'UTC'
MONTHNAME(d) ## TO_CHAR(d, 'FMMonth')
DAYNAME(d) ## TO_CHAR(d, 'FMDay')
DATENAME('month', d) ## TO_CHAR(d, 'FMMonth')
DATE_TRUNC('week', d) ## DATE_TRUNC('week', d)::date
DATE_TRUNC('quarter', d) ## DATE_TRUNC('quarter', d)::date
DATE_TRUNC('decade', d) ## DATE_TRUNC('decade', d)::date
DATE_TRUNC('month', s)
DATE_TRUNC('second', s)
TRUNC(d, 'year') ## DATE_TRUNC('year', d)::date
LAST_DAY(d) ## (DATE_TRUNC('month', d) + INTERVAL '1 month - 1 day')::date
MAKE_DATE(2024, 2, m) ## MAKE_DATE(2024, 2, m::int)
MAKE_DATE(m, 1, 1) ## MAKE_DATE(m::int, 1, 1)
TO_DATE('31.01.2024', 'DD.MM.YYYY')
TO_DATE('1.2.2024', 'DD.MM.YYYY')
TO_DATE('31-JAN-24', 'DD-MON-YY')
TO_DATE('2024060', 'YYYYDDD')
TO_DATE('2024-02-30', 'YYYY-MM-DD')
TO_DATE('31.01.2024 x', 'DD.MM.YYYY') !! all: what follows the format is left out; here such a text fails
TO_DATE('31.01.2024', NULL)
TO_TIMESTAMP('2024-01-31 01:45:06 PM', 'YYYY-MM-DD HH12:MI:SS AM') ## TO_TIMESTAMP('2024-01-31 01:45:06 PM', 'YYYY-MM-DD HH12:MI:SS AM')::timestamp
TO_CHAR(s, 'YYYY-MM-DD HH24:MI:SS.US')
TO_CHAR(s, 'FMDD.FMMM.YY')
TO_CHAR(s, 'Dy, DD Mon YYYY HH12:MI AM')
TO_CHAR(s, 'Q IYYY-IW DDD')
TO_CHAR(s, 'YYYY"T"MM')
TO_CHAR(s, 'FMMonth FMDay')
TO_CHAR(s, 'MON') !! 0 1 2 3 5 6 7 8 9: in capitals; names of months and days are written `Jan` here
TO_CHAR(s, 'Month') !! 0 1 2 3 5 6 7 8 9: filled up with blanks to nine characters, here not
STRING_TO_ARRAY(t, 'b') !! 1: nothing of '', here one element
STRING_TO_ARRAY(t, '') !! 0 2 3 5 6 7 8 9: one element, here each character; nothing of ''
ARRAY_TO_STRING(STRING_TO_ARRAY(t, 'b'), '+')
ARRAY_LENGTH(STRING_TO_ARRAY(t, 'b')) ## CARDINALITY(STRING_TO_ARRAY(t, 'b')) !! 1: nothing of '', here one element
ARRAY_CONTAINS(STRING_TO_ARRAY(t, '-'), 'straße') ## 'straße' = ANY(STRING_TO_ARRAY(t, '-'))
"""
