"""Elements of lists: counted beside the values of columns, so that none gets lost on the way.

Of a column of lists, `tags`, two numbers are kept: how many rows have a list, as `tags`, and how
many elements with a value these lists have, as `tags[]`. No AI column's name has brackets. Of lists
of lists the innermost elements count.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

_MARK = "[]"


def counted_names(types: Mapping[str, pl.DataType]) -> list[str]:
    """Give what is counted of columns of these types: their values, then the lists' elements."""
    return [*types, *(name + _MARK for name, dtype in types.items() if isinstance(dtype, pl.List))]


def elements(types: Mapping[str, pl.DataType]) -> dict[str, pl.Expr]:
    """Give, for each column of lists, how many elements with a value each row has; by its name."""
    return {
        name + _MARK: _number(pl.col(name), dtype).cast(pl.Int64).fill_null(0)
        for name, dtype in types.items()
        if isinstance(dtype, pl.List)
    }


def is_of_elements(name: str) -> bool:
    """Tell whether a count is one of elements."""
    return name.endswith(_MARK)


def column_of(name: str) -> str:
    """Give the column that is counted under a name."""
    return name.removesuffix(_MARK)


def _number(lists: pl.Expr, dtype: pl.List) -> pl.Expr:
    element, inner = pl.element(), dtype.inner
    if isinstance(inner, pl.List):
        return lists.list.eval(_number(element, inner)).list.sum()
    return lists.list.eval(element.is_not_null()).list.sum()  # of booleans: cheap
