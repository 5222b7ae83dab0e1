"""Random typed expressions over columns with limits in them; what they are made of is `terms`."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl
from hypothesis import strategies as st

from ai_dataflow_tests.compiler import random_terms as terms
from ai_dataflow_tests.compiler.random_terms import BITS, EXACT, Random, Row


def _edges(bits: int) -> list[int]:
    high = 2 ** (bits - 1)
    return [0, 1, -1, 2, -2, 7, high - 1, -high, high // 2, -(high // 2) - 1]


def _scaled(scale: int, numbers: list[int]) -> list[Decimal]:
    return [Decimal(number).scaleb(-scale, EXACT) for number in numbers]


COLUMNS: dict[str, tuple[pl.DataType, list[Any]]] = {
    "n": (pl.Int64(), _edges(64)),
    "m": (pl.Int64(), [*_edges(8), 3_037_000_500, -3_037_000_499]),
    "k": (pl.Int64(), _edges(32)),
    "c": (pl.Decimal(18, 2), _scaled(2, [0, 1, -1, 150, 10**18 - 1, 1 - 10**18])),
    "d": (pl.Decimal(38, 4), _scaled(4, [0, 5, -15000, 10**38 - 1, 1 - 10**38])),
    "t": (pl.String(), ["", " a ", "ä€😀", "12", "-7", "x", "99999999999", "1.0"]),
    "u": (pl.String(), ["", "a", "€", "ab,c", ","]),
}  # fmt: skip


def rows() -> st.SearchStrategy[list[Row]]:
    """Give a few rows; about a fifth of the values is null."""
    values = {name: st.sampled_from([*known, *[None] * (1 + len(known) // 5)])
              for name, (_, known) in COLUMNS.items()}  # fmt: skip
    return st.lists(st.fixed_dictionaries(values), min_size=4, max_size=4)


def expressions(depth: int = 3) -> st.SearchStrategy[Random]:
    """Give expressions of any kind."""
    return st.one_of(wholes(depth), decimals(depth), texts(depth), booleans(depth))


@cache
def wholes(depth: int) -> st.SearchStrategy[Random]:
    """Give whole numbers."""
    options = [
        st.sampled_from([terms.column(name, "whole", width=64) for name in "nmk"]),
        st.sampled_from([0, 1, 2, 7, 100, 2**31 - 1, 2**31, 2**63 - 1]).map(terms.number),
    ]
    if depth:
        inner, text = wholes(depth - 1), texts(depth - 1)
        options += [
            st.builds(terms.operator, st.sampled_from(["+", "-", "*", "%", "//"]), inner, inner),
            st.builds(terms.operator, st.sampled_from(["+", "-", "*"]), inner, inner),
            st.builds(terms.negated, inner),
            st.builds(terms.absolute, inner),
            st.builds(terms.cast, inner, st.sampled_from(sorted(BITS))),
            st.builds(terms.cast_text, text, st.sampled_from(sorted(BITS))),
            st.builds(terms.length, text),
            st.builds(terms.position, text, text),
            st.builds(terms.extreme, st.booleans(), inner, inner),
            *_choices(inner, booleans(depth - 1)),
        ]
    return st.one_of(options)


@cache
def decimals(depth: int) -> st.SearchStrategy[Random]:
    """Give decimals."""
    options = [st.sampled_from([terms.column("c", "decimal", scale=2, width=18),
                                terms.column("d", "decimal", scale=4, width=38)])]  # fmt: skip
    if depth:
        inner, any_number = decimals(depth - 1), st.one_of(decimals(depth - 1), wholes(depth - 1))
        options += [
            st.builds(terms.decimal, st.sampled_from(["+", "-", "*"]), inner, any_number),
            st.builds(terms.rounded, inner, st.integers(-2, 3)),
            st.builds(terms.absolute, inner),
            st.builds(terms.stepped, inner, st.booleans()),
            st.builds(terms.cut, inner, st.integers(-2, 3)),
        ]
    return st.one_of(options)


@cache
def texts(depth: int) -> st.SearchStrategy[Random]:
    """Give texts."""
    options = [st.sampled_from([terms.column("t", "text"), terms.column("u", "text")]),
               st.sampled_from(["", "x", "ä€", "12"]).map(terms.quoted)]  # fmt: skip
    if depth:
        inner = texts(depth - 1)
        small = st.integers(0, 5).map(terms.number)
        options += [
            st.builds(terms.put_together, inner, inner),
            st.builds(terms.reverse, inner),
            st.builds(terms.left, inner, small),
            st.builds(terms.substring, inner, st.integers(1, 4), st.integers(0, 3)),
            st.builds(terms.replaced, inner),
            st.builds(terms.trimmed, inner),
            st.builds(terms.padded, inner, st.integers(0, 6)),
            st.builds(terms.part, inner, st.sampled_from([-2, -1, 1, 2])),
            *_choices(inner, booleans(depth - 1)),
        ]
    return st.one_of(options)


@cache
def booleans(depth: int) -> st.SearchStrategy[Random]:
    """Give conditions, with the three values that they have."""
    number, text = wholes(max(depth - 1, 0)), texts(max(depth - 1, 0))
    signs, several = ["=", "<>", "<", ">=", ">"], st.lists(number, min_size=1, max_size=3)
    options = [
        st.builds(terms.compared, st.sampled_from(signs), number, number),
        st.builds(terms.is_in, number, several),
        st.builds(terms.is_in, text, st.lists(text, min_size=1, max_size=3)),
        st.builds(terms.between, number, number, number),
        st.builds(terms.like, text, st.sampled_from(["%a%", "_", "", "%", "ä_%", "% ", "a,%"])),
        st.builds(terms.compared, st.sampled_from(["=", "<>"]), text, text),
        st.builds(terms.is_null, st.one_of(number, text)),
    ]
    if depth:
        inner = booleans(depth - 1)
        options += [
            st.builds(terms.both, st.booleans(), inner, inner),
            st.builds(terms.negation, inner),
        ]
        options += [st.builds(terms.is_true, inner)]
    return st.one_of(options)


def _choices(
    inner: st.SearchStrategy[Random], condition: st.SearchStrategy[Random]
) -> list[st.SearchStrategy[Random]]:
    return [
        st.builds(terms.case, condition, inner, inner),
        st.builds(terms.coalesce, inner, inner),
        st.builds(terms.null_if, inner, inner),
    ]
