"""What a spreadsheet shows of a cell; SheetJS's formatter gave the same texts."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.tables.shown import shown

SHOWN: list[tuple[Any, str, str]] = [
    (7, "000", "007"), (7.0, "General", "7"), (7.5, "General", "7.5"),
    (0.1 + 0.2, "General", "0.3"),
    (-7, "General", "-7"), (12345678901, "General", "12345678901"), (7, "@", "7"),
    (123456789012, "0", "123456789012"), (7, "#", "7"), (0, "0", "0"), (7, "0.00", "7.00"),
    (2.5, "0", "3"), (7, '"C"000', "C007"), (7, "\\C000", "C007"), (7, "[Red]000", "007"),
    (123456, "00-00-00", "12-34-56"), (1234567, "000-000", "1234-567"), (-7, "0;(0)", "(7)"),
    (-7, "000", "-007"), (0, '0;-0;"none"', "none"), (7, "_-000_-", "007"), (7, "* 000", "007"),
    (date(2026, 1, 5), "yyyy-mm-dd", "2026-01-05"), (date(2026, 1, 5), "yyyymmdd", "20260105"),
    (datetime(2026, 1, 5), "yyyy\\-mm\\-dd", "2026-01-05"),
    (date(2026, 1, 5), "dd.mm.yyyy", "05.01.2026"),
    ("007", "General", "007"), ("1E5", "000", "1E5"), ("7.0", "@", "7.0"), ("a", "0;-0;0;@", "a"),
    (True, "General", "TRUE"), (False, "General", "FALSE"), (None, "000", ""),
]  # fmt: skip
NOT_CERTAIN: list[tuple[Any, str]] = [
    (123456789012, "General"), (1e21, "0"), (3.14159265358979, "General"), (1e-12, "General"),
    (1234, "#,##0"), (0.07, "0%"), (7, "0.00E+00"), (0.5, "# ?/?"), (7, "[>5]0;00"),
    (7, "[$€-407] 0"),
    (7, "*0000"), (7, ""), (7, ";;;"), (-0.4, "0"), (float("inf"), "0"),
    (date(2026, 1, 5), "mm-dd-yy"), (date(2026, 1, 5), "d/m/yyyy"),
    (date(2026, 1, 5), "yyyy-mmmm-dd"),
    (date(2026, 1, 5), "[$-407]yyyy-mm-dd"), (datetime(2026, 1, 5, 3), "yyyy-mm-dd"),
    (time(3), "hh:mm"), (timedelta(3), "[h]:mm"), ("a", ";;;"), ("7", '"C"@'), ("7", "[>5]@"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "number_format", "text"), SHOWN)
def test_a_cell_is_what_people_see(value: Any, number_format: str, text: str) -> None:
    assert shown(value, number_format) == text


@pytest.mark.parametrize(("value", "number_format"), NOT_CERTAIN)
def test_what_people_see_is_not_guessed(value: Any, number_format: str) -> None:
    assert shown(value, number_format) is None


@given(st.integers(0, 10**15 - 1), st.integers(1, 15))
def test_leading_zeros_are_shown_as_many_as_the_format_has(number: int, width: int) -> None:
    assert shown(number, "0" * width) == f"{number:0{width}d}"


@given(st.integers(-(10**14), 10**14), st.text('0#?.,-;[]@"\\_*EGdmy%/ ', max_size=8))
def test_digits_are_never_others_than_the_number_has(number: int, number_format: str) -> None:
    """Whatever the format: what is shown has all digits of the number, or nothing is given."""
    text = shown(number, number_format)
    if text is not None and '"' not in number_format and "\\" not in number_format and number:
        digits = "".join(filter(str.isdigit, text.partition(".")[0]))
        assert digits.lstrip("0") == str(abs(number))
