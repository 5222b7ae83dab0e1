"""What a shell offers when TAB is pressed: names from the project's tables, quickly.

Only the table that has the names is read. Whatever is wrong with the project, nothing is offered
and nothing is said: who types is not to be interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ai_dataflow.config.settings import Settings
    from ai_dataflow.tables.control_table import ControlRow

_INSTRUCTION = "_AI_DATAFLOW_COMPLETE"  # by it a shell asks, and says which it is


def partitions(context: Any, _option: Any, begun: str) -> list[str]:
    """Offer partitions, as a shell takes them: a `|` of their own is none of its pipes."""
    names = _offered(context, begun, _control(lambda row: row.partition))
    is_bash = os.environ.get(_INSTRUCTION, "").endswith("bash")
    return [name.replace("|", "\\|") for name in names] if is_bash else names


def modules(context: Any, _option: Any, begun: str) -> list[str]:
    """Offer modules."""
    return _offered(context, begun, _control(lambda row: row.module))


def clients(context: Any, _option: Any, begun: str) -> list[str]:
    """Offer clients."""
    return _offered(context, begun, _control(lambda row: row.client))


def products(context: Any, _option: Any, begun: str) -> list[str]:
    """Offer products."""
    return _offered(context, begun, _control(lambda row: row.product))


def teams(context: Any, _option: Any, begun: str) -> list[str]:
    """Offer teams."""

    def names(settings: Settings) -> Iterable[str]:
        from ai_dataflow.tables.project import load_teams

        return [team.name for team in load_teams(settings)]

    return _offered(context, begun, names)


def codes(_context: Any, _argument: Any, begun: str) -> list[str]:
    """Offer codes of problems."""
    from ai_dataflow.config.codes import CODES

    return [code for code in CODES if code.startswith(begun.upper())]


def _control(name: Callable[[ControlRow], str]) -> Callable[[Settings], Iterable[str]]:
    def names(settings: Settings) -> Iterable[str]:
        from ai_dataflow.tables.project import load_control

        return [name(row) for row in load_control(settings) if row.active]

    return names


def _offered(context: Any, begun: str, names: Callable[[Settings], Iterable[str]]) -> list[str]:
    from ai_dataflow.config.settings import load_settings
    from ai_dataflow.config.visible import printable

    try:
        there = sorted(set(names(load_settings(context.params.get("config")))))
    except Exception:  # a half-written project, a database that is away: TAB is no place to tell
        return []
    return [name for name in there if name.startswith(begun) and printable(name) == name]
