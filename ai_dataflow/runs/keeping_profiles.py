"""Keeping profiles: those of what is about to be published join their table before it is.

So they are there when readers see the data. What hinders it is told, and hinders no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import polars as pl

from ai_dataflow.config.computation import COMPUTATION
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.panics import panics_as_errors
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.runs.judging import Judgement
from ai_dataflow.runs.outcome import Run
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.profile_tables import add_profiles
from ai_dataflow.workstation.profiles import SCHEMA
from ai_dataflow.workstation.publish import writer_of


def keep_profiles(
    run: Run, module: str, results: Sequence[PartitionResult], judged: Judgement, held: Lease
) -> None:
    """Let the profiles of what is published, or waits to be, join the module's table.

    Args:
        run: that made it.
        module: whose partitions these are.
        results: what was made, with the files that are published.
        judged: what of it waits.
        held: the module's lease.
    """
    run.problems += _not_made(run, module, results)
    wanted = [r.publication for r in results if r.data or r.job.client in judged.waiting]
    try:
        with panics_as_errors():
            rows = _rows(run, results).filter(pl.col("publication").is_in(wanted))
            held.check()
            add_profiles(run.workstation, module, rows, writer_of(held))
    except DataflowError as error:
        why = error.diagnostics[0]
        run.problems.append(_not_kept(run, module, why.message, why.cause))
    except Exception as error:  # whatever it is, the data is there
        run.problems.append(_not_kept(run, module, type(error).__name__))


def _rows(run: Run, results: Iterable[PartitionResult]) -> pl.DataFrame:
    """Give the profiles that came with results, and say who made them, and when."""
    parts = [result.profiled.rows() for result in results if result.profiled.content]
    rows = pl.concat([pl.DataFrame(schema=SCHEMA), *parts])
    return rows.with_columns(
        pl.lit(run.run_id).alias("run_id"),
        pl.lit(datetime.now(UTC)).cast(SCHEMA["at"]).alias("at"),
        pl.lit(int(COMPUTATION), pl.Int32()).alias("computation"),
    )


def _not_made(run: Run, module: str, results: Iterable[PartitionResult]) -> Iterator[Diagnostic]:
    problems = [result.profiled.problem for result in results if result.profiled.problem]
    if problems:
        yield _not_kept(run, module, f"computing them failed: {problems[0]}")


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
