"""A data card as one HTML file, which loads nothing: `templates/card.html.j2` says what it has."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ai_dataflow import __version__
from ai_dataflow.cli.card import card_words
from ai_dataflow.cli.card.card_values import CardColumn, DataCard
from ai_dataflow.cli.card.histograms import histogram, line
from ai_dataflow.config.visible import printable
from ai_dataflow.notifications.wording import counted

if TYPE_CHECKING:
    from jinja2 import Environment

LEFT_OUT = 50  # groups of rejects that are shown
_LEAST_DISTANCE = 0.05  # of values from those of an earlier version, to be shown
_LEAST_MOVE = 0.001  # of a filled share, to be shown as one


def card_html(card: DataCard, now: datetime) -> str:
    """Give the page of a card, made at some moment; every text in it is escaped."""
    template = _environment().get_template("card.html.j2")
    products = [product.product for product in card.products]
    moved = [column for column in card.columns if _has_moved(column)]
    far = sorted((c for c in card.columns if _is_far(c)), key=_distance, reverse=True)
    lists = {"products": products, "moved": moved, "far": far}
    return template.render(card=card, **lists, now=now, program=__version__, shown=LEFT_OUT)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ai_dataflow.cli.card"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_safe,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = ("share", "colour", "amount", "point", "brief", "distinct")
    environment.filters |= {name: getattr(card_words, name) for name in words}
    environment.filters |= {"moment": _moment, "code": repr, "count": "{:,}".format}
    environment.globals |= {
        "counted": counted, "histogram": histogram, "line": line, "by_product": _by_product,
    }  # fmt: skip
    return environment


def _safe(value: Any) -> Any:
    """Spell what would act upon a screen; what is markup by now went through this."""
    return printable(value) if type(value) is str else value


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _by_product(column: CardColumn) -> dict[str, Any]:
    return {of.product: of for of in column.products}


def _distance(column: CardColumn) -> float:
    return column.moved.most if column.moved else 0.0


def _is_far(column: CardColumn) -> bool:
    return _distance(column) >= _LEAST_DISTANCE


def _has_moved(column: CardColumn) -> bool:
    shares = [share for share in column.shares if share is not None]
    return bool(shares) and max(shares) - min(shares) >= _LEAST_MOVE
