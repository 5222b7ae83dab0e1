"""A data card for tests: small, and with every kind of column that a card shows otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ai_dataflow.cli.card.card_values import (
    CardColumn,
    CardProduct,
    CardVersion,
    DataCard,
    Figures,
    Frequent,
    Looks,
    Moved,
    Owner,
    ProductColumn,
    RejectsByReason,
)

NOW = datetime(2026, 11, 29, 16, 30, tzinfo=UTC)
NASTY = "\x1b[31mred\u202e<script>alert('x')</script>"
SECRET = "Ada Lovelace"  # noqa: S105 - a value of a column that is not to be shown
ROWS = 1_000


def numbers(filled: int, low: float, high: float, **more: object) -> Figures:
    """Give the figures of evenly spread numbers."""
    points = tuple(low + (high - low) * i / 32 for i in range(33))
    made = Figures(
        ROWS, filled, 400, 0.03, f"{low:g}", f"{high:g}", (low + high) / 2, 1.0, quantiles=points
    )
    return replace(made, **more)


def texts(filled: int, *values: str) -> Figures:
    """Give the figures of texts, each as frequent as it comes early."""
    frequent = tuple(Frequent(value, filled // 2 ** (i + 1)) for i, value in enumerate(values))
    least, greatest = min(values), max(values)
    return Figures(
        ROWS, filled, len(values), 0.0, least, greatest, length_least=1, length_greatest=30,
        length_mean=7.25, frequent=frequent, looks=Looks(1, 2, 3, filled - 6),
    )  # fmt: skip


def column(name: str, ai_type: str, figures: Figures, **more: object) -> CardColumn:
    """Give a column that ORION fills, and VEGA does not map."""
    of = ProductColumn("ORION", figures, (f"ai_mapping.csv:{name}",), (f"{name.upper()} as is",))
    none = ProductColumn("VEGA", Figures(ROWS, 0), cover="missing")
    shares = (figures.share,) * 3
    made = CardColumn(
        name, ai_type, f"What {name} means", figures=figures, products=(of, none), shares=shares
    )
    return replace(made, **more)


def card(columns: Sequence[CardColumn] | None = None, **more: object) -> DataCard:
    """Give a card of these columns; by default, of one of each kind."""
    at = [NOW - timedelta(days=days) for days in (2, 1, 0)]
    made = DataCard(
        module="claims",
        workstation="/data/workstation",
        client="",
        version=7,
        published=NOW,
        run_id="run-7",
        rows=2 * ROWS,
        clients=12,
        products=(CardProduct("ORION", ROWS, 12), CardProduct("VEGA", ROWS, 4)),
        columns=tuple(columns or every_kind()),
        versions=tuple(
            CardVersion(5 + i, when, f"run-{5 + i}", rows)
            for i, (when, rows) in enumerate(zip(at, (1_900, None, 2_000), strict=True))
        ),
        left_out=(RejectsByReason("REJ-001", "no such number", "ORION", "amount", "F17", 31, 2),),
        owners=(Owner("source", "ORION", "orion-data", "orion-data@example.org"),),
        covered=0.5,
        notes=("1 of 12 clients has no profile.",),
    )
    return replace(made, **more)


def every_kind() -> list[CardColumn]:
    """Give a column of each kind."""
    required = ProductColumn("VEGA", Figures(ROWS, 0), cover="required-missing")
    state = column("state", "string", texts(900, "open", "closed", "", NASTY))
    state = replace(state, moved=Moved(categories=0.4, new=0.125, vanished=0.0))
    return [
        column("claim_id", "int64", numbers(ROWS, 1, 1000, distinct=ROWS, distinct_error=0.0),
               is_key=True),
        column("amount", "decimal(18,2)", numbers(999, -5, 12_345.5), unit="euro",
               shares=(0.999, 0.4, 0.999), moved=Moved(distribution=0.31)),
        column("loss_date", "date", numbers(500, 18_000, 20_000)),
        column("reported_at", "timestamp", numbers(500, 1.6e9, 1.7e9)),
        replace(state, products=(state.products[0], required)),
        column("is_total", "boolean", Figures(ROWS, 10, 2, frequent=(Frequent("true", 10),))),
        column("tags", "list(string)", Figures(ROWS, 10, length_least=0, length_greatest=3,
                                               length_mean=1.5)),
        column("insured", "string", Figures(ROWS, 10, 9), sensitivity="personal", is_hidden=True),
        column("never", "string", Figures(ROWS, 0), references="other.never"),
        column(NASTY, "string", Figures(), description=NASTY),
    ]  # fmt: skip
