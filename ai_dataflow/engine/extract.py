"""The extract stages of a partition: pin its files, copy its SQL rows to staging."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.locations import SqlLocation
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.append import Appended, Copied, append
from ai_dataflow.engine.code import CODE_VERSION
from ai_dataflow.engine.compile import compile_source
from ai_dataflow.engine.job import Failure, PartitionJob, SourceJob, Stage
from ai_dataflow.engine.lineage import stage_of
from ai_dataflow.sources import azure_sql, failures
from ai_dataflow.sources.azure_sql import Columns
from ai_dataflow.sources.extracts import Extract
from ai_dataflow.sources.finding import Found, find_one
from ai_dataflow.sources.sql_changes import marks
from ai_dataflow.sources.storage import Folder, StoredFile
from ai_dataflow.workstation.files import DataFile, write_batches
from ai_dataflow.workstation.paths import open_workstation
from ai_dataflow.workstation.staging import keep_extracts, last_extracts, superseded


@dataclass(frozen=True)
class Extracted:
    """The extracts of a partition's sources, what failed, and copies that are superseded."""

    extracts: list[Extract]
    failures: list[Failure]
    superseded: tuple[str, ...] = ()


def extract_sources(job: PartitionJob, settings: Settings, stages: Collection[Stage]) -> Extracted:
    """Extract the sources whose stage is wanted; the last extracts serve for the others.

    All sources are tried, so that all failures are known at once. What was extracted becomes the
    partition's manifest, for runs that only merge.
    """
    staging = open_workstation(settings).staging(job.module, job.client)
    last = last_extracts(staging)
    done: list[Extract] = []
    failed: list[Failure] = []
    for source in job.sources:
        stage = stage_of(source)
        try:
            wanted = stage in stages
            known = last.get((source.product, source.submodule))
            found = [_extract(source, settings, staging, known)] if wanted else None
            done += found or _known(source, known, stages)
        except DataflowError as error:
            failed += [Failure(stage, problem) for problem in owned(error, source).diagnostics]
    fresh = {(extract.product, extract.submodule): extract for extract in done}
    own = {(source.product, source.submodule) for source in job.sources}
    # What failed keeps its last extract: the others are new, and are told to be.
    kept = [extract for key, extract in {**last, **fresh}.items() if key in own]
    keep_extracts(staging, kept)
    return Extracted(done, failed, superseded(last.values(), kept))


def owned(error: DataflowError, source: SourceJob) -> DataflowError:
    """Give problems the product and submodule that their owner is found by."""
    return DataflowError(
        *(
            replace(problem, product=source.product, submodule=source.submodule)
            for problem in error.diagnostics
        )
    )


def _extract(
    source: SourceJob, settings: Settings, staging: Folder, last: Extract | None
) -> Extract:
    if isinstance(source.location, SqlLocation):
        return _copy(source, source.location, settings, staging, last)
    found = source.seen
    if not isinstance(found, Found):
        found = find_one(source.location, source.place, settings)
    return found.pin(source.product, source.submodule, source.place, settings)


def _copy(
    source: SourceJob,
    location: SqlLocation,
    settings: Settings,
    staging: Folder,
    last: Extract | None,
) -> Extract:
    # Asked before the rows are: what changes meanwhile is seen by the next run.
    mark = source.seen if isinstance(source.seen, str) else _mark(source, location, settings)
    database = azure_sql.database(location.connection, settings)
    columns = database.columns(location, source.place)
    schema = pl.Schema({name: column.dtype for name, column in columns.items()})
    needed = compile_source(source, schema).needed or list(schema)[:1]

    def write(frames: Iterable[pl.DataFrame]) -> DataFile:
        # A name of its own for every attempt: what another left behind is never read.
        path = f"{source.product}.{source.submodule}.{uuid.uuid4().hex}.parquet"
        return write_batches(frames, staging, path)

    done = Appended(None, "")
    origin = f"{CODE_VERSION} {settings.sql[location.connection].where}"
    origin = hashlib.sha256(origin.encode()).hexdigest()[:16]
    if by := _spelled(source.append_by, columns):
        source, needed = replace(source, append_by=by), list(dict.fromkeys([*needed, by]))
        table = Copied(location, database, columns, needed, origin)
        done = append(source, table, last, staging, write)
    file = done.file or database.copy(location, columns, needed, write, source.place)
    if location.client_column and not file.rows:
        raise failures.no_rows(str(location), location.client_column, source.place)
    stored = StoredFile(file.path, file.size, "")
    return Extract(
        source.product, source.submodule, str(location), staging.url, "parquet", (stored,),
        staged=True,
        source=repr(location),
        rows=file.rows,
        fingerprint=mark,
        note=done.note,
        origin=origin,
    )  # fmt: skip


def _spelled(name: str, columns: Columns) -> str:
    """Give a column as the table spells it."""
    return next((known for known in columns if known.casefold() == name.casefold()), name)


def _mark(source: SourceJob, location: SqlLocation, settings: Settings) -> str:
    mark = marks({location: source.place}, settings)[location]
    if isinstance(mark, tuple):
        raise DataflowError(*mark)
    return mark


def _known(source: SourceJob, last: Extract | None, stages: Collection[Stage]) -> list[Extract]:
    """Give the last extract; a run that only extracts does not miss what it does not need."""
    if last is not None and last.source == repr(source.location):
        return [last]
    if "ai_dataset" not in stages:
        return []
    raise DataflowError(
        Diagnostic(
            "SRC-009",
            f"{source.location} has not been extracted yet",
            place=source.place,
            fix=f"run {stage_of(source)} for this partition too",
        )
    )
