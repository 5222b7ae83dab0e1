"""The rules that random projects have, each beside what it means in Python: which rows are taken.

Sources with a rule have three more columns of text: `Gone` and `Seen` are what it asks, `Grp` is
what it keeps one row of.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ai_dataflow_tests.partition.values import FAILED, become
from ai_dataflow_tests.runs.oracle.formats import Row
from ai_dataflow_tests.runs.oracle.reading import AmbiguousError
from ai_dataflow_tests.runs.oracle.tables import TakingRule

Said = tuple[str, str, str]  # where, unique_by, keep


def _less(text: Any) -> Any:
    number = become(text, "int64")
    return number if number in (None, FAILED) else number < 1


def _day(text: Any) -> Any:
    return become(text, "date")


# By the text of the sheet: the column that it reads, and what it makes of it.
WHERES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Gone = '0'": ("Gone", lambda text: None if text is None else text == "0"),
    "CAST(Gone AS BIGINT) < 1": ("Gone", _less),
    "COALESCE(Gone, '0') <> '1'": ("Gone", lambda text: text != "1"),
    "Gone = 'nowhere'": ("Gone", lambda _: False),
}
KEEPS: dict[str, Callable[[Any], Any]] = {
    "latest:CAST(Seen AS DATE)": _day,
    "first:CAST(Seen AS DATE)": _day,
    "latest:TRY_CAST(Seen AS DATE)": lambda text: None if _day(text) is FAILED else _day(text),
}


@dataclass
class Taken:
    """The rows that are taken, by their numbers; the rejects, each with its reason and cell."""

    rows: list[int] = field(default_factory=list)
    rejects: dict[int, tuple[str, str]] = field(default_factory=dict)
    filtered: int = 0
    superseded: int = 0


def make_rule(rng: random.Random) -> Said:
    """Make a rule; few of them take no row at all, or keep none of several."""
    wheres = [*[*WHERES][:3]] * 5
    where = rng.choice(["", *wheres, [*WHERES][3]])
    if rng.random() < 0.4:
        return where, "", ""
    return where, rng.choice(["Grp", "grp", "Grp, Gone"]), rng.choice([*[*KEEPS] * 5, "fail", ""])


def ruled_columns(rng: random.Random, rows: int, bad: float) -> dict[str, list[str | None]]:
    """Give the columns that rules read, for so many rows: most have a day of their own."""
    days = [dt.date(2024, 9, 1) + dt.timedelta(days=i) for i in range(rows)]
    rng.shuffle(days)
    if rng.random() < 0.3 and days:
        days = rng.choices(days, k=rows)
    seen = ["soon" if rng.random() < bad else rng.choice([day.isoformat()] * 9 + [None])
            for day in days]  # fmt: skip
    if rng.random() < 0.8:
        seen = [day.isoformat() if text is None else text
                for text, day in zip(seen, days, strict=True)]  # fmt: skip
    gone = ["x" if rng.random() < bad else rng.choice(["0", "0", "0", " 0", "1", None])
            for _ in range(rows)]  # fmt: skip
    groups = [rng.choice(["a", "b", "A", " ", None, *map(str, range(rows))]) for _ in range(rows)]
    return {"Gone": gone, "Seen": [*seen], "Grp": groups}


def columns_of(rule: TakingRule) -> list[str]:
    """Give the columns that a rule names, in the order in which they are read."""
    names = [WHERES[rule.where][0]] if rule.where else []
    names += rule.unique_by.split(", ") if rule.unique_by else []
    names += ["Seen"] if rule.keep in KEEPS else []
    return list(dict.fromkeys(names))


def taken(rule: TakingRule, rows: list[Row], whole: list[Row]) -> Taken:
    """Say which rows a rule takes.

    Args:
        rule: the rule; a blank one takes all.
        rows: by the names that the rule has for their columns.
        whole: the same, with all columns that are read.

    Raises:
        AmbiguousError: DAT-021, DAT-022.
    """
    done, unsure = Taken(), set()
    for i, row in enumerate(rows):
        value = _where(rule, row)
        if value is FAILED:
            done.rejects[i] = "REJ-010", "where"
            unsure.add(_key(rule, row, i))
        elif value:
            done.rows.append(i)
        else:
            done.filtered += 1
    if rule.unique_by:
        groups: dict[Any, list[int]] = {}
        for i in done.rows:
            groups.setdefault(_key(rule, rows[i], i), []).append(i)
        for key, group in groups.items():
            _decide(done, rule, group, rows, whole, is_unsure=key in unsure)
        done.rows.sort()
    return done


def _where(rule: TakingRule, row: Row) -> Any:
    if not rule.where:
        return True
    column, meaning = WHERES[rule.where]
    return meaning(row[column])


def _key(rule: TakingRule, row: Row, number: int) -> Any:
    values = tuple(row[name] for name in rule.unique_by.split(", ")) if rule.unique_by else ()
    has_all = all(value is not None and value.strip() for value in values)
    return values if has_all else ("alone", number)


def _decide(
    done: Taken,
    rule: TakingRule,
    group: list[int],
    rows: list[Row],
    whole: list[Row],
    *,
    is_unsure: bool,
) -> None:
    """Keep one of the rows of a key."""
    order = KEEPS.get(rule.keep)
    orders = {i: order(rows[i]["Seen"]) if order else None for i in group}
    if is_unsure or FAILED in orders.values():
        for i in group:
            done.rejects[i] = "REJ-011", "keep" if rule.keep else "unique_by"
            done.rows.remove(i)
        return
    if len(group) > 1 and order is None:
        raise AmbiguousError("DAT-021")
    days = [day for day in orders.values() if day is not None]
    best = (max if rule.keep.startswith("latest") else min)(days) if days else None
    last = [i for i in group if orders[i] == best]
    if any(whole[i] != whole[last[0]] for i in last):
        raise AmbiguousError("DAT-022")
    for i in group:
        if i != last[0]:
            done.rows.remove(i)
            done.superseded += 1
