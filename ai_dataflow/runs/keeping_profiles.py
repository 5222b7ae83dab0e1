"""Keeping profiles: those of what is about to be published join their table before it is.

So they are there when readers see the data. What hinders it is told, and hinders no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from ai_dataflow.config.computation import COMPUTATION
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.panics import panics_as_errors
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.runs.judging import Judgement
from ai_dataflow.runs.outcome import Run
from ai_dataflow.runs.packed_profiles import PackedProfiles
from ai_dataflow.runs.type_fitting import Fitted
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.data_files import DataFile, publication_of
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.profile_tables import add_profiles, write_profiles
from ai_dataflow.workstation.profiles import SCHEMA, open_profiles
from ai_dataflow.workstation.publish import writer_of

_KEY = (PARTITION_COLUMN, PRODUCT_COLUMN, "ai_column")
_MADE_BY = ("mapping_cell", "mapping", "computation")
Files = Mapping[tuple[str, str], Sequence[DataFile]]  # by client and publication


@dataclass(frozen=True)
class Publishing:
    """What is about to be published of a module: results with their files, and in which types.

    `profiles` are those that came with the results.
    """

    module: str
    as_made: Sequence[PartitionResult]
    results: Sequence[PartitionResult]
    judged: Judgement
    fitted: Fitted
    profiles: PackedProfiles

    @property
    def publications(self) -> list[str]:
        """Those that are published, or wait to be."""
        waiting = self.judged.waiting
        return [r.publication for r in self.results if r.data or r.job.client in waiting]

    @property
    def recast(self) -> Files:
        """The files that have got other types since they were made, published ones among them."""
        files = {**self.fitted.recast.files}
        before = {result.job.client: result.data for result in self.as_made}
        files |= {r.job.client: r.data for r in self.results if r.data != before[r.job.client]}
        named = {client: some for client, some in files.items() if some}
        return {(client, publication_of(f[0].path)): f for client, f in named.items()}


def keep_profiles(run: Run, publishing: Publishing, held: Lease) -> None:
    """Let the profiles of what is published, or waits to be, join the module's table.

    Args:
        run: that made it.
        publishing: what is published.
        held: the module's lease.
    """
    module = publishing.module
    run.problems += [_not_kept(run, module, why) for why in publishing.profiles.problems[:1]]
    try:
        with panics_as_errors():
            table = run.workstation.profiles(module)
            files = [write_profiles(table, rows) for rows in _frames(run, publishing)]
            if files:
                held.check()
                add_profiles(run.workstation, module, files, writer_of(held))
    except DataflowError as error:
        why = error.diagnostics[0]
        run.problems.append(_not_kept(run, module, why.message, why.cause))
    except Exception as error:  # whatever it is, the data is there
        run.problems.append(_not_kept(run, module, type(error).__name__))


def _frames(run: Run, publishing: Publishing) -> Iterator[pl.DataFrame]:
    """Give the profiles that came with results, and say who made them, and when."""
    computation = pl.lit(int(COMPUTATION), pl.Int32()).alias("computation")
    packed = publishing.profiles.frames(publishing.publications)
    frames: Iterator[pl.DataFrame] = (rows.with_columns(computation) for rows in packed)
    limits = run.project.settings.module(publishing.module)
    if publishing.recast and limits.profile != "off":
        rows = pl.concat([pl.DataFrame(schema=SCHEMA), *frames])
        frames = iter([_with_recast(run, publishing, rows)])
    run_id, now = pl.lit(run.run_id).alias("run_id"), pl.lit(datetime.now(UTC))
    for rows in (rows for rows in frames if rows.height):
        yield rows.with_columns(run_id, now.cast(SCHEMA["at"]).alias("at"))


def _with_recast(run: Run, publishing: Publishing, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the profiles of files that have other types now; the sheet's part is as it was."""
    # Types seldom change, and what counts values takes long to import.
    from ai_dataflow.partition.profiling import profiled_files  # noqa: PLC0415

    module, files = publishing.module, publishing.recast
    publications = [publication for _, publication in files]
    kept = open_profiles(run.workstation, module).read(publications=publications)
    before = pl.concat([kept.select(SCHEMA.names()), rows]).unique(_KEY, keep="last")
    limits = run.project.settings.module(module)
    columns = _columns(publishing.fitted, run.plan.columns[module], before["ai_type"].unique())
    again = profiled_files(run.workstation.dataset(module), columns, files, limits.profile)
    made_by = before.select(*_KEY, *_MADE_BY)
    again = again.drop(*_MADE_BY).join(made_by, on=_KEY, how="left").select(SCHEMA.names())
    others = rows.filter(~pl.col("publication").is_in(publications))
    return pl.concat([others, again])


def _columns(fitted: Fitted, of_sheet: Iterable[AiColumn], names: Iterable[str]) -> list[AiColumn]:
    """Give the columns as they are published; one of a type that nobody names is left out."""
    types = {ai_types.to_delta(name): name for name in (*reversed(ai_types.NAMES), *names) if name}
    sheet = {column.name: column.ai_type for column in of_sheet}
    columns = []
    for column in (column for column in fitted.columns if column.name != PRODUCT_COLUMN):
        ai_type = sheet.get(column.name, "")
        if not ai_type or ai_types.to_delta(ai_type) != column.delta_type:
            ai_type = types.get(column.delta_type, "")
        columns += [AiColumn(column.name, ai_type)] if ai_type else []
    return columns


def _not_kept(run: Run, module: str, why: str, cause: str = "") -> Diagnostic:
    return Diagnostic(
        "WST-009",
        f"profiles of {module} were not kept: {why}; the data is published without them",
        place=run.workstation.profiles(module).url,
        fix='the next publication has them; if it has not, report it, or set `profile = "off"`',
        severity="warning",
        module=module,
        cause=cause,
    )
