"""A data card in a terminal: what it is, and a line for each column."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from ai_dataflow.cli.card.card_values import CardColumn, DataCard, Figures
from ai_dataflow.cli.card.card_words import colour, least_filled, share
from ai_dataflow.cli.show.texts import figures, not_shown, number
from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.config.visible import printable
from ai_dataflow.notifications.wording import counted, local

_PRODUCTS = 6  # with more of them, only the one that fills a column the least is named
_LEFT_OUT = 10
_STYLES = {"all": "green", "nearly": "green", "half": "yellow", "some": "yellow", "nothing": "red"}


def show_card(console: Console, card: DataCard) -> None:
    """Show a card."""
    of = f" · {card.client}" if card.client else ""
    console.print(Text(printable(f"{card.module}{of}"), "bold"), soft_wrap=True)
    for line in _head(card):
        console.print(Text(printable(line)), soft_wrap=True)
    console.print()
    console.print(_columns(card))
    for column in (column for column in card.columns if column.is_hidden):
        _line(console, not_shown(column.name, column.sensitivity), "dim")
    _show_left_out(console, card)
    if card.owners:
        named = (f"{o.concern} {o.product}".strip() + f": {o.team}" for o in card.owners)
        _line(console, f"\nowners: {' · '.join(named)}")
    for note in card.notes:
        _line(console, f"\n{note}", "yellow")
    _line(console, f"\nDistributions, versions and lineage: {_command(card)} --html card.html")


def _head(card: DataCard) -> Iterator[str]:
    clients = "" if card.client else f" of {counted(card.clients, 'client')}"
    yield f"version {card.version}, published {local(card.published)}, at {card.workstation}"
    yield f"{counted(card.rows, 'row')}{clients}, {share(card.share)} of the cells filled"
    before = next((v.rows for v in card.versions[-2::-1] if v.rows is not None), None)
    if before is not None and before != card.rows:
        yield f"{card.rows - before:+,} rows since the version before"
    if len(card.products) > 1:
        yield "products: " + " · ".join(f"{p.product} {p.rows:,}" for p in card.products)
    if card.covered is not None:
        yield f"{share(card.covered)} of the columns mapped, of all products"


def _columns(card: DataCard) -> WholeTable:
    products = [p.product for p in card.products] if len(card.products) > 1 else []
    is_wide = len(products) > _PRODUCTS
    names = ("least filled",) if is_wide else tuple(map(printable, products))
    table = WholeTable(
        "column", "type", "unit", "filled", *names, "distinct", "meaning",
        numbers=("filled", *names, "distinct"), wraps=True,
    )  # fmt: skip
    for column in card.columns:
        cells = [least_filled(column)] if is_wide else list(_shares(column, products))
        table.add_row(
            column.name, column.type, column.unit, _share(column.figures.share), *cells,
            _distinct(column.figures), column.description,
        )  # fmt: skip
    return table


def _distinct(figures: Figures) -> str:
    """Tell in short how many distinct values there are; `~` where that is not exact."""
    if figures.distinct is None or figures.is_unique:
        return "unique" if figures.is_unique else ""
    return f"{'~' if figures.distinct_error else ''}{figures.distinct:,}"


def _shares(column: CardColumn, products: list[str]) -> Iterator[Text]:
    """Give how full a column is in each product; nothing where it is not mapped."""
    by_product = {of.product: of for of in column.products}
    for product in products:
        of = by_product.get(product)
        yield _share(of.figures.share if of and of.is_fed else None)


def _share(part: float | None) -> Text:
    return Text(share(part), _STYLES.get(colour(part), ""))


def _show_left_out(console: Console, card: DataCard) -> None:
    if not card.left_out:
        return
    console.print()
    table = figures("left out", "rows", "clients")
    for group in card.left_out[:_LEFT_OUT]:
        of = " ".join(filter(None, (group.reason, group.title, group.product, group.ai_column)))
        table.add_row(of, number(group.rows), number(group.clients))
    console.print(table)
    if (more := len(card.left_out) - _LEFT_OUT) > 0:
        _line(console, f"and {counted(more, 'more reason', 'more reasons')}")


def _command(card: DataCard) -> str:
    return f"ai-dataflow describe {card.module}{f' --client {card.client}' if card.client else ''}"


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(printable(text, "\n"), style), soft_wrap=True)
