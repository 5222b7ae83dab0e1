"""Checks of the dictionary: whether each holds for what readers see, with numbers and clients.

What a run published is in its report; of all other partitions the records tell, which have what
their last run counted. So a check is about a whole module, however few of its clients were made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.tables.ai_columns import KINDS, DictionaryRow
from ai_dataflow.workstation.counts import check_name
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.records import ProductRows, Record, products_of
from ai_dataflow.workstation.reports import CheckReport, PartitionReport, ReferenceReport

Products = Mapping[str, ProductRows]


@dataclass
class _Broken:
    """Of a module: its published rows, those that break each check, and the clients with some."""

    rows: int = 0
    number: Counter[str] = field(default_factory=Counter)
    clients: dict[str, list[str]] = field(default_factory=dict)

    def add(self, client: str, products: Products) -> None:
        """Add what is published of a client."""
        broken = Counter[str]()
        for counts in products.values():
            self.rows += counts.published
            broken.update(counts.broken)
        self.number.update(broken)
        for name in broken:
            self.clients.setdefault(name, []).append(client)


def check_reports(
    workstation: Folders,
    columns: Mapping[str, Sequence[AiColumn]],
    partitions: Sequence[PartitionReport],
    seen: Mapping[PartitionKey, Record],
    clients: Mapping[str, Sequence[str]],
    references: Sequence[ReferenceReport],
) -> Iterator[CheckReport]:
    """Tell of each check, of all modules, whether it holds.

    Args:
        workstation: where.
        columns: the AI columns of all modules.
        partitions: what became of those that the run was about.
        seen: the records of those that it found unchanged.
        clients: all that each module has.
        references: what was found of references.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    by_module = grouped(partitions, lambda partition: partition.module)
    for module in sorted(columns):
        checked = [(c, c.rule, kind) for c in columns[module] if c.rule
                   for kind in c.rule.kinds if kind != "references"]  # fmt: skip
        if checked:
            reported = by_module.get(module, ())
            now = _counted(workstation, module, reported, seen, clients.get(module, ()))
            held_back = _held_back(reported)
            yield from (_report(column, rule, kind, now, held_back)
                        for column, rule, kind in checked)  # fmt: skip
    rules = {(c.rule.module, c.name): c.rule for of in columns.values() for c in of if c.rule}
    for reference in references:
        yield _of_reference(reference, rules[reference.module, reference.column])


def _counted(
    workstation: Folders,
    module: str,
    reported: Sequence[PartitionReport],
    seen: Mapping[PartitionKey, Record],
    clients: Sequence[str],
) -> _Broken:
    """Count what breaks checks, of all clients of a module, as readers see them."""
    published: dict[str, Products] = {
        PartitionKey(p.partition).client: {n: ProductRows.of(c) for n, c in p.products.items()}
        for p in reported
        if p.status == "ok" and p.products
    }
    for client in clients:
        if record := seen.get(PartitionKey.of(module, client)):
            published.setdefault(client, record.products)
    if others := set(clients) - published.keys():
        published |= products_of(workstation, module, others)
    broken = _Broken()
    for client, products in sorted(published.items()):
        broken.add(client, products)
    return broken


def _held_back(reported: Sequence[PartitionReport]) -> dict[str, list[str]]:
    """Give the clients that were not published, by the places of what ended them."""
    clients: dict[str, list[str]] = {}
    for partition in reported:
        for place in dict.fromkeys(error.place for error in partition.errors):
            clients.setdefault(place, []).append(PartitionKey(partition.partition).client)
    return clients


def _report(
    column: AiColumn,
    rule: DictionaryRow,
    kind: str,
    now: _Broken,
    held_back: Mapping[str, Sequence[str]],
) -> CheckReport:
    name, is_told = check_name(kind, column.name), rule.effect(kind, column.on_repeats) == "tell"
    failed = {*now.clients.get(name, ())} if is_told else set()
    failed |= {client for cell in KINDS[kind] for client in held_back.get(rule.place(cell), ())}
    number = now.number[name]
    return CheckReport(
        module=rule.module,
        kind=kind,
        column=column.name,
        severity=rule.severity_of(kind),
        passed=not failed,
        clients_failed=sorted(failed),
        number=number if is_told else 0,
        rows=now.rows,
        rows_rejected=0 if is_told else number,
        limit=rule.limit_of(kind),
        place=rule.cell_of(kind),
    )


def _of_reference(reference: ReferenceReport, rule: DictionaryRow) -> CheckReport:
    return CheckReport(
        module=reference.module,
        kind="references",
        column=reference.column,
        severity=rule.severity_of("references"),
        passed=not reference.orphans,
        clients_failed=reference.clients_with_orphans,
        number=reference.orphans,
        rows=reference.rows_checked,
        limit=reference.references,
        place=reference.place,
    )
