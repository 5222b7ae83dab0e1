"""Conservation: every row that was read is accounted for, and no value is lost.

What is expected was counted before anything was written: rows as the readers gave them, values of
the good rows, what the join merges and repeats. It is compared with what is in the files that were
written (P3, P7). The rules are in docs/merging.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.config.module_settings import ModuleSettings
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.counts import ProductCounts
from ai_dataflow.workstation.kept_rows import Kept
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.list_elements import column_of, counted_names, is_of_elements
from ai_dataflow.workstation.reaching import reaching

_SOURCE = ("product_code", "submodule_name")
_CAUSE = ("reason", "ai_column", "mapping_cell")


@dataclass
class Expectation:
    """What the files of a partition have to hold.

    `rejected` are the rows that each source, a product and a submodule, lost; `filled` the values
    of each AI column of each product, and the elements of its lists, after its join.
    """

    rejected: Mapping[SourceKey, int] = field(default_factory=dict)
    filled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def has_rejects(self, product: str) -> bool:
        """Tell whether a source of a product loses rows."""
        return any(rows for key, rows in self.rejected.items() if key.product == product)


def check_reading(source: SourceJob, mapped: int, height: int | None) -> None:
    """Make sure that mapping saw the rows that reading gave.

    Raises:
        DataflowError: DAT-002.
    """
    if height is not None and mapped != height:
        raise DataflowError(
            _open(source.product, f"{height} rows of {source.submodule} were read, {mapped} mapped")
        )


def check_balance(
    counts: Mapping[str, ProductCounts], columns: Sequence[AiColumn], expected: Expectation
) -> None:
    """Compare what was counted in the files with what is expected of them.

    Raises:
        DataflowError: DAT-002 with both sides of every balance that does not close.
    """
    rejects = _open_rejects(counts, expected)
    if problems := [*rejects, *_open_products(counts, columns, expected)]:
        raise DataflowError(*problems)


def check_rejected(
    result: PartitionResult,
    read: int,
    limit: ModuleSettings,
    workstation: Folders,
    *,
    is_lost: bool,
) -> None:
    """Refuse to publish a partition of which too much, or all, was rejected.

    `read` are the rows that could have been. Where all is lost though fewer were rejected, the
    others are rows of lookups, which were merged into rejected ones.

    Raises:
        DataflowError: DAT-004, with what rejected the most.
    """
    rejected = result.total("rows_rejected")
    if not is_lost and rejected < read and limit.allows(rejected, read):
        return
    job = result.job
    with reaching(workstation.rejects(job.module)):
        paths = [file.path for file in result.rejects]
        left_out = reject_tables.scan(workstation, job.module, tuple(paths))
        causes = left_out.filter(reject_tables.IS_OPEN).group_by(*_SOURCE, *_CAUSE).len()
        worst = causes.sort("len", *_SOURCE, *_CAUSE, descending=[True, *[False] * 5])
        product, submodule, reason, column, cell, rows = worst.head(1).collect().row(0)
    share = f"{rejected} of {read} rows ({rejected / read:.2%}) were rejected"
    allowed = f", max_rejected is {limit.max_rejected}" if rejected < read else ""
    if is_lost and rejected < read:
        allowed = ", and the others were merged into these"
    raise DataflowError(
        Diagnostic(
            "DAT-004",
            f"{share}{allowed}; {rows} of them for {reason}{f' ({column})' if column else ''}",
            place=cell,
            fix=f"look at them with `ai-dataflow rejects --module {job.module} --client "
            f"{job.client}`, correct the source or the sheet, and run the partition again",
            product=product,
            submodule=submodule,
            ai_column=column,
        )
    )


def check_left(job: PartitionJob, counts: Mapping[str, ProductCounts]) -> None:
    """Refuse to publish a partition of which joins leave no row: it would be an empty success.

    Raises:
        DataflowError: DAT-026, with the source that lost the most.
    """
    lost = {
        SourceKey(product, submodule): source.rows_unmatched
        for product, of_product in counts.items()
        for submodule, source in of_product.sources.items()
    }
    worst = max(lost, key=lambda key: lost[key])
    source = next(source for source in job.sources if source.key == worst)
    raise DataflowError(
        Diagnostic(
            "DAT-026",
            f"no row is left: {sum(lost.values())} rows found no partner in a join, "
            f"{lost[worst]} of them of {worst}",
            place=source.rule.place("join") if source.rule else source.place,
            fix="see that both sides spell their keys alike, or join them otherwise",
            product=worst.product,
            submodule=worst.submodule,
        )
    )


def check_kept(name: Kept, height: int, written: int) -> None:
    """Make sure that all good rows of a source are kept.

    Raises:
        DataflowError: DAT-002.
    """
    if written != height:
        what = f"{height} rows of {name.submodule} passed, {written} were kept"
        raise DataflowError(_open(name.product, what))


def _open_rejects(
    counts: Mapping[str, ProductCounts], expected: Expectation
) -> Iterator[Diagnostic]:
    for (product, submodule), lost in expected.rejected.items():
        listed = sum(counts[product].sources[submodule].rejected.values())
        if lost != listed:
            yield _open(product, f"{lost} rows of {submodule} were left out, {listed} are listed")


def _open_products(
    counts: Mapping[str, ProductCounts], columns: Sequence[AiColumn], expected: Expectation
) -> Iterator[Diagnostic]:
    for product, rows in counts.items():
        there = rows.rows_read + rows.rows_produced
        terms = {
            "rejected": rows.rows_rejected, "merged": rows.rows_merged,
            "filtered": rows.rows_filtered, "superseded": rows.rows_superseded,
            "unmatched": rows.rows_unmatched, "written": rows.rows_published,
        }  # fmt: skip
        further = ("filtered", "superseded", "unmatched")
        if there != (accounted := sum(terms.values())):
            used = {name: n for name, n in terms.items() if n or name not in further}
            produced = f" and {rows.rows_produced} produced" if rows.rows_produced else ""
            yield _open(
                product,
                f"{rows.rows_read} rows were read{produced}, but "
                f"{' + '.join(f'{n} {name}' for name, n in used.items())} are {accounted}",
            )
        types = {column.name: ai_types.to_polars(column.ai_type) for column in columns}
        for name in counted_names(types):
            values = expected.filled.get(product, {}).get(name, 0)
            if values != (written := rows.filled.get(name, 0)):
                what = "elements" if is_of_elements(name) else "values"
                column = column_of(name)
                yield _open(product, f"{column} has {values} {what}, but {written} were written")


def _open(product: str, message: str) -> Diagnostic:
    return Diagnostic(
        "DAT-002",
        f"{product}: {message}",
        fix="the partition was not published; please report this",
        product=product,
    )
