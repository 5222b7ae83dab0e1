"""Functions of patterns: regular expressions, matched in linear time, and how words sound."""

from __future__ import annotations

import re
from functools import partial

import polars as pl
from polars.exceptions import PolarsError

from ai_dataflow.compiler import dialects
from ai_dataflow.compiler.growing_functions import MAX_GROWN, short_of
from ai_dataflow.compiler.registry import Call, function
from ai_dataflow.compiler.terms import Term

TEXT, WHOLE, BOOLEAN = pl.String(), pl.Int64(), pl.Boolean()
_text = partial(function, family="text", gives="text")
_count = partial(function, family="text", gives="BIGINT")
_test = partial(function, family="text", gives="BOOLEAN")
_MAX_PATTERN = 1_000


def pattern_of(call: Call, index: int, flags: str = "") -> str:
    """Give a regular expression that is written out; it is matched in linear time.

    Raises:
        TransformError: it is computed, too long, or none of Rust's `regex`.
    """
    text = str(call.written(index, "the pattern") or "")
    if len(text) > _MAX_PATTERN:
        raise call.context.refused(f"a pattern has up to {_MAX_PATTERN:,} characters")
    wanted = "".join(flag for flag in flags if flag in "ims")
    pattern = f"(?{wanted}){text}" if wanted else text
    try:
        pl.Series([""]).str.contains(pattern)
    except PolarsError:
        raise call.context.refused("the pattern is no regular expression that is matched in linear "
                                   "time: no look-around, no back-reference") from None  # fmt: skip
    return pattern


def _flags(call: Call, index: int) -> str:
    return str(call.written(index, "the flags") or "")


@_test("REGEXP_LIKE", "text", "text", "text?", also=("REGEXP_MATCHES", "REGEXP", "RLIKE"),
       note="somewhere in the text; flags `i`, `m`, `s`")  # fmt: skip
def _regexp_like(call: Call) -> Term:
    pattern = pattern_of(call, 1, _flags(call, 2))
    return call.made(call.value(0).str.contains(pattern), BOOLEAN)


@_text("REGEXP_REPLACE", "text", "text", "text", "text?",
       limits=f"fails beyond {MAX_GROWN:,} bytes",
       note="groups are `$1` or `\\1`; flags `i`, `m`, `s`, `g`",
       differs={"spark": "each match", "tsql": "each match", "postgres": "the first; `g` each",
                "duckdb": "the first; `g` each"})  # fmt: skip
def _regexp_replace(call: Call) -> Term:
    flags = _flags(call, 3)
    pattern = pattern_of(call, 1, flags)
    new = re.sub(r"\\(\d)", r"${\1}", str(call.written(2, "the replacement") or ""))
    first = call.context.dialect in (dialects.POSTGRES, dialects.DUCKDB) and "g" not in flags
    if "g" not in flags:
        call.context.differs("REGEXP_REPLACE replaces each match here, as T-SQL and Spark; "
                             "PostgreSQL and DuckDB the first")  # fmt: skip
    text = call.value(0)
    size = text.str.len_bytes().cast(WHOLE) * (1 + new.count("$"))
    grown = size + text.str.count_matches(pattern).cast(WHOLE) * len(new.encode())
    long = (grown > MAX_GROWN).fill_null(value=False)
    short = short_of(text, long)
    done = short.str.replace(pattern, new) if first else short.str.replace_all(pattern, new)
    return call.made(pl.when(text.is_not_null()).then(done), TEXT, fails=long, uses=5)


@_text("REGEXP_EXTRACT", "text", "text", "whole?",
       note="the group of this number, 0 is the whole match; '' where nothing matches")  # fmt: skip
def _regexp_extract(call: Call) -> Term:
    pattern = pattern_of(call, 1)
    group = call.written(2, "the group")
    number = group if isinstance(group, int) else int(call.context.dialect == dialects.SPARK)
    if not 0 <= number <= re.compile(r"(?<!\\)\((?!\?)").subn("", pattern)[1]:
        raise call.context.refused(f"the pattern has no group {number}")
    part = call.value(0).str.extract(pattern, number)
    return call.made(pl.when(call.value(0).is_not_null()).then(part.fill_null("")), TEXT)


@_text("REGEXP_SUBSTR", "text", "text", null="null",
       note="the first match; null where nothing matches")  # fmt: skip
def _regexp_substr(call: Call) -> Term:
    return call.made(call.value(0).str.extract(f"({pattern_of(call, 1)})", 1), TEXT)


@_count("REGEXP_COUNT", "text", "text", note="how often it matches")
def _regexp_count(call: Call) -> Term:
    return call.made(call.value(0).str.count_matches(pattern_of(call, 1)).cast(WHOLE), WHOLE)


@_text("SOUNDEX", "text", note="T-SQL's code of how an English word sounds")
def _soundex(call: Call) -> Term:
    return call.made(call.value(0).map_elements(_sound, return_dtype=TEXT), TEXT)


def _sound(text: str) -> str:
    groups = ("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R")
    codes = {letter: str(i) for i, group in enumerate(groups, 1) for letter in group}
    word = re.sub(r"[^A-Z].*", "", text.strip().upper(), flags=re.DOTALL)
    if not word:
        return "0000"
    made, last = word[0], codes.get(word[0], "")
    for letter in word[1:]:
        code = codes.get(letter, "")
        if code and code != last:
            made += code
        last = code if letter not in "HW" else last
    return f"{made}000"[:4]
