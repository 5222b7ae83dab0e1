"""References: whether what rows of one module refer to is there in another, as readers see both.

It is looked at after a run, over what the run published of either; it rejects nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import polars as pl

from ai_dataflow.connections.stores import Folder
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.workstation.layout import PARTITION_COLUMN, Folders
from ai_dataflow.workstation.reaching import reading_back
from ai_dataflow.workstation.readers import (
    ColumnNotPublishedError,
    DatasetNotFoundError,
    read_dataset,
)
from ai_dataflow.workstation.reports import ReferenceReport

_VALUE, _ROWS, _IS_THERE = "value", "rows", "is there"


def check_references(
    workstation: Folders,
    columns: Mapping[str, Sequence[AiColumn]],
    published: Mapping[str, Collection[str]],
) -> Iterator[ReferenceReport]:
    """Count, for each reference, the rows whose value the other module does not have.

    Args:
        workstation: where.
        columns: the AI columns of all modules.
        published: the clients of each module that were published just now.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    rules = (column.rule for module in columns.values() for column in module)
    for rule in (rule for rule in rules if rule and rule.references):
        other, key = rule.referred
        clients = sorted({*published.get(rule.module, ()), *published.get(other, ())})
        if not clients:
            continue
        values = _values(workstation.dataset(rule.module), rule.ai_column, clients)
        keys = _values(workstation.dataset(other), key, clients)
        if values is not None:
            yield _checked(workstation.dataset(rule.module), rule, values, keys)


def _values(table: Folder, column: str, clients: Sequence[str]) -> pl.LazyFrame | None:
    """Give the values of clients in a column, each once, with their rows; None if there is none."""
    try:
        rows = read_dataset(table, columns=[PARTITION_COLUMN, column])
    except (DatasetNotFoundError, ColumnNotPublishedError):
        return None
    of_clients = rows.filter(pl.col(PARTITION_COLUMN).is_in(clients))
    given = of_clients.rename({column: _VALUE}).filter(pl.col(_VALUE).is_not_null())
    if given.collect_schema()[_VALUE].is_integer():  # those of all widths are compared
        given = given.with_columns(pl.col(_VALUE).cast(pl.Int64))
    return given.group_by(PARTITION_COLUMN, _VALUE).agg(pl.len().alias(_ROWS))


def _checked(
    table: Folder, rule: DictionaryRow, values: pl.LazyFrame, keys: pl.LazyFrame | None
) -> ReferenceReport:
    types = [side.collect_schema()[_VALUE] for side in (values, keys) if side is not None]
    if keys is None or types[0] != types[1]:  # one waits for its new type: no value is the same
        looked_up = values.with_columns(pl.lit(None, pl.Boolean).alias(_IS_THERE))
    else:
        there = keys.select(PARTITION_COLUMN, _VALUE, pl.lit(value=True).alias(_IS_THERE))
        looked_up = values.join(there, on=[PARTITION_COLUMN, _VALUE], how="left")
    orphans = pl.col(_ROWS).filter(pl.col(_IS_THERE).is_null()).sum()
    by_client = looked_up.group_by(PARTITION_COLUMN).agg(pl.col(_ROWS).sum(), orphans.alias(_VALUE))
    with reading_back(table):
        counted = by_client.sort(PARTITION_COLUMN).collect(engine="streaming")
    return ReferenceReport(
        module=rule.module,
        column=rule.ai_column,
        references=rule.references,
        place=rule.place("references"),
        clients=counted.height,
        rows_checked=int(counted[_ROWS].sum()),
        orphans=int(counted[_VALUE].sum()),
        clients_with_orphans=counted.filter(pl.col(_VALUE) > 0)[PARTITION_COLUMN].to_list(),
    )
