"""The extract stages of a partition: pin its files, copy its SQL rows to staging."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

from ai_dataflow.config.attention import working_on
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.extract import Common, Extract
from ai_dataflow.extracts.stages import Failure, Stage, stage_of
from ai_dataflow.extracts.staging import Staging, keep_extracts, last_manifest
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.finding import Listing, find_one
from ai_dataflow.sources.files.pinned import Pinned
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.locations import SqlLocation, identity

_PINNED = tuple(field.name for field in fields(Pinned))
_NOTHING_COMMON: Common = MappingProxyType({})


@dataclass(frozen=True)
class Extracted:
    """The extracts of a partition's sources, what failed, and what is superseded."""

    extracts: tuple[Extract, ...] = ()
    failures: tuple[Failure, ...] = ()
    superseded: tuple[str, ...] = ()


def extract_sources(
    sources: Sequence[SourceJob],
    staging: Staging,
    settings: Settings,
    stages: Collection[Stage],
    common: Common = _NOTHING_COMMON,
) -> Extracted:
    """Extract the sources whose stage is wanted; the last extracts serve for the others.

    All sources are tried, so that all failures are known at once. What was extracted becomes the
    partition's manifest, for runs that only merge; it is written under the number of a lease. What
    is `common` to all partitions was made before.
    """
    folder, before = staging.folder, last_manifest(staging.folder, staging.manifest)
    last = before.extracts
    done: list[Extract] = []
    failed: list[Failure] = []
    for source in sources:
        stage = stage_of(source)
        working_on(source)
        try:
            wanted = stage in stages
            previous = last.get(source.key)
            if wanted and (given := common.get(source.key)):
                done.append(_given(given))
            elif wanted:
                done.append(_extract(source, settings, folder, previous))
            else:
                done += _previous(source, previous, stages)
        except DataflowError as error:
            failed += [Failure(stage, problem) for problem in owned(error, source).diagnostics]
    fresh = {extract.key: extract for extract in done}
    keys = {source.key for source in sources}
    # What failed keeps its last extract: the others are new, and are told to be.
    kept = [extract for key, extract in {**last, **fresh}.items() if key in keys]
    superseded = before.files - keep_extracts(folder, kept, staging.lease).files
    return Extracted(tuple(done), tuple(failed), tuple(sorted(superseded)))


def owned(error: DataflowError, source: SourceJob) -> DataflowError:
    """Give problems the product and submodule that their owner is found by."""
    return DataflowError(
        *(
            replace(problem, product=source.product, submodule=source.submodule)
            for problem in error.diagnostics
        )
    )


def _given(common: Extract | tuple[Diagnostic, ...]) -> Extract:
    """Give what was extracted for all partitions, or raise why it was not."""
    if isinstance(common, tuple):
        raise DataflowError(*common)
    return common


def _extract(
    source: SourceJob, settings: Settings, staging: Folder, last: Extract | None
) -> Extract:
    if isinstance(source.location, SqlLocation):
        from ai_dataflow.extracts.copies import copy  # noqa: PLC0415 - SQLAlchemy is for who needs it

        return copy(source, source.location, settings, staging, last)
    listing = source.seen
    if not isinstance(listing, Listing):
        listing = find_one(source.location, source.place, settings)
    pinned = listing.pin(source.place, settings)
    if source.schema is None:  # nobody has looked yet how it is written
        files = open_files.opened(pinned, source.place, settings)
        dialects = files.find_dialects(source.location.written, source.columns_read)
        pinned = replace(pinned, dialects=dialects)
    return _pinned(source, listing, pinned)


def as_listed(source: SourceJob) -> Extract | None:
    """Give the extract of files that a survey saw; None where something is opened to pin them."""
    listing = source.seen
    if not isinstance(listing, Listing) or listing.is_opened:
        return None
    return _pinned(source, listing, listing.pinned(listing.files))


def _pinned(source: SourceJob, listing: Listing, pinned: Pinned) -> Extract:
    return Extract(
        **{name: getattr(pinned, name) for name in _PINNED},
        product=source.product,
        submodule=source.submodule,
        source=identity(source.location),
        fingerprint=listing.fingerprint,
        note=", ".join(sorted({f"read as {dialect}" for dialect in pinned.dialects})),
    )


def _previous(source: SourceJob, last: Extract | None, stages: Collection[Stage]) -> list[Extract]:
    """Give the last extract; a run that only extracts does not miss what it does not need."""
    if last is not None and last.source == identity(source.location):
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
