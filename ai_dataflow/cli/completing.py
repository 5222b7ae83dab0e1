"""What a shell offers when TAB is pressed: names from the project's tables, quickly.

Only the table that has the names is read. Whatever is wrong with the project, nothing is offered
and nothing is said: who types is not to be interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ai_dataflow.config.settings import Settings
    from ai_dataflow.tables.control_table import ControlRow

_INSTRUCTION = "_AI_DATAFLOW_COMPLETE"  # by it a shell asks, and says which it is


class _Escaped(str):
    """A name as bash takes it; it need not begin with what was typed, as typer asks of others."""

    __slots__ = ()

    def startswith(self, *_begun: Any) -> bool:
        """Tell that it was chosen by what was typed."""
        return True


def partitions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer partitions, as a shell takes them: a `|` of their own is none of its pipes."""
    names = _offered(ctx, incomplete, _control(lambda row: row.partition))
    if not _is_bare_in_bash():
        return names
    return [_Escaped(name.replace("|", "\\|")) for name in names]


def modules(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer modules."""
    return _offered(ctx, incomplete, _control(lambda row: row.module))


def clients(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer clients."""
    return _offered(ctx, incomplete, _control(lambda row: row.client))


def products(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer products."""
    return _offered(ctx, incomplete, _control(lambda row: row.product))


def teams(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer teams."""

    def names(settings: Settings) -> Iterable[str]:
        from ai_dataflow.tables.single import load_teams

        return [team.name for team in load_teams(settings)]

    return _offered(ctx, incomplete, names)


def codes(incomplete: str) -> list[str]:
    """Offer codes of problems."""
    from ai_dataflow.config.codes import CODES

    return [code for code in CODES if code.startswith(incomplete)]


def _is_bare_in_bash() -> bool:
    """Tell whether a word is completed that bash takes as it stands: zsh and fish quote by it."""
    words = os.environ.get("COMP_WORDS", "").split("\n")
    at = int(os.environ.get("COMP_CWORD") or -1)
    is_quoted = -1 < at < len(words) and words[at].startswith(("'", '"'))
    return os.environ.get(_INSTRUCTION, "").endswith("bash") and not is_quoted


def _control(name: Callable[[ControlRow], str]) -> Callable[[Settings], Iterable[str]]:
    def names(settings: Settings) -> Iterable[str]:
        from ai_dataflow.tables.project import load_control

        return [name(row) for row in load_control(settings) if row.active]

    return names


def _offered(
    ctx: typer.Context, incomplete: str, names: Callable[[Settings], Iterable[str]]
) -> list[str]:
    from ai_dataflow.config.settings import load_settings
    from ai_dataflow.config.visible import printable

    try:
        there = sorted(set(names(load_settings(ctx.params.get("config")))))
    except Exception:  # a half-written project, a database that is away: TAB is no place to tell
        return []
    return [name for name in there if name.startswith(incomplete) and printable(name) == name]
