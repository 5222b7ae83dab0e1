"""The filters that commands share: whose partitions, and in which state. One spelling, one rule.

Values of one filter are alternatives, filters narrow each other. A name that nothing has is an
error with what there is: a typing error must not look like good news.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ai_dataflow.cli import completing
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing
from ai_dataflow.config.keys import PartitionKey

if TYPE_CHECKING:
    from ai_dataflow.tables.project import Project

_MORE = "may be given more than once"
_NAMES = 12  # of what there is, in a message
PartitionFilter = Annotated[
    list[str] | None,
    typer.Option(
        "--partition", "-p", metavar="MODULE|CLIENT", help=f"Only this partition; {_MORE}.",
        autocompletion=completing.partitions,
    ),
]  # fmt: skip
ModuleFilter = Annotated[
    list[str] | None,
    typer.Option(
        "--module",
        "-m",
        metavar="NAME",
        help=f"Only of this module; {_MORE}.",
        autocompletion=completing.modules,
    ),
]
ClientFilter = Annotated[
    list[str] | None,
    typer.Option(
        "--client",
        metavar="NAME",
        help=f"Only of this client; {_MORE}.",
        autocompletion=completing.clients,
    ),
]
ProductFilter = Annotated[
    list[str] | None,
    typer.Option(
        "--product", metavar="NAME", help=f"Only what this product feeds; {_MORE}.",
        autocompletion=completing.products,
    ),
]  # fmt: skip
StateFilter = Annotated[
    list[str] | None, typer.Option("--state", metavar="STATE", help=f"Only in this state; {_MORE}.")
]
OwnerFilter = Annotated[
    list[str] | None,
    typer.Option(
        "--owner",
        metavar="TEAM",
        help=f"Only what this team owns; {_MORE}.",
        autocompletion=completing.teams,
    ),
]

# A partition, and a product that feeds it; blank where nobody knows which.
Pair = tuple[PartitionKey, str]


@dataclass(frozen=True)
class Filters:
    """Which partitions are chosen: by module, client, product or name; by default all."""

    module: Sequence[str] | None = None
    client: Sequence[str] | None = None
    product: Sequence[str] | None = None
    partition: Sequence[str] | None = None

    def __bool__(self) -> bool:
        """Tell whether anything is asked for."""
        return any((self.module, self.client, self.product, self.partition))

    def fits(self, key: PartitionKey, product: str) -> bool:
        """Tell whether what a product feeds of a partition is chosen."""
        pairs = ((self.module, key.module), (self.client, key.client), (self.product, product),
                 (self.partition, key))  # fmt: skip
        return all(not wanted or value in wanted for wanted, value in pairs)


def pairs_of(project: Project) -> list[Pair]:
    """Give the partitions of the active control rows, each with every product that feeds it."""
    from ai_dataflow.planning.active import active_partitions

    keys = set(active_partitions(project))
    return sorted({(r.partition, r.product) for r in project.control if r.partition in keys})


def chosen(pairs: Collection[Pair], filters: Filters) -> list[PartitionKey]:
    """Give the partitions that filters choose.

    Args:
        pairs: all that there are.
        filters: what is asked for.

    Raises:
        DataflowError: RUN-001 or RUN-030, where a name is none, or all together choose nothing.
    """
    problems = [
        *unknown("partition", filters.partition, {key for key, _ in pairs}),
        *unknown("module", filters.module, {key.module for key, _ in pairs}),
        *unknown("client", filters.client, {key.client for key, _ in pairs}),
        *unknown("product", filters.product, {product for _, product in pairs if product}),
    ]
    if problems:
        raise DataflowError(*problems)
    keys = sorted({key for key, product in pairs if filters.fits(key, product)})
    if filters and not keys:
        raise DataflowError(_nothing(filters))
    return keys


def check(noun: str, wanted: Sequence[str] | None, names: Iterable[str]) -> None:
    """Make sure that the values of a filter exist.

    Raises:
        DataflowError: RUN-030.
    """
    if problems := unknown(noun, wanted, names):
        raise DataflowError(*problems)


def unknown(noun: str, wanted: Sequence[str] | None, names: Iterable[str]) -> list[Diagnostic]:
    """Give a problem for each value of a filter that nothing has."""
    there = sorted(set(names))
    return [
        Diagnostic(
            "RUN-001" if noun == "partition" else "RUN-030",
            f"there is no {noun} `{name[:80]}`{did_you_mean(name, there)}",
            place=f"--{noun}",
            fix=f"there are {listing(there, _NAMES)}" if there else f"there is no {noun} at all",
        )
        for name in dict.fromkeys(wanted or ())
        if name not in there
    ]


def _nothing(filters: Filters) -> Diagnostic:
    said = [f"{n} {listing(v)}" for n, v in vars(filters).items() if v]
    message = f"no partition is of {' and '.join(said)}"
    return Diagnostic("RUN-030", message, fix="leave a filter out; `ai-dataflow status` shows all")
