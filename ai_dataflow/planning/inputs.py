"""The inputs of a partition: digests of all that its content depends on. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ai_dataflow.compiler import transforms
from ai_dataflow.compiler.rule_names import rule_reads_clock
from ai_dataflow.config.computation import COMPUTATION
from ai_dataflow.config.digests import digest
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.config.module_settings import ModuleSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.locations import SqlLocation, identity
from ai_dataflow.workstation.records import Inputs, SourceInputs


def inputs_of(job: PartitionJob, settings: Settings, content: Callable[[SourceJob], str]) -> Inputs:
    """Give the inputs of a job; `content` tells what is at a source (see `content_seen`)."""
    limits = settings.module(job.module)
    return Inputs(
        sources={
            str(source.key): SourceInputs(
                location=_location(source, settings),
                content="" if reads_clock(job, source) else content(source),
                mapping={row.ai_column: row.said for row in source.mappings},
                rules=dict(source.rule.said) if source.rule else {},
            )
            for source in job.sources
        },
        columns={column.name: column.ai_type for column in job.columns},
        dictionary={c.name: said for c in job.columns if (said := _said(c, job, limits))},
        settings=_limits(limits, job),
        code=COMPUTATION,
        order=[str(source.key) for source in job.sources if source.key_columns],
        computed={
            product: {row.ai_column: row.said for row in rows}
            for product, rows in job.computed.items()
        },
    )


def _said(column: AiColumn, job: PartitionJob, limits: ModuleSettings) -> str:
    """Digest what the dictionary says of a column that decides which rows are published."""
    if column.rule is None:
        return ""
    is_usual = not column.rule.is_key or column.on_repeats == limits.duplicate_keys
    repeats = [] if is_usual else [column.on_repeats]
    if not column.codes and not repeats:
        return column.rule.said
    products = {source.product for source in job.sources}
    listed = ((product, codes) for product, codes in column.codes if product in products)
    codes = {product: codes.digest_of_outcomes for product, codes in listed}
    return digest([column.rule.said, codes, *repeats])[:16]


def _limits(limits: ModuleSettings, job: PartitionJob) -> str:
    """Give the settings that decide which rows are published, as text."""
    rejects = limits.duplicate_keys == "reject"
    has_keys = any(column.rule and column.rule.is_key for column in job.columns)
    return limits.max_rejected + (" duplicate_keys=reject" if rejects and has_keys else "")


def sheet_of(inputs: Inputs, product: str = "") -> str:
    """Digest what the tables that people edit say, of one product or of all."""
    sources = {
        name: source.model_dump(exclude={"content"})
        for name, source in inputs.sources.items()
        if not product or name.startswith(str(SourceKey(product, "")))
    }
    computed = {p: rows for p, rows in inputs.computed.items() if product in ("", p)}
    mapped = {column for name in sources for column in inputs.sources[name].mapping}
    mapped |= {column for rows in computed.values() for column in rows}
    types = {column: dtype for column, dtype in inputs.columns.items() if column in mapped}
    order = [name for name in inputs.order if name in sources]
    more = [part for part in (inputs.dictionary, computed) if part]
    return digest([sources, types, order, *more])


def reads_clock(job: PartitionJob, source: SourceJob) -> bool:
    """Tell whether what is made of a source depends on when: no input tells of that."""
    rows = (*source.mappings, *job.computed.get(source.product, ()))
    is_timed = (transforms.reads_clock(row.transform, row.dialect) for row in rows)
    return any(is_timed) or rule_reads_clock(source.rule)


def content_seen(source: SourceJob) -> str:
    """Give what a plan saw at a source: empty where nothing tells whether it changed.

    What is wrong there is as much an input as what is there; but for what passes by itself.
    """
    match source.seen:
        case Listing():
            return source.seen.fingerprint
        case tuple():
            passes = any(problem.meaning.transient for problem in source.seen)
            return "" if passes else digest(sorted({problem.code for problem in source.seen}))
        case _:
            return source.seen or ""


def content_read(result: PartitionResult) -> Callable[[SourceJob], str]:
    """Give what was read at the sources of a partition, which may be older than what was seen."""
    contents = {extract.key: extract.fingerprint for extract in result.extracts}
    return lambda source: contents.get(source.key, "")


def _location(source: SourceJob, settings: Settings) -> str:
    """Digest where a source is: of a database its URL too, without its password."""
    location, where = source.location, ""
    if isinstance(location, SqlLocation):
        where = settings.sql[location.connection].where
    strays = [source.strays] if source.strays != "fail" else []
    return digest([identity(location), where, source.append_by, *strays])[:16]
